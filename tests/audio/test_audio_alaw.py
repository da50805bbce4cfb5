import numpy as np
import pytest

from turnwise.audio import alaw

EVERY = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)


def test_every_byte_comes_back() -> None:
    codes = bytes(range(256))
    assert alaw.encode(alaw.decode(codes)) == codes


def test_no_sample_moves_further_than_half_a_step() -> None:
    heard = alaw.decode(alaw.encode(EVERY)).astype(np.int64)
    error = np.abs(heard - EVERY)
    assert (error <= np.maximum(16, np.abs(EVERY.astype(np.int64)) // 16)).all()
    assert (np.diff(heard) >= 0).all()


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        (0, 0xD5),
        (-1, 0x55),
        (16, 0xD4),
        (-32768, 0x2A),
        (32767, 0xAA),
        (1000, 0xFA),
        (-1000, 0x7A),
    ],
)  # audioop.lin2alaw of Python 3.12
def test_samples_have_the_bytes_of_g711(sample: int, code: int) -> None:
    assert alaw.encode(np.array([sample], np.int16)) == bytes([code])


def test_nothing_is_nothing() -> None:
    assert alaw.encode(np.zeros(0, np.int16)) == b""
    assert len(alaw.decode(b"")) == 0
