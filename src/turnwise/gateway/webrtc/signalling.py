"""One signalling socket of a client: signals go out in order, signals come in and are counted."""

import asyncio
import time
from collections import deque

from livekit.protocol import rtc
from starlette.websockets import WebSocket, WebSocketDisconnect

from turnwise.gateway.line import LineGone
from turnwise.gateway.webrtc import signals
from turnwise.wire.errors import WireError, close_reason

MOST_A_SECOND = 200
LARGEST_SIGNAL = 256 * 1024
CLOSING_S = 2.0
"""How long a client may take to answer a close."""


class Signalling:
    """A socket that was accepted."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._out: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._recent: deque[float] = deque(maxlen=MOST_A_SECOND)
        self._closing = (1000, "")
        self._written = asyncio.Event()

    def send(self, signal: rtc.SignalResponse) -> None:
        """Put a signal in line."""
        self._out.put_nowait(signal.SerializeToString())

    def close(self, code: int, reason: str) -> None:
        """Close when what is in line was sent."""
        self._closing = (code, close_reason(reason))
        self._out.put_nowait(None)

    async def write(self) -> None:
        """Send what is in line, until `close` or until the client is gone."""
        try:
            while (data := await self._out.get()) is not None:
                await self._socket.send_bytes(data)
            code, reason = self._closing
            await self._socket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError):
            return

    async def receive(self) -> rtc.SignalRequest:
        """Return the client's next signal.

        Raises:
            WireError: If it is none, or there are too many of them.
            LineGone: If the socket is closed.
        """
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise LineGone(received.get("code", 1006))
        now = time.monotonic()
        if len(self._recent) == MOST_A_SECOND and now - self._recent[0] < 1:
            raise WireError(f"more than {MOST_A_SECOND} signals a second")
        self._recent.append(now)
        data = received.get("bytes")
        if data is None:
            raise WireError("the signal is a text; it should be binary")
        if len(data) > LARGEST_SIGNAL:
            raise WireError(f"the signal has {len(data)} bytes; at most {LARGEST_SIGNAL} may be")
        return signals.read(data)
