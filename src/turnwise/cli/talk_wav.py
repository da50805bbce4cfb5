"""Sound files in and out: any usual WAV is read, 16-bit mono is written."""

import struct
import wave
from pathlib import Path

import numpy as np

from turnwise.audio import mulaw
from turnwise.audio.pcm import Pcm, to_s16le
from turnwise.base.errors import ConfigError, FormatError
from turnwise.base.units import Hertz

_EXTENSIBLE = 0xFFFE


def read_wav(path: Path) -> tuple[Pcm, Hertz]:
    """Return the sound of a file, its channels mixed into one, and its rate.

    Raises:
        ConfigError: If it cannot be read, or is no WAV of a kind we know.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {str(path)!r}: {error.strerror}") from error
    try:
        return _parse(data)
    except (FormatError, struct.error) as error:
        raise ConfigError(f"{str(path)!r} is no WAV file that can be sent: {error}") from error


class WavFile:
    """A file for 16-bit mono. It is opened at once: a place that cannot be used is known early."""

    def __init__(self, path: Path, rate_hz: Hertz) -> None:
        """Make it, in place of what was there.

        Raises:
            ConfigError: If it cannot be written.
        """
        self._rate_hz = rate_hz
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise ConfigError(f"cannot write {str(path)!r}: {error.strerror}") from error

    def write(self, samples: Pcm) -> None:
        """Write all of the sound, and close the file."""
        with self._file, wave.open(self._file, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(self._rate_hz)
            writer.writeframes(to_s16le(samples))


def _parse(data: bytes) -> tuple[Pcm, Hertz]:
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise FormatError("it does not begin with RIFF and WAVE")
    chunks = _chunks(data)
    if b"fmt " not in chunks or b"data" not in chunks:
        raise FormatError("it has no sound, or does not say of what kind")
    head = chunks[b"fmt "]
    kind, channels, rate_hz, _, block, bits = struct.unpack_from("<HHIIHH", head)
    if kind == _EXTENSIBLE:
        (kind,) = struct.unpack_from("<H", head, 24)  # the first bytes of the sub-format's GUID
    if not rate_hz or not block or block != channels * bits // 8:
        raise FormatError(f"{channels} channels of {bits} bits at {rate_hz} Hz")
    sound = chunks[b"data"]
    samples = _samples(kind, bits, sound[: len(sound) - len(sound) % block])
    mixed = samples.reshape(-1, channels).mean(axis=1)
    return np.clip(np.rint(mixed * 32768), -32768, 32767).astype(np.int16), Hertz(rate_hz)


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the chunks by name; a last one that is cut off, or of unknown length, is taken."""
    found: dict[bytes, bytes] = {}
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        found.setdefault(name, data[place + 8 : place + 8 + size])
        place += 8 + size + size % 2
    return found


def _samples(kind: int, bits: int, data: bytes) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return samples from -1 to 1, channels one after the other."""
    match kind, bits:
        case (1, 8):
            return (np.frombuffer(data, "u1").astype(np.float64) - 128) / 128
        case (1, 16):
            return np.frombuffer(data, "<i2").astype(np.float64) / 2**15
        case (1, 24):
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, "u1").reshape(-1, 3)
            return wide.view("<i4").ravel().astype(np.float64) / 2**31
        case (1, 32):
            return np.frombuffer(data, "<i4").astype(np.float64) / 2**31
        case (3, 32 | 64):
            return np.frombuffer(data, f"<f{bits // 8}").astype(np.float64)
        case (7, 8):
            return mulaw.decode(data).astype(np.float64) / 2**15
        case _:
            raise FormatError(f"its sound is of kind {kind} with {bits} bits; use 16-bit PCM")
