from turnwise.agents.prompt import Note, Said, ToolOutcome, ToolUse
from turnwise.base.units import Millis
from turnwise.turns.commands import Cause
from turnwise.turns.events import CallId, ReplyId
from turnwise.turns.transcript import (
    AgentSaid,
    ContextAdded,
    Noted,
    ToolAnswered,
    ToolCalled,
    UserSaid,
)
from turnwise.wire.history import lines_of

NOW, REPLY, CALL = Millis(0), ReplyId(1), CallId("c1")


def test_a_transcript_as_a_model_may_know_it() -> None:
    transcript = (
        AgentSaid(NOW, "Hello, how", REPLY, interrupted=True, original="Hello, how are you?"),
        UserSaid(NOW, "mhm", ignored_as_backchannel=True),
        UserSaid(NOW, "Where is it?"),
        UserSaid(NOW, "My order.", typed=True),
        ContextAdded(NOW, "tea", "drink", superseded=True),
        ContextAdded(NOW, "coffee", "drink"),
        AgentSaid(NOW, "Hmm", REPLY, filler=True),
        ToolCalled(NOW, REPLY, CALL, "lookup", "{}"),
        ToolAnswered(NOW, CALL, "lookup", "gone", failed=True),
        Noted(NOW, "user_turn_timeout"),
        Noted(NOW, "something_new"),
    )
    assert lines_of(transcript) == (
        Said("agent", "Hello, how"),
        Said("user", "Where is it?"),
        Said("user", "My order."),
        Note("Context: coffee"),
        ToolUse("c1", "lookup", "{}"),
        ToolOutcome("c1", "lookup", "gone", failed=True),
        Note("The user has been silent for a while."),
        Note("something_new"),
    )


def test_a_reply_nobody_asked_for_is_asked_for() -> None:
    assert lines_of((), Cause.OPENING) == (Note("The conversation begins. You speak first."),)
    assert len(lines_of((), Cause.HAND_OVER)) == 1
    assert lines_of((), Cause.USER_TURN) == ()
