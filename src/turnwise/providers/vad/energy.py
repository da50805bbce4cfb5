"""A detector that calls whatever is loud speech. For tests: in noise it is always wrong."""

import asyncio

import numpy as np

from turnwise.base.errors import ProviderUnavailable
from turnwise.providers.ports import Frames
from turnwise.providers.spec import ProviderSpec

SPEC = ProviderSpec(
    kind="vad",
    name="energy",
    sentence="Calls whatever is loud speech.",
    quality="double",
    licence="Part of this package.",
)


class Energy:
    """Judges by the level of a frame alone."""

    SPEC = SPEC

    def __init__(self, *, frame_samples: int = 512, threshold_dbfs: float = -40.0) -> None:
        """Make one.

        Args:
            frame_samples: Length of a frame at 16 kHz.
            threshold_dbfs: The level, 0 for the loudest sine, at which the probability is 0.5.
                10 dB below it is 0, 10 dB above it is 1.
        """
        self.frame_samples = frame_samples
        self._threshold_dbfs = threshold_dbfs
        self.closed = False

    def open(self) -> "EnergyStream":
        """Begin to judge one conversation."""
        return EnergyStream(self)

    async def aclose(self) -> None:
        """Judge no more."""
        self.closed = True

    def probabilities(self, frames: Frames) -> list[float]:
        """Judge frames, int16, shape (k, frame_samples)."""
        power = np.mean(np.square(frames, dtype=np.float64), axis=1) * 2 / 32768**2
        level_dbfs = 10 * np.log10(np.maximum(power, 1e-12))
        told: list[float] = np.clip((level_dbfs - self._threshold_dbfs + 10) / 20, 0, 1).tolist()
        return told


class EnergyStream:
    """One conversation. Made by `Energy.open`."""

    def __init__(self, detector: Energy) -> None:
        self._detector = detector
        self._closed = False

    def judge(self, frames: Frames) -> "asyncio.Future[list[float]]":
        """Return 0 to 1 for each frame."""
        told: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()
        if self._closed:
            told.set_exception(ProviderUnavailable(SPEC.full_name, "the stream is closed"))
        elif self._detector.closed:
            told.set_exception(ProviderUnavailable(SPEC.full_name, "the detector was closed"))
        else:
            told.set_result(self._detector.probabilities(frames) if len(frames) else [])
        return told

    def close(self) -> None:
        """Judge no more."""
        self._closed = True
