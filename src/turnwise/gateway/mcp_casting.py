"""Which MCP servers the agents of one conversation have."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from turnwise.agents.variables import Variables
from turnwise.gateway.handshake import Prepared
from turnwise.outgoing import Outgoing
from turnwise.runtime.mcp_servers import McpServers, Reach, keeps_nothing, stored_servers
from turnwise.runtime.persona import Persona
from turnwise.store import Store
from turnwise.tools.mcp import McpClient, McpTools
from turnwise.tools.ports import Values

BROUGHT_ALONG = "MCP servers are not used: they are not for agents that a client brings along"
SECRETIVE = "MCP servers are not used: the agent is in zero retention mode"


class McpCast:
    """The servers of one conversation, by agent."""

    def __init__(
        self, store: Store, outgoing: Outgoing, values: Values, variables: Callable[[], Variables]
    ) -> None:
        """Connect to nothing yet.

        Args:
            store: Where the servers are described.
            outgoing: The way to them.
            values: Finds what their settings refer to.
            variables: Of the conversation, as they are now.
        """
        self._store = store
        self.servers = McpServers(Reach(outgoing=outgoing, values=values, variables=variables))
        """Those that are asked."""

    async def enlist(
        self, document: Mapping[str, Any], prepared: Prepared, *, open_to_client: bool
    ) -> Prepared:
        """Have an agent use its servers; return it, warned of those that it cannot use.

        Args:
            document: As stored.
            prepared: The same agent.
            open_to_client: Whether it may not use what is stored here: a client brought it along.
        """
        prompt = prepared.config.agent.prompt
        servers, problems = await stored_servers(self._store, prompt, prepared.tools)
        if servers and open_to_client:
            servers, problems = [], [BROUGHT_ALONG]
        elif servers and keeps_nothing(document):
            servers, problems = [], [SECRETIVE]
        self.servers.want(prepared.agent_id, servers, prompt)
        return replace(prepared, warnings=(*prepared.warnings, *problems))

    def equipped(self, persona: Persona) -> Persona:
        """Return a persona with the tools of its servers that are known already."""
        tools = self.servers.tools_of(persona.agent_id)
        return persona.with_tools(tools) if tools else persona

    def runner(self, client: McpClient) -> McpTools:
        """Return who runs the tools of all servers.

        Args:
            client: Is told of the servers and their calls.
        """
        self.servers.client = client
        return McpTools(self.servers.links, client)
