"""The composition root: settings in, a server out. The only place that knows all the parts."""

import asyncio
import fcntl
import gc
import os
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send

from turnwise import minds as engines
from turnwise.api.agent_documents import created
from turnwise.api.app import create_api
from turnwise.api.deps import Deps
from turnwise.api.limits import RequestLimits
from turnwise.base.errors import ConfigError
from turnwise.gateway.call import Gateway
from turnwise.gateway.casting import House
from turnwise.gateway.custom_llm import CustomLlms
from turnwise.gateway.doors import Doors
from turnwise.gateway.handshake import Installation
from turnwise.gateway.websocket import ConversationSocket
from turnwise.outgoing import Outgoing, Policy
from turnwise.runtime.session import Minds
from turnwise.runtime.sessions import Sessions
from turnwise.runtime.tool_values import Tokens
from turnwise.sample import sample_agent
from turnwise.settings import Settings, load
from turnwise.store import (
    AgentQuery,
    Vault,
    journal_key,
    open_blobs,
    open_signer,
    open_store,
    open_vault,
)
from turnwise.store.origins import unix_secs
from turnwise.store.room_tokens import open_room_tokens
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
        self._make_minds = make_minds
        self._stack = AsyncExitStack()
        self._app: Starlette | None = None
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
        gc.collect()
        gc.freeze()  # what was made so far stays: no need to look through it again and again
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._sessions.drain(DRAIN_S)
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self) -> Starlette:
        settings = self._settings
        store = await open_store(settings.store_url, settings.data, fixed_key=settings.api_key)
        self._stack.push_async_callback(store.close)
        outgoing = Outgoing(policy_of(settings), proxy=settings.outgoing_proxy)
        self._stack.push_async_callback(outgoing.aclose)
        make_minds = self._make_minds or partial(_minds_of, settings, outgoing)
        minds = await asyncio.to_thread(make_minds)
        self._stack.push_async_callback(engines.close, minds)
        vault = open_vault(settings.data)
        deps = Deps(
            store=store,
            blobs=open_blobs(settings.data),
            signer=open_signer(settings.data),
            vault=vault,
            outgoing=outgoing,
            room_tokens=open_room_tokens(settings.data),
            live_calls=self._sessions.agents,
            synthesizer=minds.synthesizer,
            transcriber=minds.transcriber,
            detector=minds.detector,
            public_url=settings.public_url,
            limits=RequestLimits(
                per_key=settings.requests_per_second,
                per_stranger=settings.keyless_requests_per_second,
                at_once=settings.requests_at_once,
            ),
            check_answers=settings.check_answers,
        )
        socket = ConversationSocket(self._gateway(deps, minds, vault, outgoing)).serve
        return create_api(deps, [WebSocketRoute("/v1/convai/conversation", socket)])

    def _gateway(self, deps: Deps, minds: Minds, vault: Vault, outgoing: Outgoing) -> Gateway:
        settings = self._settings
        live = settings.data / LIVE_FOLDER
        live.mkdir(exist_ok=True)
        return Gateway(
            doors=Doors(deps.store, deps.signer),
            store=deps.store,
            blobs=deps.blobs,
            minds=minds,
            sessions=self._sessions,
            house=House(
                store=deps.store,
                installation=Installation(permissive=settings.permissive_overrides),
                custom_llms=CustomLlms(deps.store, vault, outgoing),
                library=deps.library,
                outgoing=outgoing,
                vault=vault,
                tokens=Tokens(outgoing, unix_secs),
            ),
            limits=Limits(frame_bytes=settings.max_frame_bytes),
            folder=live,
            lead_ms=settings.lead_ms,
            messages_a_second=settings.message_rate_limit,
        )


def _minds_of(settings: Settings, outgoing: Outgoing) -> Minds:
    return engines.make(engines.choose(settings), settings, outgoing)


def policy_of(settings: Settings) -> Policy:
    """Return where URLs that users configure may lead."""
    hosts = (host.strip().casefold().rstrip(".") for host in settings.allowed_hosts.split(","))
    return Policy(
        allow_private=settings.allow_private_network or settings.dev,
        allowed_hosts=frozenset(filter(None, hosts)),
    )


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
