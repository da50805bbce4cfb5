"""From the engine's transcript to what a language model may know of it.

Left out: contexts that a newer one replaced, backchannels, fillers. What was cut off stands as far
as it was heard.
"""

from collections.abc import Iterator
from typing import assert_never

from turnwise.agents.prompt import Line, Note, Said, ToolOutcome, ToolUse
from turnwise.turns.commands import Cause
from turnwise.turns.transcript import (
    AgentSaid,
    ContextAdded,
    Entry,
    Noted,
    ToolAnswered,
    ToolCalled,
    Transcript,
    UserSaid,
)

_NOTES = {
    "user_turn_timeout": "The user has been silent for a while.",
    "skip_turn_wait_elapsed": "The time you wanted to wait is over.",
}
_CAUSES = {
    Cause.OPENING: "The conversation begins. You speak first.",
    Cause.HAND_OVER: "You have taken over this conversation. Go on with it.",
}


def lines_of(transcript: Transcript, cause: Cause | None = None) -> tuple[Line, ...]:
    """Return a transcript as lines for a language model.

    Args:
        transcript: Oldest first.
        cause: Why a reply is wanted now; said where the transcript does not show it.
    """
    lines = [line for entry in transcript for line in _lines(entry)]
    if cause in _CAUSES:
        lines.append(Note(_CAUSES[cause]))
    return tuple(lines)


def _lines(entry: Entry) -> Iterator[Line]:
    match entry:
        case UserSaid(text=text, ignored_as_backchannel=ignored):
            if not ignored:
                yield Said("user", text)
        case AgentSaid(text=text, filler=filler):
            if not filler:
                yield Said("agent", text)
        case ToolCalled(call=call, name=name, arguments=arguments):
            yield ToolUse(call, name, arguments)
        case ToolAnswered(call=call, name=name, result=result, failed=failed):
            yield ToolOutcome(call, name, result, failed)
        case ContextAdded(text=text, superseded=superseded):
            if not superseded:
                yield Note(f"Context: {text}")
        case Noted(what=what):
            yield Note(_NOTES.get(what, what))
        case _:
            assert_never(entry)
