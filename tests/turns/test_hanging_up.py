import pytest

from turns.scenes import ONE, TWO, answers, calls, is_asked, says, transcript
from turnwise.testing import Timeline
from turnwise.turns.commands import End, ReportTool, StartReply
from turnwise.turns.events import (
    CallId,
    EndAsked,
    ReplyText,
    SpeechStarted,
    SpeechStopped,
    ToolRequested,
    UserWrote,
)
from turnwise.turns.explain import explain
from turnwise.turns.journal import lines, read
from turnwise.turns.policy import Policy, Waiting
from turnwise.turns.transcript import ToolAnswered

BYE = CallId("end_call")
AGAIN = CallId("end_call again")
DOUBT = "doubt a hang-up of the model"


def hung_up(
    text: str, words: str = "", farewell: str = "", policy: Policy | None = None
) -> Timeline:
    """Return a timeline in which the model calls `end_call` after something the user said."""
    t = is_asked(text, policy)
    if words:
        t.at(2_300, ReplyText(ONE, words))
    calls(t, 2_300, "end_call")
    t.at(2_400, EndAsked("done", farewell, BYE, unsure=True))
    return t


def doubts(t: Timeline) -> list[int]:
    return [at for at, name in t.fired() if name == DOUBT]


@pytest.mark.parametrize(
    ("said", "words", "farewell", "doubted"),
    [
        ("That is all, thanks.", "", "", False),
        ("When do you open?", "", "", True),
        ("when do you open", "", "", True),
        ("Do you open on Sundays?", "", "", True),
        ("What a day. That was all.", "", "", False),
        ("When do you open?", "At nine. Goodbye!", "", False),
        ("When do you open?", "", "At nine. Goodbye!", False),
        ("When do you open?", " ", " ", True),
    ],
)
def test_a_hang_up_in_place_of_an_answer_is_doubted(
    said: str, words: str, farewell: str, doubted: object
) -> None:
    t = hung_up(said, words, farewell)
    assert doubts(t) == ([2_400] if doubted else [])
    assert (t.of(End) == [] and t.when(StartReply) == [2_000, 2_400]) is doubted


def test_the_model_is_told_why_and_the_journal_explains_it() -> None:
    t = hung_up("When do you open?")
    [(_, told)] = t.of(ReportTool)
    assert told.failed
    assert told.result.startswith(
        "The call was not ended: the user asked something and got no answer."
    )
    [why] = [d for d in explain(read(lines(t.policy, t.steps))) if d.rule == DOUBT]
    assert why.facts == (("against it", "the user asked something and got no answer"),)
    answers(t, 2_900, "At nine.", 500)
    t.until(4_000)
    assert [e.failed for e in transcript(t) if isinstance(e, ToolAnswered)] == [True]


def test_a_model_that_insists_is_obeyed() -> None:
    t = hung_up("When do you open?")
    t.at(2_800, ToolRequested(ONE, AGAIN, "end_call", "{}"))
    t.at(2_900, EndAsked("done", "", AGAIN, unsure=True))
    assert t.of(End) == [(2_900, End("done"))]


def test_each_turn_of_the_user_is_looked_at_anew() -> None:
    t = hung_up("When do you open?")
    answers(t, 2_900, "At nine.", 500)
    says(t, 4_000, 4_500, "And on Sundays?", segment=2)
    t.until(5_100)
    t.at(5_400, ToolRequested(TWO, AGAIN, "end_call", "{}"))
    t.at(5_500, EndAsked("done", "", AGAIN, unsure=True))
    assert doubts(t) == [2_400, 5_500]
    assert t.of(End) == []


def test_nobody_is_hung_up_on_while_speaking() -> None:
    t = is_asked("That is all")
    calls(t, 2_300, "end_call")
    t.at(2_350, SpeechStarted())
    t.at(2_400, EndAsked("done", "", BYE, unsure=True))
    assert doubts(t) == [2_400]
    t.at(2_700, SpeechStopped(100))
    assert t.of(End) == []


def test_what_was_typed_last_is_what_counts() -> None:
    t = Timeline(Policy(text_only=True))
    t.at(1_000, UserWrote("When do you open?"), UserWrote("Never mind."))
    calls(t, 1_500, "end_call")
    t.at(1_600, EndAsked("done", "", BYE, unsure=True))
    assert t.of(End) == [(1_600, End("done"))]


def test_who_says_nothing_may_be_hung_up_on() -> None:
    t = Timeline(Policy(waiting=Waiting(turn_timeout_ms=3_000)))
    t.until(3_000)
    calls(t, 3_500, "end_call")
    t.at(3_600, EndAsked("done", "", BYE, unsure=True))
    assert t.of(End) == [(3_600, End("done"))]


def test_an_end_that_nobody_doubts_is_not_looked_at() -> None:
    t = is_asked("When do you open?")
    calls(t, 2_300, "end_call")
    t.at(2_400, EndAsked("voicemail detected.", "", BYE))
    assert t.of(End) == [(2_400, End("voicemail detected."))]


def test_a_hang_up_at_the_very_end_of_a_call_changes_nothing() -> None:
    t = is_asked("When do you open?", Policy(waiting=Waiting(max_duration_ms=2_400)))
    calls(t, 2_300, "end_call")
    t.at(2_400, EndAsked("done", "", BYE, unsure=True))
    assert t.of(End) == [(2_400, End("max_duration_exceeded"))]
