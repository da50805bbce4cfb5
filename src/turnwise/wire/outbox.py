"""Messages on their way to one client: numbered, selected, in order; and a reply as it knows it."""

from dataclasses import dataclass, field
from typing import Literal

from turnwise.audio.alignment import Alignment
from turnwise.turns.events import ReplyId
from turnwise.wire.server_messages import (
    AgentChatResponsePart,
    AgentReasoningResponsePart,
    AgentResponse,
    AgentResponseComplete,
    AgentResponseCorrection,
    Audio,
    Interruption,
    ServerMessage,
)


class Outbox:
    """Keeps messages that the client wants until they are taken."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._messages: list[ServerMessage] = []
        self._closed = False
        self.number = 0
        """The highest there was."""

    def next_number(self) -> int:
        """Return a number that is higher than all before it."""
        self.number += 1
        return self.number

    def wants(self, kind: str) -> bool:
        """Return whether messages of this type are sent."""
        return kind in self._wanted and not self._closed

    def put(self, message: ServerMessage) -> None:
        """Add a message, if the client wants it."""
        if self.wants("audio" if isinstance(message, Audio) else message.type):
            self._messages.append(message)

    def take(self) -> list[ServerMessage]:
        """Return what is to be sent, once."""
        messages, self._messages = self._messages, []
        return messages

    def close(self) -> None:
        """Add nothing from here on."""
        self._closed = True


@dataclass(slots=True)
class ToldReply:
    """A reply as the client knows it."""

    reply: ReplyId
    out: Outbox
    number: int | None = None
    """Of its messages; None until the next one."""
    sounding: bool = False
    """Whether sound was sent under this number."""
    sounded: bool = False
    """Whether sound was sent at all."""
    paused: bool = False
    streaming: bool = False
    """Whether a `start` has no `stop` yet."""
    thinking: bool = False
    """The same of its thoughts."""
    words: list[str] = field(default_factory=list)
    """Complete, and waiting to be told."""
    told: bool = False
    """Whether the client got words of it."""

    def its_number(self) -> int:
        """Return the number of its next message."""
        if self.number is None:
            self.number = self.out.next_number()
        return self.number

    def think(self, text: str) -> None:
        """Tell thoughts as they come."""
        if not self.thinking:
            self.thinking = True
            self._thought("start")
        self._thought("delta", text)

    def stop_thinking(self) -> None:
        """Tell that what follows was thought of enough."""
        if self.thinking:
            self.thinking = False
            self._thought("stop")

    def _thought(self, part: Literal["start", "delta", "stop"], text: str = "") -> None:
        number = str(self.its_number())
        self.out.put(AgentReasoningResponsePart(text=text, part=part, event_id=number))

    def stream(self, text: str) -> None:
        """Tell words as they are written."""
        self.stop_thinking()
        if not self.out.wants("agent_chat_response_part"):
            return
        if not self.streaming:
            self.streaming = True
            self._part("start")
        self.out.put(AgentChatResponsePart(text=text, part="delta", event_id=self.its_number()))

    def stop_stream(self) -> None:
        """Tell that the words are complete for now."""
        self.stop_thinking()
        if self.streaming:
            self.streaming = False
            self._part("stop")

    def _part(self, part: Literal["start", "stop"]) -> None:
        self.out.put(AgentChatResponsePart(text="", part=part, event_id=self.its_number()))

    def tell(self) -> None:
        """Tell the words that waited."""
        self.stop_thinking()
        for text in self.words:
            self.out.put(AgentResponse(agent_response=text, event_id=self.its_number()))
            self.told = True
        self.words.clear()

    def play(self, sound: bytes, alignment: Alignment | None, *, last: bool) -> None:
        """Send sound."""
        self.out.put(Audio(self.its_number(), sound, alignment, is_final=last))
        self.sounding = self.sounded = True

    def interrupt(self) -> None:
        """Have the client throw away what it has not played; what follows has another number."""
        if self.sounding:
            self.out.put(Interruption(event_id=self.its_number()))
            self.number, self.sounding = None, False

    def correct(self, written: str, heard: str) -> None:
        """Tell what of its words was heard, if the client got them."""
        if self.told:
            self.out.put(
                AgentResponseCorrection(
                    original_agent_response=written,
                    corrected_agent_response=heard,
                    event_id=self.its_number(),
                )
            )

    def complete(self) -> None:
        """Tell that it is over."""
        self.stop_stream()
        self.tell()  # words that made no sound, such as a smile
        if self.number is not None:
            self.out.put(AgentResponseComplete(event_id=self.number))
