"""From the words of a reply to paced sound: cut, synthesise, tell the engine, send in time.

Synthesis runs ahead of the ear; sending does not: the client is kept a set lead ahead, so that an
interruption throws little away and clients that judge turns by arrival see the truth.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from turnwise.audio.alignment import Alignment
from turnwise.audio.formats import AudioFormat
from turnwise.audio.pcm import Pcm
from turnwise.audio.playout import Chunk, Playout
from turnwise.audio.resample import Resampler
from turnwise.audio.script import Passage, Script
from turnwise.base.clock import Clock
from turnwise.base.errors import ProviderError
from turnwise.base.units import Millis, Samples, ms_of
from turnwise.providers.ports import Synthesizer, VoiceOptions, reads_tags
from turnwise.runtime.conversation import Tell
from turnwise.runtime.sentences import SentenceCutter
from turnwise.runtime.steps import step_of
from turnwise.turns.events import Played, ReplyId, SpeechFailed, Voiced

AHEAD_S = 12
"""Synthesis waits while so much sound is queued: what is never heard should not be paid for."""
IDLE_MS = 350
"""A model that pauses so long inside a sentence has it spoken as far as it goes: clients take
400 ms without sound for the end of the turn."""


@dataclass(frozen=True, slots=True)
class SentSound:
    """A chunk of a reply for the client."""

    reply: ReplyId
    samples: Pcm
    """At the rate of the agent's output format."""
    alignment: Alignment
    """The characters that begin in this chunk, from its start."""
    at: Millis
    """When it is heard, by the clock of play."""
    end: Samples | None = None
    """Position behind its last sample; None: it is no part of what is said."""


@dataclass(slots=True)
class Mouth:
    """What speaking is done with."""

    synthesizer: Synthesizer
    options: VoiceOptions
    audio_format: AudioFormat
    lead_ms: int
    chunk_ms: int
    send: Callable[[SentSound], None]
    """Never blocks."""
    on_failure: Callable[[ProviderError], None] = field(default=lambda _: None)
    """Told why words could not be spoken."""

    def script(self) -> Script:
        """Return what tells words from marks in the next reply."""
        labels = [label for label, _ in self.options.labelled]
        return Script(labels, reads_tags=reads_tags(self.synthesizer))


@dataclass(slots=True)
class _Voicing:
    """A reply on its way to sound."""

    reply: ReplyId
    script: Script
    task: asyncio.Task[None] | None = None
    cutter: SentenceCutter = field(default_factory=SentenceCutter)
    pieces: asyncio.Queue[tuple[str, VoiceOptions]] = field(default_factory=asyncio.Queue)
    """Each with the voice that it was written for."""
    idle: asyncio.TimerHandle | None = None
    """Looks whether the model pauses; with each word it may wait longer (`idle_at`)."""
    idle_at: float = 0.0
    """By the event loop's clock, in seconds."""
    samples: int = 0
    """Sound queued so far."""
    begins: Samples | None = None
    """Position of its first sample; None: there is none yet."""
    busy: bool = False
    """Whether a piece is being synthesised."""


@dataclass(frozen=True, slots=True)
class _Queued:
    position: int
    end: int
    reply: ReplyId
    alignment: Alignment


