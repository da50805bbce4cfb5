"""G.711 A-law: one byte a sample, 8 kHz on the telephone outside America and Japan.

The tables apply ITU-T G.711, table 1a, to the upper 13 bits of a sample, as Sun's g711.c does.
Silence becomes 0xD5.
"""

import numpy as np
from numpy.typing import NDArray

from turnwise.audio.pcm import Pcm

_EVEN_BITS = 0x55
"""Inverted on the line. G.711, table 1a, note 2."""


def _decoding() -> Pcm:
    """Return the sample of every byte: int16, shape (256,)."""
    code = np.arange(256, dtype=np.int32) ^ _EVEN_BITS
    segment = code >> 4 & 7
    step = ((code & 15) << 4) + 8
    magnitude = np.where(segment == 0, step, (step + 0x100) << np.maximum(segment - 1, 0))
    table = np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)
    table.setflags(write=False)
    return table


def _encoding() -> NDArray[np.uint8]:
    """Return the byte of every sample: uint8, shape (65536,), by the sample read as unsigned."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 3
    magnitude = np.where(sample < 0, ~sample, sample)
    segment = np.searchsorted(1 << np.arange(5, 12), magnitude, side="right")
    code = segment << 4 | (magnitude >> np.maximum(segment, 1) & 15)
    sign = np.where(sample < 0, _EVEN_BITS, _EVEN_BITS | 0x80)
    table: NDArray[np.uint8] = (code ^ sign).astype(np.uint8)
    table.setflags(write=False)
    return table


_SAMPLE_OF = _decoding()
_BYTE_OF = _encoding()


def decode(data: bytes) -> Pcm:
    """Read A-law bytes as int16 mono, shape (len(data),)."""
    return _SAMPLE_OF.take(np.frombuffer(data, dtype=np.uint8))


def encode(samples: Pcm) -> bytes:
    """Write int16 mono, shape (n,), as n A-law bytes."""
    assert samples.dtype == np.int16
    assert samples.ndim == 1
    return _BYTE_OF.take(samples.view(np.uint16)).tobytes()
