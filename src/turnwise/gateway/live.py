"""A session as seen from its line: commands become messages, messages become events."""

import json
from collections import deque
from typing import Any

from turnwise.agents.tools import Tool
from turnwise.audio.formats import AudioFormat, encode
from turnwise.base.clock import Clock
from turnwise.base.units import Samples
from turnwise.gateway.line import Line, Received
from turnwise.runtime.live_variables import LiveVariables
from turnwise.runtime.phone import Phone
from turnwise.runtime.session import Session
from turnwise.runtime.speaking import SentSound
from turnwise.tools.approvals import Approvals
from turnwise.tools.mcp import McpClient
from turnwise.turns.commands import Announce, CallTool, Command
from turnwise.turns.events import CallId, Event, ReplyId, Transcribed
from turnwise.wire.carriers import KeyPressed, SoundPlayed
from turnwise.wire.client_messages import (
    ClientToolResult,
    Feedback,
    McpToolApprovalResult,
    Pong,
    UserAudioChunk,
)
from turnwise.wire.events import event_of
from turnwise.wire.ping import PingClock
from turnwise.wire.server_messages import AgentResponse, Audio, ServerMessage
from turnwise.wire.translate import Translator

_MOST_UNPLAYED = 100
"""Pieces of sound whose play may still be reported: a lead is a few of them."""
_Piece = tuple[int, ReplyId, Samples | None]
"""Its number, and which reply it brought how far."""


class LiveClient:
    """The client of one conversation. The session shows and plays; the line reads."""

    def __init__(
        self,
        line: Line,
        translator: Translator,
        tools: tuple[Tool, ...],
        variables: LiveVariables,
        output_format: AudioFormat,
    ) -> None:
        self._line = line
        self._translator = translator
        self._tools: dict[str, Tool] = {}
        self.use(tools)
        self._variables = variables
        self._output_format = output_format
        self.approvals = Approvals()
        """Take in what the user says of tool calls."""
        self.replies: dict[int, ReplyId] = {}
        """Which reply the client knows by which number; feedback names it."""
        self._phone: Phone | None = None
        self._pieces = 0
        self._sounds: deque[_Piece] = deque(maxlen=_MOST_UNPLAYED)

    def use(self, tools: tuple[Tool, ...]) -> None:
        """Take the tools of another agent from here on."""
        self._tools = {tool.name: tool for tool in tools}
        self._translator.use_tools(tools)

    def use_phone(self, phone: Phone) -> None:
        """Take the client for a telephone: it has keys, and reports what it has played."""
        self._phone = phone

    def show(self, command: Command) -> None:
        """Tell the client what the engine did."""
        messages = self._translator.obey(command)
        if isinstance(command, Announce):
            self._note(command.reply, messages)
        self._line.send(messages)

    def play(self, sound: SentSound) -> None:
        """Send sound."""
        data = encode(sound.samples, self._output_format)
        messages = self._translator.audio(sound.reply, data, sound.alignment)
        self._note(sound.reply, messages)
        if self._phone is not None and any(isinstance(each, Audio) for each in messages):
            self._sounds.append((self._pieces, sound.reply, sound.end))
            self._pieces += 1
        self._line.send(messages)

    def think(self, reply: ReplyId, text: str) -> None:
        """Tell what the model thinks."""
        self._line.send(self._translator.thought(reply, text))

    def hear_phone(self, message: KeyPressed | SoundPlayed) -> None:
        """Take in what only telephones say."""
        if self._phone is None:
            return
        if isinstance(message, KeyPressed):
            self._phone.pressed(message.key)
            return
        while self._sounds and self._sounds[0][0] <= message.piece:
            number, reply, end = self._sounds.popleft()
            if number == message.piece and end is not None:
                self._phone.played(reply, end)

    def _note(self, reply: ReplyId, messages: list[ServerMessage]) -> None:
        for message in messages:
            if isinstance(message, AgentResponse):
                self.replies[message.event_id] = reply

    def call(self, command: CallTool, arguments: dict[str, Any]) -> None:
        """Call a client tool."""
        tool = self._tools[command.name]
        parameters = tool.arguments(arguments, self._variables.now().without_secrets())
        self._line.send(self._translator.call_client(command, parameters))

    def for_mcp(self) -> McpClient:
        """Return the same client as far as MCP servers concern it."""
        return McpClient(
            show=lambda message: self._line.send(self._translator.offer(message)),
            can_approve=self._translator.wants("mcp_tool_call"),
            approvals=self.approvals,
        )

    @property
    def wants_scores(self) -> bool:
        """Whether the client is told how likely speech is, some thirty times a second."""
        return self._translator.wants("vad_score")

    def score(self, probability: float) -> None:
        """Tell how likely speech is."""
        self._line.send(self._translator.vad_score(probability))

    def overhear(self, event: Event) -> None:
        """Tell words that may still change."""
        if isinstance(event, Transcribed) and not event.final and event.text:
            self._line.send(self._translator.tentative(event.text))


class Reader:
    """Takes in a client's messages."""

    def __init__(
        self, session: Session, client: LiveClient, pings: PingClock, clock: Clock
    ) -> None:
        self._session = session
        self._client = client
        self._pings = pings
        self._clock = clock

    def take(self, message: Received) -> None:
        """Pass a message on to whom it concerns."""
        match message:
            case UserAudioChunk(audio=audio):
                self._session.hear(audio)
            case KeyPressed() | SoundPlayed():
                self._client.hear_phone(message)
            case Pong(event_id=event_id):
                self._pings.pong(event_id, self._clock.now())
            case ClientToolResult(tool_call_id=call, result=result, is_error=failed):
                self._session.client_answered(CallId(call), result, failed=failed)
            case McpToolApprovalResult(tool_call_id=call, is_approved=approved):
                self._client.approvals.decide(call, approved=approved)
            case Feedback(event_id=number, score=score):
                reply = self._client.replies.get(number)
                if reply is not None:
                    self._session.rate(reply, score)
            case _:
                event = event_of(message)
                if event is not None:
                    self._session.tell(event)


def without_secrets(init: dict[str, Any]) -> dict[str, Any]:
    """Return a client's first message as the record may keep it: without `secret__` variables."""
    kept = json.loads(json.dumps(init))
    variables = kept.get("dynamic_variables")
    if isinstance(variables, dict):
        kept["dynamic_variables"] = {
            name: value for name, value in variables.items() if not name.startswith("secret__")
        }
    return dict(kept)
