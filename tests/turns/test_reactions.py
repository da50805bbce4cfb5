import pytest

from turns.scenes import (
    ONE,
    TWO,
    agent_said,
    answers,
    calls,
    is_asked,
    live,
    says,
    speaks,
    transcript,
    user_said,
)
from turnwise.base.units import Millis
from turnwise.testing import Timeline
from turnwise.turns.commands import (
    Amend,
    Announce,
    Append,
    CancelReply,
    Cause,
    Correct,
    End,
    FinishReply,
    Pause,
    ReportTool,
    Speak,
    StartReply,
)
from turnwise.turns.events import (
    CallId,
    ContextGiven,
    EndAsked,
    Event,
    FillerMade,
    Played,
    ReplyFailed,
    ReplyId,
    ReplyText,
    ReplyWritten,
    SpeechFailed,
    ToolRequested,
    ToolReturned,
    UserActive,
    UserWrote,
    Voiced,
)
from turnwise.turns.policy import Endpointing, Interruption, Policy, Waiting
from turnwise.turns.transcript import AgentSaid, ContextAdded, UserSaid

BYE = CallId("end_call")
STALE = ReplyId(7)


@pytest.mark.parametrize(
    "event",
    [
        ReplyText(STALE, "Hello"),
        ReplyWritten(STALE),
        ReplyFailed(STALE, "gone"),
        Voiced(STALE, 5, 500),
        Played(STALE, 500),
        SpeechFailed(STALE, "gone"),
        FillerMade(STALE, "Hm."),
        ToolRequested(STALE, CallId("a"), "look", "{}"),
        ToolReturned(CallId("a"), "found"),
        ReplyText(ONE, ""),
        FillerMade(ONE, "nobody asked for one"),
    ],
)
def test_an_answer_to_something_that_is_not_asked_changes_nothing(event: Event) -> None:
    t = is_asked()
    before = t.engine.deadline
    t.at(2_100, event)
    assert t.when(StartReply) == [2_000]
    assert [at for at, _ in t.done] == [2_000, 2_000]
    assert t.engine.deadline == before


def test_words_after_the_end_of_a_pass_are_stale() -> None:
    t = is_asked()
    answers(t, 2_500, "Sure.", 500)
    t.at(2_600, ReplyText(ONE, "And more."), ReplyWritten(ONE))
    assert t.when(Speak) == [2_500]
    assert t.when(Announce) == [2_500]


def test_a_typed_message_is_a_turn_at_once() -> None:
    t = Timeline()
    t.at(1_000, UserWrote("I want pizza"))
    assert transcript(t) == [UserSaid(Millis(1_000), "I want pizza", typed=True)]
    assert [(at, c.cause) for at, c in t.of(StartReply)] == [(1_000, Cause.USER_TURN)]


def test_an_empty_message_is_nothing() -> None:
    t = Timeline()
    t.at(1_000, UserWrote(" \n"))
    assert t.done == []


def test_a_typed_message_interrupts_like_speech() -> None:
    t = is_asked()
    answers(t, 2_500, "0123456789", 1_000)
    t.at(2_800, UserWrote("no pasta"))
    assert t.when(CancelReply(ONE)) == [2_800]
    assert t.of(Correct) == [(2_800, Correct(ONE, "0123456789", "012"))]
    assert t.when(StartReply) == [2_000, 2_800]


def test_a_typed_message_waits_for_an_uninterruptible_reply() -> None:
    t = is_asked("I want pizza", Policy(interruption=Interruption(enabled=False)))
    answers(t, 2_500, "0123456789", 1_000)
    t.at(2_800, UserWrote("no pasta"))
    assert t.when(CancelReply) == []
    t.until(4_000)
    assert t.when(StartReply) == [2_000, 3_500]


def test_a_typed_message_takes_what_was_being_said_with_it() -> None:
    t = Timeline()
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_700, UserWrote("with cheese"))
    assert user_said(t) == [(1_700, "I want pizza"), (1_700, "with cheese")]
    assert t.when(StartReply) == [1_700]


def test_a_typed_message_replaces_an_unheard_reply_and_a_bet() -> None:
    t = is_asked()
    t.at(2_200, UserWrote("no pasta"))
    assert t.when(CancelReply(ONE)) == [2_200]
    assert t.when(StartReply) == [2_000, 2_200]
    t = Timeline(Policy(endpointing=Endpointing(bet_ms=100)))
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_700, UserWrote("no pasta"))
    assert t.of(CancelReply) == [(1_700, CancelReply(ONE, speculative=True))]
    assert [c.speculative for _, c in t.of(StartReply)] == [True, False]


