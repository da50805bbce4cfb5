import numpy as np
import pytest

from turnwise.audio.dtmf import GAP_MS, PAIRS, TONE_MS, tones
from turnwise.audio.pcm import Pcm
from turnwise.base.errors import FormatError
from turnwise.base.units import Hertz

RATE = Hertz(8_000)
MS = 8


def loudest(sound: Pcm) -> set[int]:
    """The two frequencies with the most energy, to 10 Hz."""
    power = np.abs(np.fft.rfft(sound.astype(float) * np.hanning(len(sound)), 8_000))
    low = int(np.argmax(power[:1_000]))
    high = 1_000 + int(np.argmax(power[1_000:]))
    return {low, high}


@pytest.mark.parametrize("key", PAIRS)
def test_each_key_is_its_two_frequencies(key: str) -> None:
    sound = tones(key, RATE)
    assert len(sound) == (TONE_MS + GAP_MS) * MS
    assert not sound[TONE_MS * MS :].any()
    for found, wanted in zip(sorted(loudest(sound[: TONE_MS * MS])), PAIRS[key], strict=True):
        assert abs(found - wanted) <= 0.018 * wanted  # ITU-T Q.24: what a receiver must take


def test_the_keys_differ_and_do_not_clip() -> None:
    assert len({tones(key, RATE).tobytes() for key in PAIRS}) == len(PAIRS) == 16
    sound = tones("1234567890*#ABCD", RATE)
    assert 10_000 < np.abs(sound).max() < 20_000
    assert sound[0] == 0


def test_pauses_are_silence() -> None:
    assert len(tones("w", RATE)) == 500 * MS
    assert len(tones("1W2", RATE)) == (1_000 + 2 * (TONE_MS + GAP_MS)) * MS
    assert len(tones("", RATE)) == 0


def test_what_is_no_key_is_named() -> None:
    with pytest.raises(FormatError, match="'x' is no key of a telephone"):
        tones("12x", RATE)
