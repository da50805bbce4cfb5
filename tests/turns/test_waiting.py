import pytest

from turns.scenes import ONE, TWO, answers, calls, is_asked, says, speaks, transcript, user_said
from turnwise.base.units import Millis
from turnwise.testing import Timeline
from turnwise.turns.commands import Announce, Cause, End, Report, Speak, StartReply
from turnwise.turns.events import (
    CallId,
    SegmentId,
    SpeechContinued,
    SpeechStarted,
    SpeechStopped,
    Transcribed,
    TurnSkipped,
    UserActive,
    UserWrote,
    Voiced,
)
from turnwise.turns.policy import Guards, Policy, Waiting
from turnwise.turns.transcript import Noted

NO_TIMEOUT = Policy(waiting=Waiting(turn_timeout_ms=None))


def causes(t: Timeline) -> list[tuple[int, Cause]]:
    return [(at, command.cause) for at, command in t.of(StartReply)]


def test_a_silent_user_is_spoken_to_seven_seconds_after_the_agent_was_heard() -> None:
    t = is_asked()
    answers(t, 2_500, "Which one?", 1_000)
    t.until(11_000)
    assert causes(t)[1:] == [(10_500, Cause.USER_SILENT)]
    assert transcript(t)[-1] == Noted(Millis(10_500), "user_turn_timeout")
    assert t.of(StartReply)[-1][1].transcript[-1] == Noted(Millis(10_500), "user_turn_timeout")


def test_a_user_who_stays_silent_is_spoken_to_again_and_again() -> None:
    t = Timeline(Policy(waiting=Waiting(turn_timeout_ms=3_000)))
    t.until(3_000)
    answers(t, 3_500, "Hello?", 500)
    t.until(8_000)
    assert causes(t) == [(3_000, Cause.USER_SILENT), (7_000, Cause.USER_SILENT)]


def test_before_anybody_spoke_the_initial_wait_counts() -> None:
    t = Timeline(Policy(waiting=Waiting(initial_wait_ms=2_000)))
    t.until(2_500)
    assert causes(t) == [(2_000, Cause.USER_SILENT)]
    answers(t, 2_500, "Hello?", 500)
    t.until(10_500)
    assert causes(t)[1:] == [(10_000, Cause.USER_SILENT)]


def test_after_a_first_message_or_a_word_of_the_user_the_initial_wait_is_over() -> None:
    waiting = Waiting(initial_wait_ms=2_000)
    t = Timeline(Policy(waiting=waiting, first_message="Hi."))
    t.at(0, Voiced(ONE, 3, 500))
    t.until(9_000)
    assert causes(t) == [(7_500, Cause.USER_SILENT)]
    t = Timeline(Policy(waiting=waiting))
    speaks(t, 1_000, 1_300)
    t.until(9_000)
    assert causes(t) == [(8_300, Cause.USER_SILENT)]


def test_without_an_initial_wait_the_usual_time_counts() -> None:
    t = Timeline()
    t.until(7_500)
    assert causes(t) == [(7_000, Cause.USER_SILENT)]


def test_a_patience_that_is_switched_off_asks_for_nothing() -> None:
    t = Timeline(NO_TIMEOUT)
    t.until(30_000)
    assert t.done == []


def test_activity_of_the_user_restarts_the_clock() -> None:
    t = Timeline()
    t.at(6_500, UserActive())
    t.until(14_000)
    assert causes(t) == [(13_500, Cause.USER_SILENT)]


def test_activity_holds_the_agent_off_even_if_its_patience_is_short() -> None:
    t = Timeline(Policy(waiting=Waiting(turn_timeout_ms=500)))
    t.at(400, UserActive())
    t.until(3_000)
    assert causes(t) == [(2_400, Cause.USER_SILENT)]


def test_activity_delays_an_answer_and_a_message_ends_the_delay() -> None:
    t = Timeline()
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_900, UserActive())
    t.at(2_500, UserWrote("with cheese"))
    assert [text for _, text in user_said(t)] == ["I want pizza", "with cheese"]
    assert t.when(StartReply) == [2_500]


def skipped(wait_ms: int | None, policy: Policy | None = None) -> Timeline:
    """Return a timeline in which the agent chose at 2,200 to stay silent."""
    t = is_asked("One moment please", policy)
    calls(t, 2_150, "skip_turn")
    t.at(2_200, TurnSkipped(CallId("skip_turn"), wait_ms))
    return t


def test_an_agent_that_skips_its_turn_waits_the_usual_time() -> None:
    t = skipped(None)
    t.until(10_000)
    assert t.when(Speak) == []
    assert causes(t)[1:] == [(9_200, Cause.USER_SILENT)]


def test_an_agent_that_asks_for_a_wait_speaks_when_it_is_over() -> None:
    t = skipped(20_000)
    t.until(23_000)
    assert causes(t)[1:] == [(22_200, Cause.WAIT_ELAPSED)]
    assert transcript(t)[-1] == Noted(Millis(22_200), "skip_turn_wait_elapsed")


def test_a_wait_may_be_shorter_than_the_usual_time() -> None:
    t = skipped(1_000)
    t.until(4_000)
    assert causes(t)[1:] == [(3_200, Cause.WAIT_ELAPSED)]


