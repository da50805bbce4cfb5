"""A whole session on the virtual clock: scripted microphone and minds, a client that notes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from turnwise.agents.tools import Tool
from turnwise.audio.formats import FORMATS
from turnwise.providers.llm.scripted import Reply
from turnwise.providers.llm.scripted import Scripted as Model
from turnwise.providers.ports import (
    ModelMessage,
    ModelRequest,
    VoiceOptions,
)
from turnwise.providers.stt.scripted import Scripted as Transcriber
from turnwise.providers.tts.scripted import Scripted as Voice
from turnwise.providers.vad.energy import Energy
from turnwise.runtime.document import Circumstances, Ending
from turnwise.runtime.journal_file import Unwatched, Watcher
from turnwise.runtime.persona import Persona
from turnwise.runtime.session import Minds, Session, Setup
from turnwise.runtime.speaking import SentSound
from turnwise.runtime.toolkit import Toolkit
from turnwise.testing import run
from turnwise.turns.commands import CallTool, Command, StartReply
from turnwise.turns.events import ReplyId
from turnwise.turns.policy import Policy
from turnwise.wire.history import lines_of

FORMAT = FORMATS["pcm_16000"]
POLICY = Policy(first_message="Hello there.")


@dataclass
class Client:
    """Notes what it is told, and when."""

    commands: list[tuple[int, Command]] = field(default_factory=list)
    sounds: list[tuple[int, SentSound]] = field(default_factory=list)
    calls: list[tuple[CallTool, dict[str, Any]]] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    @property
    def ms(self) -> int:
        return round((self._loop.time() - self._began) * 1000)

    def show(self, command: Command) -> None:
        self.commands.append((self.ms, command))

    def play(self, sound: SentSound) -> None:
        self.sounds.append((self.ms, sound))

    def think(self, reply: ReplyId, text: str) -> None:
        self.thoughts.append(f"{reply}: {text}")

    def call(self, command: CallTool, arguments: dict[str, Any]) -> None:
        self.calls.append((command, arguments))

    async def until(self, happened: Callable[[], object]) -> None:
        """Return when something happened."""
        while not happened():  # noqa: ASYNC110 - virtual time, and nothing to be told by
            await asyncio.sleep(0.1)

    def when(self, kind: type[Command]) -> list[int]:
        return [ms for ms, command in self.commands if isinstance(command, kind)]


@dataclass
class Held:
    """A conversation that was held."""

    client: Client
    session: Session
    model: Model
    voice: Voice
    document: dict[str, Any]
    saved: list[dict[str, Any]]
    wav: Path | None
    folder: Path


@dataclass(frozen=True)
class Scene:
    """What a conversation is held with."""

    policy: Policy = POLICY
    replies: tuple[Reply | str, ...] = ("All right.",)
    texts: tuple[str, ...] = ("hello", "and now")
    tools: dict[str, str] = field(default_factory=dict)
    """Kinds by name, of tools that take anything."""
    more_tools: tuple[Tool, ...] = ()
    toolkit: Toolkit | None = None
    model: Model | None = None
    voice: Voice | None = None
    voice_options: VoiceOptions = field(default_factory=VoiceOptions)
    transcriber: Transcriber | None = None
    watcher: Watcher = field(default_factory=Unwatched)


def ask(command: StartReply) -> ModelRequest:
    lines = [ModelMessage(role="user", text=str(line)) for line in lines_of(command.transcript)]
    return ModelRequest(messages=lines)


Acts = Callable[[Session, Client], Awaitable[None]]


def hold(scene: Scene, folder: Path, acts: Acts) -> Held:
    """Hold a conversation in virtual time; `acts` is the user."""
    return run(_hold(scene, folder, acts))


async def _hold(scene: Scene, folder: Path, acts: Acts) -> Held:
    client = Client()
    model = scene.model or Model(replies=scene.replies, latency_ms=100, word_ms=5)
    voice = scene.voice or Voice(latency_ms=50)
    minds = Minds(
        model=model,
        synthesizer=voice,
        transcriber=scene.transcriber or Transcriber(texts=scene.texts, latency_ms=50),
        detector=Energy(),
    )
    saved: list[dict[str, Any]] = []

    async def save(document: dict[str, Any]) -> None:
        saved.append(document)

    tools = tuple(
        Tool(name=name, kind=kind, description="", system_type=name, params={})
        for name, kind in scene.tools.items()
    )
    persona = Persona(
        agent_id="agent_1",
        policy=scene.policy,
        ask=ask,
        ask_filler=lambda: ModelRequest(messages=[]),
        tools=(*tools, *scene.more_tools),
        voice=scene.voice_options,
    )
    setup = Setup(
        about=Circumstances(
            conversation_id="conv_1", agent_id="agent_1", agent_name="A", started_unix_secs=1
        ),
        persona=persona,
        minds=minds,
        call_client=client.call,
        toolkit=scene.toolkit or Toolkit(),
        output_format=FORMAT,
        input_format=FORMAT,
        folder=folder,
        save=save,
    )
    session = Session(setup, client)
    session.watcher = scene.watcher

    async with asyncio.TaskGroup() as tasks:
        user = tasks.create_task(_as_coroutine(acts, session, client))
        await session.run()
        user.cancel()
    wav = await session.finish(Ending(termination_reason=session.end_reason))
    return Held(client, session, model, voice, saved[-1], saved, wav, folder)


async def _as_coroutine(acts: Acts, session: Session, client: Client) -> None:
    await acts(session, client)


async def speak(session: Session, ms: int, *, loud: bool = True) -> None:
    """Send sound, or silence, in real time: 20 ms a message."""
    level = 8_000 if loud else 0
    turn = np.sin(np.arange(320) * 2 * np.pi * 300 / 16_000)
    frame = (turn * level).astype("<i2").tobytes()
    for _ in range(ms // 20):
        session.hear(frame)
        await asyncio.sleep(0.02)
