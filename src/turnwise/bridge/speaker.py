"""What the caller is sent, in order: the agent's sound, and silence behind each turn.

A caller that ends turns by what it hears needs silence to hear; an agent sends none.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from turnwise.bridge.actor import FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Trailer:
    """The silence behind a turn."""

    length_ms: int = 1_700
    """More than the 1,500 ms after which Veris takes a turn to be over."""
    after_ms: int = 400
    """So long after the last sound."""


class Speaker:
    """Queues sound for the caller; those who play never wait."""

    def __init__(self, trailer: Trailer) -> None:
        self._trailer = trailer
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None

    def play(self, data: bytes) -> None:
        """Queue sound, and silence behind it if nothing follows."""
        self._cancel()
        self._waiting.put_nowait(data)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._trailer.after_ms / 1000, self._pad)

    def interrupt(self) -> None:
        """Drop what was not sent, and the silence that was to follow."""
        self._cancel()
        while not self._waiting.empty():
            self._waiting.get_nowait()

    def finish(self) -> None:
        """Send nothing after what is queued."""
        self._cancel()
        self._waiting.put_nowait(None)

    async def run(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send what is queued, until `finish`."""
        while (data := await self._waiting.get()) is not None:
            await send(data)

    def _pad(self) -> None:
        self._timer = None
        self._waiting.put_nowait(bytes(FORMAT.bytes_in(self._trailer.length_ms)))

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
