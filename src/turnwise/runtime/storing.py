"""When the document of a live conversation is stored: after every turn, and not oftener."""

import asyncio
from collections.abc import Awaitable, Callable

SETTLING_S = 0.3
"""How long a new turn waits until it is stored: what is more urgent is done first, the answer."""
UNHURRIED_S = 5.0
"""How long what is no new turn waits for one: figures of a turn, and what of it was heard."""


class Storing:
    """Stores one conversation."""

    def __init__(self, store: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._dirty = asyncio.Event()
        self._later: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        """Store it: there is a new turn."""
        self._dirty.set()

    def later(self) -> None:
        """Store it with the next turn, or when none comes for a while."""
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(UNHURRIED_S, self._dirty.set)

    async def run(self) -> None:
        """Store what is new, for ever."""
        try:
            while True:
                await self._dirty.wait()
                await asyncio.sleep(SETTLING_S)
                self._dirty.clear()
                self._forget_later()
                await self._store()
        finally:
            self._forget_later()

    def _forget_later(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
