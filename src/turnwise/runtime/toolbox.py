"""Runs what the engine asks for.

Client tools run over the wire, system tools here, all others by the runner of their kind.

Every call gets an answer: a tool that is not there, or arguments that will not do, are answered
with a failure the model can act on. What comes of a call is noted for the record before the engine
is told.
"""

import asyncio
import json
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
from turnwise.runtime.tool_asides import Consult, judged, nobody
from turnwise.runtime.tool_notes import ToolNote
from turnwise.runtime.tool_results import ToolResults
from turnwise.runtime.toolkit import Toolkit
from turnwise.tools.arguments import fitted, parsed, problems_of
from turnwise.tools.ports import Outcome, ToolFailed, ToolRequest, ToolRunner
from turnwise.tools.summaries import mode_of
from turnwise.turns.commands import CallTool
from turnwise.turns.events import CallId, ToolsJoined
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
    ours: bool = False
    """Whether the task does nothing in the world: it is stopped when nobody waits any more."""
    settled: bool = False
    """Whether it has failed, and is only summed up."""

    def left_s(self, now: int) -> float:
        """Return for how many seconds the engine waits for more, less a margin."""
        patience_s = self.tool.response_timeout_secs or LONGEST_S
        return patience_s - (now - self.began) / 1000 - GRACE_S


class Toolbox:
    """The tools of one conversation."""

    def __init__(self, toolkit: Toolkit, around: Surroundings) -> None:
        """Offer the tools of whoever is on the stage; nothing runs before `begin`."""
        self._toolkit = toolkit
        self._around = around
        self._results = ToolResults(around.record, toolkit.variables, around.clock, around.tell)
        self._system = SystemTools(around.stage, toolkit, around.record, around.tell)
        self._open: dict[CallId, _Open] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._afterwards: asyncio.TaskGroup | None = None
        self.consult: Consult = nobody
        """Asks the agent's model about tools."""
        for name, fact in _facts(around).items():
            toolkit.variables.know(SYSTEM + name, fact)

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
            self._results.refuse(
                command.call, f"There is no tool {command.name!r}; there are: {known}."
            )
        elif arguments is None:
            self._results.refuse(command.call, "The arguments are not a JSON object.")
        else:
            self._run(command, tool, fitted(tool, arguments))

    def cancel(self, call: CallId) -> None:
        """Wait no longer for an answer."""
        run = self._open.pop(call, None)
        if run is None:
            return
        if run.task is not None and run.ours:
            run.task.cancel()  # others end by themselves, at their own time-out
        if run.settled:
            return
        note = self._results.noted(call, run.began)
        client = run.tool.kind == "client"
        note.error_type = "client_timeout" if client else "external_server"
        patience = run.tool.response_timeout_secs or note.latency_secs
        note.raw_error = f"there was no answer within {patience:g} s"

    def client_answered(self, call: CallId, result: str, *, failed: bool) -> None:
        """Take in the client's answer; one to a call nobody waits for is ignored."""
        run = self._open.get(call)
        if run is not None and run.task is None:
            fault = ToolFailed("external_client", result)
            self._settle(call, run, fault if failed else Outcome(text=result))

    def _run(self, command: CallTool, tool: Tool, arguments: Arguments) -> None:
        run = _Open(tool, self._around.clock.now())
        if problems := problems_of(tool, arguments, self._toolkit.variables.now()):
            self._results.refuse(command.call, " ".join(problems))
            return
        if self._toolkit.mocks.concerns(tool):
            self._start(command.call, run, self._run_mocked(command, run, arguments), ours=True)
        else:
            self._really_run(command, run, arguments)

    async def _run_mocked(self, command: CallTool, run: _Open, arguments: Arguments) -> None:
        """Give the prepared answer, or run the tool after all."""
        try:
            judge = partial(judged, self.consult)
            outcome: Outcome | ToolFailed | None = await self._toolkit.mocks.answer(
                run.tool, arguments, judge
            )
        except ToolFailed as failure:
            outcome = failure
        if outcome is None:
            del self._open[command.call]
            self._really_run(command, _Open(run.tool, run.began), arguments)
        else:
            self._settle(command.call, run, outcome)

    def _really_run(self, command: CallTool, run: _Open, arguments: Arguments) -> None:
        tool = run.tool
        if tool.kind == "client":
            self._call_client(command, run, arguments)
        elif tool.kind == "system" and self._system.knows(tool):
            self._run_system(command, run, arguments)
        elif (runner := self._toolkit.runners.get(tool.kind)) is not None:
            self._start(command.call, run, self._run_with(runner, command, run, arguments))
        else:
            self._results.refuse(
                command.call, f"The {tool.kind} tool {tool.name!r} is not available here."
            )

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
            self._start(command.call, run, work, ours=True)

    def _start(
        self, call: CallId, run: _Open, work: Coroutine[Any, Any, None], *, ours: bool = False
    ) -> None:
        assert self._tasks is not None, "calls come after the beginning"
        assert self._afterwards is not None
        run.ours = ours
        run.task = (self._tasks if ours else self._afterwards).create_task(work)
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
        self._results.noted(call, run.began)
        if isinstance(outcome, Outcome):
            self._results.answer(call, run.tool, outcome)
        elif mode_of(run.tool, outcome) == "summarized":
            self._results.note_failure(call, run.tool, outcome)
            run.settled = True
            left_s = run.left_s(self._around.clock.now())
            work = self._results.sum_up(call, run.tool, outcome, self.consult, left_s)
            self._start(call, run, work, ours=True)
        else:
            self._results.fail(call, run.tool, outcome)


def _facts(around: Surroundings) -> dict[str, Callable[[], object]]:
    """Return the platform's own variables that only the conversation knows, as it goes on."""
    record, stage, clock = around.record, around.stage, around.clock
    return {
        "call_duration_secs": lambda: clock.now() // 1000,
        "current_agent_id": lambda: stage.present.agent_id,
        "agent_turns": lambda: record.messages(AgentSaid),
        "conversation_history": lambda: Later(partial(_history, record, len(record.entries))),
    }


def _history(record: Record, upto: int) -> str:
    return json.dumps(record.transcript(upto=upto), ensure_ascii=False)
