"""How the calls of one level went, in figures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from turnwise.testing.load.plan import Plan
from turnwise.testing.load.tally import Tally
from turnwise.testing.load.usage import Usage

LATE_CLIENT_MS = 20
"""A client that itself is so late, at its 99th percentile, measures itself."""
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds, by rank; None where nothing was measured."""

    count: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    most: float | None = None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of some values."""
        if not values:
            return cls(0)
        ranks = np.percentile(values, (50, 95, 99, 100))
        return cls(len(values), *(round(float(rank), 1) for rank in ranks))

    def to_plain(self) -> dict[str, float | None]:
        """Return it for JSON."""
        named = {"p50": self.p50, "p95": self.p95, "p99": self.p99, "max": self.most}
        return {"count": self.count, **named}


@dataclass(frozen=True, slots=True)
class Taken:
    """What the server took for the calls."""

    cpu_ms_per_call_s: float
    """Milliseconds of CPU for one call in one second."""
    cores: float
    """Cores busy, on average."""
    memory_mb: float
    """At the end, in MB (1,000,000 bytes)."""
    memory_mb_per_call: float
    """What of it was not there before the calls, for each of them."""
    files: int | None
    """Open file descriptors at the end; None: not known."""


@dataclass(frozen=True, slots=True)
class Level:
    """So many calls at once."""

    calls: int
    hold_s: float
    response: Spread
    interruption: Spread
    opening: Spread
    greeting: Spread
    hole: Spread
    """Each time that a caller heard the agent's sound break off for want of more."""
    hole_share: float
    """Time in holes, of all the time in which the agent was to be heard; 0 to 1."""
    audio_s: float
    """Speech of the agent that came."""
    errors: Counter[str]
    server: Taken | None
    """None: nobody could say."""
    client_cpu_ms_per_call_s: float
    client_late: Spread
    """By how much the client itself sent late."""
    samples: Tally = field(repr=False)

    @classmethod
    def of(
        cls,
        plan: Plan,
        tally: Tally,
        idle: Usage | None = None,
        seconds: Sequence[tuple[float, Usage]] = (),
    ) -> "Level":
        """Return the figures.

        Args:
            plan: What was held.
            tally: What the users noticed.
            idle: What the server used before there were any calls; None: not known.
            seconds: What it used in the hold and when, in seconds of any clock; the first and
                the last count.
        """
        holes_s = sum(ms for _, ms in tally.holes) / 1000
        lags = sorted(tally.lags.items())
        late = np.repeat([ms for ms, _ in lags], [count for _, count in lags]).tolist()
        return cls(
            calls=plan.calls,
            hold_s=plan.hold_s,
            response=Spread.of([ms for _, ms in tally.responses]),
            interruption=Spread.of([ms for _, ms in tally.interruptions]),
            opening=Spread.of(tally.openings_ms),
            greeting=Spread.of(tally.greetings_ms),
            hole=Spread.of([ms for _, ms in tally.holes]),
            hole_share=holes_s / (holes_s + tally.audio_s) if tally.holes else 0.0,
            audio_s=tally.audio_s,
            errors=tally.errors,
            server=_taken(plan.calls, idle, seconds),
            client_cpu_ms_per_call_s=tally.cpu_s * 1000 / (plan.calls * plan.hold_s),
            client_late=Spread.of(late),
            samples=tally,
        )

    @property
    def is_client_late(self) -> bool:
        """Whether the client was too slow to be believed."""
        return (self.client_late.p99 or 0) > LATE_CLIENT_MS

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        server = self.server
        return {
            "calls": self.calls,
            "hold_s": self.hold_s,
            "response_ms": self.response.to_plain(),
            "interruption_ms": self.interruption.to_plain(),
            "opening_ms": self.opening.to_plain(),
            "greeting_ms": self.greeting.to_plain(),
            "audio": {
                "seconds": round(self.audio_s, 1),
                "late_share": round(self.hole_share, 6),
                "hole_ms": self.hole.to_plain(),
            },
            "errors": dict(self.errors.most_common()),
            "server": None if server is None else {
                "cpu_ms_per_call_s": round(server.cpu_ms_per_call_s, 3),
                "cores": round(server.cores, 3),
                "memory_mb": round(server.memory_mb, 1),
                "memory_mb_per_call": round(server.memory_mb_per_call, 3),
                "open_files": server.files,
            },
            "client": {
                "cpu_ms_per_call_s": round(self.client_cpu_ms_per_call_s, 3),
                "late_ms": self.client_late.to_plain(),
            },
        }  # fmt: skip


def _taken(calls: int, idle: Usage | None, seconds: Sequence[tuple[float, Usage]]) -> Taken | None:
    if idle is None or len(seconds) < 2:
        return None
    (first_s, first), (last_s, last) = seconds[0], seconds[-1]
    cores = (last.cpu_s - first.cpu_s) / (last_s - first_s)
    return Taken(
        cpu_ms_per_call_s=cores * 1000 / calls,
        cores=cores,
        memory_mb=last.memory / _MB,
        memory_mb_per_call=(last.memory - idle.memory) / _MB / calls,
        files=last.files,
    )


def slope_an_hour(points: Sequence[tuple[float, float]]) -> float:
    """Return by how much a value grows in an hour, by least squares; 0.0 for less than two points.

    Args:
        points: Seconds and values, seconds rising.
    """
    if len(points) < 2 or all(a == b for (a, _), (b, _) in pairwise(points)):
        return 0.0
    times, values = np.array(points, float).T
    return float(np.polyfit(times / 3_600, values, 1)[0])
