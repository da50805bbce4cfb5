"""What comes of a tool's call: noted for the record, assigned to variables, told to the engine."""

import time
from dataclasses import dataclass

from turnwise.agents.tools import Tool
from turnwise.base.clock import Clock
from turnwise.runtime.conversation import Tell
from turnwise.runtime.live_variables import LiveVariables
from turnwise.runtime.record import Record
from turnwise.runtime.tool_asides import Consult, summary_of
from turnwise.runtime.tool_notes import ToolNote
from turnwise.tools.answers import Answered, answered, failed, shown_update
from turnwise.tools.ports import Outcome, ToolFailed, ToolRejected
from turnwise.turns.events import CallId, ToolReturned


@dataclass(frozen=True, slots=True)
class ToolResults:
    """The results of one conversation's tools."""

    record: Record
    variables: LiveVariables
    clock: Clock
    tell: Tell

    def noted(self, call: CallId, began: int) -> ToolNote:
        """Return the note of a call that is over.

        Args:
            call: Which one.
            began: When, in milliseconds of the conversation.
        """
        note = self.record.note_of(call)
        note.latency_secs = (self.clock.now() - began) / 1000
        return note

    def refuse(self, call: CallId, reason: str) -> None:
        """Answer a call that is not run, in words that the model can act on."""
        note = self.record.note_of(call)
        note.called, note.error_type, note.raw_error = False, "unknown", reason
        note.latency_secs = 0.0
        self.tell(ToolReturned(call, reason, failed=True))

    def answer(self, call: CallId, tool: Tool, outcome: Outcome) -> None:
        """Take in what a tool answered."""
        found = answered(tool, outcome, self.variables.now())
        note = self._kept(call, found)
        at = time.time()  # noqa: TID251 -- the wall clock is for the record
        for update in found.updates:
            self.variables.assign(update.name, update.new)
            note.updates.append(shown_update(update, at, tool.name, call))
        self.tell(ToolReturned(call, found.result))

    def fail(self, call: CallId, tool: Tool, failure: ToolFailed) -> None:
        """Take in how a tool failed; the engine is told as the tool's settings say."""
        found = self.note_failure(call, tool, failure)
        self.tell(ToolReturned(call, found.result, failed=True))

    def note_failure(self, call: CallId, tool: Tool, failure: ToolFailed) -> Answered:
        """Note how a tool failed, and tell nobody yet."""
        found = failed(tool, failure)
        note = self._kept(call, found)
        note.called = note.called and not isinstance(failure, ToolRejected)
        return found

    async def sum_up(
        self, call: CallId, tool: Tool, failure: ToolFailed, consult: Consult, left_s: float
    ) -> None:
        """Tell the engine what a model makes of a failure that was noted.

        Args:
            call: Which one failed.
            tool: The tool.
            failure: How.
            consult: Asks the model.
            left_s: How long, in seconds, the engine still waits.
        """
        summary = await summary_of(tool, failure, consult, left_s)
        self.tell(ToolReturned(call, failed(tool, failure, summary).result, failed=True))

    def _kept(self, call: CallId, found: Answered) -> ToolNote:
        note = self.record.note_of(call)
        note.error_type, note.raw_error = found.error_type or "", found.raw_error
        if found.details is not None:
            note.details = found.details
        return note