def test_a_cough_does_not_end_the_wait_the_agent_asked_for() -> None:
    t = skipped(20_000)
    speaks(t, 5_000, 5_300)
    t.until(23_000)
    assert causes(t)[1:] == [(22_200, Cause.WAIT_ELAPSED)]


def test_words_end_the_wait_the_agent_asked_for() -> None:
    t = skipped(20_000)
    says(t, 5_000, 5_500, "Here I am", segment=2)
    t.until(6_000)
    assert causes(t)[1:] == [(6_000, Cause.USER_TURN)]
    answers(t, 6_500, "Good.", 500)
    t.until(15_000)
    assert causes(t)[2:] == [(14_000, Cause.USER_SILENT)]


def test_a_message_ends_the_wait_the_agent_asked_for() -> None:
    t = skipped(20_000)
    t.at(5_000, UserWrote("Here I am"))
    assert causes(t)[1:] == [(5_000, Cause.USER_TURN)]
    assert t.conversation.waits_until is None


def test_a_skip_that_answers_no_open_call_is_stale() -> None:
    t = Timeline(NO_TIMEOUT)
    t.at(1_000, TurnSkipped(CallId("nobody"), 1_000))
    t.until(5_000)
    assert t.done == []


def test_a_user_whose_speech_had_no_words_is_asked_to_say_it_again() -> None:
    t = Timeline()
    speaks(t, 1_000, 2_300)
    t.until(6_000)
    assert t.when(Announce) == [5_300]
    assert t.of(Report)[0] == (5_300, Report("no_transcript", "1300 ms of speech without a word"))
    assert t.of(Speak)[0][1].text == Guards().not_understood


def test_speech_without_words_is_told_even_if_nothing_is_to_be_said_about_it() -> None:
    t = Timeline(Policy(guards=Guards(not_understood="")))
    speaks(t, 1_000, 2_300)
    t.until(6_000)
    assert t.when(Report) == [5_300]
    assert t.when(Speak) == []


def test_coughs_far_apart_do_not_add_up() -> None:
    t = Timeline(NO_TIMEOUT)
    for at in range(5_000, 30_000, 5_000):
        speaks(t, at, at + 400)
    t.until(35_000)
    assert t.done == []


def test_an_interruption_that_had_no_words_is_asked_about_soon() -> None:
    t = is_asked()
    answers(t, 2_500, "It is a long story, you see.", 10_000)
    speaks(t, 4_000, 5_000)
    t.until(9_000)
    assert t.of(Speak)[-1][0] == 8_000
    assert t.of(Speak)[-1][1].text == Guards().not_understood


def test_a_silence_nobody_meant_is_broken_once_and_then_the_call_ends() -> None:
    t = Timeline(NO_TIMEOUT)
    t.until(60_000)
    assert t.of(Speak) == [(60_000, Speak(ONE, "Are you still there?"))]
    t.at(60_100, Voiced(ONE, 20, 1_000))
    t.until(200_000)
    assert t.of(End) == [(121_100, End("silence"))]
    assert [c.kind for _, c in t.of(Report)] == ["silence", "silence"]


def test_a_user_who_answers_is_asked_again_another_time() -> None:
    t = Timeline(NO_TIMEOUT)
    t.at(60_100, Voiced(ONE, 20, 1_000))
    says(t, 62_000, 62_400, "Yes I am", segment=1)
    t.until(62_900)
    answers(t, 63_000, "Good.", 1_000)
    t.until(124_500)
    assert t.when(End) == []
    assert t.of(Speak)[-1] == (124_000, Speak(t.of(Speak)[-1][1].reply, "Are you still there?"))


def test_a_silence_that_cannot_be_broken_ends_the_call() -> None:
    t = Timeline(Policy(waiting=NO_TIMEOUT.waiting, guards=Guards(still_there="")))
    t.until(61_000)
    assert t.of(End) == [(60_000, End("silence"))]


def test_silence_may_be_unlimited() -> None:
    t = Timeline(Policy(waiting=NO_TIMEOUT.waiting, guards=Guards(max_silence_ms=None)))
    t.until(599_999)
    assert t.done == []


@pytest.mark.parametrize("busy", ["speaks", "words"])
def test_nothing_is_asked_of_a_user_who_is_busy(busy: str) -> None:
    t = Timeline(Policy(waiting=Waiting(turn_timeout_ms=1_000, silence_end_call_ms=1_000)))
    t.at(900, SpeechStarted())
    if busy == "words":
        t.at(1_200, Transcribed(SegmentId(1), "I would like to", final=True), SpeechStopped(100))
        t.until(2_000)
    else:
        for at in range(1_150, 4_000, 250):
            t.at(at, SpeechContinued())
    assert t.done == []


def test_a_wait_is_over_when_the_agent_speaks_again_for_another_reason() -> None:
    t = skipped(20_000)
    t.at(4_000, UserWrote("Now"))
    answers(t, 4_500, "Yes.", 500)
    assert t.conversation.waits_until is None
    assert t.of(StartReply)[-1][1].reply == TWO
