"""Talking to MCP servers that users configure."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import httpx2

from turnwise.outgoing.client import MEBIBYTE, Limits, Outgoing
from turnwise.outgoing.errors import OutgoingError, OutgoingFailed, OutgoingTimeout

if TYPE_CHECKING:
    from mcp import Client

Transport = Literal["SSE", "STREAMABLE_HTTP"]

ANSWER_BYTES = 16 * MEBIBYTE
"""How much a server may send in one answer, or over one stream of events."""
MOST_PAGES = 100
"""How many pages of a list are read: a server that pages for ever is left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """Where a server is and how it is asked."""

    url: str
    transport: Transport = "STREAMABLE_HTTP"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 30.0
    """Longest time for one exchange."""
    idle_seconds: float | None = None
    """Longest time without a byte on an open stream; None: as for an exchange."""


async def list_tools(outgoing: Outgoing, server: McpServer) -> list[dict[str, Any]]:
    """Return the tools of a server, as MCP describes them.

    Raises:
        OutgoingError: If they cannot be had.
    """
    async with connected(outgoing, server) as client:
        return await tools_of(client)


async def tools_of(client: "Client") -> list[dict[str, Any]]:
    """Return the tools of a server that there is a session with."""
    tools: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += [
            tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in page.tools
        ]
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools


@asynccontextmanager
async def connected(outgoing: Outgoing, server: McpServer) -> "AsyncIterator[Client]":
    """Open a session with a server; inside, everything together takes no longer than it may.

    Raises:
        OutgoingError: If there is none, or it breaks.
    """
    try:
        async with asyncio.timeout(server.seconds), opened(outgoing, server) as client:
            yield client
    except TimeoutError as exc:
        raise _translated(exc, server) from exc


@asynccontextmanager
async def opened(outgoing: Outgoing, server: McpServer) -> "AsyncIterator[Client]":
    """Open a session with a server for as long as it is needed.

    Raises:
        OutgoingError: If there is none, or it breaks.
    """
    await asyncio.to_thread(load_sdk)
    from mcp import Client  # noqa: PLC0415
    from mcp.shared.exceptions import MCPError  # noqa: PLC0415

    try:
        async with Client(
            _streams(outgoing, server), read_timeout_seconds=server.seconds, cache=None
        ) as client:
            yield client
    except (
        ExceptionGroup,
        OutgoingError,
        httpx2.HTTPError,
        httpx2.InvalidURL,
        MCPError,
        RuntimeError,
        ValueError,
    ) as exc:
        raise _translated(exc, server) from exc


def load_ahead() -> None:
    """Have the SDK loaded in a thread, so that no conversation waits for it. Returns at once."""
    _ = asyncio.get_running_loop().run_in_executor(None, load_sdk)


def load_sdk() -> None:
    """Load the SDK: it takes a second or two, for those who use it, while others are talking."""
    import_module("mcp")
    # what it says of a server that is gone is told by our own errors
    logging.getLogger("mcp.client").setLevel(logging.CRITICAL)


@asynccontextmanager
async def _streams(outgoing: Outgoing, server: McpServer) -> AsyncIterator[Any]:
    from mcp.client.sse import sse_client  # noqa: PLC0415  # as above
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415

    seconds = server.idle_seconds or server.seconds
    limits = Limits(seconds=seconds, answer_bytes=ANSWER_BYTES, redirects=5)
    if server.transport == "STREAMABLE_HTTP":
        async with (
            outgoing.client(limits, server.headers) as http,
            streamable_http_client(server.url, http_client=http) as streams,
        ):
            yield streams
        return

    def client(
        headers: dict[str, str] | None = None,  # noqa: ARG001  # as `sse_client` calls it
        timeout: httpx2.Timeout | None = None,  # noqa: ARG001
        auth: httpx2.Auth | None = None,  # noqa: ARG001
    ) -> httpx2.AsyncClient:
        """Return a client of ours, whatever is asked for: it has all that is needed."""
        return outgoing.client(limits, server.headers)

    async with sse_client(server.url, httpx_client_factory=client) as streams:
        yield streams


def _translated(exc: Exception, server: McpServer) -> OutgoingError:
    while isinstance(exc, ExceptionGroup):
        exc = exc.exceptions[0]
    if isinstance(exc, OutgoingError):
        return exc
    if isinstance(exc, TimeoutError | httpx2.TimeoutException):
        return OutgoingTimeout(f"there was no answer within {server.seconds:g} s")
    if isinstance(exc, httpx2.HTTPStatusError):
        return OutgoingFailed(f"the server answered {exc.response.status_code}")
    return OutgoingFailed(str(exc) or type(exc).__name__)
