"""A carrier's media stream as a line: sound both ways, marks, keys, and nothing else."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NoReturn

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from turnwise.audio.formats import FORMATS, AudioFormat
from turnwise.gateway.carriers.in_order import InOrder
from turnwise.gateway.line import First, LineGone, Received
from turnwise.wire.carriers import (
    CarrierEvent,
    Dialect,
    KeyPressed,
    MarkReached,
    SoundArrived,
    SoundPlayed,
    StreamStarted,
    StreamStopped,
)
from turnwise.wire.client_messages import (
    ClientToolResult,
    ConversationInitiationClientData,
    UserAudioChunk,
)
from turnwise.wire.closing import Ending
from turnwise.wire.errors import WireError
from turnwise.wire.server_messages import Audio, Interruption, ServerMessage
from turnwise.wire.tool_messages import ClientToolCall

START_S = 5.0
"""How long a carrier may take until it says which call this is."""
DRAIN_S = 3.0
"""How long the last words may take to be played when the call is over for us."""
COALESCED_BYTES = 320
"""Frames of 20 ms are joined to 40 ms: the detector looks at 32 ms at once."""
MOST_A_SECOND = 1_000
"""Messages: 50 are usual, and many come at once behind a stall of the network."""
MOST_WAITING = 2_000
"""Messages that may wait for a carrier that does not read."""
_NO_PROGRAM = "This is a phone call: there is no program on the other end to run the tool."


class CarrierLine:
    """One call of a carrier, whose socket was accepted. Implements `Line`."""

    audio_format: AudioFormat | None = FORMATS["ulaw_8000"]

    def __init__(self, socket: WebSocket, dialect: Dialect) -> None:
        self._socket = socket
        self._dialect = dialect
        self._stream_id = ""
        self._heard_at = time.monotonic()
        self._recent: deque[float] = deque(maxlen=MOST_A_SECOND)
        self._order = InOrder()
        self._joined = bytearray()
        self._answers: deque[ClientToolResult] = deque()
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue()
        self._sent = 0  # pieces of sound; each has a mark behind it, named by its number
        self._wanted_from = 0  # pieces before this one were thrown away, or were played
        self._gone = False
        self.init = ConversationInitiationClientData()
        """What the call begins with."""
        self.too_slow = asyncio.Event()

    @property
    def heard_at(self) -> float:
        """When the carrier last sent something, by the monotonic clock."""
        return self._heard_at

    async def started(self) -> StreamStarted:
        """Wait until the carrier says which call this is.

        Raises:
            WireError: If it says something else, or nothing for too long.
            LineGone: If it is gone.
        """
        try:
            async with asyncio.timeout(START_S):
                while True:
                    match await self._next():
                        case StreamStarted() as start:
                            self._stream_id = start.stream_id
                            return start
                        case StreamStopped():
                            raise LineGone(1000)
                        case SoundArrived() | MarkReached() | KeyPressed():
                            raise WireError("the stream has not begun: start should come first")
                        case _:
                            continue
        except TimeoutError as late:
            raise WireError(f"no start came within {START_S:g} s") from late

    async def first(self) -> First:
        """Return what the call begins with."""
        return First(init=self.init)

    async def read(self, take: Callable[[Received], None]) -> NoReturn:
        """Give away what the person does."""
        while True:
            take(await self.receive())

    async def receive(self) -> Received:
        """Return what the person does next."""
        while True:
            if self._answers:
                return self._answers.popleft()
            match await self._next():
                case SoundArrived(sound=sound, number=number):
                    self._joined += self._order.take(sound, number)
                    if len(self._joined) >= COALESCED_BYTES:
                        joined, self._joined = bytes(self._joined), bytearray()
                        return UserAudioChunk(joined)
                case MarkReached(name=name):
                    if (piece := self._piece(name)) is not None:
                        return SoundPlayed(piece)
                case KeyPressed() as key:
                    return key
                case StreamStopped():
                    raise self._lost(1000)
                case StreamStarted():
                    raise WireError("the stream has begun already: start should come once")
                case _:
                    continue

    async def _next(self) -> CarrierEvent:
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise self._lost(received.get("code", 1006))
        self._heard_at = now = time.monotonic()
        if len(self._recent) == MOST_A_SECOND and now - self._recent[0] < 1:
            raise WireError(f"more than {MOST_A_SECOND} messages a second")
        self._recent.append(now)
        text = received.get("text")
        return self._dialect.read(received["bytes"] if text is None else text)

    def _lost(self, code: int) -> LineGone:
        self._gone = True
        return LineGone(code)

    def _piece(self, name: str) -> int | None:
        """Return which piece of sound was played; None: it is not wanted any more, or none."""
        number = int(name) if name.isascii() and name.isdecimal() and len(name) < 10 else -1
        if not self._wanted_from <= number < self._sent:
            return None
        self._wanted_from = number + 1
        return number

    def send(self, messages: Iterable[ServerMessage]) -> None:
        """Put sound in line, and what stops it; a telephone takes nothing else."""
        for message in messages:
            match message:
                case Audio(audio=sound):
                    self._put(self._dialect.sound(self._stream_id, sound))
                    self._put(self._dialect.mark(self._stream_id, str(self._sent)))
                    self._sent += 1
                case Interruption():
                    self._wanted_from = self._sent
                    self._put(self._dialect.clear(self._stream_id))
                case ClientToolCall(tool_call_id=call):
                    failure = ClientToolResult(tool_call_id=call, result=_NO_PROGRAM, is_error=True)
                    self._answers.append(failure)
                case _:
                    pass

    def _put(self, text: str) -> None:
        if self._waiting.qsize() >= MOST_WAITING:
            self.too_slow.set()
        else:
            self._waiting.put_nowait(text)

    def finish(self) -> None:
        """Send nothing after what is in line."""
        self._waiting.put_nowait(None)

    async def run(self) -> None:
        """Send what is in line until `finish`, and wait until it was played, but not for long."""
        try:
            while (text := await self._waiting.get()) is not None:
                await self._socket.send_text(text)
            async with asyncio.timeout(DRAIN_S):
                while not self._gone and self._wanted_from < self._sent:
                    event = await self._next()
                    if isinstance(event, MarkReached):
                        self._piece(event.name)
                    elif isinstance(event, StreamStopped):
                        self._gone = True
        except (WebSocketDisconnect, RuntimeError, TimeoutError, WireError, LineGone):
            return

    async def close(self, ending: Ending) -> None:
        """Close the socket: the carrier goes on with the call, or hangs up, as it was told."""
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            await self._socket.close(ending.code, ending.reason)
        except (WebSocketDisconnect, RuntimeError):
            return
