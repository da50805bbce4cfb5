"""From the engine's orders to the shells that carry them out. Each order has one place."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from turnwise.base.clock import Clock
from turnwise.runtime.hearing import Hearing
from turnwise.runtime.persona import Persona, Stage
from turnwise.runtime.record import Record
from turnwise.runtime.sound_record import SoundRecord
from turnwise.runtime.speaking import SentSound, Speaking
from turnwise.runtime.thinking import Thinking
from turnwise.runtime.tool_sounds import ToolSounds
from turnwise.runtime.toolbox import Toolbox
from turnwise.turns.commands import (
    Amend,
    Announce,
    Append,
    CallTool,
    CancelReply,
    CancelTool,
    CloseUtterance,
    Command,
    FinishReply,
    MakeFiller,
    Pause,
    Resume,
    Speak,
    StartReply,
    SwitchAgent,
)
from turnwise.turns.events import ReplyId


class Client(Protocol):
    """The program on the other end, as the conversation sees it. Nothing here blocks."""

    def show(self, command: Command) -> None:
        """Tell the client what the engine did, as far as it should know."""

    def play(self, sound: SentSound) -> None:
        """Send sound."""


@runtime_checkable
class ShownThoughts(Protocol):
    """A client that is also told what the model thinks."""

    def think(self, reply: ReplyId, text: str) -> None:
        """Tell the client the next words of a thought."""


@dataclass(slots=True)
class Shells:
    """Everything that carries out orders."""

    thinking: Thinking
    toolbox: Toolbox
    record: Record
    client: Client
    stage: Stage
    speaking: Speaking | None = None
    """None in a conversation without sound."""
    hearing: Hearing | None = None
    """None in a conversation without sound."""
    sound: SoundRecord | None = None
    """None if nothing is recorded."""
    waiting: ToolSounds | None = None
    """None in a conversation without sound."""

    def stop(self) -> None:
        """Do nothing more: the conversation is over."""
        self.thinking.stop()
        self.toolbox.stop()
        for shell in (self.hearing, self.speaking, self.waiting):
            if shell is not None:
                shell.stop()


class Obedience:
    """Obeys one engine."""

    def __init__(self, shells: Shells, clock: Clock) -> None:
        self._shells = shells
        self._clock = clock
        shells.toolbox.consult = shells.thinking.consult
        if isinstance(shells.client, ShownThoughts):
            shells.thinking.on_thought = shells.client.think

    def obey(self, command: Command) -> None:
        """Carry the command out, or begin to."""
        self._think(command)
        self._speak(command)
        self._listen(command)
        self._record(command)
        if self._shells.waiting is not None:
            self._shells.waiting.obey(command)
        self._shells.client.show(command)
        # a tool is called after the client was told so: it may answer at once
        if isinstance(command, CallTool):
            self._shells.toolbox.call(command)
        elif isinstance(command, CancelTool):
            self._shells.toolbox.cancel(command.call)

    def _think(self, command: Command) -> None:
        thinking = self._shells.thinking
        match command:
            case StartReply():
                thinking.start(command)
            case CancelReply(reply=reply):
                thinking.cancel(reply)
            case MakeFiller():
                thinking.make_filler(command.reply)
            case SwitchAgent(agent=agent):
                self._switch(self._shells.stage.switch(agent))
            case _:
                pass

    def _switch(self, persona: Persona) -> None:
        """Go on with another agent, or the same in another language."""
        shells = self._shells
        shells.record.agent_id = persona.agent_id
        shells.record.labels.update(label for label, _ in persona.voice.labelled)
        shells.toolbox.switched(persona)
        if shells.speaking is not None:
            shells.speaking.mouth.options = persona.voice
        if shells.hearing is not None:
            shells.hearing.listen(persona.listening)

    def _speak(self, command: Command) -> None:
        speaking = self._shells.speaking
        if speaking is None:
            return
        match command:
            case Speak(reply=reply, text=text):
                speaking.speak(reply, text)
            case Announce(reply=reply):
                speaking.complete(reply)
            case CancelReply(reply=reply):
                speaking.cancel(reply)
            case FinishReply(reply=reply):
                speaking.finish(reply)
            case Pause():
                speaking.pause()
            case Resume():
                speaking.resume()
            case _:
                pass

    def _listen(self, command: Command) -> None:
        if isinstance(command, CloseUtterance) and self._shells.hearing is not None:
            self._shells.hearing.close_utterance()

    def _record(self, command: Command) -> None:
        match command:
            case Append() | Amend():
                self._shells.record.note(command)
            case Pause() | CancelReply() if self._shells.sound is not None:
                self._shells.sound.cut_agent(self._clock.now())
            case _:
                pass
