"""Speaking a whole text, sentence by sentence, and when each character of it is heard."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from turnwise.agents.pronunciation import Segment
from turnwise.api.text_to_speech.orders import Order
from turnwise.audio.pcm import Pcm
from turnwise.base.units import ms_of
from turnwise.providers.sentence_speech import sentences
from turnwise.store import Document


@dataclass(frozen=True, slots=True)
class Timed:
    """A character and when it is heard, in ms from the begin of the text."""

    char: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the speech."""

    samples: Pcm
    written: Sequence[Timed]
    """The characters of the text that end in this piece."""
    spoken: Sequence[Timed]
    """What is spoken for them."""


async def pieces(order: Order) -> AsyncGenerator[Piece, None]:
    """Yield the speech as it comes. All characters of the text are in it, each once, in order.

    Raises:
        ProviderError: If it cannot be spoken.
    """
    rate_hz, samples = order.synthesizer.rate_hz, 0
    for sentence in sentences(order.text):
        segments = order.pronunciation.segments(sentence)
        script = _Script(segments)
        words = "".join(segment.spoken for segment in segments)
        async with aclosing(order.synthesizer.speak(words, order.options)) as told:
            async for piece in told:
                begin_ms = ms_of(samples, rate_hz)
                at = piece.alignment
                spoken = [
                    Timed(char, begin_ms + start, begin_ms + end)
                    for char, start, end in zip(at.chars, at.starts_ms, at.ends_ms, strict=True)
                ]
                samples += len(piece.samples)
                yield Piece(piece.samples, script.push(spoken), spoken)


def published(timed: Iterable[Timed]) -> Document:
    """Return times in the published shape."""
    timed = list(timed)
    return {
        "characters": [each.char for each in timed],
        "character_start_times_seconds": [each.start_ms / 1000 for each in timed],
        "character_end_times_seconds": [each.end_ms / 1000 for each in timed],
    }


class _Script:
    """One sentence as it is written, followed by what is spoken of it."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._left = [*segments]
        self._heard: list[Timed] = []  # of the first segment that is left

    def push(self, spoken: Sequence[Timed]) -> list[Timed]:
        """Take what was spoken; return the characters that it completes."""
        written: list[Timed] = []
        self._heard += spoken
        while self._left:
            segment = self._left[0]
            if segment.written == segment.spoken:
                ready = min(len(self._heard), len(segment.spoken))
                written += self._heard[:ready]
                rest = segment.written[ready:]
                self._heard = self._heard[ready:]
                self._left[0] = Segment(rest, rest)
                if rest:
                    break
            elif len(self._heard) >= len(segment.spoken):
                written += _spread(segment, self._heard)
                self._heard = self._heard[len(segment.spoken) :]
            else:
                break
            self._left.pop(0)
        return written


def _spread(segment: Segment, heard: Sequence[Timed]) -> list[Timed]:
    """Give what is written the time of what is spoken for it, each character the same share."""
    spoken = heard[: len(segment.spoken)]
    start = spoken[0].start_ms if spoken else (heard[0].start_ms if heard else 0)
    end = spoken[-1].end_ms if spoken else start
    count = len(segment.written)
    bounds = [start + (end - start) * index // count for index in range(count + 1)]
    return [
        Timed(char, bounds[index], bounds[index + 1]) for index, char in enumerate(segment.written)
    ]
