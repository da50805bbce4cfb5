import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.audio import mulaw
from turnwise.audio.pcm import Pcm

EVERY_SAMPLE = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
EVERY_BYTE = bytes(range(256))


def reference_encode(sample: int) -> int:
    """G.711 by Sun's g711.c, one sample and no table."""
    magnitude = sample >> 2
    mask = 0xFF
    if magnitude < 0:
        magnitude = -magnitude
        mask = 0x7F
    magnitude = min(magnitude, 8159) + 33
    segment = 0
    while segment < 8 and magnitude > (0x40 << segment) - 1:
        segment += 1
    if segment == 8:
        return 0x7F ^ mask
    return (segment << 4 | (magnitude >> (segment + 1)) & 0xF) ^ mask


def reference_decode(code: int) -> int:
    """G.711 by Sun's g711.c, one byte and no table."""
    code = ~code & 0xFF
    magnitude = (((code & 0xF) << 3) + 0x84) << ((code & 0x70) >> 4)
    return 0x84 - magnitude if code & 0x80 else magnitude - 0x84


def audioop_function(name: str) -> Callable[[bytes, int], bytes]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="left the standard library in Python 3.13")
    function: Callable[[bytes, int], bytes] = getattr(audioop, name)
    return function


def test_every_sample_gets_the_byte_of_the_reference() -> None:
    assert list(mulaw.encode(EVERY_SAMPLE)) == [reference_encode(int(s)) for s in EVERY_SAMPLE]


def test_every_byte_gets_the_sample_of_the_reference() -> None:
    assert mulaw.decode(EVERY_BYTE).tolist() == [reference_decode(code) for code in EVERY_BYTE]


def test_every_sample_gets_the_byte_that_audioop_gives() -> None:
    lin2ulaw = audioop_function("lin2ulaw")
    assert mulaw.encode(EVERY_SAMPLE) == lin2ulaw(EVERY_SAMPLE.tobytes(), 2)


def test_every_byte_gets_the_sample_that_audioop_gives() -> None:
    ulaw2lin = audioop_function("ulaw2lin")
    assert mulaw.decode(EVERY_BYTE).tobytes() == ulaw2lin(EVERY_BYTE, 2)


@pytest.mark.parametrize(
    ("code", "sample"),
    [
        (0xFF, 0),
        (0x7F, 0),
        (0xFE, 8),
        (0x7E, -8),
        (0xF0, 120),
        (0xEF, 132),
        (0xDF, 396),
        (0xCF, 924),
        (0xBF, 1980),
        (0xAF, 4092),
        (0x9F, 8316),
        (0x8F, 16764),
        (0x80, 32124),
        (0x00, -32124),
    ],
)
def test_the_published_values_hold(code: int, sample: int) -> None:
    # ITU-T G.711, table 2a and 2b, output values times 4
    assert mulaw.decode(bytes([code])).tolist() == [sample]


def test_a_byte_comes_back_except_negative_zero() -> None:
    back = mulaw.encode(mulaw.decode(EVERY_BYTE))
    assert back == EVERY_BYTE.replace(b"\x7f", b"\xff")


@given(st.integers(-32768, 32767))
def test_a_sample_comes_back_within_half_a_step(sample: int) -> None:
    back = int(mulaw.decode(mulaw.encode(np.array([sample], dtype=np.int16)))[0])
    assert abs(back - sample) <= max(8, (abs(sample) + 132) // 32 + 4)


def test_nothing_stays_nothing() -> None:
    assert mulaw.decode(b"").shape == (0,)
    assert mulaw.encode(np.zeros(0, dtype=np.int16)) == b""


def test_every_second_sample_of_an_array_can_be_encoded() -> None:
    assert mulaw.encode(EVERY_SAMPLE[::2]) == mulaw.encode(EVERY_SAMPLE)[::2]


def test_the_tables_cannot_be_changed_through_a_result() -> None:
    mulaw.decode(b"\xff")[0] = 99
    assert mulaw.decode(b"\xff").tolist() == [0]


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((2, 2), dtype=np.int16)])
def test_what_is_not_int16_mono_is_our_own_fault(wrong: Pcm) -> None:
    with pytest.raises(AssertionError):
        mulaw.encode(wrong)
