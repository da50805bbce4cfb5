"""One live conversation: its engine, its shells, its journal and its record, from start to end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from turnwise.audio.formats import AudioFormat
from turnwise.audio.pcm import Pcm
from turnwise.base.units import Millis
from turnwise.providers.ports import (
    LanguageModel,
    ListeningOptions,
    SpeechDetector,
    SpeechStream,
    Synthesizer,
    Transcriber,
    VoiceOptions,
)
from turnwise.runtime.clock import SessionClock
from turnwise.runtime.conversation import Inbox, converse
from turnwise.runtime.document import Circumstances, Course, Ending, document
from turnwise.runtime.effects import Client, Obedience, Shells
from turnwise.runtime.hearing import Ears, Hearing
from turnwise.runtime.record import Record
from turnwise.runtime.sound_record import SoundRecord
from turnwise.runtime.speaking import Mouth, SentSound, Speaking
from turnwise.runtime.thinking import Ask, AskFiller, Thinking
from turnwise.runtime.toolbox import CallClient, Toolbox
from turnwise.turns.commands import Amend, Append, Command, End, Report
from turnwise.turns.engine import Engine
from turnwise.turns.events import CallId, Event, ReplyId
from turnwise.turns.journal import Step, event_line, header_line, outcome_line
from turnwise.turns.metrics import measure
from turnwise.turns.policy import Policy

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
    policy: Policy
    minds: Minds
    ask: Ask
    ask_filler: AskFiller
    call_client: CallClient
    tool_kinds: Mapping[str, str]
    voice: VoiceOptions
    listening: ListeningOptions
    output_format: AudioFormat
    input_format: AudioFormat
    folder: Path
    """Where the journal and the sound of this conversation are written; it must exist."""
    save: Save
    lead_ms: int = 400
    chunk_ms: int = 150
    record_sound: bool = True
    on_score: Callable[[float], None] | None = None
    """Told the probability of speech of each frame; None: nobody wants to know."""
    overhear: Callable[[Event], None] = field(default=lambda _: None)
    """Told each event that hearing tells the engine."""


class _Journal:
    """Writes the journal, line by line, and remembers the steps for the figures at the end."""

    def __init__(self, path: Path, policy: Policy) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", buffering=1)
        self._file.write(header_line(policy) + "\n")
        self.steps: list[Step] = []
        self._event: Event | None = None

    def event(self, at: Millis, event: Event) -> None:
        self._file.write(event_line(at, event) + "\n")
        self._event = event

    def outcome(self, at: Millis, commands: tuple[Command, ...], fired: list[str]) -> None:
        line = outcome_line(at, commands, fired)
        if line is not None:
            self._file.write(line + "\n")
        assert self._event is not None
        self.steps.append(Step(at, self._event, commands, tuple(fired)))

    def close(self) -> None:
        self._file.close()


class Session:
    """Holds one conversation."""

    def __init__(self, setup: Setup, client: Client) -> None:
        """Get ready; nothing happens before `run`."""
        self._setup = setup
        self._client = client
        self._inbox: Inbox = asyncio.Queue()
        self._clock = SessionClock()
        self._record = Record(setup.about.agent_id, setup.tool_kinds)
        self._toolbox = Toolbox(setup.tool_kinds, setup.call_client, self.tell)
        self._hearing: Hearing | None = None
        self._sound: SoundRecord | None = None
        self._heard = [False, False]
        self._ready = False
        self._early: list[bytes] = []
        self._steps: list[Step] = []
        self._dirty = asyncio.Event()
        self.incidents: list[str] = []
        """What went wrong and was survived."""
        self.end_reason = ""
        """Why the engine ended the conversation; empty before that."""

    @property
    def conversation_id(self) -> str:
        """Which conversation this is."""
        return self._setup.about.conversation_id

    def tell(self, event: Event) -> None:
        """Tell the engine that something happened. Never blocks."""
        self._inbox.put_nowait(event)

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
        self._dirty.set()

    async def run(self) -> None:
        """Hold the conversation until it ends; then its document is stored as `processing`."""
        setup = self._setup
        journal = _Journal(setup.folder / "journal.jsonl", setup.policy)
        stream = None if setup.policy.text_only else setup.minds.detector.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                shells = self._shells(tasks, stream)
                self._ready = True
                running = [
                    tasks.create_task(shell.run())
                    for shell in (shells.hearing, shells.speaking)
                    if shell is not None
                ]
                running.append(tasks.create_task(self._keep()))
                effects = _Watched(Obedience(shells, self._clock), self)
                await converse(Engine(setup.policy), self._inbox, self._clock, effects, journal)
                for task in running:
                    task.cancel()
                shells.thinking.stop()
                if shells.hearing is not None:
                    shells.hearing.stop()
                if shells.speaking is not None:
                    shells.speaking.stop()
        finally:
            if stream is not None:
                stream.close()
            journal.close()
        self._steps = journal.steps

    def _shells(self, tasks: asyncio.TaskGroup, stream: SpeechStream | None) -> Shells:
        setup = self._setup
        thinking = Thinking(setup.minds.model, setup.ask, setup.ask_filler, self.tell, tasks)
        shells = Shells(thinking, self._toolbox, self._record, self._client)
        if stream is None:
            return shells
        if setup.record_sound:
            self._sound = SoundRecord(setup.folder, setup.output_format.rate_hz)
        ears = Ears(
            stream,
            setup.minds.detector.frame_samples,
            setup.minds.transcriber,
            setup.listening,
            setup.on_score,
            self._hear_user,
        )
        mouth = Mouth(
            setup.minds.synthesizer,
            setup.voice,
            setup.output_format,
            setup.lead_ms,
            setup.chunk_ms,
            self._play,
        )
        shells.hearing = self._hearing = Hearing(ears, setup.input_format, self._overhear, tasks)
        shells.speaking = Speaking(mouth, self._clock, self.tell, tasks)
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
            case Append() | Amend():
                self._dirty.set()
            case Report(kind=kind, detail=detail):
                self.incidents.append(f"{kind}: {detail}")
            case End(reason=reason):
                self.end_reason = reason
            case _:
                pass

    async def _keep(self) -> None:
        """Store the document after every turn."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            await self._setup.save(self._document("in-progress", None))

    def _document(self, status: str, ending: Ending | None) -> dict[str, Any]:
        metrics = measure(self._setup.policy, self._steps) if ending else None
        course = Course(
            duration_ms=self._clock.now(),
            status=status,
            ending=ending,
            metrics=metrics,
            has_sound=(self._heard[0], self._heard[1]),
            incidents=tuple(self.incidents),
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


class _Watched:
    """Lets the session see each order on its way to the shells."""

    def __init__(self, effects: Obedience, session: Session) -> None:
        self._effects = effects
        self._session = session

    def obey(self, command: Command) -> None:
        self._session.note(command)
        self._effects.obey(command)
