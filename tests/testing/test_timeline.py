import pytest

from turnwise.base.errors import ClockRanBackwards
from turnwise.testing.timeline import Timeline
from turnwise.turns.commands import Append, Cause, Speak, StartReply
from turnwise.turns.events import (
    ReplyId,
    SegmentId,
    SpeechStarted,
    SpeechStopped,
    Tick,
    Transcribed,
    UserWrote,
)
from turnwise.turns.policy import Policy
from turnwise.turns.transcript import UserSaid


def said_hello() -> Timeline:
    t = Timeline(Policy())
    t.at(500, SpeechStarted())
    t.at(1_000, Transcribed(SegmentId(1), "hello", final=True), SpeechStopped(silence_ms=200))
    return t


def test_it_ticks_at_deadlines_and_notes_when_things_were_done() -> None:
    t = said_hello()
    t.until(2_000)
    assert t.when(StartReply) == [800 + 500]
    assert t.when(Append(UserSaid(t.steps[-2].at, "hello"))) == [1_300]


def test_what_falls_due_at_the_last_millisecond_is_done() -> None:
    t = said_hello()
    t.until(1_299)
    assert t.when(StartReply) == []
    t.until(1_300)
    assert t.when(StartReply) == [1_300]


def test_commands_of_one_kind_come_with_their_type() -> None:
    t = Timeline(Policy(first_message="Hello."))
    t.at(0)
    assert t.of(Speak) == [(0, Speak(ReplyId(1), "Hello."))]


def test_several_events_happen_in_the_same_millisecond_in_order() -> None:
    t = Timeline()
    t.at(10, UserWrote("one"), UserWrote("two"))
    assert [(step.at, step.event) for step in t.steps[-2:]] == [
        (10, UserWrote("one")),
        (10, UserWrote("two")),
    ]


def test_without_an_event_it_ticks() -> None:
    t = Timeline()
    t.at(10)
    assert t.steps[-1].event == Tick()


def test_it_knows_the_rules_that_acted() -> None:
    t = said_hello()
    t.until(2_000)
    assert (1_300, "take the user's turn") in t.fired()


def test_the_state_can_be_looked_at() -> None:
    t = said_hello()
    assert t.conversation.user.words == "hello"
    t.until(2_000)
    (_, order) = t.of(StartReply)[0]
    assert order.cause is Cause.USER_TURN


def test_time_does_not_run_backwards() -> None:
    t = said_hello()
    with pytest.raises(ClockRanBackwards):
        t.at(999)