def test_a_typed_message_is_answered_once_the_user_stops_speaking() -> None:
    t = Timeline()
    speaks(t, 1_000, 1_500)
    t.at(1_700, UserWrote("pizza"))
    t.until(3_000)
    assert t.when(StartReply) == [2_000]


def test_activity_does_not_disturb_what_the_agent_says() -> None:
    t = is_asked()
    answers(t, 2_500, "0123456789", 1_000)
    t.at(2_800, UserActive())
    t.until(4_000)
    assert t.when(Pause) == []
    assert t.when(FinishReply(ONE)) == [3_500]


def test_context_is_told_to_the_model_and_asks_for_no_reply() -> None:
    t = Timeline(Policy(waiting=Waiting(turn_timeout_ms=None)))
    t.at(500, ContextGiven("The user is on page 3."))
    t.until(900)
    assert [type(command) for _, command in t.done] == [Append]
    t.at(1_000, UserWrote("Where am I?"))
    assert t.of(StartReply)[0][1].transcript[0] == ContextAdded(
        Millis(500), "The user is on page 3."
    )


def test_a_context_takes_the_place_of_an_older_one_of_the_same_id() -> None:
    t = Timeline()
    t.at(100, ContextGiven("Cart: 1 pizza", "cart"), ContextGiven("Page 1", "page"))
    t.at(200, ContextGiven("It rains."), ContextGiven("Cart: 2 pizzas", "cart"))
    t.at(300, ContextGiven("Cart: empty", "cart"), ContextGiven("It snows."))
    gone = [command.index for _, command in t.of(Amend)]
    assert gone == [0, 3]
    t.at(400, UserWrote("Well?"))
    known = t.of(StartReply)[0][1].transcript
    texts = [e.text for e in known if isinstance(e, ContextAdded)]
    assert texts == ["Page 1", "It rains.", "Cart: empty", "It snows."]


def test_in_writing_a_reply_is_heard_when_it_is_written() -> None:
    t = Timeline(Policy(text_only=True, first_message="Hi."))
    t.until(0)
    assert t.when(FinishReply(ONE)) == [0]
    t.at(1_000, UserWrote("I want pizza"))
    t.at(1_100, ReplyText(TWO, "Which "))
    t.at(1_200, ReplyText(TWO, "one?"))
    t.at(1_300, ReplyWritten(TWO))
    assert [text for _, text in ((at, c.text) for at, c in t.of(Speak))] == [
        "Hi.",
        "Which ",
        "one?",
    ]
    assert t.of(Announce)[-1] == (1_300, Announce(TWO, "Which one?"))
    assert t.when(FinishReply(TWO)) == [1_300]
    assert agent_said(t) == ["Hi.", "Which one?"]


def test_in_writing_nobody_is_hurried() -> None:
    t = Timeline(Policy(text_only=True))
    t.until(599_000)
    assert t.done == []


def test_in_writing_a_message_cuts_a_reply_off_where_it_was_written() -> None:
    t = Timeline(Policy(text_only=True, interruption=Interruption(enabled=False)))
    t.at(1_000, UserWrote("I want pizza"))
    t.at(1_100, ReplyText(ONE, "Which one would"))
    t.at(1_200, UserWrote("the first"))
    assert t.when(CancelReply(ONE)) == [1_200]
    assert t.when(StartReply) == [1_000, 1_200]
    assert agent_said(t) == ["Which one would"]


def ends_call(farewell: str = "Goodbye!") -> Timeline:
    """Return a timeline in which the agent ends the call at 2,400 with a farewell."""
    t = is_asked("That is all")
    t.at(2_300, ReplyText(ONE, "Thanks for calling."))
    calls(t, 2_300, "end_call")
    t.at(2_400, EndAsked("done", farewell, BYE))
    return t


def test_the_agent_says_farewell_and_then_the_call_ends() -> None:
    t = ends_call()
    assert [c.text for _, c in t.of(Speak)] == ["Thanks for calling.", " Goodbye!"]
    assert [c.text for _, c in t.of(Announce)] == ["Thanks for calling.", "Goodbye!"]
    assert t.of(ReportTool) == [(2_400, ReportTool(BYE, "end_call", "done", failed=False))]
    t.at(2_500, Voiced(ONE, 28, 2_000))
    t.until(5_000)
    assert t.when(FinishReply(ONE)) == [4_500]
    assert t.of(End) == [(4_500, End("done"))]
    assert t.when(StartReply) == [2_000]


def test_without_a_farewell_the_call_ends_when_the_reply_was_heard() -> None:
    t = ends_call("")
    t.at(2_500, Voiced(ONE, 19, 1_000))
    t.until(5_000)
    assert t.when(End) == [3_500]
    t = is_asked("That is all")
    calls(t, 2_300, "end_call")
    t.at(2_400, EndAsked("done", "", BYE))
    assert t.when(End) == [2_400]


