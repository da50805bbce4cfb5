"""The life of a tool call: requested, held back or run, answered or given up.

Calls belong to the conversation, not to their reply: a tool that ran is told to the model even if
the reply that wanted it was dropped.
"""

from turnwise.base.units import Millis
from turnwise.turns.commands import CallTool, CancelTool, Cause, ReportTool
from turnwise.turns.events import CallId, ToolRequested
from turnwise.turns.policy import Execution, PreToolSpeech, ToolInterruption
from turnwise.turns.reply import Reply
from turnwise.turns.replying import announce, speak
from turnwise.turns.state import Call, Conversation
from turnwise.turns.transcript import ToolAnswered, ToolCalled

CALLED = "Tool Called."
"""What the model hears of a tool that answers nothing (hosted service)."""
RUNNING = "The tool is running; its result will follow."
"""What the model hears of an asynchronous tool at first."""


def request(c: Conversation, reply: Reply, asked: ToolRequested) -> None:
    """Take in that a reply wants a tool; a rule runs it as soon as it may run."""
    manners = c.policy.manners_of(asked.name)
    call = Call(asked.call, reply.id, asked.name, asked.arguments, manners)
    c.calls[call.id] = call
    if _wants_announcement(c, reply, call):
        reply.write(c.policy.pre_tool_line + " ", c.now)
        speak(c)
    announce(c)
    reply.parts.append(ToolCalled(c.now, reply.id, call.id, call.name, call.arguments))
    reply.goes_on = True
    if call.blocks:
        reply.waits_for.add(call.id)
    if manners.interruption is ToolInterruption.DISABLE_DURING_TOOL_AND_TURN:
        reply.interruptible = False


def _wants_announcement(c: Conversation, reply: Reply, call: Call) -> bool:
    if not c.policy.pre_tool_line or reply.text[reply.pass_starts :].strip():
        return False
    if call.manners.pre_tool_speech is PreToolSpeech.AUTO:
        return c.latencies.get(call.name, 0) >= c.policy.slow_tool_ms
    return call.manners.pre_tool_speech is PreToolSpeech.FORCE


def held_until(c: Conversation, call: Call) -> Millis | None:
    """Return when a call that does not run yet may run; None while that is open."""
    reply = c.live(call.reply)
    if reply is None or call.called_at is not None:
        return None
    if reply.bet is not None and not call.manners.safe_to_bet:
        return None
    if call.manners.execution is Execution.POST_TOOL_SPEECH and reply.text.strip():
        unheard = reply.paused or reply.text[reply.voiced :].strip()
        return None if unheard else Millis(max(c.now, reply.silent_from()))
    return c.now


def run(c: Conversation, call: Call) -> None:
    """Hand the call to the shell."""
    call.called_at = c.now
    c.do(CallTool(call.reply, call.id, call.name, call.arguments))
    if not call.blocks:
        asynchronous = call.manners.execution is Execution.ASYNC
        _note(c, call, RUNNING if asynchronous else CALLED, failed=False)
        if not asynchronous:
            settle(c, call, CALLED, failed=False)


def answer(c: Conversation, call_id: CallId, result: str, *, failed: bool) -> Call | None:
    """Take in what a tool answered; return the call if it was still open."""
    call = c.calls.get(call_id)
    if call is None or call.called_at is None:
        return None
    c.latencies[call.name] = c.now - call.called_at
    settle(c, call, result, failed=failed)
    if call.blocks:
        _note(c, call, result, failed=failed)
        return call
    c.append(ToolAnswered(c.now, call.id, call.name, result, failed))
    if c.owed is None and c.closing is None and not call.unwanted:
        c.owed = Cause.TOOL_RESULT
    return call


def settle(c: Conversation, call: Call, result: str, *, failed: bool) -> None:
    """Close the call and tell the client."""
    del c.calls[call.id]
    c.do(ReportTool(call.id, call.name, result, failed))
    if reply := c.live(call.reply):
        reply.waits_for.discard(call.id)
        reply.moved = reply.model_moved = c.now


def _note(c: Conversation, call: Call, result: str, *, failed: bool) -> None:
    entry = ToolAnswered(c.now, call.id, call.name, result, failed)
    if reply := c.live(call.reply):
        reply.parts.append(entry)
    else:
        c.append(entry)


def gives_up_at(call: Call) -> Millis | None:
    """Return when nobody waits for the tool any more; None if it may take for ever."""
    if call.called_at is None or call.manners.timeout_ms is None:
        return None
    return Millis(call.called_at + call.manners.timeout_ms)


def give_up(c: Conversation, call: Call) -> None:
    """Take the tool's silence for a failure."""
    c.do(CancelTool(call.id))
    answer(c, call.id, "The tool did not answer in time.", failed=True)


def conclude(c: Conversation, call_id: CallId | None, result: str) -> bool:
    """Take in that a system tool did what it does, which ends the agent's turn.

    Returns:
        Whether it may take effect: no tool asked for it, or its call is open and its reply alive.
    """
    if call_id is None:
        return True
    call = answer(c, call_id, result, failed=False)
    if call is None or (reply := c.live(call.reply)) is None:
        return False
    reply.goes_on = False
    reply.written = True
    announce(c)
    return True
