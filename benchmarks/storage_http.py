"""The REST API on a store, in a process of its own, asked over HTTP: part of `store.py`."""

import asyncio
import json
import multiprocessing
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

KEY = "sk_bench"
AT_ONCE = 8
"""Connections that ask at the same time."""


@dataclass(frozen=True)
class Line:
    """A connection that is kept open. It does as little as can be: the client has to be faster."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Send a request; return the body of the answer, which has to be a good one."""
        self.writer.write(
            f"{method} {path} HTTP/1.1\r\nhost: bench\r\nxi-api-key: {KEY}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        )
        self.writer.write(body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        status, _, fields = head.partition(b"\r\n")
        assert b" 200 " in status, status
        size = next(
            int(value)
            for name, _, value in (field.partition(b":") for field in fields.split(b"\r\n"))
            if name.lower() == b"content-length"
        )
        return await self.reader.readexactly(size)


@dataclass(frozen=True)
class Api:
    """A server that runs."""

    port: int
    process: psutil.Process

    async def line(self) -> Line:
        """Return a new connection; what it reads may be large."""
        return Line(*await asyncio.open_connection("127.0.0.1", self.port, limit=2**24))

    def cpu_s(self) -> float:
        """Return the seconds of a processor that it has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    async def rate(self, path: str, requests: int) -> tuple[float, float]:
        """Return the answers a second, by the clock and by a second of a processor of the server.

        Args:
            path: What is asked for.
            requests: How often.
        """
        lines = [await self.line() for _ in range(AT_ONCE)]

        async def some(line: Line, count: int) -> None:
            for _ in range(count):
                await line.ask("GET", path)

        async def all_of_them(count: int) -> None:
            async with asyncio.TaskGroup() as tasks:
                for line in lines:
                    tasks.create_task(some(line, count))

        await all_of_them(50)
        used, began = self.cpu_s(), time.perf_counter()
        await all_of_them(requests // AT_ONCE)
        took, used = time.perf_counter() - began, self.cpu_s() - used
        for line in lines:
            line.writer.close()
        return requests / took, requests / used


@asynccontextmanager
async def api(url: str, folder: Path) -> AsyncIterator[Api]:
    """Serve a store, which others may use besides."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        context = multiprocessing.get_context("spawn")
        child = context.Process(target=_serve, args=(listening, url, folder), daemon=True)
        child.start()
    try:
        made = Api(port, psutil.Process(child.pid))
        line = await made.line()  # it waits in the queue of the socket
        await line.ask("GET", "/v1/convai/agents?page_size=1")
        line.writer.close()
        yield made
    finally:
        child.terminate()
        child.join(15)
        child.kill()
        child.join()


def large(name: str) -> bytes:
    """Return the body of an agent with a prompt of 2 MB."""
    prompt: dict[str, Any] = {"prompt": {"prompt": "Grüße " * 250_000}}
    return json.dumps(
        {"name": name, "conversation_config": {"agent": prompt}}, ensure_ascii=False
    ).encode()


def _serve(listening: socket.socket, url: str, folder: Path) -> None:
    import uvicorn

    from turnwise.api import Deps, create_api
    from turnwise.store import open_blobs, open_signer, open_store

    async def serve(config: uvicorn.Config) -> None:
        store = await open_store(url, folder, fixed_key=KEY)
        deps = Deps(store=store, blobs=open_blobs(folder), signer=open_signer(folder))
        config.app = create_api(deps)
        await uvicorn.Server(config).serve(sockets=[listening])
        await store.close()

    config = uvicorn.Config("", log_level="error", lifespan="off", timeout_keep_alive=60)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(serve(config))
