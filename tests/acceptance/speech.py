"""Speech for a user, the seven formats, and judges of what an agent said.

Nothing here uses the server's own codecs: what both sides had wrong alike would sound right.
"""

import asyncio
import re
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from turnwise.providers.ports import VoiceOptions
from turnwise.providers.tts.espeak import SPEC as ESPEAK
from turnwise.providers.tts.espeak import Espeak

Sound = NDArray[np.int16]
"""int16 mono, shape (n,)."""

HZ = 16_000
"""The rate of all sound that is not on the wire."""

FORMATS = {
    "pcm_8000": 8_000,
    "pcm_16000": 16_000,
    "pcm_22050": 22_050,
    "pcm_24000": 24_000,
    "pcm_44100": 44_100,
    "pcm_48000": 48_000,
    "ulaw_8000": 8_000,
}
"""Rates by name."""

CLEAR_VOICE = "en-us+f2"
"""A voice of the agent that judges understand best."""

USERS = (
    pytest.param("espeak", id="espeak"),
    pytest.param(
        "flite",
        id="flite",
        marks=pytest.mark.skipif(
            not shutil.which("flite"), reason="flite is missing: apt-get install flite"
        ),
    ),
)
"""Who speaks for the user."""


# --- making -----------------------------------------------------------------------------------


@cache
def spoken(text: str, by: str = "espeak") -> Sound:
    """A user's words, with nothing before and behind them."""
    # measured: of espeak's voices the one whose words the transcriber gets right
    made = _flite(text) if by == "flite" else _espeak(text, "en-us+klatt2", words_per_minute=165)
    return (made * (6_000 / _peak(made))).astype(np.int16)


def _flite(text: str) -> Sound:
    made = subprocess.run(
        ["flite", "-voice", "slt", "-t", text, "-o", "/dev/stdout"], check=True, capture_output=True
    )
    with wave.open(BytesIO(made.stdout)) as reader:
        sound = np.frombuffer(reader.readframes(reader.getnframes()), np.int16)
        return at_rate(sound, reader.getframerate(), HZ)


def _espeak(text: str, voice: str, *, words_per_minute: int = 150) -> Sound:
    if reason := ESPEAK.missing():
        pytest.skip(reason)

    async def speak() -> Sound:
        engine = Espeak(words_per_minute=words_per_minute)
        pieces = [piece.samples async for piece in engine.speak(text, VoiceOptions(voice=voice))]
        return at_rate(np.concatenate(pieces), engine.rate_hz, HZ)

    return asyncio.run(speak())


def _peak(sound: Sound) -> float:
    return float(np.percentile(np.abs(sound.astype(np.int32)), 99))


def pause(seconds: float, rate: int = HZ) -> Sound:
    """Nothing to be heard."""
    return np.zeros(int(seconds * rate), np.int16)


def noisy(sound: Sound, snr_db: float, seed: int = 1) -> Sound:
    """The same in white noise."""
    whole = sound.astype(np.float64)
    power = np.mean(whole[np.abs(whole) > 100] ** 2) / 10 ** (snr_db / 10)
    noise = np.random.default_rng(seed).normal(0, power**0.5, len(sound))
    return np.clip(whole + noise, -32_768, 32_767).astype(np.int16)


def at_rate(sound: Sound, rate: int, wanted: int) -> Sound:
    """The same at another rate."""
    if rate == wanted:
        return sound
    made: Sound = soxr.resample(sound, rate, wanted)
    return made


def write_wav(path: Path, sound: Sound, rate: int = HZ) -> Path:
    """Store sound as a file."""
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(sound.astype("<i2").tobytes())
    return path


def read_wav(data: bytes) -> tuple[int, NDArray[np.int16]]:
    """The rate, and the samples, shape (n, channels)."""
    with wave.open(BytesIO(data)) as reader:
        assert reader.getsampwidth() == 2
        samples = np.frombuffer(reader.readframes(reader.getnframes()), "<i2")
        return reader.getframerate(), samples.reshape(-1, reader.getnchannels())


# --- the wire ---------------------------------------------------------------------------------


