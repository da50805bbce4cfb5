"""Plays the language model and the tools of a simulated conversation."""

import re
from random import Random

from turnwise.testing.agenda import Agenda, Entry
from turnwise.testing.providers import END_CALL, SKIP_TURN, Model, Tools, Written
from turnwise.turns.commands import CallTool, Cause, StartReply
from turnwise.turns.events import (
    CallId,
    EndAsked,
    Event,
    FillerMade,
    ReplyFailed,
    ReplyId,
    ReplyText,
    ReplyWritten,
    ToolRequested,
    ToolReturned,
    TurnSkipped,
)

_FEW_WORDS = re.compile(r"\S+\s*(?:\S+\s*)?")
FILLER = "Let me see."
"""What a model writes as a filler."""


class Thinking:
    """Writes what it is told to, a few words at a time."""

    def __init__(self, model: Model, rng: Random, agenda: Agenda) -> None:
        self._model = model
        self._rng = rng
        self._agenda = agenda
        self._calls = 0

    def start(self, order: StartReply, at: int) -> None:
        """Note when the words of this pass will be there."""
        model, rng = self._model, self._rng
        latency = model.first_token.draw(rng)
        fails, hangs = rng.random() < model.fails, rng.random() < model.hangs
        written = self._write(order)
        if latency is None:
            return
        now = at + latency
        if fails:
            self._agenda.note(now, ReplyFailed(order.reply, "scripted failure"), order.reply)
            return
        pieces = _FEW_WORDS.findall(written.text)
        for piece in pieces[: len(pieces) // 2 if hangs else None]:
            self._agenda.note(now, ReplyText(order.reply, piece), order.reply)
            now += model.token_ms * len(piece.split())
        if not hangs:
            self._finish(order.reply, written, now)

    def fill(self, reply: ReplyId, at: int) -> None:
        """Note when a filler will be there."""
        latency = self._model.filler.draw(self._rng)
        if latency is not None:
            self._agenda.note(at + latency, FillerMade(reply, FILLER), reply)

    def _write(self, order: StartReply) -> Written:
        model, rng = self._model, self._rng
        calls, tool = rng.random() < model.tool_chance, rng.random()
        if callable(model.replies):
            choice = model.replies(order.transcript)
        else:
            choice = rng.choice(model.replies)
            if calls and model.tools and order.cause is not Cause.TOOL_RESULT:
                choice = Written("", (model.tools[int(tool * len(model.tools))],))
        return Written(choice) if isinstance(choice, str) else choice

    def _finish(self, reply: ReplyId, written: Written, at: int) -> None:
        if written.tools and written.text and not written.text[-1].isspace():
            self._agenda.note(at, ReplyText(reply, " "), reply)
        for name, arguments in written.tools:
            self._calls += 1
            call = CallId(f"call_{self._calls}")
            self._agenda.note(at, ToolRequested(reply, call, name, arguments), reply)
        self._agenda.note(at, ReplyWritten(reply), reply)


class Toolbox:
    """Runs the tools it is told to."""

    def __init__(self, tools: Tools, rng: Random, agenda: Agenda) -> None:
        self._tools = tools
        self._rng = rng
        self._agenda = agenda
        self._running: dict[CallId, Entry] = {}

    def call(self, order: CallTool, at: int) -> None:
        """Note when the tool will have answered."""
        latency = self._tools.latency.draw(self._rng)
        failed = self._rng.random() < self._tools.fails
        if latency is not None:
            answer = self._answer(order, failed=failed)
            self._running[order.call] = self._agenda.note(at + latency, answer)

    def cancel(self, call: CallId) -> None:
        """Stop a tool."""
        if entry := self._running.pop(call, None):
            entry.crossed_out = True

    def _answer(self, order: CallTool, *, failed: bool) -> Event:
        if failed:
            return ToolReturned(order.call, "scripted failure", failed=True)
        if order.name == END_CALL:
            return EndAsked(END_CALL, call=order.call)
        if order.name == SKIP_TURN:
            return TurnSkipped(order.call)
        return ToolReturned(order.call, self._tools.results.get(order.name, "ok"))
