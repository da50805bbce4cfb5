"""What Silero's net remembers of many streams, and their next frames judged together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.lib.stride_tricks import as_strided

from turnwise.providers.ports import Frames
from turnwise.providers.vad.onnx_weights import Floats
from turnwise.providers.vad.silero_net import CONTEXT_SAMPLES, FRAME_SAMPLES, MEMORY, SileroNet

_FIRST_ROWS = 64


@dataclass(slots=True, eq=False)
class Remembered:
    """One stream."""

    slot: int
    """Where the net remembers it. Others get the slot when it is closed."""
    fresh: bool = True
    """Whether no frame was judged so far."""


class Memory:
    """Of all streams, by slot. Used by one thread."""

    def __init__(self) -> None:
        self._rows = np.zeros((_FIRST_ROWS, CONTEXT_SAMPLES + 2 * MEMORY), np.float32)

    def judge(
        self, net: SileroNet, streams: Sequence[Remembered], frames: Sequence[Frames]
    ) -> list[list[float]]:
        """Return the probability of speech in the next frames of each stream, and remember them.

        What is in a frame by itself is seen for all frames together; what it means after those
        before it, for the first frame of each stream, then for the second, and so on.

        Args:
            net: Judges.
            streams: Each once.
            frames: Of each stream, one or more.
        """
        longest_first = sorted(range(len(frames)), key=lambda at: -len(frames[at]))
        lengths = [len(frames[at]) for at in longest_first]
        slots = self._slots([streams[at] for at in longest_first])
        rows = self._rows[slots]
        context, hidden, cell = np.split(rows, (CONTEXT_SAMPLES, CONTEXT_SAMPLES + MEMORY), axis=1)
        seen = net.see(_sounds([frames[at] for at in longest_first], context))
        starts = np.cumsum([0, *lengths[:-1]])
        told = np.empty((len(frames), lengths[0]), np.float32)
        for step in range(lengths[0]):
            still = sum(length > step for length in lengths)
            last = seen[starts[:still] + step], hidden[:still], cell[:still]
            told[:still, step], hidden[:still], cell[:still] = net.remember(*last)
        self._rows[slots] = rows
        in_order: list[list[float]] = [[] for _ in frames]
        for at, length, row in zip(longest_first, lengths, told.tolist(), strict=True):
            in_order[at] = row[:length]
        return in_order

    def _slots(self, streams: Sequence[Remembered]) -> list[int]:
        """Return where streams are remembered; there is nothing yet of those that are fresh."""
        slots = [stream.slot for stream in streams]
        missing = max(slots) + 1 - len(self._rows)
        if missing > 0:
            self._rows = np.pad(self._rows, ((0, max(missing, len(self._rows))), (0, 0)))
        for stream in streams:
            if stream.fresh:
                stream.fresh = False
                self._rows[stream.slot] = 0
        return slots


def _sounds(frames: Sequence[Frames], context: Floats) -> Floats:
    """Return each frame with the 64 samples before it, -1 to 1, shape (n, 576).

    Args:
        frames: Of each stream; those of equal length follow each other.
        context: The last 64 samples of each stream; afterwards those of the new sound.
    """
    sounds, first = [], 0
    for length, alike in groupby(frames, key=len):
        flat = np.stack([each.reshape(-1) for each in alike])
        here = slice(first, first + len(flat))
        sound = np.concatenate((context[here], flat * np.float32(1 / 32768)), axis=1)
        context[here] = sound[:, -CONTEXT_SAMPLES:]
        row, sample = sound.strides
        windows = as_strided(
            sound,
            (len(flat), length, CONTEXT_SAMPLES + FRAME_SAMPLES),
            (row, FRAME_SAMPLES * sample, sample),
        )
        sounds.append(windows.reshape(len(flat) * length, -1))
        first += len(flat)
    return np.concatenate(sounds)
