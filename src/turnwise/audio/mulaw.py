"""G.711 mu-law: one byte a sample, 8 kHz on the telephone. Both ways are a look-up in a table.

The tables apply ITU-T G.711, table 2a, to the upper 14 bits of a sample, as Sun's g711.c does and
with it `audioop` of Python up to 3.12: each of the 65,536 samples gives the same byte as there.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from turnwise.audio.pcm import Pcm

_Bytes: TypeAlias = NDArray[np.uint8]

_BIAS = 33
"""Added to a 14-bit magnitude, so that each segment begins at a power of two. G.711, table 2a."""

_LARGEST = 8191 - _BIAS
"""Largest 14-bit magnitude that is not clipped."""


def _decoding() -> Pcm:
    """Return the sample of every byte: int16, shape (256,)."""
    code = ~np.arange(256, dtype=np.uint8)
    segment = (code >> 4 & 7).astype(np.int32)
    step = (code & 15).astype(np.int32)
    magnitude = ((2 * step + _BIAS) << segment) - _BIAS
    table = (4 * np.where(code & 0x80, -magnitude, magnitude)).astype(np.int16)
    table.setflags(write=False)
    return table


def _encoding() -> _Bytes:
    """Return the byte of every sample: uint8, shape (65536,), by the sample read as unsigned."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 2
    biased = np.minimum(np.abs(sample), _LARGEST) + _BIAS
    segment = np.searchsorted(1 << np.arange(6, 14), biased, side="right")
    code = segment << 4 | (biased >> (segment + 1) & 15)
    table: _Bytes = np.where(sample < 0, code ^ 0x7F, code ^ 0xFF).astype(np.uint8)
    table.setflags(write=False)
    return table


_SAMPLE_OF = _decoding()
_BYTE_OF = _encoding()


def decode(data: bytes) -> Pcm:
    """Read mu-law bytes as int16 mono, shape (len(data),)."""
    return _SAMPLE_OF.take(np.frombuffer(data, dtype=np.uint8))


def encode(samples: Pcm) -> bytes:
    """Write int16 mono, shape (n,), as n mu-law bytes. Silence becomes 0xFF."""
    assert samples.dtype == np.int16
    assert samples.ndim == 1
    return _BYTE_OF.take(samples.view(np.uint16)).tobytes()
