"""What is heard while a tool runs (`tool_call_sound`): made of sines and noise, the same each time.

Each sound is a loop: it begins and ends in silence, so that the next round follows without a click.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from turnwise.audio.pcm import Pcm
from turnwise.base.errors import FormatError
from turnwise.base.units import Hertz

TYPING = "typing"
LEVEL = 0.08
"""Loudest sample, of 1: well below a voice."""

_TYPING_S = 4.0
_KEYS_A_SECOND = 7.0
_A4_HZ = 440.0
# chords as semitones from A4: calm progressions, one note after the other
_ELEVATORS: dict[str, tuple[float, Sequence[Sequence[int]]]] = {
    "elevator1": (0.50, ((-9, -5, -2, 3), (-12, -9, -5, 0), (-7, -4, 0, 5), (-14, -10, -7, -2))),
    "elevator2": (0.40, ((-5, -2, 2, 7), (-8, -5, -1, 4), (-10, -7, -3, 2), (-3, 0, 4, 9))),
    "elevator3": (0.65, ((-12, -8, -5, -1), (-7, -3, 0, 4), (-9, -5, -2, 2), (-5, -1, 2, 6))),
    "elevator4": (0.30, ((-7, -3, 0, 5), (-9, -5, -2, 3), (-14, -10, -7, -2), (-12, -8, -5, 0))),
}

SOUNDS = (TYPING, *_ELEVATORS)
"""All there are."""

Wave = np.ndarray[Any, np.dtype[np.float64]]


def tool_sound(name: str, rate_hz: Hertz) -> Pcm:
    """Return one round of a sound: int16 mono, some seconds long.

    Args:
        name: One of `SOUNDS`.
        rate_hz: Samples a second.

    Raises:
        FormatError: If there is no such sound.
    """
    if name == TYPING:
        wave = _typing(rate_hz)
    elif name in _ELEVATORS:
        wave = _elevator(*_ELEVATORS[name], rate_hz)
    else:
        raise FormatError(f"there is no tool sound {name!r}; there are {', '.join(SOUNDS)}")
    scaled: Wave = wave * (LEVEL * 32_767 / np.max(np.abs(wave)))
    sound: Pcm = scaled.astype("<i2")
    return sound


def _typing(rate_hz: int) -> Wave:
    """Return keys pressed at uneven times: a short burst of noise each."""
    chance = np.random.default_rng(7)
    wave = np.zeros(int(_TYPING_S * rate_hz))
    key = int(0.03 * rate_hz)
    decay = np.exp(-np.arange(key) / (0.006 * rate_hz))
    at = 0.1
    while at < _TYPING_S - 0.1:
        begin = int(at * rate_hz)
        wave[begin : begin + key] += chance.normal(size=key) * decay * chance.uniform(0.4, 1.0)
        at += chance.exponential(1 / _KEYS_A_SECOND) + 0.05
    return wave


def _elevator(note_s: float, chords: Sequence[Sequence[int]], rate_hz: int) -> Wave:
    """Return chords, broken up: each note rings into the next, the last one fades in time."""
    notes = [note for chord in chords for note in (*chord, *reversed(chord))]
    step, ring = int(note_s * rate_hz), int(3 * note_s * rate_hz)
    wave = np.zeros(len(notes) * step + ring)
    time = np.arange(ring) / rate_hz
    shape = np.minimum(1, time / 0.02) * np.exp(-time / note_s) * (1 - time / time[-1])
    for number, note in enumerate(notes):
        hz = _A4_HZ * 2 ** (note / 12)
        tone = np.sin(2 * np.pi * hz * time) + 0.25 * np.sin(4 * np.pi * hz * time)
        wave[number * step : number * step + ring] += tone * shape
    return wave
