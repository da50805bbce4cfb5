"""A room as a line: messages go over a channel, sound over tracks."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NoReturn, Protocol

from turnwise.audio import formats
from turnwise.audio.formats import AudioFormat
from turnwise.audio.pcm import Pcm
from turnwise.gateway.line import First, LineGone, Received
from turnwise.gateway.webrtc import opus
from turnwise.wire.client_messages import (
    ClientMessage,
    ConversationInitiationClientData,
    EnclaveSetupConfig,
    UserAudioChunk,
)
from turnwise.wire.closing import Ending
from turnwise.wire.codec import Limits, decode, encode
from turnwise.wire.errors import WireError
from turnwise.wire.server_messages import Audio, Interruption, ServerMessage

CONNECT_S = 15.0
"""How long a client may take to be connected and to send its first message."""
BEHIND_S = 0.2
"""By so much a client plays later than it is sent to."""
MOST_BUFFERED = 8 * 1024 * 1024
"""Bytes that may wait for a client that does not read; more, and it is cut off."""


class Voice(Protocol):
    """What plays the agent's sound to the client."""

    @property
    def busy(self) -> bool:
        """Whether there is sound that was not sent."""
        ...

    def put(self, samples: Pcm) -> None:
        """Queue sound, int16 mono, shape (n,), at 48 kHz."""
        ...

    def clear(self) -> None:
        """Throw away what was not sent."""
        ...


class Channel(Protocol):
    """A way for messages to the client."""

    @property
    def readyState(self) -> str:  # noqa: N802 - as WebRTC calls it
        """`open` while messages can be sent."""
        ...

    @property
    def bufferedAmount(self) -> int:  # noqa: N802
        """Bytes that wait."""
        ...

    def send(self, data: bytes) -> None:
        """Put a message in line. Never blocks."""
        ...


class RoomLine:
    """The user of one room. Implements `Line`."""

    audio_format: AudioFormat | None = opus.FORMAT

    def __init__(self, voice: Voice, limits: Limits, messages_a_second: int) -> None:
        self._voice = voice
        self._limits = limits
        self._recent: deque[float] = deque(maxlen=messages_a_second)
        self._inbox: asyncio.Queue[ClientMessage | WireError | LineGone] = asyncio.Queue()
        self._channel: Channel | None = None
        self._reachable = asyncio.Event()  # or it is known that the client never will be
        self._early: list[bytes] = []
        self._begun = False
        self._gone: LineGone | None = None
        self._heard_at = time.monotonic()
        self._finished = asyncio.Event()
        self.too_slow = asyncio.Event()
        self.on_close: Callable[[Ending], None] = lambda _: None
        """Told how the conversation ended."""

    # --- what the room tells ------------------------------------------------------------------

    def carry(self, channel: Channel) -> None:
        """Send messages through a channel that is open; those that waited for one go first."""
        self._channel = channel
        self._reachable.set()
        early, self._early = self._early, []
        for data in early:
            self._post(data)

    def alive(self) -> None:
        """Note that the client is there."""
        self._heard_at = time.monotonic()

    def take_message(self, payload: bytes) -> None:
        """Take a message."""
        self.alive()
        try:
            self._count()
            self._inbox.put_nowait(decode(payload, self._limits))
        except WireError as error:
            self._inbox.put_nowait(error)

    def take_sound(self, samples: Pcm) -> None:
        """Take sound of the user, int16 mono, shape (n,), at 48 kHz.

        Before the first message there is nobody to hear it.
        """
        self.alive()
        if self._begun:
            data = formats.encode(samples, opus.FORMAT)
            self._inbox.put_nowait(UserAudioChunk(data))

    def fail(self, error: WireError) -> None:
        """End the conversation: the client broke the protocol of the room."""
        self._reachable.set()
        self._inbox.put_nowait(error)

    def lose(self, code: int, reason: str = "") -> None:
        """End the conversation: the client is gone."""
        if self._gone is None:
            self._gone = LineGone(code, reason)
            self._reachable.set()
            self._inbox.put_nowait(self._gone)

    def _count(self) -> None:
        now = time.monotonic()
        if len(self._recent) == self._recent.maxlen and now - self._recent[0] < 1:
            limit = self._recent.maxlen
            raise WireError(f"more than {limit} messages a second", error_type="value_error")
        self._recent.append(now)

    # --- what the conversation asks -----------------------------------------------------------

    @property
    def heard_at(self) -> float:
        """When the client last sent something, by the monotonic clock."""
        return self._heard_at

    async def first(self) -> First:
        """Wait for the init message, and for a way to answer it.

        Clients send it as soon as they are connected.

        Raises:
            WireError: If either does not come in time, or something malformed does.
            LineGone: If the client is gone.
        """
        first = First()
        try:
            async with asyncio.timeout(CONNECT_S):
                while True:
                    match await self.receive():
                        case ConversationInitiationClientData() as init:
                            first.init = init
                            self._begun = True
                            await self._reachable.wait()
                            return first
                        case EnclaveSetupConfig() as enclave:
                            first.enclave = enclave
                        case message:
                            first.early.append(message)
        except TimeoutError as error:
            missing = "first message" if self._channel else "connection for sound and messages"
            raise WireError(
                f"no {missing} came about in {CONNECT_S:g} s",
                close_code=1002,
                error_type="transport_receive_timeout",
            ) from error

    async def read(self, take: Callable[[Received], None]) -> NoReturn:
        """Give the client's messages away, and its sound."""
        while True:
            take(await self.receive())

    async def receive(self) -> ClientMessage:
        """Return the client's next message, or its sound.

        Raises:
            WireError: If it is malformed, or there are too many of them.
            LineGone: If the client is gone.
        """
        received = await self._inbox.get()
        if isinstance(received, WireError | LineGone):
            raise received
        return received

    def send(self, messages: Iterable[ServerMessage]) -> None:
        """Put messages in line: sound in that of the track, all others in that of the channel."""
        for message in messages:
            match message:
                case Audio():
                    self._play(message)
                    continue
                case Interruption():
                    self._voice.clear()
                case _:
                    pass
            self._send(message)

    def _play(self, message: Audio) -> None:
        self._voice.put(formats.decode(message.audio, opus.FORMAT))
        if message.alignment is not None and message.alignment.chars:
            self._send(Audio(message.event_id, b"", message.alignment, message.is_final))

    def _send(self, message: ServerMessage) -> None:
        self._post(encode(message).encode())

    def _post(self, data: bytes) -> None:
        channel = self._channel
        if channel is None:
            self._early.append(data)
        elif channel.readyState == "open":
            channel.send(data)
            if channel.bufferedAmount > MOST_BUFFERED:
                self.too_slow.set()

    def finish(self) -> None:
        """Send nothing after what is in line."""
        self._finished.set()

    async def run(self) -> None:
        """Return when all was sent and played after `finish`, or the client is gone."""
        await self._finished.wait()
        while self._is_sending():  # noqa: ASYNC110 - the library tells nobody what it has sent
            await asyncio.sleep(opus.FRAME_MS / 1_000)
        if self._gone is None:
            await asyncio.sleep(BEHIND_S)

    def _is_sending(self) -> bool:
        channel = self._channel
        if self._gone is not None or channel is None or channel.readyState != "open":
            return False
        return self._voice.busy or channel.bufferedAmount > 0

    async def close(self, ending: Ending) -> None:
        """Tell how it ended; the room closes its connections."""
        if ending.error is not None:
            self._send(ending.error)
        self.on_close(ending)
