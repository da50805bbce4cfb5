"""The composition root: settings in, a server out. The only place that knows all the parts."""

import asyncio
import fcntl
import gc
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import Receive, Scope, Send

from turnwise import minds as engines
from turnwise.api.agent_documents import created
from turnwise.api.app import create_api
from turnwise.api.deps import Deps
from turnwise.api.limits import RequestLimits
from turnwise.base.errors import ConfigError
from turnwise.gateway.call import Gateway
from turnwise.gateway.carriers.sockets import carrier_routes
from turnwise.gateway.casting import House
from turnwise.gateway.custom_llm import CustomLlms
from turnwise.gateway.direct_socket import DirectSocket
from turnwise.gateway.doors import Doors
from turnwise.gateway.handshake import Installation
from turnwise.gateway.keeping import OpenCalls
from turnwise.gateway.rooms import RoomWishes, open_rooms
from turnwise.gateway.websocket import ConversationSocket
from turnwise.outgoing import Outgoing, Policy
from turnwise.outgoing.mcp_servers import load_ahead
from turnwise.providers.ports import InBatches
from turnwise.runtime.left_behind import close_left, keep_journals
from turnwise.runtime.load import Load
from turnwise.runtime.mcp_servers import are_wanted
from turnwise.runtime.metrics import Metrics
from turnwise.runtime.pace import Pace
from turnwise.runtime.remembered_speech import RememberedSpeech
from turnwise.runtime.roll import Roll
from turnwise.runtime.session import Minds
from turnwise.runtime.sessions import Sessions
from turnwise.runtime.tool_values import Tokens
from turnwise.sample import sample_agent
from turnwise.settings import Settings
from turnwise.store import (
    AgentQuery,
    open_blobs,
    open_signer,
    open_store,
    open_vault,
)
from turnwise.store.origins import unix_secs
from turnwise.web import talk, widget
from turnwise.wire.codec import Limits

LIVE_FOLDER = "live"
LOCK_FILE = "lock"
ROLL_FILE = "roll"
PACE_FILE = "pace"
SWITCH_S = 0.0005
"""How long one thread may keep the others from Python."""
STOP_S = 15
"""How long requests may take that are being answered when the server stops."""
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
    await keep_journals(open_blobs(settings.data), settings.data / LIVE_FOLDER)
    return FirstStart(agent_id=agent_id, new_key=new_key)


