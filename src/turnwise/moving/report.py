"""What a move did: what was moved, what was not and why, and what is left to do by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Count:
    """Of one kind of things."""

    moved: int = 0
    there: int = 0
    """As many as were there already."""
    failed: int = 0


@dataclass(slots=True)
class Report:
    """All that is told at the end."""

    counts: dict[str, Count] = field(default_factory=dict)
    """By kind, in the order of the move."""
    failures: list[str] = field(default_factory=list)
    """What could not be moved, and why; a second run tries again."""
    skipped: dict[str, int] = field(default_factory=dict)
    """What was left out on purpose: why, and how often."""
    set_again: list[str] = field(default_factory=list)
    """What came without its secret value."""
    by_hand: list[str] = field(default_factory=list)
    """What no program can move."""

    def of(self, kind: str) -> Count:
        """Return the count of a kind."""
        return self.counts.setdefault(kind, Count())

    def fail(self, kind: str, what: str, reason: str) -> None:
        """Note that something could not be moved."""
        self.of(kind).failed += 1
        self.failures.append(f"{kind}: {what}: {reason}")

    def skip(self, reason: str) -> None:
        """Note that something is left out."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    @property
    def complete(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    def lines(self) -> Iterator[str]:
        """Yield the summary, line by line."""
        counts = {kind: count for kind, count in self.counts.items() if count != Count()}
        width = max(map(len, counts), default=0)
        if not counts:
            yield "there is nothing to move"
        for kind, count in counts.items():
            told = [f"{count.moved} moved"]
            told += [f"{count.there} there already"] if count.there else []
            told += [f"{count.failed} failed"] if count.failed else []
            yield f"{kind:<{width}}  {', '.join(told)}"
        yield from _section("Left out:", [f"{why} ({n})" for why, n in self.skipped.items()])
        yield from _section("Failed (run it again to try again):", self.failures)
        yield from _section("Set again (their values cannot be read):", self.set_again)
        yield from _section("To do by hand:", self.by_hand)


def _section(title: str, entries: list[str]) -> Iterator[str]:
    if entries:
        yield ""
        yield title
        yield from (f"  - {each}" for each in entries)
