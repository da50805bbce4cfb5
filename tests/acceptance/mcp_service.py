"""A real MCP server, made with the official SDK, that tools of agents are on."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from acceptance.house import free_port, wait_until

PATHS = {"STREAMABLE_HTTP": "/mcp", "SSE": "/sse"}


@dataclass
class McpService:
    """The server; it may be stopped and started again on the same port."""

    transport: str = "STREAMABLE_HTTP"
    port: int = field(default_factory=free_port)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of all requests; names in small letters."""
    called: list[dict[str, Any]] = field(default_factory=list)
    """What tools were run with, and the `_meta` of the call."""
    delay_s: float = 0.0
    """Before it answers anything."""
    token: str = ""
    """Without it in `Authorization` nothing is answered; empty: it is not looked for."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATHS[self.transport]}"

    def _made(self) -> MCPServer:
        server = MCPServer("shop")

        @server.tool()
        def find_order(number: int, ctx: Context, detail: str | None = None) -> str:
            """Finds an order."""
            meta = dict(ctx.request_context.meta or {})
            self.called.append({"number": number, "detail": detail, "meta": meta})
            return f"Order {number} is on its way."

        @server.tool(name="shop.refund")
        def refund(number: int) -> str:
            """Pays the money back."""
            raise ToolError(f"order {number} is too old")

        @server.tool()
        def ponder(seconds: float) -> str:
            """Takes its time."""
            self.called.append({"seconds": seconds})
            time.sleep(seconds)
            return "It is done."

        return server

    @contextmanager
    def serve(self) -> Iterator[Self]:
        """Answer, in another thread, while the block runs."""
        made = self._made()
        inner = made.sse_app() if self.transport == "SSE" else made.streamable_http_app()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                found = {k.decode().lower(): v.decode() for k, v in scope["headers"]}
                self.headers.append(found)
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.token and found.get("authorization") != f"Bearer {self.token}":
                    await Response("who are you", 401)(scope, receive, send)
                    return
            await inner(scope, receive, send)

        config = uvicorn.Config(app, port=self.port, log_level="critical")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait_until(lambda: server.started, "the start of the MCP server")
        try:
            yield self
        finally:
            server.should_exit = server.force_exit = True
            thread.join(10)
