from copy import deepcopy

import pytest

from turns.scenes import ONE, answers, is_asked
from turnwise.base.errors import ClockRanBackwards
from turnwise.base.units import Millis
from turnwise.testing import Timeline
from turnwise.turns import engine as engine_module
from turnwise.turns.commands import Command, End, FinishReply, StartReply
from turnwise.turns.engine import Engine
from turnwise.turns.events import (
    HungUp,
    SegmentId,
    SpeechStarted,
    SpeechStopped,
    Tick,
    Transcribed,
    UserWrote,
)
from turnwise.turns.policy import Policy
from turnwise.turns.rules.rule import Rule
from turnwise.turns.state import Conversation


def test_an_event_that_is_older_than_the_last_one_is_refused_and_changes_nothing() -> None:
    t = is_asked()
    before, fired = deepcopy(t.conversation), list(t.engine.fired)
    deadline = t.engine.deadline
    with pytest.raises(ClockRanBackwards, match="an event at 1999 ms came after one at 2000 ms"):
        t.engine.handle(UserWrote("Hello"), Millis(1_999))
    assert t.conversation == before
    assert (t.engine.fired, t.engine.deadline) == (fired, deadline)
    t.at(2_000, UserWrote("Hello"))
    assert t.when(StartReply) == [2_000, 2_000]


def test_time_before_the_start_is_refused() -> None:
    with pytest.raises(ClockRanBackwards, match="-1 ms"):
        Engine(Policy()).handle(Tick(), Millis(-1))


def test_a_shell_that_ticks_late_gets_its_commands_late_but_no_others() -> None:
    punctual = is_asked()
    punctual.until(30_000)
    late = Engine(Policy())
    done: list[Command] = []
    for step in punctual.steps:
        if not isinstance(step.event, Tick):
            done += late.handle(step.event, step.at)
    done += late.handle(Tick(), Millis(30_000))
    assert done == [command for _, command in punctual.done]


def test_a_rule_that_is_due_fires_before_an_event_of_the_same_millisecond() -> None:
    t = is_asked()
    answers(t, 2_500, "Sure.", 500)
    t.at(3_000, UserWrote("And cheese"))
    assert t.when(FinishReply(ONE)) == [3_000]
    assert t.when(StartReply) == [2_000, 3_000]


def test_the_deadline_is_when_the_next_rule_is_due() -> None:
    t = Timeline()
    assert t.engine.deadline == 0, "the conversation opens itself"
    t.until(0)
    assert t.engine.deadline == 7_000, "then the user is waited for"
    t.at(1_000, SpeechStarted())
    assert t.engine.deadline == 1_600, "then audio"
    t.at(1_500, SpeechStopped(300), Transcribed(SegmentId(1), "I want pizza", final=True))
    assert t.engine.deadline == 1_700, "then the end of the turn"


def test_the_rules_that_fired_in_a_step_are_named() -> None:
    t = is_asked()
    assert t.engine.fired == ["take the user's turn", "answer what is owed"]
    assert t.fired() == [
        (0, "open the conversation"),
        (2_000, "take the user's turn"),
        (2_000, "answer what is owed"),
    ]


def test_a_watcher_is_told_of_each_rule_before_it_acts() -> None:
    seen: list[tuple[str, bool]] = []

    def watch(rule: Rule, c: Conversation) -> None:
        seen.append((rule.name, c.opened))

    engine = Engine(Policy(), watch)
    engine.handle(Tick(), Millis(0))
    assert seen == [("open the conversation", False)]


def test_nothing_happens_after_the_end_but_time_still_may_not_run_backwards() -> None:
    t = Timeline()
    t.at(1_000, HungUp())
    assert t.engine.ended
    assert t.engine.handle(UserWrote("Hello?"), Millis(5_000)) == ()
    assert t.engine.deadline is None
    with pytest.raises(ClockRanBackwards):
        t.engine.handle(Tick(), Millis(4_000))


def test_the_first_event_may_come_at_once_or_late() -> None:
    for at in (0, 500):
        t = Timeline(Policy(first_message="Hello."))
        commands = t.engine.handle(HungUp(), Millis(at))
        assert commands[-1] == End("client disconnected")


def test_a_rule_that_does_not_take_its_reason_away_is_our_own_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stubborn = Rule("never content", "", lambda c: c.now, lambda _: None)
    monkeypatch.setattr(engine_module, "_DUES", {False: ((stubborn.due, stubborn),)})
    with pytest.raises(AssertionError, match=r"rules keep firing: .*never content"):
        Engine(Policy()).handle(Tick(), Millis(0))
