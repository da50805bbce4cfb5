"""How an MCP server is reached in one conversation: its settings with all that they refer to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from turnwise.agents.variables import Variables
from turnwise.outgoing import OutgoingRefused, Policy
from turnwise.outgoing.mcp_servers import McpServer
from turnwise.tools.mcp_definitions import McpSettings
from turnwise.tools.ports import Values

Json = dict[str, Any]

DEFAULT_S = 30.0
"""How long an exchange may take where the settings do not say."""
HELD_S = 86_400.0
"""How long a stream may be silent: a conversation's longest time."""
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class McpReach:
    """Fills in the settings of one server."""

    settings: McpSettings
    policy: Policy
    values: Values

    async def server(self, variables: Variables, more: Mapping[str, str] = _NOTHING) -> McpServer:
        """Return where the server is and how it is asked.

        Args:
            variables: Of the conversation.
            more: Headers that authorise.

        Raises:
            ToolFailed: If the settings refer to something that is not there.
            OutgoingRefused: If the URL is none, or without encryption where that must be.
        """
        config = self.settings.config
        url = await self.values.text(config.get("url"), variables)
        self._check(url)
        headers = await self._texts("request_headers", variables)
        token = config.get("secret_token")
        if isinstance(token, Mapping) and "secret_id" in token:
            headers["Authorization"] = await self.values.text(token, variables)
        return McpServer(
            url=url,
            transport="STREAMABLE_HTTP" if config.get("transport") == "STREAMABLE_HTTP" else "SSE",
            headers={**{name: str(value) for name, value in headers.items()}, **more},
            seconds=float(config.get("response_timeout_secs") or DEFAULT_S),
            idle_seconds=HELD_S,
        )

    async def meta(self, variables: Variables) -> Json:
        """Return what goes along with each call (`_meta`)."""
        return await self._texts("request_meta", variables)

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            plain = parts.scheme == "http" and self.policy.may_be_plain(parts.hostname or "")
        except ValueError as error:
            raise OutgoingRefused("the URL is none") from error
        if parts.scheme != "https" and not plain:
            raise OutgoingRefused("the URL should begin with https://")

    async def _texts(self, key: str, variables: Variables) -> Json:
        """Return what the values of a setting stand for; numbers stay as they are."""
        given = self.settings.config.get(key)
        found: Json = {}
        for name, value in given.items() if isinstance(given, Mapping) else ():
            if isinstance(value, bool | int | float):
                found[name] = value
                continue
            text = await self.values.text(value, variables)
            found[name] = variables.fill(text, secrets=True) if isinstance(value, str) else text
        return found