class Application:
    """The server as an ASGI application: opened when it starts, closed when it stops."""

    def __init__(
        self,
        settings: Settings,
        make_minds: Callable[[], Minds] | None = None,
        *,
        worker: int = 0,
    ) -> None:
        """Describe a server, or one process of it.

        Args:
            settings: What the operator chose.
            make_minds: Makes the engines; None: those of the settings.
            worker: The number of the process, from 0.
        """
        self._settings = settings
        self._make_minds = make_minds
        self._worker = worker
        self._stack = AsyncExitStack()
        self._app: Starlette | None = None
        self._sessions: Sessions | None = None

    async def drain(self) -> None:
        """Take no new conversations and wait for the live ones, as long as the settings say."""
        if self._sessions is not None:
            await self._sessions.drain(self._settings.drain_s)

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
        gc.enable()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self) -> Starlette:
        settings = self._settings
        store = await open_store(settings.store_url, settings.data, fixed_key=settings.api_key)
        self._stack.push_async_callback(store.close)
        blobs, folder = open_blobs(settings.data), self._folder(str(self._worker))
        await close_left(store, blobs, folder, KILLED)
        if await are_wanted(store):
            load_ahead()
        outgoing = Outgoing(policy_of(settings), proxy=settings.outgoing_proxy)
        self._stack.push_async_callback(outgoing.aclose)
        make_minds = self._make_minds or partial(_minds_of, settings, outgoing)
        minds = await asyncio.to_thread(make_minds)
        self._stack.push_async_callback(engines.close, minds)
        rooms = await open_rooms(_room_wishes(settings), settings.data, self._stack)
        metrics, roll = Metrics(self._worker), Roll(self._worker, self._folder(ROLL_FILE))
        self._stack.callback(roll.close)
        pace = Pace(self._folder(PACE_FILE))
        self._stack.callback(pace.close)
        sessions = self._watched_sessions(roll, metrics, minds)
        vault = open_vault(settings.data)
        deps = Deps(
            store=store,
            blobs=blobs,
            signer=open_signer(settings.data),
            vault=vault,
            outgoing=outgoing,
            room_tokens=rooms.tokens if rooms is not None else None,
            live_calls=sessions.count,
            draining=lambda: sessions.draining,
            observe=lambda _, status: metrics.answered(status),
            figures=metrics.registry(roll),
            figures_for=settings.metrics,
            synthesizer=minds.synthesizer,
            transcriber=minds.transcriber,
            detector=minds.detector,
            public_url=settings.public_url,
            limits=RequestLimits(
                per_key=settings.requests_per_second,
                per_stranger=settings.keyless_requests_per_second,
                at_once=settings.requests_at_once,
                pace=pace,
            ),
            check_answers=settings.check_answers,
        )
        gateway = self._gateway(deps, minds, sessions, folder)
        beside = _beside(settings, gateway, deps)
        return create_api(deps, [*beside, *(rooms.routes(gateway) if rooms is not None else ())])

    def _folder(self, name: str) -> Path:
        return self._settings.data / LIVE_FOLDER / name

    def _watched_sessions(self, roll: Roll, metrics: Metrics, minds: Minds) -> Sessions:
        settings = self._settings
        load = Load(settings.lag_limit_ms)
        sessions = Sessions(roll, most=settings.most_calls, load=load, metrics=metrics)
        asyncio.get_running_loop().call_soon(sessions.watch)  # when all is there: not the start
        self._sessions = sessions
        self._stack.push_async_callback(self.drain)
        if isinstance(minds.detector, InBatches):
            minds.detector.on_batch = metrics.batch
        return sessions

    def _gateway(self, deps: Deps, minds: Minds, sessions: Sessions, folder: Path) -> Gateway:
        settings, vault, outgoing = self._settings, deps.vault, deps.outgoing
        assert vault is not None
        assert outgoing is not None
        return Gateway(
            doors=Doors(deps.store, deps.signer),
            store=deps.store,
            open_calls=OpenCalls(deps.store),
            blobs=deps.blobs,
            minds=replace(minds, synthesizer=RememberedSpeech(minds.synthesizer)),
            sessions=sessions,
            house=House(
                store=deps.store,
                installation=Installation(
                    permissive=settings.permissive_overrides,
                    enclave_agents=settings.enclave_agents,
                ),
                custom_llms=CustomLlms(deps.store, vault, outgoing),
                library=deps.library,
                outgoing=outgoing,
                vault=vault,
                tokens=Tokens(outgoing, unix_secs),
            ),
            limits=Limits(frame_bytes=settings.max_frame_bytes),
            folder=folder,
            lead_ms=settings.lead_ms,
            messages_a_second=settings.message_rate_limit,
        )


def _minds_of(settings: Settings, outgoing: Outgoing) -> Minds:
    return engines.make(engines.choose(settings), settings, outgoing)


def _beside(settings: Settings, gateway: Gateway, deps: Deps) -> list[BaseRoute]:
    """Return the sockets and pages beside the REST API."""
    return [
        WebSocketRoute("/v1/convai/conversation", ConversationSocket(gateway).serve),
        *carrier_routes(gateway, deps.signer, settings.public_url),
        *talk.routes(deps.store),
        *widget.routes(settings.data, settings.widget_bundle_url),
    ]


def _room_wishes(settings: Settings) -> RoomWishes:
    return RoomWishes(
        address=settings.webrtc_address,
        ports=settings.webrtc_ports,
        turn_urls=settings.turn_urls,
        turn_username=settings.turn_username,
        turn_password=settings.turn_password,
        turn_secret=settings.turn_secret,
        livekit_url=settings.livekit_url,
        livekit_api_key=settings.livekit_api_key,
        livekit_api_secret=settings.livekit_api_secret,
    )


def policy_of(settings: Settings) -> Policy:
    """Return where URLs that users configure may lead."""
    hosts = (host.strip().casefold().rstrip(".") for host in settings.allowed_hosts.split(","))
    return Policy(
        allow_private=settings.allow_private_network or settings.dev,
        allowed_hosts=frozenset(filter(None, hosts)),
    )


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
        "ws": DirectSocket,
        # above our own limit, which refuses with a reason; this one only cuts the connection
        "ws_max_size": 2 * settings.max_frame_bytes + 1_048_576,
        "ws_per_message_deflate": False,
        "timeout_graceful_shutdown": STOP_S,
        "server_header": False,
    }
