"""The tones of a telephone's keys, as sound.

Each key is two sines at once (ITU-T Q.23); lengths and levels are well inside what receivers must
take (ITU-T Q.24).
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from turnwise.audio.pcm import Pcm, silence
from turnwise.base.errors import FormatError
from turnwise.base.units import Hertz, samples_in

TONE_MS = 120
GAP_MS = 80
"""Silence behind each key."""
PAUSES_MS: Mapping[str, int] = MappingProxyType({"w": 500, "W": 1000})
"""Keys that are none: waits."""

_LOW_HZ = (697, 770, 852, 941)
_HIGH_HZ = (1209, 1336, 1477, 1633)
_ROWS = ("123A", "456B", "789C", "*0#D")
_LEVEL = 0.22
"""Of full scale, each sine: some -13 dBm0."""
_RAMP_MS = 5
"""Each tone grows and fades for so long, so that it does not click."""

PAIRS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        key: (low, high)
        for low, row in zip(_LOW_HZ, _ROWS, strict=True)
        for key, high in zip(row, _HIGH_HZ, strict=True)
    }
)
"""Hertz of both sines, by key."""


def tones(keys: str, rate_hz: Hertz) -> Pcm:
    """Return the sound of pressing keys one after the other: int16 mono, shape (n,).

    Args:
        keys: Digits, `*`, `#`, `A` to `D`; `w` waits half a second, `W` a second.
        rate_hz: Samples a second; at least 8,000.

    Raises:
        FormatError: If there is another key among them.
    """
    pieces = [silence(0)]
    for key in keys:
        if key in PAUSES_MS:
            pieces.append(silence(samples_in(PAUSES_MS[key], rate_hz)))
        elif key in PAIRS:
            pieces += [_tone(key, rate_hz), silence(samples_in(GAP_MS, rate_hz))]
        else:
            raise FormatError(f"{key!r} is no key of a telephone; there are 0-9, *, #, A-D, w, W")
    return np.concatenate(pieces)


def _tone(key: str, rate_hz: int) -> Pcm:
    time = np.arange(TONE_MS * rate_hz // 1000) / rate_hz
    wave = sum(np.sin(2 * np.pi * hz * time) for hz in PAIRS[key])
    edge = np.minimum(time, time[-1] - time) / (_RAMP_MS / 1000)
    sound: Pcm = (wave * np.clip(edge, 0, 1) * _LEVEL * 32_767).astype(np.int16)
    return sound
