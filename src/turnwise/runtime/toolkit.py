"""What the tools of one conversation are run with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from turnwise.runtime.live_variables import LiveVariables
from turnwise.runtime.mcp_servers import McpServers
from turnwise.runtime.persona import Casting, NoOthers
from turnwise.runtime.phone import Phone
from turnwise.tools.mocks import Mocks
from turnwise.tools.ports import ToolRunner


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolkit:
    """What a conversation's tools need beyond their definitions."""

    runners: Mapping[str, ToolRunner] = field(default_factory=dict)
    """Who runs which kind; client and system tools are the runtime's own."""
    variables: LiveVariables = field(default_factory=LiveVariables)
    mocks: Mocks = field(default_factory=Mocks)
    casting: Casting = field(default_factory=NoOthers)
    """Finds other agents and languages."""
    servers: McpServers | None = None
    """Whose tools join later; None: there are none."""
    phone: Phone | None = None
    """None: the conversation is no phone call."""

    async def ready(self) -> None:
        """Wait for tools that may join at any moment; not for long."""
        if self.servers is not None:
            await self.servers.ready()
