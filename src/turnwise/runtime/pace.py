"""How fast somebody may go, counted in memory that the processes of a server share.

Of each who goes, one number is kept: the moment from which on nothing is owed. Each step moves it
on by an even share of the window, and nobody may owe more than a window: a whole burst at once,
then one step in each share (the "generic cell rate algorithm" of ATM networks). A row whose moment
has passed is free, so nothing needs to be tidied.
"""

import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from turnwise.runtime.shared_memory import SharedMemory

MOST = 16_384
"""Rows. Who finds none takes the one that is free soonest, and whose it was begins anew."""
_TRIES = 8
_BYTES = MOST * 8


class Pace:
    """Counts the steps of many."""

    def __init__(self, path: Path | None = None, now: Callable[[], float] = time.monotonic) -> None:
        """Count nothing yet.

        Args:
            path: The file that the processes share; None: there is only this process.
            now: A clock that all processes of the machine share, in seconds.
        """
        self._shared = SharedMemory(path, 2 * _BYTES)
        memory = memoryview(self._shared.memory)
        self._who = memory[:_BYTES].cast("Q")
        self._clear_at = memory[_BYTES:].cast("d")
        self._now = now

    def step(self, who: str, most: int, window_s: float) -> float:
        """Count a step; return 0, or in how many seconds it could be made: then it was not.

        Args:
            who: Whose step.
            most: Steps in a window.
            window_s: Length of the window, in seconds.
        """
        digest = int.from_bytes(blake2b(who.encode(), digest_size=8).digest(), "little") or 1
        share_s = window_s / most
        with self._shared.locked():
            now = self._now()
            row = self._row(digest)
            clear_at = max(now, self._clear_at[row]) if self._who[row] == digest else now
            wait_s = clear_at + share_s - now - window_s
            if wait_s > share_s * 1e-6:
                return wait_s
            self._who[row], self._clear_at[row] = digest, clear_at + share_s
        return 0.0

    def close(self) -> None:
        """Close the file."""
        self._shared.close()

    def _row(self, digest: int) -> int:
        places = [(digest + number) % MOST for number in range(_TRIES)]
        for place in places:
            if self._who[place] == digest:
                return place
        return min(places, key=self._clear_at.__getitem__)
