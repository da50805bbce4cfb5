"""Time for many users from few timers: to wake a process up costs more than a user does."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, cycle

from turnwise.testing.load.tally import Tally

Tick = Callable[[float], None]
"""Is told the time at which it was due, in seconds of the monotonic clock."""

_STEP_S = 0.01


class Beats:
    """Calls each user once in a period; users are divided into groups that take turns."""

    def __init__(self, period_s: float, tally: Tally, groups: int | None = None) -> None:
        """Describe them.

        Args:
            period_s: Above 0.
            tally: Learns how late they come.
            groups: How many groups; None: one for each 10 ms of the period.
        """
        size = max(1, round(period_s / _STEP_S)) if groups is None else groups
        self._groups: list[set[Tick]] = [set() for _ in range(size)]
        self._next = cycle(self._groups)
        self._step_s = period_s / size
        self._tally = tally

    @contextmanager
    def joined(self, tick: Tick) -> Iterator[None]:
        """Call a user for as long as the block lasts."""
        group = next(self._next)
        group.add(tick)
        try:
            yield
        finally:
            group.discard(tick)

    async def run(self) -> None:
        """Beat until cancelled."""
        began = time.monotonic()
        for number, group in zip(count(1), cycle(self._groups), strict=False):
            due = began + number * self._step_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            for tick in tuple(group):
                self._tally.late(due, now)
                tick(due)
