"""A voice of tones, for tests and load: exact times, no engine.

A text of n characters is a tone of 200 + 10 * (n % 100) Hz, or silence.
"""

import asyncio
from collections.abc import AsyncGenerator

import numpy as np

from turnwise.audio.alignment import Alignment
from turnwise.audio.pcm import Pcm, silence
from turnwise.base.errors import ProviderError
from turnwise.base.units import Hertz, samples_in
from turnwise.providers.ports import SoundPiece, VoiceOptions
from turnwise.providers.spec import ProviderSpec

SPEC = ProviderSpec(
    kind="tts",
    name="scripted",
    sentence="Tones of a known length instead of words.",
    quality="double",
    licence="Part of this package.",
)

_LEVEL = 8000


class Scripted:
    """Every character lasts the same time."""

    SPEC = SPEC

    def __init__(  # noqa: PLR0913 - each is one fact of the script
        self,
        *,
        rate_hz: int = 16_000,
        ms_per_char: int = 60,
        chars_per_piece: int = 20,
        latency_ms: float = 0.0,
        piece_ms: float = 0.0,
        silent: bool = False,
        error: ProviderError | None = None,
        error_after_pieces: int = 0,
    ) -> None:
        """Make one.

        Args:
            rate_hz: Rate of its sound.
            ms_per_char: Length of each character, 1 or more.
            chars_per_piece: Length of each piece, 1 or more.
            latency_ms: Wait before the first piece.
            piece_ms: Wait before each further piece.
            silent: Zeros instead of a tone, which costs nothing to make.
            error: What goes wrong each time; None: nothing.
            error_after_pieces: Pieces that come before it does.
        """
        self.rate_hz = Hertz(rate_hz)
        self._ms_per_char = ms_per_char
        self._chars_per_piece = chars_per_piece
        self._latency_s = latency_ms / 1000
        self._piece_s = piece_ms / 1000
        self._silent = silent
        self._error = error
        self._error_after_pieces = error_after_pieces
        self.spoken: list[str] = []
        """The texts so far, those that were broken off too."""

    async def speak(self, text: str, options: VoiceOptions) -> AsyncGenerator[SoundPiece, None]:
        """Yield the tone in pieces. A voice's speed makes characters shorter."""
        self.spoken.append(text)
        per_char = max(1, round(self._ms_per_char / options.speed))
        await asyncio.sleep(self._latency_s)
        starts = range(0, len(text), self._chars_per_piece)
        for number, start in enumerate(starts):
            if self._error and number >= self._error_after_pieces:
                raise self._error
            if number:
                await asyncio.sleep(self._piece_s)
            chars = text[start : start + self._chars_per_piece]
            times = [per_char * index for index in range(len(chars))]
            sound = self._tone(len(text), start * per_char, per_char * len(chars))
            yield SoundPiece(sound, Alignment.of_chars(chars, times, [per_char] * len(chars)))
        if self._error and len(starts) <= self._error_after_pieces:
            raise self._error

    async def aclose(self) -> None:
        """Do nothing: it holds nothing."""

    def _tone(self, chars: int, from_ms: int, length_ms: int) -> Pcm:
        samples = samples_in(length_ms, self.rate_hz)
        if self._silent:
            return silence(samples)
        at = samples_in(from_ms, self.rate_hz) + np.arange(samples)
        turn = 2 * np.pi * pitch_hz(chars) / self.rate_hz
        tone: Pcm = np.rint(_LEVEL * np.sin(turn * at)).astype(np.int16)
        return tone


def pitch_hz(chars: int) -> int:
    """Return the pitch of a text of so many characters."""
    return 200 + 10 * (chars % 100)
