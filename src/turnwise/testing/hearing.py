"""Plays the detector, the transcriber and the turn model of a simulated conversation."""

from collections.abc import Iterator, Sequence
from random import Random

from turnwise.testing.agenda import Agenda, Entry
from turnwise.testing.moves import Deed, Span
from turnwise.testing.providers import Detector, Providers, Transcriber
from turnwise.turns.commands import ScoreTurn
from turnwise.turns.events import (
    SPEECH_CONTINUED_MS,
    SegmentId,
    SpeechContinued,
    SpeechStarted,
    SpeechStopped,
    Transcribed,
    TurnScored,
)

WRONG = "um"
"""The word that is put before a text that will be amended."""


class Hearing:
    """Turns what a user truly does into what the engine is told about it."""

    def __init__(self, providers: Providers, rng: Random, agenda: Agenda) -> None:
        self._detector = providers.detector
        self._transcriber = providers.transcriber
        self._scorer = providers.scorer
        self._rng = rng
        self._agenda = agenda
        self._segments = 0
        self._ending: Entry | None = None  # the end of the last sound that was noticed
        self._on_until = 0  # when the detector is sure of it

    def hear(self, deed: Deed) -> None:
        """Note what detector and transcriber will say about a sound that begins now."""
        self._detect(deed.spans)
        for words in _pieces(deed.spans, self._transcriber.split_ms):
            self._transcribe(words)

    def score(self, asked: ScoreTurn, at: int, *, over: bool) -> None:
        """Note what the turn model will say.

        Args:
            asked: The question.
            at: When it was asked, in milliseconds.
            over: Whether the user's turn is truly over.
        """
        latency = self._scorer.latency.draw(self._rng)
        sure = self._scorer.sure if over else 1 - self._scorer.sure
        score = sure + self._scorer.noise * self._rng.gauss(0, 1)
        if latency is not None:
            self._agenda.note(at + latency, TurnScored(asked.pause, min(1.0, max(0.0, score))))

    def _detect(self, spans: Sequence[Span]) -> None:
        detector = self._detector
        for start, end in _noticed(spans, detector):
            sure = start + detector.onset_ms
            if self._ending is not None and start < self._on_until:
                self._ending.crossed_out = True  # too short a silence to be noticed
                sure = self._on_until - SPEECH_CONTINUED_MS
            else:
                self._agenda.note(sure, SpeechStarted())
            self._on_until = end + detector.offset_ms
            for at in range(sure + SPEECH_CONTINUED_MS, self._on_until, SPEECH_CONTINUED_MS):
                self._agenda.note(at, SpeechContinued())
            stopped = SpeechStopped(detector.offset_ms)
            self._ending = self._agenda.note(self._on_until, stopped)

    def _transcribe(self, words: Sequence[tuple[str, int]]) -> None:
        """Note the texts of one piece: tentative ones, the final one, perhaps another final one."""
        how, rng = self._transcriber, self._rng
        self._segments += 1
        segment = SegmentId(self._segments)
        latency, dropped = how.final.draw(rng), rng.random() < how.drops
        amended, later = rng.random() < how.amends, how.amend.draw(rng)
        final_at = None if latency is None or dropped else words[-1][1] + latency
        for at, text in _tentative(words, how):
            if final_at is None or at < final_at:
                self._agenda.note(at, Transcribed(segment, text, final=False))
        if final_at is None:
            return
        text = " ".join(word for word, _ in words)
        if amended and later is not None:
            self._agenda.note(final_at, Transcribed(segment, f"{WRONG} {text}", final=True))
            final_at += later
        self._agenda.note(final_at, Transcribed(segment, text, final=True))


def _noticed(spans: Sequence[Span], detector: Detector) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the sounds a detector tells apart, short ones left out."""
    open_start: int | None = None
    open_end = 0
    for span in spans:
        if open_start is not None and span.start - open_end >= detector.offset_ms:
            yield open_start, open_end
            open_start = None
        if open_start is not None:
            open_end = span.end
        elif span.end - span.start >= max(1, detector.onset_ms):
            open_start, open_end = span.start, span.end
    if open_start is not None:
        yield open_start, open_end


def _pieces(spans: Sequence[Span], split_ms: int) -> Iterator[list[tuple[str, int]]]:
    """Yield the words, with their ends, cut at silences of at least `split_ms`."""
    piece: list[tuple[str, int]] = []
    last_end = 0
    for span in spans:
        if piece and span.start - last_end >= split_ms:
            yield piece
            piece = []
        piece += span.words
        last_end = span.end
    if piece:
        yield piece


def _tentative(
    words: Sequence[tuple[str, int]], transcriber: Transcriber
) -> Iterator[tuple[int, str]]:
    """Yield (millisecond, text) of the tentative texts of a piece."""
    every = transcriber.tentative_ms
    if every is None:
        return
    ends = [end for _, end in words]
    known = 0
    for at in range(ends[0], ends[-1] + every, every):
        heard = sum(1 for end in ends if end <= at)
        if heard > known:
            known = heard
            text = " ".join(word for word, _ in words[:heard])
            yield at + transcriber.lag_ms, text
