"""What synthesizers share that speak one sentence after the other, each as a whole."""

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TypeVar

from turnwise.audio.alignment import Alignment
from turnwise.audio.pcm import Pcm, silence
from turnwise.base.units import Hertz, ms_of, samples_in
from turnwise.providers.ports import SoundPiece
from turnwise.providers.worker_threads import Workers

E = TypeVar("E")

_LEAST_PIECE_MS = 200
_MOST_CHARS = 300
"""A sentence longer than this is cut between words: a voice has a limit, and a caller waits."""
_WORD = re.compile(r"\S+")
_SENTENCE = re.compile(r".+?(?:[.!?…。！？]+[\"'”’)\]]*(?=\s)\s*|\n\s*|\Z)", re.DOTALL)  # noqa: RUF001
_PIECE = re.compile(rf".{{1,{_MOST_CHARS}}}(?:\s+|\Z)|.{{1,{_MOST_CHARS}}}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence as sound."""

    samples: Pcm

    word_starts_ms: Sequence[int] = ()
    """When its words begin, as the voice counts words; empty: it tells no times."""


async def speak_sentences(
    workers: Workers[E], text: str, rate_hz: Hertz, speak: Callable[[E, str], Spoken]
) -> AsyncGenerator[SoundPiece, None]:
    """Yield a text in pieces of whole words, 200 ms and more but for the last of a sentence.

    Args:
        workers: Where it is spoken.
        text: All of it; each character is in one piece.
        rate_hz: Rate of the sound.
        speak: Speaks a sentence without spaces around it; runs in a worker's thread.

    Raises:
        ProviderError: If it cannot be spoken.
    """
    for sentence in sentences(text):
        spoken = Spoken(silence(0))
        if words := sentence.strip():
            async with workers.take() as worker:
                spoken = await worker.run(partial(_call, speak, words))
        for piece in _pieces(sentence, spoken, rate_hz):
            yield piece


def _call(speak: Callable[[E, str], Spoken], words: str, engine: E) -> Spoken:
    return speak(engine, words)


def sentences(text: str) -> list[str]:
    """Cut a text after each sentence and the spaces that follow it, and where it is too long."""
    return [
        piece for sentence in _SENTENCE.findall(text) for piece in _PIECE.findall(sentence) if piece
    ]


def steady_choice(voice: str, choices: Sequence[str]) -> str:
    """Return one of the choices, always the same for a name that means nothing here."""
    return choices[sha256(voice.encode(errors="replace")).digest()[0] % len(choices)]


def _pieces(sentence: str, spoken: Spoken, rate_hz: Hertz) -> list[SoundPiece]:
    """Cut a sentence where words begin, so that each piece has all the sound of its characters."""
    alignment = _aligned(sentence, spoken, ms_of(len(spoken.samples), rate_hz))
    cuts = [0]
    for word in list(_WORD.finditer(sentence))[1:]:
        begin_ms = alignment.starts_ms[word.start()]
        if begin_ms >= cuts[-1] + _LEAST_PIECE_MS:
            cuts.append(begin_ms)
    ends = [samples_in(cut, rate_hz) for cut in cuts[1:]]
    return [
        SoundPiece(
            spoken.samples[samples_in(begin, rate_hz) : end_sample], alignment.cut(begin, end)
        )
        for begin, end, end_sample in zip(cuts, [*cuts[1:], None], [*ends, None], strict=True)
    ]


def _aligned(sentence: str, spoken: Spoken, total_ms: int) -> Alignment:
    """Give words their times, if the voice counts as many words as the text has."""
    offsets = [match.start() for match in _WORD.finditer(sentence)]
    if len(offsets) != len(spoken.word_starts_ms):
        return Alignment.estimate(sentence, total_ms)
    return Alignment.of_words(sentence, zip(offsets, spoken.word_starts_ms, strict=True), total_ms)
