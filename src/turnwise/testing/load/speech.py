"""What the callers say: speech at hand in every install, cut into messages that are sent as is."""

from dataclasses import dataclass

import numpy as np
import orjson
import pybase64

from turnwise.audio.formats import AudioFormat, encode
from turnwise.audio.pcm import Pcm
from turnwise.audio.resample import Resampler
from turnwise.base.errors import ConfigError
from turnwise.base.units import Hertz

SPEECH_HZ = Hertz(16_000)
"""Rate of `built_in_speech`."""

_SYLLABLE_S = 0.18
_PEAK = 9_000
# the first three resonances in Hz; textbook values of an adult's vowels
_VOWELS = {
    "a": (730.0, 1_090.0, 2_440.0),
    "e": (530.0, 1_840.0, 2_480.0),
    "i": (270.0, 2_290.0, 3_010.0),
    "o": (570.0, 840.0, 2_410.0),
    "u": (300.0, 870.0, 2_240.0),
}
_WIDTHS = (60.0, 90.0, 130.0)
_WEIGHTS = (1.0, 0.6, 0.3)
_AUDIBLE = 0.05
"""Share of the loudest sample from which on a sample counts as speech."""


def built_in_speech(vowels: str = "aieouai") -> Pcm:
    """Return vowels that a speech detector takes for speech, int16 mono at `SPEECH_HZ`.

    They begin with the first sample and end with the last. No recogniser finds words in them.
    """
    time_s = np.arange(int(SPEECH_HZ * _SYLLABLE_S) * len(vowels)) / SPEECH_HZ
    pitch = 130 + 25 * np.sin(2 * np.pi * 0.9 * time_s) - 12 * time_s
    phase = 2 * np.pi * np.cumsum(pitch) / SPEECH_HZ
    middles = (np.arange(len(vowels)) + 0.5) * _SYLLABLE_S
    resonances = [
        np.interp(time_s, middles, [_VOWELS[vowel][number] for vowel in vowels])
        for number in range(3)
    ]
    sound = np.zeros_like(time_s)
    for harmonic in range(1, 30):
        gain = sum(
            weight / (1 + ((harmonic * pitch - centre) / width) ** 2)
            for centre, width, weight in zip(resonances, _WIDTHS, _WEIGHTS, strict=True)
        )
        sound += gain / np.sqrt(harmonic) * np.sin(harmonic * phase)
    sound *= np.sqrt(np.abs(np.sin(np.pi * time_s / _SYLLABLE_S)))  # one swell for each syllable
    loud: Pcm = np.rint(sound * (_PEAK / np.abs(sound).max())).astype(np.int16)
    return loud


def bounds(samples: Pcm) -> tuple[int, int]:
    """Return where speech begins and ends, in samples.

    Raises:
        ConfigError: If there is none.
    """
    level = np.abs(samples.astype(np.int32))
    audible = np.flatnonzero(level > max(1, _AUDIBLE * int(level.max(initial=0))))
    if not len(audible):
        raise ConfigError("the speech that callers are to say is silent")
    return int(audible[0]), int(audible[-1]) + 1


@dataclass(frozen=True, slots=True)
class Utterance:
    """One turn of a caller, ready to be sent, and the silence before and after it."""

    messages: tuple[bytes, ...]
    """`user_audio_chunk` messages, each of the same length; the last ends in silence."""
    silence: bytes
    """The same without speech."""
    chunk_s: float
    """Sound in each message, in seconds."""
    onset_s: float
    """When speech begins, from the first sample of the first message."""
    end_s: float
    """When it ends, likewise."""


def utterance(samples: Pcm, rate_hz: Hertz, wire: AudioFormat, chunk_ms: int) -> Utterance:
    """Cut speech into messages.

    Args:
        samples: What is said, int16 mono, shape (n,).
        rate_hz: Its rate.
        wire: The form in which the server wants sound.
        chunk_ms: Sound in each message, 1 or more.

    Raises:
        ConfigError: If it is silent.
    """
    if rate_hz != wire.rate_hz:
        resampler = Resampler(rate_hz, wire.rate_hz)
        samples = np.concatenate([resampler.push(samples), resampler.flush()])
    first, last = bounds(samples)
    step = wire.rate_hz * chunk_ms // 1000
    padded = np.pad(samples, (0, -len(samples) % step))
    return Utterance(
        messages=tuple(
            _message(encode(padded[begin : begin + step], wire))
            for begin in range(0, len(padded), step)
        ),
        silence=_message(encode(np.zeros(step, np.int16), wire)),
        chunk_s=step / wire.rate_hz,
        onset_s=first / wire.rate_hz,
        end_s=last / wire.rate_hz,
    )


def _message(sound: bytes) -> bytes:
    return orjson.dumps({"user_audio_chunk": pybase64.b64encode_as_string(sound)})
