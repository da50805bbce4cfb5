"""How long something takes: distributions of milliseconds, drawn from a seeded random."""

import math
import re
from dataclasses import dataclass
from random import Random
from typing import Protocol

from turnwise.base.errors import ConfigError

_P95 = 1.6448536269514722  # standard deviations above the median below which 95 % lie
_NUMBER = r"\s*(\d+)\s*"
_FORMS = "'80', '50-200', 'lognormal:120,400' or 'never'"


class Latency(Protocol):
    """A distribution of milliseconds."""

    def draw(self, rng: Random) -> int | None:
        """Return how long it takes this time, in milliseconds; None: it never happens."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same.

    Raises:
        ConfigError: If `ms` is negative.
    """

    ms: int
    """0 or more."""

    def __post_init__(self) -> None:
        """Refuse what lies before its cause."""
        if self.ms < 0:
            raise ConfigError(f"a latency is {self.ms!r} ms; it must be 0 or more")

    def draw(self, rng: Random) -> int:  # noqa: ARG002 - as `Latency` has it
        """Return `ms`."""
        return self.ms


@dataclass(frozen=True, slots=True)
class Uniform:
    """Anything from `low` to `high` milliseconds, each as likely.

    Raises:
        ConfigError: Unless 0 <= low <= high.
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if not 0 <= self.low <= self.high:
            raise ConfigError(
                f"a latency is from {self.low!r} to {self.high!r} ms; it must be 0 <= low <= high"
            )

    def draw(self, rng: Random) -> int:
        """Return one of them."""
        return rng.randint(self.low, self.high)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Mostly near the median, now and then much longer: how networks and models behave.

    Raises:
        ConfigError: Unless 0 < median <= p95.
    """

    median: int
    """Half of all take at most so long, in milliseconds."""
    p95: int
    """95 of 100 take at most so long, in milliseconds."""

    def __post_init__(self) -> None:
        """Refuse what is no such distribution."""
        if not 0 < self.median <= self.p95:
            raise ConfigError(
                f"a latency has the median {self.median!r} and the 95th percentile {self.p95!r} "
                "ms; it must be 0 < median <= p95"
            )

    def draw(self, rng: Random) -> int:
        """Return one of them."""
        sigma = math.log(self.p95 / self.median) / _P95
        return round(self.median * math.exp(sigma * rng.gauss(0, 1)))


@dataclass(frozen=True, slots=True)
class Never:
    """It hangs."""

    def draw(self, rng: Random) -> None:
        """Return None."""


def parse(text: str) -> Latency:
    """Return the latency that a text describes, in milliseconds.

    Args:
        text: `80`, `50-200` (uniform), `lognormal:120,400` (median, 95th percentile) or `never`.

    Raises:
        ConfigError: If it is none of these.
    """
    said = text.strip().lower()
    if said == "never":
        return Never()
    if match := re.fullmatch(_NUMBER, said):
        return Fixed(int(match[1]))
    if match := re.fullmatch(f"{_NUMBER}-{_NUMBER}", said):
        return Uniform(int(match[1]), int(match[2]))
    if match := re.fullmatch(f"lognormal:{_NUMBER},{_NUMBER}", said):
        return LogNormal(int(match[1]), int(match[2]))
    raise ConfigError(f"{text!r} is no latency; write {_FORMS}")
