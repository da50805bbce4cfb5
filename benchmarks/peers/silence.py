"""When a scripted transcriber thinks that the user has stopped: by loudness, which costs little."""

import numpy as np

QUIET_MS = 150
_LOUD = 500


class EndOfSpeech:
    """Follows the sound of one user."""

    def __init__(self) -> None:
        self._spoke = False
        self._quiet_ms = 0.0

    def push(self, sound: bytes) -> bool:
        """Take in sound, 16-bit mono at 16 kHz; return True once for each end of speech."""
        samples = np.frombuffer(sound, np.int16)
        if np.abs(samples[::8]).max(initial=0) > _LOUD:
            self._spoke, self._quiet_ms = True, 0.0
            return False
        self._quiet_ms += len(samples) / 16
        if not self._spoke or self._quiet_ms < QUIET_MS:
            return False
        self._spoke = False
        return True