def test_a_user_who_interrupts_the_farewell_calls_the_end_off() -> None:
    t = ends_call()
    t.at(2_500, Voiced(ONE, 28, 2_000))
    says(t, 3_000, 3_400, "no wait", segment=2)
    t.until(10_000)
    assert t.when(CancelReply(ONE)) == [3_500]
    assert t.when(End) == []
    assert [(at, c.cause) for at, c in t.of(StartReply)][1:] == [(3_900, Cause.USER_TURN)]


def test_a_cough_does_not_call_the_end_off() -> None:
    t = ends_call()
    t.at(2_500, Voiced(ONE, 28, 2_000))
    speaks(t, 3_000, 3_300)
    t.until(10_000)
    assert t.when(End) == [5_500]


def test_a_farewell_that_fails_does_not_keep_the_call_open() -> None:
    t = ends_call()
    t.at(2_500, SpeechFailed(ONE, "gone"))
    assert t.of(End) == [(2_500, End("done"))]


def test_an_end_that_a_dropped_reply_asked_for_does_not_come() -> None:
    t = is_asked("That is all")
    t.at(2_300, ReplyText(ONE, "Thanks for calling."), Voiced(ONE, 19, 2_000))
    calls(t, 2_400, "end_call")
    says(t, 2_600, 3_000, "no wait", segment=2)
    t.at(3_200, EndAsked("done", "Goodbye!", BYE))
    t.until(3_600)
    assert t.when(End) == []
    t.at(3_700, EndAsked("done", "Goodbye!", CallId("nobody")))
    assert t.when(End) == []


def test_somebody_else_may_end_the_call_while_all_are_silent() -> None:
    t = Timeline()
    t.at(1_000, EndAsked("workflow", "Goodbye."))
    t.at(1_100, Voiced(ONE, 8, 500))
    t.until(2_000)
    assert t.of(End) == [(1_600, End("workflow"))]
    t = Timeline()
    t.at(1_000, EndAsked("workflow"))
    assert t.of(End) == [(1_000, End("workflow"))]


def test_somebody_else_may_end_the_call_during_a_bet() -> None:
    t = Timeline(Policy(endpointing=Endpointing(bet_ms=100)))
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_700, EndAsked("workflow"))
    assert t.of(CancelReply) == [(1_700, CancelReply(ONE, speculative=True))]
    assert t.when(End) == [1_700]


def test_the_agent_may_finish_its_sentence_before_somebody_else_ends_the_call() -> None:
    t = is_asked()
    t.at(2_300, ReplyText(ONE, "Pizza it "))
    t.at(2_400, EndAsked("workflow", "Goodbye."))
    t.at(2_500, ReplyText(ONE, "is."), ReplyWritten(ONE))
    t.at(2_600, Voiced(ONE, 21, 1_000))
    t.until(9_000)
    assert t.of(End) == [(3_600, End("workflow"))]
    assert agent_said(t) == ["Pizza it is. Goodbye."]


def test_a_channel_that_reports_its_playback_corrects_what_was_heard() -> None:
    t = is_asked()
    answers(t, 2_500, "0123456789", 1_000)
    t.at(3_000, Played(ONE, 200))
    t.at(3_100, UserWrote("no pasta"))
    assert t.of(Correct)[0][1].heard == "012"
    t = is_asked()
    answers(t, 2_500, "0123456789", 1_000)
    t.at(3_400, Played(ONE, 300))
    t.until(9_000)
    assert t.when(FinishReply(ONE)) == [4_100]


def test_reports_of_playback_do_not_count_while_the_sound_is_held() -> None:
    t = is_asked()
    answers(t, 2_500, "0123456789", 1_000)
    speaks(t, 2_700, 2_800)
    t.at(2_950, Played(ONE, 900))
    t.until(9_000)
    # 200 ms were heard before the pause at 2,700; it goes on at 3,500
    assert t.when(FinishReply(ONE)) == [4_300]


def test_what_was_heard_allows_for_the_way_to_the_ear_and_for_character_timing() -> None:
    t = is_asked("I want pizza", Policy(playout_ms=150))
    t.at(2_500, ReplyText(live(t), "abcd"), ReplyWritten(ONE))
    t.at(2_600, Voiced(ONE, 4, 1_000, (100, 200, 900, 1_000)))
    t.at(3_400, UserWrote("no pasta"))
    # heard from 2,750 on, so for 650 ms
    assert t.of(Correct)[0][1].heard == "ab"
    assert isinstance(transcript(t)[1], AgentSaid)
