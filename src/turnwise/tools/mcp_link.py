"""The session with one MCP server, held as long as a conversation."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import httpx2

from turnwise.agents.variables import Variables
from turnwise.base.errors import Error
from turnwise.outgoing import Outgoing, OutgoingError
from turnwise.outgoing.mcp_servers import opened, tools_of
from turnwise.tools.mcp_definitions import McpSettings
from turnwise.tools.mcp_reach import McpReach
from turnwise.tools.ports import Authorisation, ToolFailed, Values

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult

Json = dict[str, Any]

CONNECT_S = 10.0
"""Longest time until a server's tools are known; a conversation goes on meanwhile."""
_REJECTED = -32_600
"""JSON-RPC's code for a request that was not run, such as one of a session that is over."""
_LOST = frozenset({-32_000, -32_603, _REJECTED})
"""Codes after which there may be no session any more: closed, internal error, rejected."""
_TIMED_OUT = -32_001
_BROKEN = (
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    ExceptionGroup,
    OSError,
    RuntimeError,
    ValueError,
    httpx2.HTTPError,
)
"""What the SDK raises beside its own errors, of an answer that cannot be read, say."""


@dataclass(slots=True, eq=False)
class _Session:
    """An open session: it is closed when it is lost and nobody uses it any more."""

    client: "Client"
    over: asyncio.Event = field(default_factory=asyncio.Event)
    users: int = 0
    lost: bool = False

    def lose(self) -> None:
        self.lost = True
        if not self.users:
            self.over.set()


class McpLink:
    """Reaches one server for one conversation; opens another session when one is lost."""

    def __init__(
        self,
        settings: McpSettings,
        outgoing: Outgoing,
        values: Values,
        variables: Callable[[], Variables],
    ) -> None:
        """Connect to nothing yet.

        Args:
            settings: Of the server.
            outgoing: The way out.
            values: Finds what the settings refer to.
            variables: Those of the conversation, as they are now.
        """
        self.settings = settings
        self.tools: list[Json] | None = None
        """What the server offers, as MCP describes it; None: it was not yet heard of."""
        self.problem = ""
        """Why there is no session; empty: nothing is wrong."""
        self.settled = asyncio.Event()
        """Whether the last attempt to connect is over."""
        self._outgoing = outgoing
        self._values = values
        self._reach = McpReach(settings, outgoing.policy, values)
        self._variables = variables
        self._session: _Session | None = None
        self._wanted = asyncio.Event()
        self._left = False

    @property
    def is_connected(self) -> bool:
        """Whether there is a session."""
        return self._session is not None

    async def run(self, changed: Callable[[], None]) -> None:
        """Connect, and again whenever a call finds no session, until it is left.

        Args:
            changed: Told when there is a session, and when there is none any more.
        """
        while not self._left:
            await self._hold(changed)
            changed()
            await self._wanted.wait()

    def leave(self) -> bool:
        """Close the session once its calls are answered; return whether there are any."""
        session = self._session
        if session is None or not session.users:
            return False
        self._left = True
        self._wanted.set()
        session.lose()
        return True

    async def _hold(self, changed: Callable[[], None]) -> None:
        """Connect, ask what there is, and stay connected until the session is lost."""
        self._wanted.clear()
        self.problem = ""
        try:
            async with asyncio.timeout(CONNECT_S) as patience, self._opened() as client:
                self.tools = await tools_of(client)
                patience.reschedule(None)
                session = self._session = _Session(client)
                self.settled.set()
                changed()
                await session.over.wait()
        except Error as error:  # of the way out, the settings, or the store they are in
            self.problem = str(error) or error.code
        except TimeoutError:
            self.problem = f"there was no list of tools within {CONNECT_S:g} s"
        finally:
            self._session = None
            if not self._wanted.is_set():
                self.settled.set()

    async def call(
        self, name: str, arguments: Mapping[str, Any], seconds: float
    ) -> "CallToolResult":
        """Have the server run a tool.

        Args:
            name: As the server calls it.
            arguments: Its parameters.
            seconds: How long it may take.

        Raises:
            ToolFailed: If there is no answer. What the tool itself says is one, also a failure.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._call(name, arguments, seconds, again=True)
        except TimeoutError as error:
            raise _too_slow(seconds) from error

    async def _call(
        self, name: str, arguments: Mapping[str, Any], seconds: float, *, again: bool
    ) -> "CallToolResult":
        meta: Any = await self._reach.meta(self._variables()) or None
        session = await self._ready()
        from mcp.shared.exceptions import MCPError  # noqa: PLC0415  # there is a session: loaded

        session.users += 1
        try:
            return await session.client.call_tool(
                name, dict(arguments), read_timeout_seconds=seconds, meta=meta
            )
        except MCPError as error:
            if error.error.code in _LOST:
                self._lose(session)
            if error.error.code == _TIMED_OUT:
                raise _too_slow(seconds) from error
            if error.error.code != _REJECTED or not again:
                raise ToolFailed("external_server", _told(error)) from error
        except _BROKEN as error:
            self._lose(session)
            raise ToolFailed("external_server", _told(error)) from error
        finally:
            session.users -= 1
            if session.lost:
                session.lose()
        return await self._call(name, arguments, seconds, again=False)

    async def _ready(self) -> _Session:
        if self._session is None and self.settled.is_set():
            self.settled.clear()
            self._wanted.set()
        await self.settled.wait()
        if self._session is None:
            raise ToolFailed("external_server", f"the MCP server is not connected: {self.problem}")
        return self._session

    def _lose(self, session: _Session) -> None:
        if self._session is session:
            self._session = None
            self.problem = "the session was lost"
        session.lose()

    @asynccontextmanager
    async def _opened(self) -> "AsyncIterator[Client]":
        """Open a session; with a newer token once more, if a remembered one does not work."""
        variables = self._variables()
        locator = self.settings.config.get("auth_connection")
        if not isinstance(locator, Mapping) or not any(locator.values()):
            async with opened(self._outgoing, await self._reach.server(variables)) as client:
                yield client
            return
        granted = await self._values.authorisation(locator, renew=False)
        async with AsyncExitStack() as stack:
            try:
                server = await self._reach.server(variables, _headers(granted))
                client = await stack.enter_async_context(opened(self._outgoing, server))
            except OutgoingError:
                if not granted.remembered:
                    raise
                granted = await self._values.authorisation(locator, renew=True)
                server = await self._reach.server(variables, _headers(granted))
                client = await stack.enter_async_context(opened(self._outgoing, server))
            yield client


def _headers(granted: Authorisation) -> Mapping[str, str]:
    if granted.identity is not None:
        raise ToolFailed("customer_auth", "no client certificate is shown to MCP servers")
    return granted.headers


def _too_slow(seconds: float) -> ToolFailed:
    return ToolFailed("external_server", f"there was no answer within {seconds:g} s")


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
