from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnwise.audio.pcm import Pcm, silence
from turnwise.audio.resample import Resampler
from turnwise.base.units import Hertz

RATES = [8000, 16000, 22050, 24000, 44100, 48000]
rates = st.sampled_from(RATES).map(Hertz)


def noise(size: int, seed: int) -> Pcm:
    return np.random.default_rng(seed).integers(-32768, 32768, size).astype(np.int16)


def tone(tone_hz: int, rate_hz: int, amplitude: int = 16_000) -> Pcm:
    """One second."""
    wave = amplitude * np.sin(2 * np.pi * tone_hz * np.arange(rate_hz) / rate_hz)
    return wave.astype(np.int16)


def resample(sound: Pcm, from_hz: int, to_hz: int) -> Pcm:
    resampler = Resampler(Hertz(from_hz), Hertz(to_hz))
    return np.concatenate([resampler.push(sound), resampler.flush()])


def power_db(sound: Pcm) -> float:
    """Level of the middle, without the edges of the tone, against full scale."""
    middle = sound[len(sound) // 4 : -len(sound) // 4].astype(np.float64)
    return float(20 * np.log10(np.sqrt(np.mean(middle**2)) / 32768 + 1e-9))


@given(
    from_hz=rates,
    to_hz=rates,
    size=st.integers(0, 3000),
    at=st.lists(st.integers(0, 3000), max_size=12),
    seed=st.integers(0, 99),
)
@settings(deadline=None)
def test_the_cuts_in_a_stream_change_no_sample(
    from_hz: Hertz, to_hz: Hertz, size: int, at: list[int], seed: int
) -> None:
    sound = noise(size, seed)
    resampler = Resampler(from_hz, to_hz)
    whole = np.concatenate([resampler.push(sound), resampler.flush()])
    edges = [0, *sorted(min(edge, size) for edge in at), size]
    again = [resampler.push(sound[begin:end]) for begin, end in pairwise(edges)]
    assert np.concatenate([*again, resampler.flush()]).tolist() == whole.tolist()
    assert abs(len(whole) - size * to_hz / from_hz) <= 1


@pytest.mark.parametrize("to_hz", RATES)
@pytest.mark.parametrize("from_hz", RATES)
def test_a_tone_of_440_hz_stays_one(from_hz: int, to_hz: int) -> None:
    sound = resample(tone(440, from_hz), from_hz, to_hz)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert int(np.argmax(spectrum)) == 440
    power = spectrum**2
    assert 10 * np.log10(power[430:451].sum() / (power.sum() - power[430:451].sum())) > 40
    assert power_db(sound) == pytest.approx(power_db(tone(440, from_hz)), abs=0.1)


@pytest.mark.parametrize(
    ("tone_hz", "from_hz", "to_hz"),
    [(6000, 16000, 8000), (7000, 24000, 8000), (11_000, 24000, 16000), (15_000, 48000, 16000)],
)
def test_what_the_new_rate_cannot_hold_is_gone(tone_hz: int, from_hz: int, to_hz: int) -> None:
    before = tone(tone_hz, from_hz)
    assert power_db(resample(before, from_hz, to_hz)) < power_db(before) - 40


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 16000), (16000, 24000), (22050, 48000)])
def test_no_mirror_of_a_tone_appears_above_it(from_hz: int, to_hz: int) -> None:
    sound = resample(tone(1000, from_hz), from_hz, to_hz)
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    assert 10 * np.log10(power[990:1011].sum() / power[from_hz // 2 :].sum()) > 40


def test_sound_at_full_scale_is_clipped_and_does_not_wrap() -> None:
    square = np.where(np.arange(8000) // 20 % 2, 32767, -32768).astype(np.int16)
    louder = resample(square, 8000, 16000)
    assert louder.max() == 32767
    assert louder.min() == -32768
    assert (np.sign(louder[10:30]) == -1).all()


@pytest.mark.parametrize("level", [-20_001, -1, 1, 20_001])
@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 16000), (24000, 16000), (22050, 44100)])
def test_a_level_stays_what_it_is_and_is_not_rounded_down(
    from_hz: int, to_hz: int, level: int
) -> None:
    sound = resample(np.full(from_hz, level, dtype=np.int16), from_hz, to_hz)
    assert abs(sound[1000:-1000] - level).max() <= abs(level) // 10_000
    assert np.median(sound) == level


def test_equal_rates_pass_sound_untouched() -> None:
    resampler = Resampler(Hertz(16000), Hertz(16000))
    sound = noise(100, 0)
    assert resampler.push(sound) is sound
    assert resampler.flush().tolist() == []


def test_a_flush_without_sound_gives_none() -> None:
    resampler = Resampler(Hertz(8000), Hertz(48000))
    assert resampler.flush().tolist() == []
    assert resampler.push(silence(0)).tolist() == []


@pytest.mark.parametrize(("from_hz", "to_hz"), [(0, 8000), (8000, 0)])
def test_a_rate_is_above_zero(from_hz: int, to_hz: int) -> None:
    with pytest.raises(AssertionError):
        Resampler(Hertz(from_hz), Hertz(to_hz))
