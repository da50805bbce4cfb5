"""Quantities with their unit in the type."""

from typing import NewType

Millis = NewType("Millis", int)
"""Milliseconds since the conversation began. Integers, so that a replay is exact."""

Hertz = NewType("Hertz", int)
"""Samples a second."""

Samples = NewType("Samples", int)
"""A number of samples of one channel."""


def samples_in(ms: int, rate_hz: Hertz) -> Samples:
    """Return how many whole samples fit into `ms` milliseconds at `rate_hz`."""
    return Samples(ms * rate_hz // 1000)


def ms_of(samples: int, rate_hz: Hertz) -> int:
    """Return how many whole milliseconds `samples` last at `rate_hz`."""
    return samples * 1000 // rate_hz
