"""Runs what the engine asks for.

Client tools run over the wire, system tools here, all others by the runner of their kind.

Every call gets an answer: a tool that is not there, or arguments that will not do, are answered
with a failure the model can act on. What comes of a call is noted for the record before the engine
is told.
"""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from turnwise.agents.tools import Tool
from turnwise.agents.variables import SYSTEM
from turnwise.base.clock import Clock
from turnwise.base.errors import Error
from turnwise.runtime.conversation import Tell
from turnwise.runtime.live_variables import Later
from turnwise.runtime.persona import Persona, Stage
from turnwise.runtime.record import Record
from turnwise.runtime.system_tools import SystemCall, SystemTools
from turnwise.runtime.tool_notes import ToolNote
from turnwise.runtime.toolkit import Toolkit
from turnwise.tools.answers import Answered, answered, failed, shown_update
from turnwise.tools.arguments import fitted, parsed, problems_of
from turnwise.tools.ports import Outcome, ToolFailed, ToolRejected, ToolRequest, ToolRunner
from turnwise.turns.commands import CallTool
from turnwise.turns.events import CallId, ToolReturned, ToolsJoined
from turnwise.turns.transcript import AgentSaid
from turnwise.wire.manners import tool_manners

CallClient = Callable[[CallTool, dict[str, Any]], None]
"""Sends a tool call to the client. Never blocks."""
Arguments = dict[str, Any]

LONGEST_S = 300.0
"""For a tool that may take for ever."""
GRACE_S = 0.5
"""A runner that does not end at its time-out by itself is stopped so much later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where the tools of one conversation are run."""

    conversation_id: str
    stage: Stage
    record: Record
    clock: Clock
    tell: Tell
    call_client: CallClient


@dataclass(slots=True)
class _Open:
    """A call that runs."""

    tool: Tool
    began: int
    task: asyncio.Task[None] | None = None
    """None: the client runs it."""


