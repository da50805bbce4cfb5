"""What is still to happen in a simulated conversation, in the order in which it will."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from turnwise.turns.events import Event, ReplyId

Plan = Callable[[int], None]
"""Something a shell does at a later millisecond, which it is told."""


@dataclass(slots=True)
class Entry:
    """Something that will happen unless it is crossed out."""

    what: Event | Plan
    reply: ReplyId | None = None
    """The reply it belongs to; None if to none."""
    crossed_out: bool = False


class Agenda:
    """A heap of times. What is due in the same millisecond happens in the order it was noted."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Entry]] = []
        self._noted = 0

    @property
    def next_at(self) -> int | None:
        """When the next entry is due; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def note(self, at: int, what: Event | Plan, reply: ReplyId | None = None) -> Entry:
        """Note that something happens at this millisecond; return it, to be crossed out."""
        entry = Entry(what, reply)
        self._noted += 1
        heapq.heappush(self._heap, (at, self._noted, entry))
        return entry

    def pop(self) -> tuple[int, Entry]:
        """Take out what is due next."""
        at, _, entry = heapq.heappop(self._heap)
        return at, entry
