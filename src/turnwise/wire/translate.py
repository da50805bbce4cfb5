"""From the engine's commands, and the sound of the speaking shell, to messages in order.

Laws (spec/semantics.md, 2.5; spec/wire-protocol.md, 0):
- numbers (`event_id`) are 1 or more; one reply has one for its words, sound and tool calls;
- the numbers of messages never go down, except that a tool's answer has that of its call, because
  the widget finds the call by it;
- an interruption has the number of what it interrupts; all sound after it has a higher one, also
  when the same reply goes on after a false alarm;
- the words of a reply (`agent_response`) are sent with its first sound, or as soon as they are
  complete if that is later; nothing is told of words that never became sound;
- after `End` nothing is sent.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, assert_never

from turnwise.agents.tools import Tool
from turnwise.audio.alignment import Alignment
from turnwise.turns.commands import (
    Amend,
    Announce,
    Append,
    CallTool,
    CancelReply,
    CancelTool,
    CloseUtterance,
    Command,
    Correct,
    End,
    FinishReply,
    MakeFiller,
    Pause,
    Report,
    ReportTool,
    Resume,
    ScoreTurn,
    Speak,
    StartReply,
    SwitchAgent,
)
from turnwise.turns.events import CallId, ReplyId
from turnwise.turns.transcript import Entry, UserSaid
from turnwise.wire.closing import ending
from turnwise.wire.outbox import Outbox, ToldReply
from turnwise.wire.selection import selected
from turnwise.wire.server_messages import (
    ServerMessage,
    TentativeUserTranscript,
    UserTranscript,
    VadScore,
)
from turnwise.wire.thoughts import HeldThoughts
from turnwise.wire.tool_news import call_of, reports_of, request_of

_HANGS_UP = "end_call"
_NO_TOOL = Tool(name="", kind="system", description="")


class Translator:
    """Speaks to one client. Call it in the order things happen; send what it returns, in order."""

    def __init__(
        self,
        client_events: Collection[str] = (),
        tools: Iterable[Tool] = (),
        *,
        text_only: bool = False,
    ) -> None:
        self._out = Outbox(selected(client_events, text_only=text_only))
        # Android takes a request for a client tool for the call itself (spec/wire-protocol.md, 1.3)
        self._requests_of_client_tools = "agent_tool_request" in client_events
        self._text_only = text_only
        self._told: ToldReply | None = None
        self._cancelled: ToldReply | None = None
        self._calls: dict[CallId, int] = {}
        self._held: list[ServerMessage] = []
        self._thoughts = HeldThoughts()
        self._tools: Mapping[str, Tool] = {}
        self.use_tools(tools)

    def use_tools(self, tools: Iterable[Tool]) -> None:
        """Take another agent's tools from here on (`SwitchAgent`)."""
        self._tools = {tool.name: tool for tool in tools}

    def obey(self, command: Command) -> list[ServerMessage]:  # noqa: C901, PLR0912 -- one exhaustive match
        """Return what a command tells the client. A client tool is called by `call_client`."""
        match command:
            case CancelTool() | MakeFiller() | ScoreTurn() | CloseUtterance():
                pass
            case Amend() | SwitchAgent() | Report():
                pass
            case StartReply(reply=reply, speculative=bet):
                self._held = []  # the conversation goes on: the user called its end off
                self._thoughts.begin(reply, bet=bet)
            case Speak(reply=reply, text=text):
                self._open(reply).stream(text)
            case Announce(reply=reply, text=text):
                self._announce(self._open(reply), text)
            case Pause(reply=reply):
                if told := self._live(reply):
                    told.interrupt()
                    told.paused = True
            case Resume(reply=reply):
                if told := self._live(reply):
                    told.paused = False
            case CancelReply(reply=reply):
                if told := self._live(reply):
                    self._cancel(told)
            case FinishReply(reply=reply):
                if told := self._live(reply):
                    told.complete()
                    self._told = None
            case Correct(reply=reply, written=written, heard=heard):
                if self._cancelled is not None and self._cancelled.reply == reply:
                    self._cancelled.correct(written, heard)
            case CallTool():
                self._request(command)
            case ReportTool():
                self._report(command)
            case Append(entry=entry):
                self._append(entry)
            case End(reason=reason):
                self._end(reason)
            case _:
                assert_never(command)
        return self._out.take()

    def audio(
        self,
        reply: ReplyId,
        sound: bytes,
        alignment: Alignment | None = None,
        *,
        last: bool = False,
    ) -> list[ServerMessage]:
        """Return what to send when a piece of sound is due: nothing if its reply is not live.

        Args:
            reply: Which one it belongs to.
            sound: In the announced format.
            alignment: When its characters are heard, from its start.
            last: Whether no more sound of this reply follows.
        """
        told = self._live(reply)
        if told is None or told.paused:
            return []
        told.tell()
        told.play(sound, alignment, last=last)
        return self._out.take()

    def call_client(self, command: CallTool, parameters: Mapping[str, Any]) -> list[ServerMessage]:
        """Return the call of a client tool, after `obey` was told of its start.

        Args:
            command: The engine's.
            parameters: What it is called with, variables and constants filled in.
        """
        tool = self._tools.get(command.name, _NO_TOOL)
        number = self._calls.get(command.call) or self._out.next_number()
        self._out.put(call_of(command, tool, number, parameters))
        return self._out.take()

    def thought(self, reply: ReplyId, text: str) -> list[ServerMessage]:
        """Return what a model's thought tells the client: nothing while its reply is only a bet."""
        if not self._out.wants("agent_reasoning_response_part"):
            return []
        others = self._told is not None and self._told.reply != reply
        if others or self._thoughts.bet or reply != self._thoughts.reply:
            self._thoughts.hold(reply, text)
        else:
            self._open(reply).think(text)
        return self._out.take()

    def tentative(self, text: str) -> list[ServerMessage]:
        """Return what words that may still change tell the client."""
        number = max(1, self._out.number)
        return self.offer(TentativeUserTranscript(user_transcript=text, event_id=number))

    def wants(self, kind: str) -> bool:
        """Return whether messages of this type are sent."""
        return self._out.wants(kind)

    def vad_score(self, score: float) -> list[ServerMessage]:
        """Return what the detector's judgement, 0 to 1, tells the client."""
        return self.offer(VadScore(vad_score=score))

    def offer(self, message: ServerMessage) -> list[ServerMessage]:
        """Return a message that others made, if the client wants it."""
        self._out.put(message)
        return self._out.take()

    def _announce(self, told: ToldReply, text: str) -> None:
        told.stop_stream()
        told.words.append(text)
        if self._text_only or told.sounded:
            told.tell()

    def _cancel(self, told: ToldReply) -> None:
        told.stop_stream()
        told.interrupt()
        self._told, self._cancelled = None, told

    def _request(self, command: CallTool) -> None:
        told = self._open(command.reply)
        told.tell()  # what a tool does cannot be undone: the words before it are said
        tool = self._tools.get(command.name, _NO_TOOL)
        self._calls[command.call] = told.its_number()
        if tool.kind != "client" or self._requests_of_client_tools:
            self._out.put(request_of(command, tool, self._calls[command.call]))

    def _report(self, command: ReportTool) -> None:
        tool = self._tools.get(command.name, _NO_TOOL)
        number = self._calls.pop(command.call, None) or self._out.next_number()
        reports = reports_of(command, tool, number)
        if command.name == _HANGS_UP:
            # clients hang up when they see it: only once nothing is left to hear
            self._held = reports
            return
        for report in reports:
            self._out.put(report)

    def _append(self, entry: Entry) -> None:
        # the client shows typed words itself, and takes a transcript for the end of a reply
        if isinstance(entry, UserSaid) and not entry.typed and not entry.ignored_as_backchannel:
            number = self._out.next_number()
            self._out.put(UserTranscript(user_transcript=entry.text, event_id=number))

    def _end(self, reason: str) -> None:
        if self._told is not None:
            self._cancel(self._told)
        error = ending(reason).error
        for message in [*self._held, *([] if error is None else [error])]:
            self._out.put(message)
        self._out.close()

    def _live(self, reply: ReplyId) -> ToldReply | None:
        told = self._told
        return told if told is not None and told.reply == reply else None

    def _open(self, reply: ReplyId) -> ToldReply:
        told = self._live(reply)
        if told is None:
            told = self._told = ToldReply(reply, self._out)
        for thought in self._thoughts.release(reply):
            told.think(thought)
        return told
