"""Both sides of a conversation as sound, on one sample clock: stereo, the user left.

Each side is a file that grows while the conversation goes on, so that a recording costs no memory
and a killed process loses at most what the system had not written. Position n of either file is
the same moment, n / `RATE_HZ` seconds after the conversation began.
"""

import wave
from pathlib import Path
from typing import BinaryIO

import numpy as np

from turnwise.audio.formats import FORMATS
from turnwise.audio.pcm import BYTES_PER_SAMPLE, Pcm, from_s16le, to_s16le
from turnwise.audio.resample import Resampler
from turnwise.base.units import Hertz, Millis, ms_of, samples_in

RATE_HZ = FORMATS["pcm_16000"].rate_hz
"""Samples a second of a recording."""
GAP_MS = 400
"""Silence on the wire from which on the user's side is taken to have sent nothing. Below it, sound
is late, not missing."""
_BLOCK = 1 << 16
_BUFFER_BYTES = 1 << 15
"""A second of sound is written at once."""


class _Leg:
    """One side."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("w+b", buffering=_BUFFER_BYTES)
        self._at = 0
        self.samples = 0

    def fill_to(self, position: int) -> None:
        """Be silent up to a position."""
        if position > self.samples:
            self._file.truncate(position * BYTES_PER_SAMPLE)
            self.samples = position

    def write(self, samples: Pcm) -> None:
        if self._at != self.samples:  # a seek writes the buffer out: only where it must be
            self._file.seek(self.samples * BYTES_PER_SAMPLE)
        self._file.write(to_s16le(samples))
        self.samples += len(samples)
        self._at = self.samples

    def cut(self, position: int) -> None:
        """Forget what comes after a position."""
        if position < self.samples:
            self._file.truncate(position * BYTES_PER_SAMPLE)
            self.samples = position

    def read(self, position: int, size: int) -> Pcm:
        self._file.seek(position * BYTES_PER_SAMPLE)
        self._at = -1
        return from_s16le(self._file.read(size * BYTES_PER_SAMPLE))

    def close(self) -> None:
        self._file.close()


class SoundRecord:
    """Records one conversation."""

    def __init__(self, folder: Path, agent_hz: Hertz) -> None:
        """Begin at time 0.

        Args:
            folder: Where the two sides are kept while the conversation goes on; it must exist.
            agent_hz: Rate of the agent's sound.
        """
        self._paths = (folder / "user.s16le", folder / "agent.s16le")
        self._user, self._agent = (_Leg(path) for path in self._paths)
        self._agent_hz = agent_hz
        self._resampler = Resampler(agent_hz, RATE_HZ)
        self._agent_ends = 0

    def hear_user(self, samples: Pcm, now: Millis) -> None:
        """Add sound of the user, at `RATE_HZ`, that has just arrived."""
        arrived = samples_in(now, RATE_HZ) - len(samples)
        if arrived - self._user.samples > samples_in(GAP_MS, RATE_HZ):
            self._user.fill_to(arrived)
        self._user.write(samples)

    def hear_agent(self, samples: Pcm, at: Millis) -> None:
        """Add sound of the agent, at its own rate, that is heard from `at` on."""
        position = samples_in(at, RATE_HZ)
        # chunks follow each other without a gap, but their times are whole milliseconds
        if abs(position - self._agent.samples) > samples_in(20, RATE_HZ):
            self._agent.write(self._resampler.flush())
            self._agent.cut(position)
            self._agent.fill_to(position)
        self._agent.write(self._resampler.push(samples))

    def cut_agent(self, now: Millis) -> None:
        """Forget what the agent would have said after `now`: it was cut off."""
        self._resampler.flush()
        self._agent.cut(samples_in(now, RATE_HZ))

    @property
    def has_sound(self) -> bool:
        """Whether anything was recorded."""
        return bool(self._user.samples or self._agent.samples)

    def duration_ms(self) -> int:
        """Return how long the recording is."""
        return ms_of(max(self._user.samples, self._agent.samples), RATE_HZ)

    def write_wav(self, path: Path) -> None:
        """Write both sides as a stereo WAV file, the user left. Reads and writes files."""
        self._agent.write(self._resampler.flush())
        total = max(self._user.samples, self._agent.samples)
        with wave.open(str(path), "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(BYTES_PER_SAMPLE)
            out.setframerate(RATE_HZ)
            for position in range(0, total, _BLOCK):
                size = min(_BLOCK, total - position)
                stereo = np.zeros((size, 2), np.int16)
                for side, leg in enumerate((self._user, self._agent)):
                    sound = leg.read(position, size)
                    stereo[: len(sound), side] = sound
                out.writeframes(stereo.tobytes())

    def close(self) -> None:
        """Give the two files back and remove them."""
        for leg, path in zip((self._user, self._agent), self._paths, strict=True):
            leg.close()
            path.unlink(missing_ok=True)
