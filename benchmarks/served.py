"""A server in a process of its own, on one core; the benchmarks call it from the other cores."""

import asyncio
import json
import multiprocessing
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

KEY = "sk_bench"
START_S = 60.0
SOCKET = "/v1/convai/conversation"
AGENT = {
    "name": "Load",
    "conversation_config": {
        "agent": {
            "first_message": "Hello, how can I help you?",
            "prompt": {"prompt": "You are brief."},
        },
        "conversation": {"max_duration_seconds": 86_400},
    },
}
"""Everything as it is by default, but the first message, and a length that no soak reaches."""

Serve = Callable[[socket.socket, str], None]
"""Serves on a socket, with a folder for its data, until the process ends."""


@dataclass(frozen=True)
class Served:
    url: str
    address: str
    """Of the conversation socket."""
    pid: int
    start_s: float
    """From the start of the process to its first good answer."""


def serve_turnwise(listening: socket.socket, data: str) -> None:
    """Serve Turnwise as `turnwise serve` does, with scripted minds."""
    import uvicorn
    from scripted_minds import minds

    from turnwise.main import Application, claim, prepare_house, uvicorn_options
    from turnwise.settings import Settings

    settings = Settings(data=Path(data), api_key=KEY, log_level="error")
    with claim(settings.data):
        asyncio.run(prepare_house(settings))
        app = _TellsTasks(Application(settings, minds))
        uvicorn.Server(uvicorn.Config(app, **uvicorn_options(settings))).run(sockets=[listening])


class _TellsTasks:
    """Answers at `/tasks` how many tasks the event loop has; all else is the application's."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - any ASGI application
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        if scope.get("path") != "/tasks":
            await self._app(scope, receive, send)
            return
        body = str(len(asyncio.all_tasks())).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


@contextmanager
def cores() -> Iterator[int]:
    """Give the core for the server; this process and its other children keep off it.

    Where there is one core only, they share it.
    """
    allowed = os.sched_getaffinity(0)
    server = max(allowed)
    os.sched_setaffinity(0, allowed - {server} or allowed)
    try:
        yield server
    finally:
        os.sched_setaffinity(0, allowed)


@contextmanager
def served(serve: Serve, core: int, *, agent: bool) -> Iterator[Served]:
    """Run a server on a core for as long as the block lasts.

    Args:
        serve: What serves.
        core: On which core.
        agent: Whether an agent is made, for the address to name.
    """
    with (
        tempfile.TemporaryDirectory(prefix="turnwise-bench-") as data,
        socket.create_server(("127.0.0.1", 0), backlog=2048) as listening,
    ):
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        began = time.monotonic()
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=_run, args=(serve, core, listening, data), daemon=True)
        process.start()
        listening.close()
        try:
            assert process.pid is not None
            _wait(url, process)
            start_s = time.monotonic() - began
            query = f"?agent_id={_make_agent(url)}" if agent else ""
            yield Served(url, f"ws{url[4:]}{SOCKET}{query}", process.pid, start_s)
        finally:
            process.terminate()
            process.join(15)
            process.kill()
            process.join()


def _run(serve: Serve, core: int, listening: socket.socket, data: str) -> None:
    os.sched_setaffinity(0, {core})
    serve(listening, data)


def _wait(url: str, process: Any) -> None:  # noqa: ANN401 - a process of some context
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.is_alive():
        try:
            with urlopen(f"{url}/healthz", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.02)
    raise SystemExit("the server did not start")


def _make_agent(url: str) -> str:
    request = Request(
        f"{url}/v1/convai/agents/create",
        data=json.dumps(AGENT).encode(),
        headers={"xi-api-key": KEY, "content-type": "application/json"},
    )
    with urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["agent_id"])
