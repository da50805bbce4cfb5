"""One live conversation: its engine, its shells, its journal and its record, from start to end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turnwise.audio.formats import AudioFormat
from turnwise.audio.pcm import Pcm
from turnwise.providers.ports import (
    LanguageModel,
    SpeechDetector,
    SpeechStream,
    Synthesizer,
    Transcriber,
)
from turnwise.runtime.clock import SessionClock
from turnwise.runtime.conversation import Inbox, converse
from turnwise.runtime.document import Circumstances, Course, Ending, document
from turnwise.runtime.effects import Client, Obedience, Shells
from turnwise.runtime.hearing import Ears, Hearing
from turnwise.runtime.journal_file import JournalFile, Unwatched, Watcher
from turnwise.runtime.persona import Persona, Stage
from turnwise.runtime.record import KeysShown, Record
from turnwise.runtime.sound_record import SoundRecord
from turnwise.runtime.speaking import Mouth, SentSound, Speaking
from turnwise.runtime.spending import Spending
from turnwise.runtime.storing import Storing
from turnwise.runtime.thinking import Thinking
from turnwise.runtime.tool_sounds import ToolSounds
from turnwise.runtime.toolbox import CallClient, Surroundings, Toolbox
from turnwise.runtime.toolkit import Toolkit
from turnwise.turns.commands import (
    Amend,
    Append,
    CancelReply,
    Command,
    End,
    FinishReply,
    Report,
)
from turnwise.turns.engine import Engine
from turnwise.turns.events import CallId, Event, ReplyId
from turnwise.turns.metrics import Metrics

Save = Callable[[dict[str, Any]], Awaitable[None]]
"""Stores the conversation's document, in the place of what was stored before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minds:
    """Who hears, thinks and speaks."""

    model: LanguageModel
    synthesizer: Synthesizer
    transcriber: Transcriber
    detector: SpeechDetector


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything a conversation is held with."""

    about: Circumstances
    persona: Persona
    """Who begins."""
    minds: Minds
    call_client: CallClient
    output_format: AudioFormat
    input_format: AudioFormat
    folder: Path
    """Where the journal and the sound of this conversation are written; it must exist."""
    save: Save
    lead_ms: int = 400
    chunk_ms: int = 150
    record_sound: bool = True
    toolkit: Toolkit = field(default_factory=Toolkit)
    afterwards: asyncio.TaskGroup | None = None
    """Where tools are finished that run when the conversation ends; None: it waits for them."""
    on_switch: Callable[[Persona], None] = field(default=lambda _: None)
    """Told when another agent goes on, or the same in another language."""
    on_score: Callable[[float], None] | None = None
    """Told the probability of speech of each frame; None: nobody wants to know."""
    overhear: Callable[[Event], None] = field(default=lambda _: None)
    """Told each event that hearing tells the engine."""


class Session:
    """Holds one conversation."""

    def __init__(self, setup: Setup, client: Client) -> None:
        """Get ready; nothing happens before `run`."""
        self._setup = setup
        self._client = client
        self._inbox = Inbox()
        self._clock = SessionClock()
        self._spending = Spending()
        self._record = Record(setup.about.agent_id, self._spending)
        self._record.labels.update(label for label, _ in setup.persona.voice.labelled)
        self._stage = Stage(setup.persona, setup.on_switch, setup.toolkit.ready)
        self._toolbox = Toolbox(
            setup.toolkit,
            Surroundings(
                conversation_id=setup.about.conversation_id,
                stage=self._stage,
                record=self._record,
                clock=self._clock,
                tell=self.tell,
                call_client=setup.call_client,
            ),
        )
        self._hearing: Hearing | None = None
        self._sound: SoundRecord | None = None
        self._heard = [False, False]
        self._ready = False
        self._early: list[bytes] = []
        self._metrics = Metrics()
        self._storing = Storing(self._store)
        self.watcher: Watcher = Unwatched()
        """Who takes down how it feels; set before `run`."""
        self.incidents: list[str] = []
        """What went wrong and was survived."""
        self.end_reason = ""
        """Why the engine ended the conversation; empty before that."""

    @property
    def conversation_id(self) -> str:
        """Which conversation this is."""
        return self._setup.about.conversation_id

    @property
    def agent_id(self) -> str:
        """The agent it began with."""
        return self._setup.about.agent_id

    def backlog(self) -> tuple[int, int]:
        """Return how many events, and how much sound (ms), it has still to deal with."""
        unheard_ms = self._hearing.unheard_ms if self._hearing is not None else 0
        return len(self._inbox), unheard_ms

    def tell(self, event: Event) -> None:
        """Tell the engine that something happened. Never blocks."""
        self._inbox.put(event)

    def hear(self, data: bytes) -> None:
        """Take in sound of the user, as the client sent it."""
        if self._hearing is not None:
            self._hearing.feed(data)
        elif not self._ready:
            self._early.append(data)

    def client_answered(self, call: CallId, result: str, *, failed: bool) -> None:
        """Take in the answer of a client tool."""
        self._toolbox.client_answered(call, result, failed=failed)

    def rate(self, reply: ReplyId, score: str | None) -> None:
        """Note what the user thinks of a reply: `like`, `dislike`, or None for nothing any more."""
        self._record.rate(reply, score, self._clock.now())
        self._storing.soon()

    async def begin(self) -> None:
        """Store the document as it is before anything is said: from here on it can be found."""
        await self._store()

    async def run(self) -> None:
        """Hold the conversation until it ends; then its document is stored as `processing`."""
        setup, policy = self._setup, self._setup.persona.policy
        journal = JournalFile(setup.folder / "journal.jsonl", policy, self.watcher)
        self._metrics = journal.metrics
        stream = None if policy.text_only else setup.minds.detector.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                shells = self._shells(tasks, stream)
                self._ready = True
                keeping = tasks.create_task(self._storing.run())
                effects = _Watched(Obedience(shells, self._clock), self)
                await converse(Engine(policy), self._inbox, self._clock, effects, journal)
                keeping.cancel()
                shells.stop()
                if (phone := setup.toolkit.phone) is not None:
                    phone.stop()
        finally:
            if stream is not None:
                stream.close()
            journal.close()
        self._metrics = journal.finish()

    def _shells(self, tasks: asyncio.TaskGroup, stream: SpeechStream | None) -> Shells:
        setup = self._setup
        thinking = Thinking(
            setup.minds.model,
            self._stage.ask,
            self._stage.ask_filler,
            self.tell,
            tasks,
            self._spending,
        )
        thinking.on_failure = self.watcher.failure
        self._toolbox.begin(tasks, setup.afterwards or tasks)
        shells = Shells(thinking, self._toolbox, self._record, self._client, self._stage)
        if stream is None:
            return shells
        if setup.record_sound:
            self._sound = SoundRecord(setup.folder, setup.output_format.rate_hz)
        ears = _ears(setup, stream, self._hear_user, self.watcher)
        mouth = _mouth(setup, self._play, self.watcher)
        shells.hearing = self._hearing = Hearing(ears, setup.input_format, self._overhear, tasks)
        shells.speaking = Speaking(mouth, self._clock, self.tell, tasks)
        if (phone := setup.toolkit.phone) is not None:
            phone.connect(shells.speaking, self._clock, self.tell)
            self._record.keys = KeysShown(redacted=phone.settings.redact_input)
        shells.waiting = ToolSounds(shells.speaking, self._stage, self._clock, tasks)
        shells.sound = self._sound
        for data in self._early:
            self._hearing.feed(data)
        self._early.clear()
        return shells

    def _overhear(self, event: Event) -> None:
        self.tell(event)
        self._setup.overhear(event)

    def _hear_user(self, samples: Pcm) -> None:
        if self._sound is not None:
            self._heard[0] = True
            self._sound.hear_user(samples, self._clock.now())

    def _play(self, sound: SentSound) -> None:
        if self._sound is not None:
            self._heard[1] = True
            self._sound.hear_agent(sound.samples, sound.at)
        self._client.play(sound)

    def note(self, command: Command) -> None:
        """Take in what the record must know of an order."""
        match command:
            case Append():
                self._storing.soon()
            case Amend() | FinishReply():  # no new turn: it waits for the next, if that comes soon
                self._storing.later()
            case CancelReply(reply=reply, speculative=True):
                self._spending.lose(reply)
            case Report(kind=kind, detail=detail):
                self.incidents.append(f"{kind}: {detail}")
            case End(reason=reason):
                self.end_reason = reason
            case _:
                pass

    async def _store(self) -> None:
        await self._setup.save(self._document("in-progress", None))

    def _document(self, status: str, ending: Ending | None) -> dict[str, Any]:
        course = Course(
            duration_ms=self._clock.now(),
            status=status,
            ending=ending,
            metrics=self._metrics,
            has_sound=(self._heard[0], self._heard[1]),
            incidents=(*self.incidents, *self._spending.failures, *self._toolbox.incidents),
            charging=self._spending.charging(),
        )
        return document(self._setup.about, self._record, course)

    async def finish(self, ending: Ending) -> Path | None:
        """Store the final document; return the recording as a stereo WAV file, if there is one.

        Args:
            ending: How it ended.
        """
        wav = None
        if self._sound is not None:
            if self._sound.has_sound:
                wav = self._setup.folder / "audio.wav"
                await asyncio.to_thread(self._sound.write_wav, wav)
            with suppress(OSError):
                self._sound.close()
        await self._setup.save(self._document("failed" if ending.failed else "done", ending))
        return wav


def _ears(
    setup: Setup, stream: SpeechStream, on_sound: Callable[[Pcm], None], watcher: Watcher
) -> Ears:
    return Ears(
        stream,
        setup.minds.detector.frame_samples,
        setup.minds.transcriber,
        setup.persona.listening,
        setup.on_score,
        on_sound,
        watcher.failure,
    )


def _mouth(setup: Setup, send: Callable[[SentSound], None], watcher: Watcher) -> Mouth:
    return Mouth(
        setup.minds.synthesizer,
        setup.persona.voice,
        setup.output_format,
        setup.lead_ms,
        setup.chunk_ms,
        send,
        watcher.failure,
    )


class _Watched:
    """Lets the session see each order on its way to the shells."""

    def __init__(self, effects: Obedience, session: Session) -> None:
        self._effects = effects
        self._session = session

    def obey(self, command: Command) -> None:
        self._session.note(command)
        self._effects.obey(command)
