"""Conversations in the rooms of a LiveKit server, in the place of our own.

Whoever asks for a token gets one of that server, and the agent goes there at once and waits for the
user. Needs the extra `livekit`.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

import numpy as np
from livekit import api, rtc
from starlette.routing import BaseRoute
from typing_extensions import override

from turnwise.audio.pcm import Pcm
from turnwise.gateway.call import Call, Gateway
from turnwise.gateway.doors import Door, Refused
from turnwise.gateway.webrtc.line import RoomLine
from turnwise.gateway.webrtc.opus import FORMAT, FRAME_SAMPLES
from turnwise.gateway.webrtc.rooms import NoEntry, door_of
from turnwise.store.room_tokens import RoomGrant, RoomTokens
from turnwise.wire import closing

EXPECT_S = 60.0
"""How long the agent waits in a room for its user; tokens are good for as long."""
MOST_EXPECTED = 200
"""Rooms in which agents wait; no agent goes to one more."""
FLUSH_S = 0.3
"""What was sent last gets to the user before the agent leaves."""
QUEUE_MS = 1_000
"""Sound that the library holds; ours comes with a lead of less."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveKitServer:
    """A LiveKit server, and who we are there."""

    url: str
    api_key: str
    api_secret: str = field(repr=False)

    def token(self, room: str, identity: str, *, name: str = "", agent: bool = False) -> str:
        """Return a token with which one participant may join a room."""
        grants = api.VideoGrants(room_join=True, room=room, agent=agent or None)
        made = api.AccessToken(self.api_key, self.api_secret).with_identity(identity)
        made = made.with_name(name or identity).with_grants(grants)
        made = made.with_ttl(timedelta(seconds=EXPECT_S))
        return str((made.with_kind("agent") if agent else made).to_jwt())


class LiveKitRooms(RoomTokens):
    """Makes tokens of a LiveKit server, and has an agent go where one was made for.

    Use it as a context: when it ends, agents that wait for their users leave.
    """

    def __init__(self, server: LiveKitServer) -> None:
        super().__init__(server.api_secret.encode())
        self._server = server
        self._tasks = asyncio.TaskGroup()
        self._waiting: set[_Visit] = set()
        self._gateway: Gateway | None = None

    @property
    def tokens(self) -> RoomTokens:
        """Who lets users in."""
        return self

    def routes(self, gateway: Gateway) -> list[BaseRoute]:
        """Return no address: users go to the LiveKit server. From here on agents do, too."""
        self._gateway = gateway
        return []

    async def __aenter__(self) -> Self:
        """Begin to send agents."""
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Wait until the last agent has left."""
        for visit in self._waiting:
            visit.give_up()
        await self._tasks.__aexit__(None, None, None)

    @override
    def sign(self, grant: RoomGrant, *, lifetime_secs: int = int(EXPECT_S)) -> str:
        """Return a token with which the user may join the room of the conversation."""
        del lifetime_secs
        self._send(grant)
        user = f"user_{grant.conversation_id}"
        return self._server.token(grant.conversation_id, user, name=grant.name)

    def _send(self, grant: RoomGrant) -> None:
        if self._gateway is None:
            return
        if len(self._waiting) >= MOST_EXPECTED:
            log.warning("agents wait in %s rooms already: no other is sent", MOST_EXPECTED)
            return
        visit = _Visit(self._gateway, grant)
        self._waiting.add(visit)
        self._tasks.create_task(self._go(visit, grant))

    async def _go(self, visit: "_Visit", grant: RoomGrant) -> None:
        identity = f"agent_{grant.conversation_id}"
        try:
            token = self._server.token(grant.conversation_id, identity, agent=True)
            came = await visit.join(self._server.url, token)
            self._waiting.discard(visit)
            if came:
                await visit.hold()
        except rtc.ConnectError as error:
            log.warning("no agent can join at %s: %s", self._server.url, error)
        except Exception:  # the edge of a conversation: it ends this one, no other
            log.exception("an agent failed", extra={"conversation_id": grant.conversation_id})
        finally:
            self._waiting.discard(visit)
            await visit.leave()


class _Voice:
    """The agent's track. Implements `Voice`."""

    def __init__(self) -> None:
        self.source = rtc.AudioSource(FORMAT.rate_hz, 1, queue_size_ms=QUEUE_MS)
        self._waiting: asyncio.Queue[Pcm] = asyncio.Queue()

    @property
    def busy(self) -> bool:
        return not self._waiting.empty() or self.source.queued_duration > 0

    def put(self, samples: Pcm) -> None:
        for first in range(0, len(samples), FRAME_SAMPLES):
            self._waiting.put_nowait(samples[first : first + FRAME_SAMPLES])

    def clear(self) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self.source.clear_queue()

    async def run(self) -> None:
        """Hand over what is queued, as fast as the library takes it."""
        while True:
            samples = await self._waiting.get()
            size = len(samples)
            await self.source.capture_frame(
                rtc.AudioFrame(samples.tobytes(), FORMAT.rate_hz, 1, size)
            )


