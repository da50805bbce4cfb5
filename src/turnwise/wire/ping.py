"""Pings, and how long they take.

Laws: a number is used once; `ping_ms` is between 1 and `MOST_MS` once it is known, and does not
grow by being announced, although some clients wait for so long before they answer.
"""

from turnwise.base.units import Millis
from turnwise.wire.server_messages import Ping

MOST_MS = 1_000
"""Longest time that is announced: some clients sleep for it (spec/wire-protocol.md, 0, item 9)."""

_REMEMBERED = 32
_SURE = 4
_WEIGHT = 4


class PingClock:
    """Measures one client. Times are passed in and never go back."""

    def __init__(self) -> None:
        self._sent: dict[int, tuple[Millis, int]] = {}
        self._number = 0
        self._estimate_ms: int | None = None
        self._waits = 0  # above 0: the client sleeps for `ping_ms` before it answers

    @property
    def ping_ms(self) -> int | None:
        """Time to the client and back; None while it is not known."""
        return self._estimate_ms

    def ping(self, now: Millis) -> Ping:
        """Return the next ping."""
        self._number += 1
        self._sent[self._number] = (now, self._estimate_ms or 0)
        if len(self._sent) > _REMEMBERED:
            del self._sent[min(self._sent)]
        return Ping(event_id=self._number, ping_ms=self._estimate_ms)

    def pong(self, event_id: int | None, now: Millis) -> int | None:
        """Take in an answer.

        Args:
            event_id: Which ping it answers; one that is not known, or was answered, measures
                nothing.
            now: When it came.

        Returns:
            How long it took, what the client waited by itself left out; None if nothing was
            measured.
        """
        sent = self._sent.pop(event_id, None) if event_id is not None else None
        if sent is None:
            return None
        at, announced = sent
        took = now - at
        estimate = self._estimate_ms
        if estimate is None:
            self._estimate_ms = _within(took)
            return took
        # a client that waits took `announced` longer: whichever is closer to what is known, counts
        seems_to_wait = took >= announced and abs(took - announced - estimate) < abs(
            took - estimate
        )
        self._waits = max(-_SURE, min(_SURE, self._waits + (1 if seems_to_wait else -1)))
        if self._waits > 0 and took >= announced:
            took -= announced
        self._estimate_ms = _within(estimate + round((_within(took) - estimate) / _WEIGHT))
        return took


def _within(ms: int) -> int:
    return max(1, min(MOST_MS, ms))
