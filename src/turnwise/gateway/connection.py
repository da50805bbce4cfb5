"""One client on a socket: what is sent to it, in order, and how fast it reads."""

import asyncio
from collections.abc import Iterable

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from turnwise.wire.closing import Ending
from turnwise.wire.codec import encode
from turnwise.wire.server_messages import ServerMessage

MOST_WAITING = 2_000
"""Messages that may wait for a client that does not read; one more and it is cut off."""


class Connection:
    """Sends to one client. Never blocks those who send."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue()
        self.too_slow = asyncio.Event()
        """Set when the client does not read what it is sent."""

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