class _Channel:
    """The messages to the room. Implements `Channel`."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._bytes = 0

    @property
    def readyState(self) -> str:  # noqa: N802
        return "open" if self._room.isconnected() else "closed"

    @property
    def bufferedAmount(self) -> int:  # noqa: N802
        return self._bytes

    def send(self, data: bytes) -> None:
        self._bytes += len(data)
        self._waiting.put_nowait(data)

    async def run(self) -> None:
        """Send what waits, in order."""
        while True:
            data = await self._waiting.get()
            await self._room.local_participant.publish_data(data, reliable=True)
            self._bytes -= len(data)


class _Visit:
    """One agent in one room."""

    def __init__(self, gateway: Gateway, grant: RoomGrant) -> None:
        self._gateway = gateway
        self._grant = grant
        self._room = rtc.Room()
        self._voice = _Voice()
        self._channel = _Channel(self._room)
        self._line = RoomLine(self._voice, gateway.limits, gateway.messages_a_second)
        self._came = asyncio.Event()
        self._given_up = False
        self._streams: asyncio.Queue[rtc.AudioStream] = asyncio.Queue()
        self._room.on("data_received", self._take)
        self._room.on("track_subscribed", self._subscribed)
        self._room.on("participant_connected", lambda _: self._came.set())
        self._room.on("participant_disconnected", lambda _: self._line.lose(1000, "the user left"))
        self._room.on("disconnected", lambda _: self._line.lose(1006, "the room was lost"))

    async def join(self, url: str, token: str) -> bool:
        """Go there; return whether the user came, too.

        Do not cancel it: the library ends the whole process when that happens while it connects.

        Raises:
            ConnectError: If it cannot be joined.
        """
        await self._room.connect(url, token)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        track = rtc.LocalAudioTrack.create_audio_track("agent_audio", self._voice.source)
        await self._room.local_participant.publish_track(track, options)
        if not self._room.remote_participants:
            try:
                async with asyncio.timeout(EXPECT_S):
                    await self._came.wait()
            except TimeoutError:
                return False
        return not self._given_up

    def give_up(self) -> None:
        """Wait for the user no longer."""
        self._given_up = True
        self._came.set()

    async def hold(self) -> None:
        """Hold the conversation."""
        async with asyncio.TaskGroup() as tasks:
            jobs = (self._voice.run(), self._channel.run(), self._hear())
            running = [tasks.create_task(job) for job in jobs]
            self._line.carry(self._channel)
            call = Call(self._gateway, self._line, self._grant.conversation_id)
            await call.answer(self._enter)
            await asyncio.sleep(FLUSH_S)
            for task in running:
                task.cancel()

    async def leave(self) -> None:
        """Leave the room: for the user the agent has hung up."""
        await self._room.disconnect()
        await self._voice.source.aclose()

    async def _enter(self) -> Door:
        try:
            return await door_of(self._gateway.store, self._grant)
        except NoEntry as no_entry:
            raise Refused(closing.UNKNOWN_AGENT) from no_entry

    def _take(self, packet: rtc.DataPacket) -> None:
        self._line.take_message(packet.data)

    def _subscribed(self, track: rtc.Track, *_: object) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._streams.put_nowait(rtc.AudioStream(track, sample_rate=48_000, num_channels=1))

    async def _hear(self) -> None:
        """Hear the first track; whoever mutes and speaks on another is heard there."""
        while True:
            stream = await self._streams.get()
            async for event in stream:
                self._line.take_sound(np.frombuffer(event.frame.data, np.int16))
            await stream.aclose()
