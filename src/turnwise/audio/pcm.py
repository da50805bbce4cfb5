"""The form that sound has inside: int16 mono, shape (n,). Every other form is made at the border.

Sound is never changed in place: an array may be a read-only view of the bytes it came from.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from turnwise.base.errors import FormatError

Pcm: TypeAlias = NDArray[np.int16]
"""int16 mono, shape (n,). The rate is told beside it."""

BYTES_PER_SAMPLE = 2
"""Size of one sample of linear sound."""


def silence(samples: int) -> Pcm:
    """Return zeros, shape (samples,)."""
    return np.zeros(samples, dtype=np.int16)


def from_s16le(data: bytes) -> Pcm:
    """Read s16le mono bytes without copying where the machine is little-endian.

    Raises:
        FormatError: If the last sample is only half there.
    """
    if len(data) % BYTES_PER_SAMPLE:
        raise FormatError(
            f"{len(data)} bytes of 16-bit sound end in half a sample; the number must be even"
        )
    return np.frombuffer(data, dtype="<i2").astype(np.int16, copy=False)


def to_s16le(samples: Pcm) -> bytes:
    """Write int16 mono, shape (n,), as s16le mono bytes."""
    assert samples.dtype == np.int16
    assert samples.ndim == 1
    return samples.astype("<i2", copy=False).tobytes()
