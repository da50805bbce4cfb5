"""Listening to a recording: its utterances one by one, and the words in them.

Transcribers tell no times of words. An utterance has the times that the detector of speech gives
it; within it, each character takes the same share.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from turnwise.audio.alignment import Alignment
from turnwise.audio.frames import Framer
from turnwise.audio.pcm import Pcm
from turnwise.audio.speech_gate import GateSettings, Offset, Onset, SpeechGate
from turnwise.base.units import ms_of, samples_in
from turnwise.providers.ports import LISTENING_HZ, ListeningOptions, SpeechDetector, Transcriber

FRAME_MS = 100
"""Pieces in which a transcriber gets an utterance."""
BEFORE_MS = 300
AFTER_MS = 200
"""Sound around an utterance that a transcriber gets, too."""

_FRAMES_AT_ONCE = 256
_STOP_MS = 500
"""Silence that ends an utterance."""

Span = tuple[int, int]
"""Begin and end in ms."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A word, or what stands between two words."""

    text: str
    is_word: bool
    at: Alignment
    """Times of its characters, from the begin of the recording."""


@dataclass(frozen=True, slots=True)
class Ears:
    """Who listens, and how."""

    transcriber: Transcriber
    detector: SpeechDetector | None
    options: ListeningOptions

    async def listen(self, sound: Pcm) -> list[Heard]:
        """Return the words of a recording.

        Args:
            sound: At `LISTENING_HZ`.

        Raises:
            ProviderError: If they cannot be had.
        """
        heard: list[Heard] = []
        for begin_ms, end_ms in await self._utterances(sound):
            text = await self._text(_cut(sound, begin_ms - BEFORE_MS, end_ms + AFTER_MS))
            if not text:
                continue
            if heard:
                gap = heard[-1].at.ends_ms[-1]
                times = Alignment.estimate(" ", max(0, begin_ms - gap)).shift(gap)
                heard.append(Heard(" ", is_word=False, at=times))
            heard += _words(text, (begin_ms, end_ms))
        return heard

    async def _utterances(self, sound: Pcm) -> list[Span]:
        whole = ms_of(len(sound), LISTENING_HZ)
        if self.detector is None:
            return [(0, whole)]
        frame_ms = ms_of(self.detector.frame_samples, LISTENING_HZ)
        gate = SpeechGate(GateSettings(frame_ms=frame_ms, stop_ms=_STOP_MS))
        framer = Framer(self.detector.frame_samples)
        frames = np.concatenate([framer.push(sound), framer.flush_padded()])
        found: list[Span] = []
        begin: int | None = None
        stream = self.detector.open()
        try:
            for start in range(0, len(frames), _FRAMES_AT_ONCE):
                for probability in await stream.judge(frames[start : start + _FRAMES_AT_ONCE]):
                    match gate.push(probability):
                        case Onset(at_ms=at, speech_ms=speech):
                            begin = at - speech
                        case Offset(at_ms=at, silence_ms=silence) if begin is not None:
                            found.append((begin, at - silence))
                            begin = None
        finally:
            stream.close()
        return found if begin is None else [*found, (begin, whole)]

    async def _text(self, sound: Pcm) -> str:
        async def frames() -> AsyncIterator[Pcm]:
            size = samples_in(FRAME_MS, LISTENING_HZ)
            for start in range(0, len(sound), size):
                yield sound[start : start + size]

        text = ""
        async with aclosing(self.transcriber.transcribe(frames(), self.options)) as told:
            async for words in told:
                text = words.text
        return " ".join(text.split())


def _cut(sound: Pcm, begin_ms: int, end_ms: int) -> Pcm:
    return sound[samples_in(max(0, begin_ms), LISTENING_HZ) : samples_in(end_ms, LISTENING_HZ)]


def _words(text: str, span: Span) -> Iterator[Heard]:
    begin_ms, end_ms = span
    at = Alignment.estimate(text, end_ms - begin_ms).shift(begin_ms)
    first = 0
    for number, word in enumerate(text.split(" ")):
        if number:
            yield Heard(" ", is_word=False, at=_part(at, first - 1, first))
        yield Heard(word, is_word=True, at=_part(at, first, first + len(word)))
        first += len(word) + 1


def _part(at: Alignment, first: int, after: int) -> Alignment:
    return Alignment(
        at.chars[first:after], at.starts_ms[first:after], at.durations_ms[first:after], at.estimated
    )
