"""Cut and join streams of sound: bytes to whole samples, samples to equal frames.

Law: nothing is lost, doubled or moved, however a stream is cut into pieces on the way in.
"""

from collections import deque

import numpy as np

from turnwise.audio.formats import AudioFormat, decode
from turnwise.audio.pcm import Pcm, silence


class SampleJoiner:
    """Makes whole samples of bytes that arrive in pieces of any length."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        self._half = b""

    @property
    def half_sample(self) -> bytes:
        """The bytes of a sample that is not complete; at the end of a stream, what is cut off."""
        return self._half

    def push(self, data: bytes) -> Pcm:
        """Take the next bytes; return the samples they complete, shape (n,), n >= 0."""
        data = self._half + data
        whole = len(data) - len(data) % self._format.bytes_per_sample
        self._half = data[whole:]
        return decode(data[:whole], self._format)

    def reset(self) -> None:
        """Forget half a sample: the next byte begins a new stream."""
        self._half = b""


class SampleQueue:
    """Samples in a row: pieces of any length go in, others of any length come out.

    Takes time in proportion to what is taken, not to what is waiting.
    """

    def __init__(self) -> None:
        self._pieces: deque[Pcm] = deque()
        self._size = 0

    def __len__(self) -> int:
        """Return how many samples are waiting."""
        return self._size

    def push(self, samples: Pcm) -> None:
        """Put samples, shape (n,), at the end."""
        if len(samples):
            self._pieces.append(samples)
            self._size += len(samples)

    def put_back(self, samples: Pcm) -> None:
        """Put samples, shape (n,), in front of all others: they come out next."""
        if len(samples):
            self._pieces.appendleft(samples)
            self._size += len(samples)

    def take(self, size: int) -> Pcm:
        """Take the next samples out, shape (min(size, len(self)),)."""
        taken: list[Pcm] = []
        missing = min(size, self._size)
        self._size -= missing
        while missing:
            piece = self._pieces.popleft()
            if len(piece) > missing:
                self._pieces.appendleft(piece[missing:])
                piece = piece[:missing]
            taken.append(piece)
            missing -= len(piece)
        if len(taken) == 1:
            return taken[0]
        return np.concatenate(taken) if taken else silence(0)

    def clear(self) -> None:
        """Throw all samples away."""
        self._pieces.clear()
        self._size = 0


class Framer:
    """Cuts a stream of samples into frames of equal length."""

    def __init__(self, frame_samples: int) -> None:
        assert frame_samples > 0, frame_samples
        self._frame_samples = frame_samples
        self._rest = silence(0)

    def push(self, samples: Pcm) -> Pcm:
        """Take samples, shape (n,); return the frames they complete, shape (k, frame_samples)."""
        waiting = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        whole = len(waiting) // self._frame_samples
        end = whole * self._frame_samples
        self._rest = waiting[end:]
        return waiting[:end].reshape(whole, self._frame_samples)

    def flush(self) -> Pcm:
        """Return what makes no whole frame, shape (m,) with m < frame_samples, and begin anew."""
        rest, self._rest = self._rest, silence(0)
        return rest

    def flush_padded(self) -> Pcm:
        """Return the last frame filled with silence, shape (1, frame_samples), and begin anew.

        Where nothing is left there is no frame: shape (0, frame_samples).
        """
        rest = self.flush()
        missing = -len(rest) % self._frame_samples
        return np.concatenate([rest, silence(missing)]).reshape(-1, self._frame_samples)
