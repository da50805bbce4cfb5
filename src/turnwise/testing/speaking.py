"""Plays the voice of a simulated conversation."""

import re
from dataclasses import dataclass
from random import Random

from turnwise.testing.agenda import Agenda, Entry
from turnwise.testing.providers import Voice
from turnwise.turns.events import ReplyId, SpeechFailed, Voiced

_SENTENCE = re.compile(r".*?[.!?…]+[\"'”)]*\s+", re.DOTALL)


@dataclass(slots=True)
class _Line:
    """How far the voice is with one reply."""

    left: str = ""
    """Words that are no whole sentence yet."""
    ready_at: int | None = 0
    """When the sound of all before is there; None: it never is."""
    flush: Entry | None = None


class Speaking:
    """Voices words sentence by sentence; each character is covered by exactly one sound."""

    def __init__(self, voice: Voice, rng: Random, agenda: Agenda) -> None:
        self._voice = voice
        self._rng = rng
        self._agenda = agenda
        self._lines: dict[ReplyId, _Line] = {}

    def speak(self, reply: ReplyId, text: str, at: int) -> None:
        """Take more words of a reply; note when those that are whole sentences will be sound."""
        line = self._lines.setdefault(reply, _Line())
        line.left += text
        while sentence := _SENTENCE.match(line.left):
            line.left = line.left[sentence.end() :]
            self._voice_piece(reply, line, sentence.group(), at)
        if line.flush is not None:
            line.flush.crossed_out = True
            line.flush = None
        if line.left:
            flush_at = at + self._voice.flush_ms
            line.flush = self._agenda.note(flush_at, lambda now: self.flush(reply, now), reply)

    def flush(self, reply: ReplyId, at: int) -> None:
        """Voice what is left of a reply, a whole sentence or not."""
        line = self._lines.get(reply)
        if line is not None and line.left:
            piece, line.left = line.left, ""
            self._voice_piece(reply, line, piece, at)

    def _voice_piece(self, reply: ReplyId, line: _Line, piece: str, at: int) -> None:
        latency = self._voice.first_sound.draw(self._rng)
        fails = self._rng.random() < self._voice.fails
        if line.ready_at is None:
            return
        if not piece.strip():
            latency = 0
        if latency is None:
            line.ready_at = None
            return
        ready_at = line.ready_at = max(line.ready_at, at + latency)
        if fails:
            line.ready_at = None
            self._agenda.note(ready_at, SpeechFailed(reply, "scripted failure"), reply)
            return
        ms = len(piece.rstrip()) * self._voice.ms_per_char
        self._agenda.note(ready_at, Voiced(reply, len(piece), ms), reply)
