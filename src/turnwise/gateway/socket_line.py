"""The conversation socket as a line: JSON messages, decoded, counted, and sent in order."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from turnwise.audio.formats import AudioFormat
from turnwise.gateway.line import First, LineGone
from turnwise.wire.client_messages import (
    ClientMessage,
    ConversationInitiationClientData,
    EnclaveSetupConfig,
)
from turnwise.wire.closing import Ending
from turnwise.wire.codec import Limits, decode, encode
from turnwise.wire.errors import WireError
from turnwise.wire.server_messages import ServerMessage

GRACE_S = 1.0
"""Wait for the client's first message; without one the conversation begins anyway."""
MOST_WAITING = 2_000
"""Messages that may wait for a client that does not read; one more and it is cut off."""


class SocketLine:
    """One client of the conversation socket, which was accepted. Implements `Line`."""

    audio_format: AudioFormat | None = None

    def __init__(self, socket: WebSocket, limits: Limits, messages_a_second: int) -> None:
        self._socket = socket
        self._limits = limits
        self._heard_at = time.monotonic()
        self._recent: deque[float] = deque(maxlen=messages_a_second)
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue()
        self.too_slow = asyncio.Event()

    @property
    def heard_at(self) -> float:
        """When the client last sent something, by the monotonic clock."""
        return self._heard_at

    async def first(self) -> First:
        """Wait for the init message; sound that comes before it is kept."""
        first = First()
        try:
            async with asyncio.timeout(GRACE_S):
                while True:
                    message = await self.receive()
                    match message:
                        case ConversationInitiationClientData():
                            first.init = message
                            return first
                        case EnclaveSetupConfig():
                            first.enclave = message
                        case _:
                            first.early.append(message)
        except TimeoutError:
            return first

    async def receive(self) -> ClientMessage:
        """Return the client's next message."""
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise LineGone(received.get("code", 1006))
        self._heard_at = now = time.monotonic()
        full = len(self._recent) == self._recent.maxlen
        if full and now - self._recent[0] < 1:
            limit = self._recent.maxlen
            raise WireError(f"more than {limit} messages a second", error_type="value_error")
        self._recent.append(now)
        text = received.get("text")
        return decode(received["bytes"] if text is None else text, self._limits)

    def send(self, messages: Iterable[ServerMessage]) -> None:
        """Put messages in line."""
        for message in messages:
            if self._waiting.qsize() >= MOST_WAITING:
                self.too_slow.set()
                return
            self._waiting.put_nowait(encode(message))

    def finish(self) -> None:
        """Send nothing after what is in line."""
        self._waiting.put_nowait(None)

    async def run(self) -> None:
        """Send what is in line, until `finish` or until the client is gone."""
        while (text := await self._waiting.get()) is not None:
            try:
                await self._socket.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                return  # the reading side learns it too, and ends the conversation

    async def close(self, ending: Ending) -> None:
        """Send the error, if there is one, and close; a client that is gone is left alone."""
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            if ending.error is not None:
                await self._socket.send_text(encode(ending.error))
            await self._socket.close(ending.code, ending.reason)
        except (WebSocketDisconnect, RuntimeError):
            return
