"""The MCP servers of one conversation: asked when it begins, their tools join when they are known.

Nothing waits for a server but a reply that begins in the first seconds: it may need the tools.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from turnwise.agents.config import Prompt
from turnwise.agents.tools import Tool
from turnwise.agents.variables import Variables
from turnwise.outgoing import Outgoing
from turnwise.store import RecordQuery, Store
from turnwise.tools.mcp import McpClient
from turnwise.tools.mcp_definitions import McpSettings, is_sound, mocks_of, tool_of
from turnwise.tools.mcp_link import McpLink
from turnwise.tools.mocks import Mock
from turnwise.tools.ports import Values
from turnwise.wire.tool_messages import McpConnectionStatus, McpIntegration

READY_S = 3.0
"""How long replies wait for servers, from the moment these are asked."""
MOST_SERVERS = 10
"""Servers of one agent."""  # spec/semantics.md, 33.5
NOT_ALLOWED = (
    "MCP servers are not used: the workspace does not allow them; set can_use_mcp_servers"
    " to true by PATCH /v1/convai/settings"
)

Mocked = dict[str, Sequence[Mock]]
"""Prepared answers of tools, by id."""
Join = Callable[[str, Sequence[Tool]], None]
"""Takes in the tools that an agent, by its id, has from here on."""


async def stored_servers(
    store: Store, prompt: Prompt, tools: Iterable[Tool]
) -> tuple[list[McpSettings], list[str]]:
    """Return the servers of an agent, and what keeps it from having others.

    Args:
        store: Where they are.
        prompt: Names them.
        tools: Of the agent: single tools of a server name theirs.
    """
    kinds = {str(t.raw.get("mcp_server_id")): "mcp_server" for t in tools if t.kind == "mcp"}
    kinds |= dict.fromkeys(prompt.native_mcp_server_ids, "mcp_integration")
    kinds |= dict.fromkeys(prompt.mcp_server_ids, "mcp_server")
    if not kinds:
        return [], []
    async with store.reading() as tx:
        settings = await tx.records.get("settings", "only")
        found = await tx.records.many("mcp_server", list(kinds))
    if settings is None or settings.document.get("can_use_mcp_servers") is not True:
        return [], [NOT_ALLOWED]
    problems = [f"there is no MCP server {each}" for each in kinds if each not in found]
    servers = [
        McpSettings(server_id=each, config=found[each].document["config"], integration_type=kind)
        for each, kind in kinds.items()
        if each in found
    ]
    if len(servers) > MOST_SERVERS:
        problems.append(f"only {MOST_SERVERS} of {len(servers)} MCP servers are used")
    return servers[:MOST_SERVERS], problems


async def are_wanted(store: Store) -> bool:
    """Return whether there are servers, and the workspace allows them."""
    async with store.reading() as tx:
        settings = await tx.records.get("settings", "only")
        if settings is None or settings.document.get("can_use_mcp_servers") is not True:
            return False
        return bool((await tx.records.list(RecordQuery(kind="mcp_server", page_size=1))).items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How servers are reached."""

    outgoing: Outgoing
    values: Values
    variables: Callable[[], Variables]
    """Of the conversation, as they are now."""


@dataclass(slots=True)
class _Server:
    link: McpLink
    agents: set[str] = field(default_factory=set)
    """Whose tools all of its tools are; others name single ones."""
    joined: set[str] = field(default_factory=set)
    """Who has its tools."""
    until: float = 0.0
    """When replies stop waiting for it, by the clock of the event loop."""


