"""The conversation socket as a line: JSON messages, decoded, counted, and sent in order."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import NoReturn

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from turnwise.audio.formats import AudioFormat
from turnwise.gateway.direct_socket import direct_socket
from turnwise.gateway.line import First, LineGone, Received
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
        self._direct = direct_socket(socket.scope)
        self._limits = limits
        self._heard_at = time.monotonic()
        self._recent: deque[float] = deque(maxlen=messages_a_second)
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._sending = True  # what is in line goes before what could be sent at once
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
                    message = await self._receive()
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

    async def read(self, take: Callable[[Received], None]) -> NoReturn:
        """Give each message away where it arrives; what is wrong with one comes up here."""
        if self._direct is not None:
            self._direct.listen(partial(self._take, take))
        while True:
            take(await self._receive())

    def _take(self, take: Callable[[Received], None], text: bytes) -> bool:
        """Take a message at once; False: `read` must see it, for it is wrong or broke us."""
        try:
            take(self._read(text))
        except Exception:  # noqa: BLE001 - `read` raises it again, where conversations end by it
            return False
        return True

    async def _receive(self) -> ClientMessage:
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise LineGone(received.get("code", 1006))
        text = received.get("text")
        return self._read(received["bytes"] if text is None else text)

    def _read(self, text: str | bytes) -> ClientMessage:
        self._heard_at = now = time.monotonic()
        full = len(self._recent) == self._recent.maxlen
        if full and now - self._recent[0] < 1:
            limit = self._recent.maxlen
            raise WireError(f"more than {limit} messages a second", error_type="value_error")
        self._recent.append(now)
        return decode(text, self._limits)

    def send(self, messages: Iterable[ServerMessage]) -> None:
        """Send messages at once where the client reads; else put them in line."""
        for message in messages:
            text = encode(message).encode()
            if not self._sending and self._direct is not None and self._direct.say(text):
                continue
            if self._waiting.qsize() >= MOST_WAITING:
                self.too_slow.set()
                return
            self._sending = True
            self._waiting.put_nowait(text)

    def finish(self) -> None:
        """Send nothing after what is in line."""
        self._sending = True
        self._waiting.put_nowait(None)

    async def run(self) -> None:
        """Send what is in line, until `finish` or until the client is gone."""
        while True:
            self._sending = not self._waiting.empty()
            if (text := await self._waiting.get()) is None:
                return
            try:
                await self._socket.send_text(text.decode())
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