class Speaking:
    """Speaks for one agent."""

    def __init__(self, mouth: Mouth, clock: Clock, tell: Tell, tasks: asyncio.TaskGroup) -> None:
        self.mouth = mouth
        self._clock = clock
        self._tell = tell
        self._tasks = tasks
        self._rate_hz = mouth.audio_format.rate_hz
        self._playout = Playout(self._rate_hz, lead_ms=mouth.lead_ms, chunk_ms=mouth.chunk_ms)
        self._queued: deque[_Queued] = deque()
        self._voicing: _Voicing | None = None
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Handle | None = None
        """When what is due is sent; None: nothing is."""
        self._next_is_now = False
        self._sends = step_of(tasks, self._send_due)

    def speak(self, reply: ReplyId, text: str) -> None:
        """Take the next words of a reply."""
        voicing = self._voicing
        if voicing is None or voicing.reply != reply:
            voicing = self._voicing = _Voicing(reply, self.mouth.script())
            voicing.task = self._tasks.create_task(self._voice(voicing))
        for piece in voicing.cutter.push(text):
            voicing.pieces.put_nowait((piece, self.mouth.options))
        self._watch_idle(voicing)

    def complete(self, reply: ReplyId) -> None:
        """Speak what is left of a reply: its text is complete, for now."""
        if self._voicing is not None and self._voicing.reply == reply:
            self._flush(self._voicing)

    def cancel(self, reply: ReplyId) -> None:
        """Stop a reply at once; nothing more of it is sent."""
        if self._voicing is not None and self._voicing.reply == reply:
            self._stop(self._voicing)
            self._playout.drop(self._clock.now())
            self._queued.clear()

    def finish(self, reply: ReplyId) -> None:
        """Forget a reply that was heard."""
        if self._voicing is not None and self._voicing.reply == reply:
            self._stop(self._voicing)

    def stop(self) -> None:
        """Speak nothing more."""
        if self._next is not None:
            self._next.cancel()
        if self._voicing is not None:
            self._stop(self._voicing)

    def pause(self) -> None:
        """Go quiet; keep what was not heard."""
        self._playout.pause(self._clock.now())

    def resume(self) -> None:
        """Go on from where the ear was."""
        self._playout.resume()
        self._send_now()

    def played(self, reply: ReplyId, end: Samples) -> None:
        """Take in that a reply was heard up to a position, as the client says (telephony marks)."""
        voicing = self._voicing
        if voicing is None or voicing.reply != reply or voicing.begins is None:
            return
        self._playout.played(end, self._clock.now())
        heard = Samples(max(0, end - voicing.begins))
        self._tell(Played(reply, ms_of(heard, self._rate_hz)))

    def is_quiet(self) -> bool:
        """Return whether nothing is heard, and nothing is about to be."""
        playout, voicing = self._playout, self._voicing
        coming = voicing is not None and (
            voicing.busy or voicing.cutter.pending or not voicing.pieces.empty()
        )
        return not coming and playout.heard(self._clock.now()) == playout.end

    def _stop(self, voicing: _Voicing) -> None:
        if voicing.idle is not None:
            voicing.idle.cancel()
        if voicing.task is not None:
            voicing.task.cancel()
        self._voicing = None

    def _flush(self, voicing: _Voicing, *, whole: bool = True) -> None:
        if voicing.idle is not None:
            voicing.idle.cancel()
            voicing.idle = None
        if rest := voicing.cutter.flush(whole=whole):
            voicing.pieces.put_nowait((rest, self.mouth.options))

    def _watch_idle(self, voicing: _Voicing) -> None:
        voicing.idle_at = self._loop.time() + IDLE_MS / 1000
        if voicing.idle is None and voicing.cutter.pending:
            voicing.idle = self._loop.call_at(voicing.idle_at, self._look_idle, voicing)

    def _look_idle(self, voicing: _Voicing) -> None:
        voicing.idle = None
        if not voicing.cutter.pending:
            return
        if self._loop.time() < voicing.idle_at:
            voicing.idle = self._loop.call_at(voicing.idle_at, self._look_idle, voicing)
        else:
            self._flush(voicing, whole=False)

    async def _voice(self, voicing: _Voicing) -> None:
        """Synthesise the pieces of one reply, in order."""
        while True:
            voicing.busy = False
            piece, options = await voicing.pieces.get()
            voicing.busy = True
            await self._until_needed()
            try:
                for passage in voicing.script.passages(piece):
                    await self._synthesise(voicing, passage, options.of(passage.label))
            except ProviderError as error:
                self.mouth.on_failure(error)
                self._tell(SpeechFailed(voicing.reply, error.reason))
                return

    async def _until_needed(self) -> None:
        """Return when the sound queued so far runs low."""
        ahead_s = self._playout.waiting / self._rate_hz
        while ahead_s > AHEAD_S:
            await asyncio.sleep(ahead_s - AHEAD_S)
            ahead_s = self._playout.waiting / self._rate_hz

    async def _synthesise(self, voicing: _Voicing, passage: Passage, options: VoiceOptions) -> None:
        mouth, said = self.mouth, passage.said
        if not said.strip():
            self._tell(Voiced(voicing.reply, passage.chars, 0))
            return
        resampler = Resampler(mouth.synthesizer.rate_hz, self._rate_hz)
        covered = 0
        async for sound in mouth.synthesizer.speak(said, options):
            written = passage.restored(sound.alignment, covered)
            covered += len(sound.alignment.chars)
            self._queue(voicing, resampler.push(sound.samples), written)
        left = Alignment.estimate(said[covered:], 0)
        self._queue(voicing, resampler.flush(), passage.restored(left, covered))

    def _queue(self, voicing: _Voicing, samples: Pcm, alignment: Alignment) -> None:
        if not len(samples) and not alignment.chars:
            return
        before = ms_of(voicing.samples, self._rate_hz)
        voicing.samples += len(samples)
        ms = ms_of(voicing.samples, self._rate_hz) - before
        ends = tuple(min(end, ms) for end in alignment.ends_ms)
        self._tell(Voiced(voicing.reply, len(alignment.chars), ms, ends))
        position = self._playout.queue(samples)
        voicing.begins = position if voicing.begins is None else voicing.begins
        end = position + len(samples)
        self._queued.append(_Queued(position, end, voicing.reply, alignment))
        self._send_now()

    def _send_now(self) -> None:
        """Send what is due as soon as what is happening is over; more may be queued until then."""
        if self._next_is_now:
            return
        if self._next is not None:
            self._next.cancel()
        self._next, self._next_is_now = self._loop.call_soon(self._sends), True

    def _send_due(self) -> None:
        self._next, self._next_is_now = None, False
        now = self._clock.now()
        for chunk in self._playout.due(now):
            self._send(chunk, now)
        due = self._playout.next_due()
        if due is not None and self._next is None:
            left_s = max(0, due - self._clock.now()) / 1000
            self._next = self._loop.call_later(left_s, self._sends)

    def _send(self, chunk: Chunk, now: Millis) -> None:
        first, last = chunk.position, chunk.position + len(chunk.samples)
        while self._queued and self._queued[0].end <= first:
            self._queued.popleft()
        touched = [q for q in self._queued if q.position < last]
        if not touched:
            return
        alignment = Alignment()
        for queued in touched:
            alignment = alignment.join(self._cut(queued, first, last))
        ahead = ms_of(first - self._playout.heard(now), self._rate_hz)
        at = Millis(now + max(0, ahead))
        end = Samples(last)
        self.mouth.send(SentSound(touched[0].reply, chunk.samples, alignment, at, end))

    def _cut(self, queued: _Queued, first: int, last: int) -> Alignment:
        """Return the characters of a queued sound that begin between two positions."""
        offset_ms = ms_of(queued.position, self._rate_hz)
        from_ms = max(0, ms_of(first, self._rate_hz) - offset_ms)
        ends_here = queued.end <= last
        to_ms = None if ends_here else ms_of(last, self._rate_hz) - offset_ms
        cut = queued.alignment.cut(from_ms, to_ms)
        lead = max(0, offset_ms - ms_of(first, self._rate_hz))
        return cut.shift(lead)
