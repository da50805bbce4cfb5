"""A server that webhook tools call: answers by path, and notes what it got."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from acceptance.house import free_port, wait_until

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Got:
    """A request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in small letters."""
    body: bytes


Answer = Callable[[Got], Response]


@dataclass
class ToolService:
    """The server."""

    port: int = field(default_factory=free_port)
    answers: dict[str, Answer] = field(default_factory=dict)
    """By path."""
    got: list[Got] = field(default_factory=list)

    def on(self, path: str, answer: object = None, status: int = 200) -> str:
        """Answer a path with JSON, or as a function says; return its URL."""
        self.answers[path] = (
            answer if callable(answer) else (lambda _: JSONResponse(answer, status))
        )
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Got]:
        """What came to a path."""
        return [got for got in self.got if got.path == path]

    async def _serve(self, request: Request) -> Response:
        got = Got(
            method=request.method,
            path=request.url.path,
            query=dict(request.query_params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.body(),
        )
        self.got.append(got)
        answer = self.answers.get(got.path)
        if answer is None:
            return Response("nothing is here", 404)
        return await asyncio.to_thread(answer, got)  # it may take its time

    @contextmanager
    def serve(self) -> "Iterator[ToolService]":
        """Answer, in another thread, while the block runs."""
        app: Any = Starlette(routes=[Route("/{rest:path}", self._serve, methods=METHODS)])
        config = uvicorn.Config(app, port=self.port, log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait_until(lambda: server.started, "the start of the tools' server")
        yield self
        server.should_exit = server.force_exit = True
        thread.join(10)
