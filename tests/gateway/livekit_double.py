"""A LiveKit server with one room, in which a scripted user waits for an agent."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import jwt
from livekit.protocol import rtc
from typing_extensions import override
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from turnwise.audio.pcm import Pcm
from turnwise.gateway.webrtc import signals
from turnwise.gateway.webrtc.ice import Ice
from turnwise.gateway.webrtc.jitter import Arrived
from turnwise.gateway.webrtc.opus import SILENT_PACKET
from turnwise.gateway.webrtc.peers import Publisher, Subscriber, Told, close_all
from turnwise.gateway.webrtc.playing import AgentTrack, Player

KEY = "devkey"
SECRET = "a secret that is shared with the LiveKit server"  # noqa: S105

Json = dict[str, Any]


class _Names(signals.Names):
    """The agent is who joins here, the user who is there."""

    @property
    @override
    def agent(self) -> str:
        return "user_of_the_double"


@dataclass
class LiveKitDouble:
    """What the server saw."""

    url: str = ""
    claims: list[Json] = field(default_factory=list)
    """Of the tokens that were shown."""
    messages: list[Json] = field(default_factory=list)
    """From the agent."""
    sounds: int = 0
    """Packets of the agent's sound that are not silent."""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """The agent has left."""

    def __post_init__(self) -> None:
        self._player = Player(lambda _: None)
        self._names = _Names(room="", user="")
        self._subscriber: Subscriber | None = None
        self._socket: ServerConnection | None = None

    def say(self, sound: Pcm) -> None:
        """Have the user say something, int16 mono at 48 kHz."""
        self._player.put(sound)

    def tell(self, message: Json) -> None:
        """Have the user send a message."""
        assert self._subscriber is not None
        data = signals.packet(self._names, json.dumps(message).encode())
        self._subscriber.reliable.send(data)

    async def hang_up(self) -> None:
        """Have the user leave."""
        await self._send(signals.participants(signals.agent(self._names, here=False)))

    async def until(self, condition: Callable[[], Any], limit_s: float = 20.0) -> Any:  # noqa: ANN401
        """Return what is there as soon as it is."""
        async with asyncio.timeout(limit_s):
            while not (found := condition()):  # noqa: ASYNC110 - of a library, or a log
                await asyncio.sleep(0.02)
        return found

    async def message(self, kind: str, number: int = 1) -> Json:
        """Return the first message of a type, or the one of a higher number."""

        def find() -> list[Json]:
            return [each for each in self.messages if each["type"] == kind][number - 1 :]

        found: list[Json] = await self.until(find)
        return found[0]

    @property
    def connected(self) -> bool:
        """Whether the agent can be sent messages."""
        return self._subscriber is not None and self._subscriber.connected

    async def answer(self, socket: ServerConnection) -> None:
        """Serve one agent."""
        assert socket.request is not None
        token = socket.request.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], issuer=KEY)
        self.claims.append(claims)
        self._names = _Names(room=claims["video"]["room"], user=claims["sub"])
        self._socket = socket
        told = Told(message=self._take, sound=self._hear, changed=lambda: None)
        self._subscriber = Subscriber(AgentTrack(self._player), Ice(), told)
        publisher = Publisher(Ice(), told)
        try:
            await self._send(signals.join(self._names, []))
            names = self._names
            await self._send(
                signals.offer(await self._subscriber.offer(names.stream, names.track_sid))
            )
            async for data in socket:
                assert isinstance(data, bytes)
                await self._signal(signals.read(data), publisher)
        except ConnectionClosed:
            pass
        finally:
            await close_all(self._subscriber, publisher)
            self.left.set()

    async def _signal(self, signal: rtc.SignalRequest, publisher: Publisher) -> None:
        assert self._subscriber is not None
        match signal.WhichOneof("message"):
            case "offer":
                answer = await publisher.offered(signal.offer.sdp)
                await self._send(signals.answer(answer, signal.offer.id))
            case "answer":
                await self._subscriber.answered(signal.answer.sdp)
            case "trickle":
                peer = publisher if signal.trickle.target == rtc.PUBLISHER else self._subscriber
                await peer.candidate(signal.trickle.candidateInit)
            case "add_track":
                await self._send(signals.published(signal.add_track, "TR_of_the_agent"))
            case "ping_req":
                await self._send(signals.pong(signal.ping_req, 0))
            case "leave":
                self.left.set()
            case _:
                pass

    async def _send(self, signal: rtc.SignalResponse) -> None:
        assert self._socket is not None
        await self._socket.send(signal.SerializeToString())

    def _take(self, data: bytes) -> None:
        payload = signals.payload(data)
        if payload is not None:
            self.messages.append(json.loads(payload))

    def _hear(self, packet: Arrived) -> None:
        self.sounds += packet.payload != SILENT_PACKET and len(packet.payload) > 10


def _only_older(connection: ServerConnection, request: Request) -> Response | None:
    if request.path.startswith("/rtc/v1"):
        return connection.respond(HTTPStatus.NOT_FOUND, "there is no newer path")
    return None


@asynccontextmanager
async def livekit_server() -> AsyncIterator[LiveKitDouble]:
    """Run one while the block runs."""
    double = LiveKitDouble()
    async with serve(double.answer, "127.0.0.1", 0, process_request=_only_older) as server:
        host, port = next(iter(server.sockets)).getsockname()[:2]
        double.url = f"ws://{host}:{port}"
        yield double
