"""How busy this process is: the lag of its event loop, and how many calls it has learned to carry.

A timer that is due every 100 ms comes late by as much as everything else does. Where most of the
last ones came too late, calls suffer: the process has found that it carries fewer than it holds,
and remembers it. While it is calm at that number it tries a few more, so that the number follows
what the calls cost.
"""

import asyncio
from collections import deque
from collections.abc import Callable

SAMPLE_S = 0.1
"""Between two looks at the clock."""
SAMPLES = 20
"""Looks that count: one stall is no strain, two seconds of it are."""
EACH = 10
"""Looks between two conclusions."""
LATE_PERCENT = 90
FEW_CALLS = 16
"""So many calls are never too many: if the loop lags with these, others on the machine are the
reason, and fewer calls would not help."""
COOLING = 5
"""Seconds after strain in which nothing more is learned: what was refused takes time to show."""


class Load:
    """What one process knows of its load. Does not look at a clock."""

    def __init__(self, limit_ms: int = 0) -> None:
        """Know nothing yet.

        Args:
            limit_ms: The lag from which on calls suffer; 0: never.
        """
        self._limit_ms = limit_ms
        self._recent: deque[float] = deque(maxlen=SAMPLES)
        self._looks = 0
        self._cooling = 0
        self.lag_ms = 0.0
        """What nine of ten of the last looks were not later than."""
        self.capacity: int | None = None
        """How many calls it carries; None: more than it ever held."""

    @property
    def concluded(self) -> bool:
        """Whether the last look was one after which something was concluded: once a second."""
        return self._looks % EACH == 0

    @property
    def strained(self) -> bool:
        """Whether calls suffer now."""
        return 0 < self._limit_ms < self.lag_ms

    def admits(self, live: int) -> bool:
        """Return whether one more call can be carried besides those that are live."""
        if live < FEW_CALLS:
            return True
        return not self.strained and (self.capacity is None or live < self.capacity)

    def look(self, late_ms: float, live: int) -> None:
        """Take in how late the timer came, and how many calls were live."""
        self._recent.append(late_ms)
        self._looks += 1
        if self.concluded:
            self._conclude(live)

    def _conclude(self, live: int) -> None:
        ordered = sorted(self._recent)
        self.lag_ms = ordered[(len(ordered) - 1) * LATE_PERCENT // 100]
        self._cooling = max(0, self._cooling - 1)
        if self._cooling:
            return
        if self.strained:
            # while more are live than it should hold, lag teaches nothing new
            if live > FEW_CALLS and (self.capacity is None or live <= self.capacity):
                self.capacity = max(FEW_CALLS, live * 9 // 10)
                self._cooling = COOLING
        elif self.capacity is not None and live >= self.capacity and self._is_calm():
            self.capacity += max(1, self.capacity // 25)

    def _is_calm(self) -> bool:
        return self.lag_ms * 2 < self._limit_ms


class LoopWatch:
    """The one timer that looks."""

    def __init__(self, load: Load, live: Callable[[], int], then: Callable[[float], None]) -> None:
        """Watch nothing yet.

        Args:
            load: Takes in what is seen.
            live: Says how many calls are live.
            then: Told after each look how late it was, in seconds.
        """
        self._load = load
        self._live = live
        self._then = then
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch the running loop."""
        loop = asyncio.get_running_loop()
        due = loop.time() + SAMPLE_S
        self._timer = loop.call_at(due, self._look, loop, due)

    def stop(self) -> None:
        """Watch it no longer."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        late_s = max(0.0, loop.time() - due)
        self._load.look(late_s * 1000, self._live())
        self._then(late_s)
        self.start()
