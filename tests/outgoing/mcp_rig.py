"""A real MCP server on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp.server.mcpserver import MCPServer
from starlette.types import Receive, Scope, Send

from outgoing.serving_rig import served
from turnwise.outgoing.mcp_servers import Transport

PATHS: dict[Transport, str] = {"STREAMABLE_HTTP": "/mcp", "SSE": "/sse"}


def made() -> MCPServer:
    server = MCPServer("weather")

    @server.tool()
    def forecast(city: str, days: int = 1) -> str:
        """Tells the weather."""
        return f"{city}: {days} days of rain"

    return server


@asynccontextmanager
async def serving(
    transport: Transport, server: MCPServer | None = None, seen: list[dict[str, str]] | None = None
) -> AsyncIterator[str]:
    """Serve, by default a forecast; note the headers of each request."""
    server = server or made()
    app = server.sse_app() if transport == "SSE" else server.streamable_http_app()
    noted = seen if seen is not None else []

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope.get("headers", [])
        noted.append({name.decode(): value.decode() for name, value in headers})
        await app(scope, receive, send)

    async with served(noting) as url:
        yield url + PATHS[transport]
