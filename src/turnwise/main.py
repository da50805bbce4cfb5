"""The composition root: settings in, a server out. The only place that knows all the parts."""

import asyncio
import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from fastapi import FastAPI
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send

from turnwise import minds as engines
from turnwise.api.agents.documents import created
from turnwise.api.app import create_api
from turnwise.api.deps import Deps
from turnwise.base.errors import ConfigError
from turnwise.gateway.doors import Doors
from turnwise.gateway.handshake import Installation
from turnwise.gateway.websocket import ConversationSocket, Gateway
from turnwise.runtime.session import Minds
from turnwise.runtime.sessions import Sessions
from turnwise.sample import sample_agent
from turnwise.settings import Settings, load
from turnwise.store import AgentQuery, journal_key, open_blobs, open_signer, open_store
from turnwise.wire.codec import Limits

LIVE_FOLDER = "live"
LOCK_FILE = "lock"
SWITCH_S = 0.0005
"""How long one thread may keep the others from Python."""
DRAIN_S = 10.0
"""How long live conversations may go on when the server is stopped."""
KILLED = "The server was stopped while the conversation was going on."


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStart:
    """What was made because it was not there."""

    agent_id: str
    """The sample agent, or the agent that was there first."""
    new_key: str = ""
    """The generated API key, shown once; empty: there was one."""


def claim(data: Path) -> IO[bytes]:
    """Make the data folder this server's own; it is as long as the returned file is open.

    Raises:
        ConfigError: If it cannot be used, or another server uses it.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / LOCK_FILE).open("wb")
    except OSError as error:
        reason = f"the data folder {data} cannot be used: {error.strerror}; choose another"
        raise ConfigError(reason) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConfigError(
            f"the data folder {data} is in use by another server; stop it, or choose another folder"
        ) from error
    return lock


def listen(settings: Settings) -> socket.socket:
    """Take the address of the settings; with port 0 any free one.

    Raises:
        ConfigError: If it cannot be had.
    """
    try:
        return socket.create_server((settings.host, settings.port), backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"port {settings.port} of {settings.host} cannot be used: {error.strerror}"
        ) from error


async def prepare_house(settings: Settings) -> FirstStart:
    """Bring the data folder, which was claimed, up to date before any process serves from it.

    A sample agent and an API key are made where there are none; conversations that a killed process
    left open are closed, and what it had written of their journals is kept.
    """
    store = await open_store(settings.store_url, settings.data, fixed_key=settings.api_key)
    try:
        async with store.writing() as tx:
            await tx.conversations.close_orphans(KILLED)
            known = await tx.agents.list(AgentQuery())
            keys = await tx.api_keys.list()
            agent_id = known.items[-1].agent_id if known.items else ""
            if not agent_id:
                agent_id = (await tx.agents.create(created(sample_agent()))).agent_id
            new_key = ""
            if not keys and not settings.api_key:
                _, new_key = await tx.api_keys.create("first start")
    finally:
        await store.close()
    await _keep_left_journals(settings)
    return FirstStart(agent_id=agent_id, new_key=new_key)


async def _keep_left_journals(settings: Settings) -> None:
    live = settings.data / LIVE_FOLDER
    blobs = open_blobs(settings.data)
    for folder in live.iterdir() if live.exists() else ():
        journal = folder / "journal.jsonl"
        if journal.exists():
            await blobs.put(journal_key(folder.name), await asyncio.to_thread(journal.read_bytes))
        shutil.rmtree(folder, ignore_errors=True)


class Application:
    """The server as an ASGI application: opened when it starts, closed when it stops."""

    def __init__(self, settings: Settings, make_minds: Callable[[], Minds] | None = None) -> None:
        """Describe a server.

        Args:
            settings: What the operator chose.
            make_minds: Makes the engines; None: those of the settings.
        """
        self._settings = settings
        self._make_minds = make_minds or (lambda: engines.make(engines.choose(settings), settings))
        self._stack = AsyncExitStack()
        self._app: FastAPI | None = None
        self._sessions = Sessions()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, one socket, or the life of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        assert self._app is not None, "requests come after the start"
        await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        # the detector's thread would keep the event loop waiting for 5 ms (Python's default)
        sys.setswitchinterval(SWITCH_S)
        try:
            self._app = await self._open()
        except Exception as error:
            await self._stack.aclose()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._sessions.drain(DRAIN_S)
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self) -> FastAPI:
        settings = self._settings
        store = await open_store(settings.store_url, settings.data, fixed_key=settings.api_key)
        self._stack.push_async_callback(store.close)
        blobs, signer = open_blobs(settings.data), open_signer(settings.data)
        minds = await asyncio.to_thread(self._make_minds)
        self._stack.push_async_callback(engines.close, minds)
        live = settings.data / LIVE_FOLDER
        live.mkdir(exist_ok=True)
        app = create_api(
            Deps(store=store, blobs=blobs, signer=signer, public_url=settings.public_url)
        )
        gateway = Gateway(
            doors=Doors(store, signer),
            store=store,
            blobs=blobs,
            minds=minds,
            sessions=self._sessions,
            installation=Installation(
                permissive=settings.permissive_overrides, model=settings.llm_model
            ),
            limits=Limits(frame_bytes=settings.max_frame_bytes),
            folder=live,
            lead_ms=settings.lead_ms,
            messages_a_second=settings.message_rate_limit,
        )
        socket = ConversationSocket(gateway).serve
        app.router.routes.insert(0, WebSocketRoute("/v1/convai/conversation", socket))
        return app


def application() -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return the application that the environment describes; for servers that start processes."""
    return Application(load({}, os.environ, Path("turnwise.toml")))


def _log_level(settings: Settings) -> str:
    if settings.dev:
        return "debug"
    # uvicorn's "info" is a line for each request: the banner has said all there is to say
    return "warning" if settings.log_level == "info" else settings.log_level


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    """Return how the application is served (measured: docs/decisions/0003)."""
    return {
        "log_level": _log_level(settings),
        "loop": "uvloop",
        "ws": "websockets-sansio",
        # above our own limit, which refuses with a reason; this one only cuts the connection
        "ws_max_size": 2 * settings.max_frame_bytes + 1_048_576,
        "ws_per_message_deflate": False,
        "timeout_graceful_shutdown": int(DRAIN_S) + 5,
        "server_header": False,
    }