class Toolbox:
    """The tools of one conversation."""

    def __init__(self, toolkit: Toolkit, around: Surroundings) -> None:
        """Offer the tools of whoever is on the stage; nothing runs before `begin`."""
        self._toolkit = toolkit
        self._around = around
        self._system = SystemTools(around.stage, toolkit, around.record, around.tell)
        self._open: dict[CallId, _Open] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._afterwards: asyncio.TaskGroup | None = None
        self._know()

    def _know(self) -> None:
        """Have the platform's own variables ask the conversation."""
        record, stage, clock = self._around.record, self._around.stage, self._around.clock
        facts: dict[str, Callable[[], object]] = {
            "call_duration_secs": lambda: clock.now() // 1000,
            "current_agent_id": lambda: stage.present.agent_id,
            "agent_turns": lambda: record.messages(AgentSaid),
            "conversation_history": lambda: Later(partial(_history, record, len(record.entries))),
        }
        for name, fact in facts.items():
            self._toolkit.variables.know(SYSTEM + name, fact)

    def begin(self, tasks: asyncio.TaskGroup, afterwards: asyncio.TaskGroup) -> None:
        """Run tools as tasks from here on.

        Args:
            tasks: Of the conversation.
            afterwards: For tools of others, which are finished although the conversation is over:
                what they do in the world should not be left half done.
        """
        self._tasks, self._afterwards = tasks, afterwards
        if self._toolkit.servers is not None:
            self._toolkit.servers.begin(afterwards, self._equip)

    @property
    def incidents(self) -> Sequence[str]:
        """What went wrong beside the calls."""
        return () if self._toolkit.servers is None else self._toolkit.servers.problems

    def _equip(self, agent_id: str, tools: Sequence[Tool]) -> None:
        """Take in the tools of a server."""
        if self._around.stage.equip(agent_id, tools):
            self.switched(self._around.stage.present)

    def switched(self, persona: Persona) -> None:
        """Tell the engine how it treats the tools that a persona has from servers."""
        joined = tuple(tool_manners(tool) for tool in persona.tools if tool.kind == "mcp")
        if joined:
            self._around.tell(ToolsJoined(joined))

    def stop(self) -> None:
        """Wait for nothing more."""
        if self._toolkit.servers is not None:
            self._toolkit.servers.stop()
        for call in list(self._open):
            self.cancel(call)

    def call(self, command: CallTool) -> None:
        """Run a tool, or begin to."""
        tools = self._around.stage.present.tools
        tool = next((each for each in tools if each.name == command.name), None)
        self._around.record.notes[command.call] = ToolNote.of(tool)
        arguments = parsed(command.arguments)
        if tool is None:
            known = ", ".join(sorted(each.name for each in tools)) or "none"
            self._refuse(command, f"There is no tool {command.name!r}; there are: {known}.")
        elif arguments is None:
            self._refuse(command, "The arguments are not a JSON object.")
        else:
            self._run(command, tool, fitted(tool, arguments))

    def cancel(self, call: CallId) -> None:
        """Wait no longer for an answer."""
        run = self._open.pop(call, None)
        if run is None:
            return
        if run.task is not None and run.tool.kind == "system":
            run.task.cancel()  # others end by themselves, at their own time-out
        note = self._noted(call, run)
        client = run.tool.kind == "client"
        note.error_type = "client_timeout" if client else "external_server"
        patience = run.tool.response_timeout_secs or note.latency_secs
        note.raw_error = f"there was no answer within {patience:g} s"

    def client_answered(self, call: CallId, result: str, *, failed: bool) -> None:
        """Take in the client's answer; one to a call nobody waits for is ignored."""
        run = self._open.get(call)
        if run is None or run.task is not None:
            return
        if failed:
            self._settle(call, run, ToolFailed("external_client", result))
        else:
            self._settle(call, run, Outcome(text=result))

    def _run(self, command: CallTool, tool: Tool, arguments: Arguments) -> None:
        run = _Open(tool, self._around.clock.now())
        if problems := problems_of(tool, arguments, self._toolkit.variables.now()):
            self._refuse(command, " ".join(problems))
            return
        try:
            mocked = self._toolkit.mocks.answer(tool, arguments)
        except ToolFailed as failure:
            self._settle(command.call, run, failure)
            return
        if mocked is not None:
            self._settle(command.call, run, mocked)
        elif tool.kind == "client":
            self._call_client(command, run, arguments)
        elif tool.kind == "system" and self._system.knows(tool):
            self._run_system(command, run, arguments)
        elif (runner := self._toolkit.runners.get(tool.kind)) is not None:
            self._start(command.call, run, self._run_with(runner, command, run, arguments))
        else:
            self._refuse(command, f"The {tool.kind} tool {tool.name!r} is not available here.")

    def _call_client(self, command: CallTool, run: _Open, arguments: Arguments) -> None:
        variables = self._toolkit.variables.now().without_secrets()
        parameters = json.dumps(run.tool.arguments(arguments, variables), ensure_ascii=False)
        note = self._around.record.note_of(command.call)
        note.details = {"type": "client", "parameters": parameters}
        if run.tool.expects_response:
            self._open[command.call] = run
        self._around.call_client(command, arguments)

    def _run_system(self, command: CallTool, run: _Open, arguments: Arguments) -> None:
        asked = SystemCall(
            call=command.call, reply=command.reply, tool=run.tool, arguments=arguments
        )
        if work := self._system.begin(asked):
            self._start(command.call, run, work)

    def _start(self, call: CallId, run: _Open, work: Coroutine[Any, Any, None]) -> None:
        assert self._tasks is not None, "calls come after the beginning"
        assert self._afterwards is not None
        tasks = self._tasks if run.tool.kind == "system" else self._afterwards
        run.task = tasks.create_task(work)
        self._open[call] = run
        run.task.add_done_callback(lambda done: self._forget(call, done))

    def _forget(self, call: CallId, done: asyncio.Task[None]) -> None:
        run = self._open.get(call)
        if run is not None and run.task is done:
            del self._open[call]

    async def _run_with(
        self, runner: ToolRunner, command: CallTool, run: _Open, arguments: Arguments
    ) -> None:
        request = ToolRequest(
            call_id=command.call,
            tool=run.tool,
            arguments=arguments,
            variables=self._toolkit.variables.now(),
            idempotency_key=f"{self._around.conversation_id}:{command.reply}:{command.call}",
        )
        patience_s = run.tool.response_timeout_secs or LONGEST_S
        try:
            async with asyncio.timeout(patience_s + GRACE_S):
                outcome: Outcome | ToolFailed = await runner.run(request)
        except ToolFailed as failure:
            outcome = failure
        except TimeoutError:
            reason = f"there was no answer within {patience_s:g} s"
            outcome = ToolFailed("external_server", reason)
        except Error as error:  # of the store, say
            outcome = ToolFailed("internal", error.code)
        if command.call in self._open:  # else nobody waits any more
            self._settle(command.call, run, outcome)

    def _settle(self, call: CallId, run: _Open, outcome: Outcome | ToolFailed) -> None:
        """Note what came of a call and tell the engine."""
        self._open.pop(call, None)
        note = self._noted(call, run)
        if isinstance(outcome, ToolFailed):
            note.called = note.called and not isinstance(outcome, ToolRejected)
            found = failed(run.tool, outcome)
        else:
            found = answered(run.tool, outcome, self._toolkit.variables.now())
        _keep(note, found)
        at = time.time()  # noqa: TID251 -- the wall clock is for the record
        for update in found.updates:
            self._toolkit.variables.assign(update.name, update.new)
            note.updates.append(shown_update(update, at, run.tool.name, call))
        self._around.tell(ToolReturned(call, found.result, found.failed))

    def _noted(self, call: CallId, run: _Open) -> ToolNote:
        note = self._around.record.note_of(call)
        note.latency_secs = (self._around.clock.now() - run.began) / 1000
        return note

    def _refuse(self, command: CallTool, reason: str) -> None:
        """Answer a call that is not run, in words that the model can act on."""
        note = self._around.record.note_of(command.call)
        note.called, note.error_type, note.raw_error = False, "unknown", reason
        note.latency_secs = 0.0
        self._around.tell(ToolReturned(command.call, reason, failed=True))


def _history(record: Record, upto: int) -> str:
    return json.dumps(record.transcript(upto=upto), ensure_ascii=False)


def _keep(note: ToolNote, found: Answered) -> None:
    note.error_type, note.raw_error = found.error_type or "", found.raw_error
    if found.details is not None:
        note.details = found.details
