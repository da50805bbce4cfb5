"""A soft sound while the agent waits for a tool, so that a silent line is not taken for a dead one.

The engine knows nothing of it: nobody says anything with it, and words end it.
"""

import asyncio
from dataclasses import dataclass

import numpy as np

from turnwise.audio.alignment import Alignment
from turnwise.audio.pcm import Pcm
from turnwise.audio.tool_sounds import SOUNDS, tool_sound
from turnwise.base.clock import Clock
from turnwise.base.units import Millis
from turnwise.runtime.persona import Stage
from turnwise.runtime.speaking import SentSound, Speaking
from turnwise.turns.commands import (
    CallTool,
    CancelReply,
    CancelTool,
    Command,
    FinishReply,
    ReportTool,
    Speak,
)
from turnwise.turns.events import CallId, ReplyId

CHUNK_MS = 100
AHEAD_MS = 200
"""How much the client has in hand: little, for what was sent is heard even after the tool."""


@dataclass(frozen=True, slots=True)
class _Wait:
    """A call that is waited for with a sound."""

    call: CallId
    reply: ReplyId
    sound: str


class ToolSounds:
    """Plays the sounds of the tools of one conversation."""

    def __init__(
        self, speaking: Speaking, stage: Stage, clock: Clock, tasks: asyncio.TaskGroup
    ) -> None:
        self._speaking = speaking
        self._stage = stage
        self._clock = clock
        self._tasks = tasks
        self._rate_hz = speaking.mouth.audio_format.rate_hz
        self._spoke: ReplyId | None = None
        self._waits: list[_Wait] = []
        self._loops: dict[str, Pcm] = {}
        self._task: asyncio.Task[None] | None = None

    def obey(self, command: Command) -> None:
        """Begin to play, or stop."""
        match command:
            case Speak(reply=reply):
                self._spoke = reply
            case CallTool():
                self._begin(command)
            case ReportTool(call=call) | CancelTool(call=call):
                self._waits = [wait for wait in self._waits if wait.call != call]
            case CancelReply(reply=reply) | FinishReply(reply=reply):
                self._waits = [wait for wait in self._waits if wait.reply != reply]
            case _:
                pass

    def stop(self) -> None:
        """Play nothing more."""
        if self._task is not None:
            self._task.cancel()

    def _begin(self, command: CallTool) -> None:
        sound = self._sound_of(command)
        if sound is None:
            return
        self._waits.append(_Wait(command.call, command.reply, sound))
        if self._task is None or self._task.done():
            self._task = self._tasks.create_task(self._play())

    def _sound_of(self, command: CallTool) -> str | None:
        tools = self._stage.present.tools
        tool = next((each for each in tools if each.name == command.name), None)
        if tool is None or not tool.expects_response or tool.execution_mode == "async":
            return None  # nobody waits
        always = tool.raw.get("tool_call_sound_behavior") == "always"
        name = tool.raw.get("tool_call_sound")
        return name if name in SOUNDS and (always or self._spoke == command.reply) else None

    async def _play(self) -> None:
        """Send the sound of the newest call, for as long as one waits."""
        sent_until, position = self._clock.now(), 0
        while self._waits:
            now = self._clock.now()
            sent_until = max(sent_until, now)
            newest = self._waits[-1]
            loop = await self._loop(newest.sound)
            while newest in self._waits and self._may_play(sent_until - now):
                position, samples = self._piece(loop, position)
                sound = SentSound(newest.reply, samples, Alignment(), sent_until)
                self._speaking.mouth.send(sound)
                sent_until = Millis(sent_until + CHUNK_MS)
            await asyncio.sleep(CHUNK_MS / 1000)

    def _may_play(self, ahead_ms: int) -> bool:
        return ahead_ms < AHEAD_MS and self._speaking.is_quiet()

    async def _loop(self, name: str) -> Pcm:
        if name not in self._loops:
            self._loops[name] = await asyncio.to_thread(tool_sound, name, self._rate_hz)
        return self._loops[name]

    def _piece(self, loop: Pcm, position: int) -> tuple[int, Pcm]:
        """Return the next piece of a loop, and where the one after it begins."""
        length = self._rate_hz * CHUNK_MS // 1000
        begin = position % len(loop)
        piece = loop[begin : begin + length]
        if len(piece) < length:
            piece = np.concatenate([piece, loop[: length - len(piece)]])
        return begin + length, piece
