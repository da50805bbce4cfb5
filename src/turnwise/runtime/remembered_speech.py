"""Greetings, fillers and farewells are spoken in every call: their sound is made twice and kept.

Nothing is kept of a text that was spoken once: most replies never come again.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from turnwise.providers.ports import SoundPiece, Synthesizer, VoiceOptions, reads_tags

if TYPE_CHECKING:
    from turnwise.base.units import Hertz

MOST_BYTES = 32 * 1024 * 1024
"""Of sound: some 25 minutes at 16 kHz, hundreds of greetings."""
MOST_HEARD = 10_000
"""Texts of which it is known that they were spoken once."""

_Key = tuple[str, VoiceOptions]


class RememberedSpeech:
    """A synthesizer that asks another one, and remembers. Implements `Synthesizer`."""

    def __init__(self, voice: Synthesizer, *, most_bytes: int = MOST_BYTES) -> None:
        """Remember nothing yet.

        Args:
            voice: Who speaks. It stays its owner's, who closes it.
            most_bytes: Of sound to keep, 0 or more; what was not asked for the longest goes first.
        """
        self._voice = voice
        self.rate_hz: Hertz = voice.rate_hz
        self.reads_tags = reads_tags(voice)
        self._most_bytes = most_bytes
        self._kept: OrderedDict[_Key, tuple[SoundPiece, ...]] = OrderedDict()
        self._bytes = 0
        self._once: OrderedDict[int, None] = OrderedDict()

    async def speak(self, text: str, options: VoiceOptions) -> AsyncGenerator[SoundPiece, None]:
        """Yield the sound of a sentence or clause, at once if it is remembered.

        Raises:
            ProviderError: If it cannot be spoken. Nothing of it is remembered then.
        """
        key = (text, options)
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            for piece in kept:
                yield piece
            return
        pieces: list[SoundPiece] = []
        async with aclosing(self._voice.speak(text, options)) as sound:
            async for piece in sound:
                pieces.append(piece)
                yield piece
        self._remember(key, tuple(pieces))

    async def aclose(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._once.clear()
        self._bytes = 0

    def _remember(self, key: _Key, pieces: tuple[SoundPiece, ...]) -> None:
        number = hash(key)
        if number not in self._once:
            self._once[number] = None
            if len(self._once) > MOST_HEARD:
                self._once.popitem(last=False)
            return
        if key in self._kept:  # another call was as fast
            return
        self._kept[key] = pieces
        self._bytes += _size(pieces)
        while self._bytes > self._most_bytes:
            self._bytes -= _size(self._kept.popitem(last=False)[1])


def _size(pieces: tuple[SoundPiece, ...]) -> int:
    return sum(piece.samples.nbytes for piece in pieces)
