"""What the record knows of a tool call beyond that it was made and answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from turnwise.agents.tools import Tool
from turnwise.turns.transcript import ToolAnswered, ToolCalled

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class ToolNote:
    """One call."""

    kind: str = "client"
    """The wire's `tool_type`."""
    tool_id: str | None = None
    called: bool = True
    """Whether the tool was run at all."""
    latency_secs: float | None = None
    """None: as long as the call was open."""
    error_type: str = ""
    raw_error: str = ""
    details: Mapping[str, Any] | None = None
    """`tool_details`."""
    updates: list[Json] = field(default_factory=list)
    """`dynamic_variable_updates`."""
    result: Mapping[str, Any] | None = None
    """Of a system tool, by its `result_type`."""

    @classmethod
    def of(cls, tool: Tool | None) -> "ToolNote":
        """Return the note of a call of a tool; None: there is no such tool."""
        if tool is None:
            return cls(called=False)
        return cls(kind=tool.kind, tool_id=tool.id)

    def shown_call(self, called: ToolCalled) -> Json:
        """Return the call as the transcript has it."""
        return {
            "type": self.kind,
            "request_id": called.call,
            "tool_name": called.name,
            "tool_id": self.tool_id,
            "params_as_json": called.arguments or "{}",
            "tool_has_been_called": self.called,
            "tool_details": None if self.details is None else dict(self.details),
        }

    def shown_result(self, answered: ToolAnswered, open_secs: float) -> Json:
        """Return the result as the transcript has it.

        Args:
            answered: The engine's entry.
            open_secs: How long the call was open.
        """
        latency = open_secs if self.latency_secs is None else self.latency_secs
        shown: Json = {
            "type": self.kind,
            "request_id": answered.call,
            "tool_name": answered.name,
            "tool_id": self.tool_id,
            "result_value": answered.result,
            "is_error": answered.failed,
            "is_blocked": False,
            "tool_has_been_called": self.called,
            "tool_latency_secs": latency,
            "error_type": (self.error_type or "unknown") if answered.failed else "",
            "raw_error_message": self.raw_error if answered.failed else "",
            "dynamic_variable_updates": list(self.updates),
        }
        if self.kind == "api_integration_webhook":
            known = self.details or {}
            ids = ("integration_id", "credential_id", "integration_connection_id")
            shown |= {name: str(known.get(name) or "") for name in ids}
        if self.kind == "system":
            shown["result"] = self._shown_outcome(answered)
        return shown

    def _shown_outcome(self, answered: ToolAnswered) -> Json | None:
        """Return what a system tool did; None: the engine decided against it, or nobody knows."""
        refused = answered.failed and (self.result or {}).get("status") == "success"
        return None if self.result is None or refused else dict(self.result)
