"""One room: a user who signals, listens and speaks, and the agent.

The call is held in the task of the first signalling socket. When that socket is lost the call goes
on, and the client comes back with another one; when it does not, or when the connections are lost
too, the user is gone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiortc import RTCDataChannel
from livekit.protocol import rtc

from turnwise.gateway.call import Call, Gateway
from turnwise.gateway.doors import Door
from turnwise.gateway.line import LineGone
from turnwise.gateway.webrtc import signals
from turnwise.gateway.webrtc.ice import Ice
from turnwise.gateway.webrtc.jitter import Arrived, UserSound
from turnwise.gateway.webrtc.line import RoomLine
from turnwise.gateway.webrtc.peers import Publisher, Subscriber, Told, close_all
from turnwise.gateway.webrtc.playing import AgentTrack, Player
from turnwise.gateway.webrtc.signalling import Signalling
from turnwise.gateway.webrtc.signals import Names
from turnwise.store.origins import unix_secs
from turnwise.wire import closing
from turnwise.wire.errors import WireError

RETURN_S = 15.0
"""How long a client that lost its signalling socket may take to come back with another."""
FAREWELL_S = 1.0
"""How long a client may take to leave by itself when the agent has left."""
REFRESH_S = 300.0
"""After so long a client gets a newer token, to come back with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How one user comes in."""

    names: Names
    enter: Callable[[], Awaitable[Door]]
    """Returns how, or raises `Refused`."""
    new_token: Callable[[], str]


class _Packets:
    """The channel of messages, which are packets on it. Implements `Channel`."""

    def __init__(self, names: Names, channel: RTCDataChannel) -> None:
        self._names = names
        self._channel = channel

    @property
    def readyState(self) -> str:  # noqa: N802
        return self._channel.readyState

    @property
    def bufferedAmount(self) -> int:  # noqa: N802
        return self._channel.bufferedAmount

    def send(self, data: bytes) -> None:
        self._channel.send(signals.packet(self._names, data))


class Room:
    """Holds one conversation."""

    def __init__(self, gateway: Gateway, entry: Entry, ice: Ice) -> None:
        self._gateway = gateway
        self._entry = entry
        self._ice = ice
        self._names = entry.names
        self._socket: Signalling | None = None
        self._attending: set[asyncio.Task[None]] = set()
        self._offers: asyncio.Queue[tuple[Signalling, rtc.SessionDescription]] = asyncio.Queue()
        self._noticed = asyncio.Event()
        self._left = asyncio.Event()
        self._ending: closing.Ending | None = None
        self._speaking = False
        self._tracks = 0
        player = Player(self._tell_speaking)
        self._line = RoomLine(player, gateway.limits, gateway.messages_a_second)
        self._line.on_close = self._end
        self._sound = UserSound()
        told = Told(message=self._take_packet, sound=self._take_sound, changed=self._changed)
        self._subscriber = Subscriber(AgentTrack(player), ice, told)
        self._publisher = Publisher(ice, told)

    async def hold(self, first: Signalling) -> None:
        """Hold the conversation, from the first signalling socket to the end of it all."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                jobs = (self._answer(), self._watch(), self._renew())
                others = [self._tasks.create_task(job) for job in jobs]
                first.send(signals.join(self._names, self._servers()))
                attending = self._attend(first)
                offer = await self._subscriber.offer(self._names.stream, self._names.track_sid)
                first.send(signals.offer(offer))
                call = Call(self._gateway, self._line, self._names.room)
                await call.answer(self._entry.enter)
                await self._say_goodbye()
                attending.cancel()
                for task in (*others, *self._attending):
                    task.cancel()
        finally:
            await close_all(self._subscriber, self._publisher)

    async def return_to(self, socket: Signalling) -> None:
        """Serve a client that comes back with another socket, until that is closed."""
        socket.send(signals.reconnected(self._servers()))
        socket.send(signals.participants(signals.agent(self._names)))
        socket.send(signals.speaking(self._names, active=self._speaking))
        await asyncio.wait({self._attend(socket)})

    def _attend(self, socket: Signalling) -> asyncio.Task[None]:
        if self._socket is not None:
            self._socket.close(1000, "another socket took its place")
        self._socket = socket
        self._noticed.set()
        task = self._tasks.create_task(self._serve(socket))
        self._attending.add(task)
        task.add_done_callback(self._attending.discard)
        return task

    async def _serve(self, socket: Signalling) -> None:
        """Serve one signalling socket until it is closed."""
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read(socket))
            await socket.write()
            reading.cancel()

    async def _read(self, socket: Signalling) -> None:
        try:
            while True:
                await self._take(socket, await socket.receive())
        except WireError as error:
            self._line.fail(error)
        except LineGone:
            socket.close(1000, "")
            if self._socket is socket:
                self._socket = None
                self._noticed.set()

    async def _take(self, socket: Signalling, signal: rtc.SignalRequest) -> None:
        self._line.alive()
        now_ms = int(unix_secs() * 1_000)
        match signal.WhichOneof("message"):
            case "offer":
                self._offers.put_nowait((socket, signal.offer))
            case "answer":
                await self._subscriber.answered(signal.answer.sdp)
            case "trickle":
                target = signal.trickle.target
                peer = self._publisher if target == rtc.PUBLISHER else self._subscriber
                await peer.candidate(signal.trickle.candidateInit)
            case "add_track":
                self._tracks += 1
                sid = f"TR_user{self._tracks}_{self._names.room}"
                socket.send(signals.published(signal.add_track, sid))
            case "ping_req":
                socket.send(signals.pong(signal.ping_req, now_ms))
            case "ping":
                socket.send(signals.old_pong(now_ms))
            case "leave":
                self._left.set()
                self._line.lose(1000, "the user left")
            case _:
                pass  # what concerns rooms of many, or video

    async def _answer(self) -> None:
        """Answer what the user offers, one after the other."""
        while True:
            socket, offer = await self._offers.get()
            try:
                answer = await self._publisher.offered(offer.sdp)
            except WireError as error:
                self._line.fail(error)
                return
            socket.send(signals.answer(answer, offer.id))

    def _take_packet(self, data: bytes) -> None:
        try:
            payload = signals.payload(data)
        except WireError as error:
            self._line.fail(error)
            return
        if payload is not None:
            self._line.take_message(payload)

    def _take_sound(self, packet: Arrived) -> None:
        for samples in self._sound.take(packet):
            self._line.take_sound(samples)

    def _changed(self) -> None:
        """Take in that a connection came about, or ended."""
        if self._subscriber.connected:
            self._line.carry(_Packets(self._names, self._subscriber.reliable))
        self._noticed.set()

    async def _watch(self) -> None:
        """Give the user up who does not come back."""
        while True:
            self._noticed.clear()
            away, ended = self._socket is None, self._subscriber.ended
            patience = RETURN_S if away or ended else None
            try:
                async with asyncio.timeout(0 if away and ended else patience):
                    await self._noticed.wait()
            except TimeoutError:
                self._left.set()
                self._line.lose(1006, "the connection was lost")
                return

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            if self._socket is not None:
                self._socket.send(signals.refreshed(self._entry.new_token()))

    def _tell_speaking(self, active: bool) -> None:  # noqa: FBT001 - a callback of one flag
        self._speaking = active
        if self._socket is not None:
            self._socket.send(signals.speaking(self._names, active=active))

    def _end(self, ending: closing.Ending) -> None:
        self._ending = ending

    async def _say_goodbye(self) -> None:
        """Let the client know why it ends, and give it the time to end by itself."""
        ending, socket = self._ending, self._socket
        if socket is None:
            return
        if ending is None:
            socket.close(1000, "")
        else:
            if ending.code == closing.NORMAL:
                socket.send(signals.participants(signals.agent(self._names, here=False)))
            await self._until_left(FAREWELL_S)
            socket.send(signals.leave(failed=ending.code != closing.NORMAL))
            socket.close(ending.code, ending.reason)
        if self._attending:
            await asyncio.wait(set(self._attending), timeout=FAREWELL_S)

    async def _until_left(self, patience_s: float) -> None:
        try:
            async with asyncio.timeout(patience_s):
                await self._left.wait()
        except TimeoutError:
            return

    def _servers(self) -> list[rtc.ICEServer]:
        relays = self._ice.relays
        if not relays.urls:
            return []
        username, password = relays.credentials(self._names.room, unix_secs())
        return [rtc.ICEServer(urls=relays.urls, username=username, credential=password)]
