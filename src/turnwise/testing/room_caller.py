"""A caller over WebRTC: LiveKit's signalling, Opus both ways, messages on a channel.

It is light, so that many can run beside each other: what it says was encoded before, and what it
hears is kept as it came and decoded when somebody asks. Needs the extra `webrtc`.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Self

import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtp import RtpPacket
from av import AudioFrame, CodecContext
from av.audio.codeccontext import AudioCodecContext
from av.packet import Packet
from livekit.protocol import models, rtc
from typing_extensions import override
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from turnwise.audio.pcm import Pcm, silence

RATE_HZ = 48_000
FRAME_SAMPLES = 960
FRAME_S = 0.02
SILENT_PACKET = bytes.fromhex("f8fffe")
INIT = {"type": "conversation_initiation_client_data"}

Json = dict[str, Any]


def packets_of(sound: Pcm) -> list[bytes]:
    """Return sound, int16 mono, shape (n,), at 48 kHz, as Opus, 20 ms a packet."""
    codec = _codec("w")
    codec.time_base = Fraction(1, RATE_HZ)
    packets: list[bytes] = []
    for first in range(0, len(sound), FRAME_SAMPLES):
        piece = sound[first : first + FRAME_SAMPLES]
        piece = np.concatenate([piece, silence(FRAME_SAMPLES - len(piece))])
        frame = AudioFrame.from_ndarray(piece[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, first
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return packets


def sound_of(packets: Sequence[bytes]) -> Pcm:
    """Return the sound of Opus packets that follow each other, int16 mono at 48 kHz."""
    codec = _codec("r")
    pieces = [frame.to_ndarray()[0] for each in packets for frame in codec.decode(Packet(each))]
    return np.concatenate(pieces) if pieces else silence(0)


def _codec(mode: str) -> AudioCodecContext:
    codec = CodecContext.create("libopus", "w" if mode == "w" else "r")
    assert isinstance(codec, AudioCodecContext)
    codec.format, codec.layout, codec.sample_rate = "s16", "mono", RATE_HZ
    return codec


@dataclass(frozen=True, slots=True)
class Heard:
    """One packet of the agent's sound."""

    at: float
    """When it came, in seconds of the monotonic clock."""
    sequence: int
    """Its number, modulo 65,536."""
    time: int
    """Its own time, in samples, modulo 2^32."""
    payload: bytes

    @property
    def silent(self) -> bool:
        """Whether nothing is in it."""
        return self.payload == SILENT_PACKET


class Microphone(MediaStreamTrack):
    """Says what it is told to say, silence before and after."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._packets: list[bytes] = []
        self._began = 0.0
        self._sent = 0

    def say(self, packets: Sequence[bytes]) -> None:
        """Say something, behind what is being said."""
        self._packets += packets

    @override
    async def recv(self) -> "Packet[Any]":
        self._began = self._began or time.monotonic()
        wait = self._began + self._sent * FRAME_S - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        packet = Packet(self._packets.pop(0) if self._packets else SILENT_PACKET)
        packet.pts, packet.time_base = self._sent * FRAME_SAMPLES, Fraction(1, RATE_HZ)
        self._sent += 1
        return packet


@dataclass(slots=True)
class Happened:
    """What the caller saw."""

    messages: list[Json] = field(default_factory=list)
    """Those on the channel, in order."""
    signals: list[rtc.SignalResponse] = field(default_factory=list)
    """Those on the signalling sockets, in order."""
    heard: list[Heard] = field(default_factory=list)
    """The agent's sound."""
    closed: tuple[int, str] | None = None
    """Code and reason with which the server closed the signalling socket."""
    init_at: float = 0.0
    """When the first message was sent, in seconds of the monotonic clock."""


