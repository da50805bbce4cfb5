"""Which character is spoken when: characters <-> milliseconds of synthesised speech.

Laws: characters keep their order and number; none begins before the one before it has ended; of
cuts that follow each other, each character is in exactly one. Gaps between characters are pauses.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self


@dataclass(frozen=True, slots=True)
class Alignment:
    """The times of the characters of a piece of speech, whose sound begins at 0 ms."""

    chars: tuple[str, ...] = ()
    """The characters, in order."""

    starts_ms: tuple[int, ...] = ()
    """When each begins, 0 or more, one for each of `chars`."""

    durations_ms: tuple[int, ...] = ()
    """How long each lasts, 0 or more, one for each of `chars`."""

    estimated: bool = False
    """Whether times are by proportion, because the synthesizer told none."""

    def __post_init__(self) -> None:
        """Refuse times that are not in order: the class methods put them in order first."""
        assert len(self.chars) == len(self.starts_ms) == len(self.durations_ms)
        assert all(duration >= 0 for duration in self.durations_ms)
        assert all(
            end <= start for end, start in zip((0, *self.ends_ms), self.starts_ms, strict=False)
        )

    @classmethod
    def of_chars(
        cls, chars: Sequence[str], starts_ms: Sequence[int], durations_ms: Sequence[int]
    ) -> Self:
        """Take a time for each character.

        A start before the one before it is moved up to it, an end after the next start back to it.
        """
        starts: list[int] = []
        for start in starts_ms:
            starts.append(max(start, starts[-1] if starts else 0))
        ends = [start + duration for start, duration in zip(starts_ms, durations_ms, strict=True)]
        limits = [*starts[1:], *ends[-1:]]
        durations = (
            max(0, min(end, limit) - start)
            for start, end, limit in zip(starts, ends, limits, strict=True)
        )
        return cls(tuple(chars), tuple(starts), tuple(durations))

    @classmethod
    def of_words(cls, text: str, words: Iterable[tuple[int, int]], total_ms: int) -> Self:
        """Take the begins of words, as espeak tells them.

        A token, what stands between spaces, begins at the first time told for any of it; further
        ones, and ones for tokens that are over, are left out (`$42.50` comes as six spans that
        overlap).
        Characters are spread evenly up to the next token that has a time, or the end.

        Args:
            text: What is spoken.
            words: (offset into `text` in characters, begin in ms), in the order of speech.
            total_ms: Length of the sound; later times are moved back to it.
        """
        tokens = [match.start() for match in re.finditer(r"\S+", text)]
        anchors = [(0, 0)]
        latest = -1
        for offset, told_ms in words:
            token = max(0, bisect_right(tokens, offset) - 1)
            if latest < token < len(tokens):
                latest = token
                anchors.append((tokens[token], min(max(told_ms, anchors[-1][1]), total_ms)))
        anchors.append((len(text), total_ms))
        starts = _spread(anchors)
        ends = [*starts[1:], total_ms]
        durations = tuple(end - start for start, end in zip(starts, ends, strict=False))
        return cls(tuple(text), tuple(starts), durations)

    @classmethod
    def estimate(cls, text: str, total_ms: int) -> Self:
        """Give each character the same share of `total_ms`. For synthesizers that tell no times."""
        even = cls.of_words(text, (), total_ms)
        return cls(even.chars, even.starts_ms, even.durations_ms, estimated=True)

    @property
    def text(self) -> str:
        """The characters in one string."""
        return "".join(self.chars)

    @property
    def ends_ms(self) -> tuple[int, ...]:
        """When each character ends, one for each of `chars`."""
        return tuple(
            start + duration
            for start, duration in zip(self.starts_ms, self.durations_ms, strict=True)
        )

    def heard_chars(self, ms: int) -> int:
        """Return how many characters are over when `ms` of the sound have been heard."""
        return bisect_right(self.ends_ms, ms)

    def cut(self, from_ms: int, to_ms: int | None) -> Self:
        """Return the characters that begin at `from_ms` or later and before `to_ms`.

        Their times count from `from_ms`. One that goes on after `to_ms` keeps its length.

        Args:
            from_ms: Begin of the cut; 0 for the first.
            to_ms: End of the cut, begin of the next; None for the last: it takes all that is left.
        """
        first = bisect_left(self.starts_ms, from_ms)
        last = len(self.chars) if to_ms is None else bisect_left(self.starts_ms, to_ms)
        return type(self)(
            self.chars[first:last],
            tuple(start - from_ms for start in self.starts_ms[first:last]),
            self.durations_ms[first:last],
            self.estimated,
        )

    def shift(self, ms: int) -> Self:
        """Return the same characters `ms` later. No start may become negative."""
        if not ms:
            return self
        starts = tuple(start + ms for start in self.starts_ms)
        return type(self)(self.chars, starts, self.durations_ms, self.estimated)

    def join(self, later: Self) -> Self:
        """Return these characters and then those of `later`, whose times count from the same 0 ms.

        Where both overlap, the rule of `of_chars` holds.
        """
        if not self.chars and not self.estimated:  # nearly always: each chunk begins with nothing
            return later
        joined = self.of_chars(
            self.chars + later.chars,
            self.starts_ms + later.starts_ms,
            self.durations_ms + later.durations_ms,
        )
        estimated = self.estimated or later.estimated
        return type(self)(joined.chars, joined.starts_ms, joined.durations_ms, estimated)


def _spread(anchors: Sequence[tuple[int, int]]) -> list[int]:
    """Return the begin in ms of each character between anchors (offset, ms), evenly spread."""
    starts: list[int] = []
    for (offset, ms), (next_offset, next_ms) in pairwise(anchors):
        chars = next_offset - offset
        starts += [ms + (next_ms - ms) * index // chars for index in range(chars)]
    return starts
