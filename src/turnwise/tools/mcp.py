"""MCP tools: run by the servers of an agent, with the user's approval where that is asked for.

The client is told where a call stands: it begins, it waits for the user, how it came out.
"""

from asyncio import CancelledError
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from turnwise.agents.schemas import complete
from turnwise.agents.variables import as_text
from turnwise.tools.approvals import APPROVAL_S, Approvals
from turnwise.tools.mcp_answers import blocks_of, shown, text_of
from turnwise.tools.mcp_definitions import McpSettings
from turnwise.tools.mcp_link import McpLink
from turnwise.tools.ports import Outcome, ToolFailed, ToolRejected, ToolRequest
from turnwise.wire.tool_messages import McpConnectionStatus, McpToolCall

Json = dict[str, Any]
State = Literal["loading", "awaiting_approval", "success", "failure"]

MOST_CHARS = 1_048_576
"""Longest answer of a tool."""
DEFAULT_S = 30.0
"""How long a call may take that says nothing else."""


def _nobody(_message: McpToolCall | McpConnectionStatus) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpClient:
    """The client of a conversation, as far as MCP concerns it."""

    show: Callable[[McpToolCall | McpConnectionStatus], None] = _nobody
    """Sends it a message, if it wants those. Never blocks."""
    can_approve: bool = False
    """Whether it gets the messages that ask the user for approval."""
    approvals: Approvals = field(default_factory=Approvals)
    """Where its user's approval comes from."""


class McpTools:
    """Runs the MCP tools of one conversation; a `ToolRunner`."""

    def __init__(self, links: Mapping[str, McpLink], client: McpClient) -> None:
        """Run nothing yet.

        Args:
            links: The servers, by id; more may come.
            client: Is told where calls stand, and asked for approval.
        """
        self._links = links
        self._client = client

    async def run(self, request: ToolRequest) -> Outcome:
        """Have the server run a tool, once the user approved of it, and return its answer.

        Raises:
            ToolFailed: If the user says no, nothing comes, or the tool reports a failure.
        """
        link = self._links.get(str(request.tool.raw.get("mcp_server_id")))
        arguments = complete(request.tool.schema, request.arguments, request.variables)
        needs_approval = _needs_approval(request, link.settings if link else None)
        details = _details(request, arguments, needs_approval=needs_approval)
        news = _News(request, arguments, self._client.show)
        news.tell("loading")
        try:
            if needs_approval:
                await self._approved(request, news)
            blocks, text = await _answered(link, request, arguments)
        except ToolFailed as failure:
            news.tell("failure", error_message=str(failure))
            failure.details = details
            raise
        except CancelledError:
            news.tell("failure", error_message="Nobody waits for this call any more.")
            raise
        news.tell("success", result=shown(blocks))
        return Outcome(text=text, details=details)

    async def _approved(self, request: ToolRequest, news: "_News") -> None:
        if not self._client.can_approve:
            raise ToolRejected(
                "external_client",
                "This tool needs the user's approval, which their program cannot ask for.",
            )
        news.tell("awaiting_approval", approval_timeout_secs=APPROVAL_S)
        try:
            approved = await self._client.approvals.of(request.call_id)
        except TimeoutError as error:
            told = f"The user did not say within {APPROVAL_S} s whether this tool may run."
            raise ToolRejected("client_timeout", told) from error
        if not approved:
            raise ToolRejected("external_client", "The user did not approve of this call.")


class _News:
    """Tells the client where one call stands."""

    def __init__(
        self, request: ToolRequest, arguments: Json, show: Callable[[McpToolCall], None]
    ) -> None:
        raw = request.tool.raw
        self._show = show
        self._same: Json = {
            "service_id": str(raw.get("mcp_server_id")),
            "tool_call_id": request.call_id,
            "tool_name": str(raw.get("mcp_tool_name") or request.tool.name),
            "tool_description": str(raw.get("mcp_tool_description") or "") or None,
            "parameters": arguments,
        }

    def tell(self, state: State, **more: object) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._show(McpToolCall(**self._same, timestamp=at, state=state, **more))  # type: ignore[arg-type]


async def _answered(
    link: McpLink | None, request: ToolRequest, arguments: Json
) -> tuple[list[Json], str]:
    """Return the blocks of the server's answer, and its words."""
    if link is None:
        raise ToolFailed("customer_config", "the MCP server of this tool is not available")
    name = str(request.tool.raw.get("mcp_tool_name"))
    result = await link.call(name, arguments, _patience_s(request))
    blocks = blocks_of(result)
    text = text_of(blocks, result.structured_content)
    if len(text) > MOST_CHARS:
        raise ToolFailed("external_server", f"the answer is longer than {MOST_CHARS} characters")
    if result.is_error:
        raise ToolFailed("external_server", text or "the tool failed and does not say why")
    return blocks, text


def _needs_approval(request: ToolRequest, settings: McpSettings | None) -> bool:
    raw = request.tool.raw
    if raw.get("approval_policy") == "require_approval_per_tool" and settings is not None:
        return settings.needs_approval(
            str(raw.get("mcp_tool_name")),
            str(raw.get("mcp_tool_description") or ""),
            raw.get("mcp_input_schema") or {},
        )
    return raw.get("approval_policy") != "auto_approve_all"


def _patience_s(request: ToolRequest) -> float:
    stored = request.tool.raw.get("response_timeout_secs")
    return float(stored) if isinstance(stored, int | float) and stored > 0 else DEFAULT_S


def _details(request: ToolRequest, arguments: Json, *, needs_approval: bool) -> Json:
    raw = request.tool.raw
    return {
        "type": "mcp",
        "mcp_server_id": str(raw.get("mcp_server_id")),
        "mcp_server_name": str(raw.get("mcp_server_name") or ""),
        "integration_type": str(raw.get("integration_type") or "mcp_server"),
        "parameters": {name: as_text(value) for name, value in arguments.items()},
        "approval_policy": str(raw.get("approval_policy") or "require_approval_all"),
        "requires_approval": needs_approval,
        "mcp_tool_name": str(raw.get("mcp_tool_name") or ""),
        "mcp_tool_description": str(raw.get("mcp_tool_description") or ""),
    }
