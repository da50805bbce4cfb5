import numpy as np
import pytest

from turnwise.audio.tool_sounds import LEVEL, SOUNDS, tool_sound
from turnwise.base.errors import FormatError
from turnwise.base.units import Hertz


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_a_sound_is_soft_and_a_loop_without_a_click(name: str, rate: int) -> None:
    sound = tool_sound(name, Hertz(rate))
    assert sound.dtype == np.dtype("<i2")
    assert 3 * rate <= len(sound) <= 30 * rate
    assert np.max(np.abs(sound)) == pytest.approx(LEVEL * 32_767, abs=2)
    assert np.abs(sound[[0, -1]]).max() <= 20
    quiet = np.abs(sound).reshape(-1)[: len(sound) // rate * rate].reshape(-1, rate)
    assert (quiet.max(axis=1) > 100).all()  # no second is silent


def test_the_sounds_differ_and_are_the_same_each_time() -> None:
    made = [tool_sound(name, Hertz(8_000)).tobytes() for name in SOUNDS]
    assert len(set(made)) == len(SOUNDS) == 5
    assert made == [tool_sound(name, Hertz(8_000)).tobytes() for name in SOUNDS]


def test_an_unknown_sound_is_named() -> None:
    with pytest.raises(FormatError, match="no tool sound 'rain'; there are typing, elevator1"):
        tool_sound("rain", Hertz(8_000))
