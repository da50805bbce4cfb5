import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.audio import pcm
from turnwise.base.errors import FormatError


def test_samples_are_little_endian_on_the_wire() -> None:
    assert pcm.to_s16le(np.array([1, -2, 256], dtype=np.int16)) == b"\x01\x00\xfe\xff\x00\x01"


@given(st.binary().filter(lambda data: len(data) % 2 == 0))
def test_bytes_come_back_as_they_went_in(data: bytes) -> None:
    samples = pcm.from_s16le(data)
    assert samples.dtype == np.int16
    assert samples.shape == (len(data) // 2,)
    assert pcm.to_s16le(samples) == data


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(FormatError, match=r"3 bytes .* must be even"):
        pcm.from_s16le(b"abc")


def test_silence_is_zeros() -> None:
    assert pcm.silence(3).tolist() == [0, 0, 0]
    assert pcm.silence(0).dtype == np.int16


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((2, 2), dtype=np.int16)])
def test_what_is_not_int16_mono_is_our_own_fault(wrong: pcm.Pcm) -> None:
    with pytest.raises(AssertionError):
        pcm.to_s16le(wrong)