class McpServers:
    """The servers of one conversation's agents."""

    def __init__(self, reach: Reach) -> None:
        """Connect to nothing before `begin`."""
        self._reach = reach
        self.client = McpClient()
        """Is told which servers there are, and where their calls stand."""
        self.mocked: Mocked = {}
        """Prepared answers of tools, by id."""
        self._servers: dict[str, _Server] = {}
        self.links: dict[str, McpLink] = {}
        """By the id of the server."""
        self.problems: list[str] = []
        """What went wrong and was survived."""
        self._tasks: asyncio.TaskGroup | None = None
        self._running: list[tuple[_Server, asyncio.Task[None]]] = []
        self._join: Join = lambda _agent, _tools: None

    def want(self, agent_id: str, servers: Iterable[McpSettings], prompt: Prompt) -> None:
        """Have an agent use servers: at once, or as soon as the conversation has begun."""
        whole = {*prompt.mcp_server_ids, *prompt.native_mcp_server_ids}
        for settings in servers:
            server_id = settings.server_id
            server = self._servers.get(server_id)
            if server is None:
                reach = self._reach
                link = McpLink(settings, reach.outgoing, reach.values, reach.variables)
                server = self._servers[server_id] = _Server(link)
                self.links[server_id] = link
                if self._tasks is not None:
                    self._start(server, self._tasks)
            if server_id in whole:
                server.agents.add(agent_id)

    def tools_of(self, agent_id: str) -> tuple[Tool, ...]:
        """Return the tools that an agent has from servers which were asked before."""
        mine = (each for each in self._servers.values() if agent_id in each.agents)
        known = [each for each in mine if each.link.tools is not None]
        for each in known:
            each.joined.add(agent_id)
        return tuple(tool for each in known for tool in self._tools(each.link))

    def begin(self, tasks: asyncio.TaskGroup, join: Join) -> None:
        """Ask the servers, as tasks of a group."""
        self._tasks, self._join = tasks, join
        for server in self._servers.values():
            self._start(server, tasks)

    def stop(self) -> None:
        """Ask the user nothing more, and leave all servers, as soon as they have answered."""
        self.client.approvals.close()
        for server, task in self._running:
            if not server.link.leave():
                task.cancel()

    async def ready(self) -> None:
        """Wait until all servers are known or given up, or too slow to be waited for."""
        loop = asyncio.get_running_loop()
        for server in list(self._servers.values()):
            if loop.time() < server.until:
                try:
                    async with asyncio.timeout_at(server.until):
                        await server.link.settled.wait()
                except TimeoutError:
                    continue

    def _start(self, server: _Server, tasks: asyncio.TaskGroup) -> None:
        server.until = asyncio.get_running_loop().time() + READY_S
        work = server.link.run(lambda: self._changed(server))
        self._running.append((server, tasks.create_task(work)))

    def _changed(self, server: _Server) -> None:
        """Take in that a server is there, or not any more."""
        link = server.link
        if link.problem:
            self.problems.append(f"MCP server {link.settings.server_id}: {link.problem}")
        if link.is_connected:
            if odd := sum(not is_sound(each) for each in link.tools or ()):
                said = f"{odd} of its tools have no parameters that models take"
                self.problems.append(f"MCP server {link.settings.server_id}: {said}")
            for agent_id in sorted(server.agents - server.joined):
                server.joined.add(agent_id)
                self._join(agent_id, self._tools(link))
        links = [each.link for each in self._servers.values()]
        if all(each.settled.is_set() for each in links):
            self.client.show(McpConnectionStatus(integrations=[_integration(e) for e in links]))

    def _tools(self, link: McpLink) -> list[Tool]:
        tools = [tool_of(link.settings, each) for each in link.tools or () if is_sound(each)]
        for tool in tools:
            assert tool.id is not None
            self.mocked[tool.id] = mocks_of(link.settings, tool)
        return tools


def _integration(link: McpLink) -> McpIntegration:
    connected = link.is_connected
    return McpIntegration(
        integration_id=link.settings.server_id,
        integration_type="mcp_integration"
        if link.settings.integration_type == "mcp_integration"
        else "mcp_server",
        is_connected=connected,
        tool_count=len(link.tools or []) if connected else 0,
    )


def keeps_nothing(document: Mapping[str, object]) -> bool:
    """Return whether an agent keeps nothing of its conversations: then it has no MCP servers."""
    found: object = document
    for name in ("platform_settings", "privacy", "zero_retention_mode"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found is True
