"""What comes in on one socket: decoded, counted, and the first messages of a conversation."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect

from turnwise.wire.client_messages import (
    ClientMessage,
    ConversationInitiationClientData,
    EnclaveSetupConfig,
)
from turnwise.wire.codec import Limits, decode
from turnwise.wire.errors import WireError

GRACE_S = 1.0
"""Wait for the client's first message; without one the conversation begins anyway."""


@dataclass(slots=True)
class First:
    """What a client sent before the conversation began."""

    init: ConversationInitiationClientData = field(default_factory=ConversationInitiationClientData)
    enclave: EnclaveSetupConfig | None = None
    early: list[ClientMessage] = field(default_factory=list)
    """Sound that came before the metadata was sent."""


class Incoming:
    """Reads one client."""

    def __init__(self, socket: WebSocket, limits: Limits, messages_a_second: int) -> None:
        self._socket = socket
        self._limits = limits
        self.heard_at = time.monotonic()
        """When the client last sent something, by the monotonic clock."""
        self._recent: deque[float] = deque(maxlen=messages_a_second)

    async def receive(self) -> ClientMessage:
        """Return the client's next message.

        Raises:
            WireError: If it is malformed, or there are too many of them.
            WebSocketDisconnect: If the client is gone.
        """
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1006), received.get("reason"))
        self.heard_at = now = time.monotonic()
        full = len(self._recent) == self._recent.maxlen
        if full and now - self._recent[0] < 1:
            limit = self._recent.maxlen
            raise WireError(f"more than {limit} messages a second", error_type="value_error")
        self._recent.append(now)
        text = received.get("text")
        return decode(received["bytes"] if text is None else text, self._limits)

    async def first(self) -> First:
        """Wait for the init message; sound that comes before it is kept.

        Raises:
            WireError, WebSocketDisconnect: As `receive`.
        """
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