def to_wire(sound: Sound, name: str) -> bytes:
    """Sound at 16 kHz as bytes of a format."""
    samples = at_rate(sound, HZ, FORMATS[name])
    return _mu_law(samples) if name.startswith("ulaw") else samples.astype("<i2").tobytes()


def from_wire(data: bytes, name: str) -> Sound:
    """Bytes of a format as sound at the rate of that format."""
    if name.startswith("ulaw"):
        return _MU_LAW[np.frombuffer(data, np.uint8)]
    return np.frombuffer(data, "<i2").astype(np.int16)


def _steps() -> NDArray[np.int16]:
    """What each byte of G.711 mu-law stands for."""
    bits = ~np.arange(256, dtype=np.int32) & 0xFF
    size = (((bits & 0x0F) << 3) + 0x84 << ((bits >> 4) & 7)) - 0x84
    return np.where(bits & 0x80, -size, size).astype(np.int16)


_MU_LAW = _steps()


def _mu_law(samples: Sound) -> bytes:
    order = np.argsort(_MU_LAW, kind="stable")
    values = _MU_LAW[order].astype(np.int32)
    right = np.clip(np.searchsorted(values, samples.astype(np.int32)), 1, 255)
    low, high = values[right - 1], values[right]
    nearest = np.where(samples - low <= high - samples, right - 1, right)
    return order[nearest].astype(np.uint8).tobytes()


# --- judging ----------------------------------------------------------------------------------


def loudness(sound: Sound) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(sound.astype(np.float64) ** 2))) if len(sound) else 0.0


def share(sound: Sound, rate: int, low_hz: float, high_hz: float) -> float:
    """How much of the energy lies in a band."""
    power = np.abs(np.fft.rfft(sound.astype(np.float64))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / rate)
    return float(power[(hertz >= low_hz) & (hertz < high_hz)].sum() / power[hertz > 20].sum())


def likeness(sound: Sound, text: str, voice: str = CLEAR_VOICE) -> float:
    """How surely a sound at 16 kHz has these words in espeak's voice: 1 the same, 0.3 others."""
    return similarity(sound, _trimmed(_espeak(text, voice)))


def similarity(sound: Sound, template: Sound) -> float:
    """The best normalised correlation of a template with any part of a sound."""
    x, y = sound.astype(np.float64), template.astype(np.float64)
    x = np.concatenate([x, np.zeros(max(0, len(y) - len(x)))])
    size = 1 << int(np.ceil(np.log2(len(x) + len(y))))
    found = np.fft.irfft(np.fft.rfft(x, size) * np.conj(np.fft.rfft(y, size)), size)
    found = found[: len(x) - len(y) + 1]
    energy = np.concatenate([[0.0], np.cumsum(x**2)])
    window = energy[len(y) :] - energy[: -len(y)]
    floor = 0.05 * float(np.sum(y**2))  # where there is next to nothing, nothing is alike
    return float(np.max(found / np.sqrt(np.maximum(window, floor) * np.sum(y**2))))


def _trimmed(sound: Sound) -> Sound:
    loud = np.flatnonzero(np.abs(sound) > 200)
    return sound[loud[0] : loud[-1] + 1]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def understood(sound: Sound, choices: Sequence[str]) -> str:
    """Which of some texts a transcriber hears in a sound at 16 kHz; empty: none."""
    pocketsphinx = pytest.importorskip("pocketsphinx")
    pocketsphinx.set_loglevel("FATAL")
    rules = " | ".join(" ".join(words(choice)) for choice in choices)
    with tempfile.NamedTemporaryFile("w", suffix=".gram") as grammar:
        grammar.write(f"#JSGF V1.0; grammar g; public <u> = {rules};")
        grammar.flush()
        decoder = pocketsphinx.Decoder(samprate=HZ, jsgf=grammar.name)
    decoder.start_utt()
    whole = np.concatenate([pause(0.3), sound, pause(0.4)])
    decoder.process_raw(whole.tobytes(), no_search=False, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    heard = [] if found is None else words(re.sub(r"\(\d+\)", "", found.hypstr))
    return next((choice for choice in choices if words(choice) == heard), "")