class RoomCaller:
    """One user of a room. Use it as a context."""

    def __init__(self, url: str, token: str) -> None:
        """Get ready.

        Args:
            url: Where LiveKit's signalling is, as ws://HOST:PORT.
            token: Opens the room.
        """
        self._url = url
        self.token = token
        self.happened = Happened()
        self.microphone = Microphone()
        self.socket: ClientConnection | None = None
        configuration = RTCConfiguration([], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self.listening = RTCPeerConnection(configuration)
        self.speaking = RTCPeerConnection(configuration)
        self.channel: RTCDataChannel | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._noticed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go of everything."""
        await self.listening.close()
        await self.speaking.close()
        if self.socket is not None:
            await self.socket.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def join(self, *, offers: bool = True, answers: bool = True) -> None:
        """Come in, and be connected.

        Args:
            offers: Whether it offers sound and messages.
            answers: Whether it answers the server's offer.
        """
        if self.socket is None:
            await self.signal_on()
        offered = await self.until(lambda: self._signal("offer"))
        if answers:
            self._answer_to(offered)
            await self.listening.setRemoteDescription(
                RTCSessionDescription(sdp=offered.offer.sdp, type="offer")
            )
            self._hear()
            await self.listening.setLocalDescription(await self.listening.createAnswer())
            local = self.listening.localDescription
            await self.send(answer=rtc.SessionDescription(type="answer", sdp=local.sdp, id=1))
        if offers:
            await self._offer()

    async def signal_on(self, *, again: bool = False) -> None:
        """Open a signalling socket.

        Args:
            again: Whether it takes the place of one that was lost.
        """
        address = f"{self._url}/rtc?access_token={self.token}&auto_subscribe=1&protocol=15"
        self.socket = await connect(address + "&reconnect=1" * again, max_size=None)
        task = asyncio.get_running_loop().create_task(self._read(self.socket))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def send(self, **signal: Any) -> None:  # noqa: ANN401 - a field of the union
        """Send a signal."""
        assert self.socket is not None
        await self.socket.send(rtc.SignalRequest(**signal).SerializeToString())

    async def begin(self, init: Json | None = None) -> None:
        """Send the first message when the channel is open."""
        await self.until(lambda: self._is_open() or None)
        self.happened.init_at = time.monotonic()
        self.tell({**INIT, **(init or {})})

    def tell(self, message: Json) -> None:
        """Send a message on the channel."""
        assert self.channel is not None
        user = models.UserPacket(payload=json.dumps(message).encode())
        self.channel.send(models.DataPacket(user=user).SerializeToString())

    async def message(self, kind: str, number: int = 1) -> Json:
        """Return the first message of a type, or the one of a higher number, once it came."""

        def find() -> Json | None:
            found = [each for each in self.happened.messages if each["type"] == kind]
            return found[number - 1] if len(found) >= number else None

        found: Json = await self.until(find)
        return found

    async def closed(self) -> tuple[int, str]:
        """Return code and reason with which the server closed the signalling socket."""
        found: tuple[int, str] = await self.until(lambda: self.happened.closed)
        return found

    async def until(self, find: Callable[[], Any], limit_s: float = 30.0) -> Any:  # noqa: ANN401
        """Return what is looked for as soon as it is there.

        Raises:
            TimeoutError: If it does not come about.
        """
        async with asyncio.timeout(limit_s), self._noticed:
            while (found := find()) is None:
                await self._noticed.wait()
            return found

    def _signal(self, kind: str) -> rtc.SignalResponse | None:
        told = self.happened.signals
        return next((each for each in told if each.WhichOneof("message") == kind), None)

    def _is_open(self) -> bool:
        return self.channel is not None and self.channel.readyState == "open"

    async def _offer(self) -> None:
        self.speaking.addTrack(self.microphone)
        self.channel = self.speaking.createDataChannel("_reliable")
        self.channel.on("open", self._notice)
        await self.speaking.setLocalDescription(await self.speaking.createOffer())
        sdp = self.speaking.localDescription.sdp
        await self.send(offer=rtc.SessionDescription(type="offer", sdp=sdp, id=1))
        answered = await self.until(lambda: self._signal("answer"))
        answer = RTCSessionDescription(sdp=answered.answer.sdp, type="answer")
        await self.speaking.setRemoteDescription(answer)

    def _answer_to(self, offered: rtc.SignalResponse) -> None:
        assert "|" in offered.offer.sdp, "clients read from it whose sound it is"

        def on_channel(channel: RTCDataChannel) -> None:
            channel.on("message", self._take)

        self.listening.on("datachannel", on_channel)

    def _hear(self) -> None:
        async def take(packet: RtpPacket, arrival_time_ms: int) -> None:
            del arrival_time_ms
            heard = Heard(
                time.monotonic(), packet.sequence_number, packet.timestamp, packet.payload
            )
            self.happened.heard.append(heard)
            if not heard.silent:
                self._notice()

        receiver = self.listening.getTransceivers()[0].receiver
        # the library's own way holds packets back, and decodes each in a thread
        receiver._handle_rtp_packet = take  # type: ignore[method-assign] # noqa: SLF001

    def _take(self, data: bytes) -> None:
        packet = models.DataPacket.FromString(data)
        if packet.WhichOneof("value") == "user":
            self.happened.messages.append(json.loads(packet.user.payload))
            self._notice()

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for data in socket:
                assert isinstance(data, bytes)
                self.happened.signals.append(rtc.SignalResponse.FromString(data))
                await self._notify()
        except ConnectionClosed:
            pass
        self.happened.closed = (socket.close_code or 1006, socket.close_reason or "")
        await self._notify()

    def _notice(self) -> None:
        task = asyncio.get_running_loop().create_task(self._notify())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _notify(self) -> None:
        async with self._noticed:
            self._noticed.notify_all()
