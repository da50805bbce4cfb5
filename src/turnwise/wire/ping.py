"""Pings, and how long they take.

Some clients wait for `ping_ms` before they answer, others answer at once, and an answer does not
say which. So only pings that announce nothing are measured, every other one: what was announced
cannot come back into the measure and grow (spec/wire-protocol.md, 0, item 9).

Laws: a number is used once; what is announced lies between 1 and `MOST_MS`, and between the
shortest and the longest time measured.
"""

from turnwise.base.units import Millis
from turnwise.wire.server_messages import Ping

MOST_MS = 1_000
"""Longest time that is announced: some clients sleep for it."""

_REMEMBERED = 32
_WEIGHT = 4


class PingClock:
    """Measures one client. Times are passed in and never go back."""

    def __init__(self) -> None:
        self._sent: dict[int, Millis] = {}
        self._number = 0
        self._announced = False
        self._ping_ms: int | None = None

    @property
    def ping_ms(self) -> int | None:
        """Time to the client and back, smoothed; None while it is not known."""
        return self._ping_ms

    def ping(self, now: Millis) -> Ping:
        """Return the next ping."""
        self._number += 1
        self._announced = self._ping_ms is not None and not self._announced
        if self._announced:
            return Ping(event_id=self._number, ping_ms=self._ping_ms)
        self._sent[self._number] = now
        if len(self._sent) > _REMEMBERED:
            del self._sent[min(self._sent)]
        return Ping(event_id=self._number)

    def pong(self, event_id: int | None, now: Millis) -> int | None:
        """Take in an answer.

        Args:
            event_id: Which ping it answers.
            now: When it came.

        Returns:
            How long it took; None for an answer that measures nothing: to a ping that announced a
            time, that is not known, or that was answered before.
        """
        sent = self._sent.pop(event_id, None) if event_id is not None else None
        if sent is None:
            return None
        took = now - sent
        seen = max(1, min(MOST_MS, took))
        before = self._ping_ms
        self._ping_ms = seen if before is None else before + round((seen - before) / _WEIGHT)
        return took
