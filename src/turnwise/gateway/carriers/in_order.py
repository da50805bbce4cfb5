"""Frames of sound in the order in which they were spoken: a carrier may send them in another."""

HELD = 5
"""So many frames (100 ms) are held back at most for one that is missing."""


class InOrder:
    """Puts the frames of one stream in order. One that comes too late is left out."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._early: dict[int, bytes] = {}

    def take(self, sound: bytes, number: int | None) -> bytes:
        """Take a frame; return what can be heard now, often just that.

        Args:
            sound: The frame.
            number: Its place; None: it is where it belongs.
        """
        if number is None:
            return sound
        if self._next is None:
            self._next = number
        if number < self._next:
            return b""
        self._early[number] = sound
        if len(self._early) > HELD:
            self._next = min(self._early)
        ready = b""
        while self._next in self._early:
            ready += self._early.pop(self._next)
            self._next += 1
        return ready
