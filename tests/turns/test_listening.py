import pytest

from turns.scenes import ONE, TWO, answers, is_asked, says, speaks, user_said
from turnwise.base.units import Millis
from turnwise.testing import Timeline
from turnwise.turns.commands import (
    Amend,
    Append,
    CancelReply,
    CloseUtterance,
    Pause,
    ScoreTurn,
    StartReply,
)
from turnwise.turns.events import (
    PauseId,
    SegmentId,
    SpeechContinued,
    SpeechStarted,
    SpeechStopped,
    Transcribed,
    TurnScored,
    UserActive,
    UserWrote,
)
from turnwise.turns.policy import Endpointing, Policy
from turnwise.turns.transcript import UserSaid

SCORED = Policy(endpointing=Endpointing(turn_model=True))

IMPATIENT = Policy(endpointing=Endpointing(final_patience_ms=600))
"""Takes a turn on tentative words that become final too late."""


def test_a_turn_is_taken_half_a_second_after_the_last_sound() -> None:
    t = Timeline()
    t.at(1_000, SpeechStarted())
    t.at(1_250, SpeechContinued())
    t.at(1_700, Transcribed(SegmentId(1), "I want pizza", final=True), SpeechStopped(200))
    t.until(3_000)
    assert t.of(StartReply)[0][0] == 2_000
    assert t.fired()[1:3] == [(2_000, "take the user's turn"), (2_000, "answer what is owed")]
    assert user_said(t) == [(2_000, "I want pizza")]


def test_words_that_come_when_the_silence_is_over_are_a_turn_at_once() -> None:
    t = Timeline()
    speaks(t, 1_000, 1_500)
    t.at(2_345, Transcribed(SegmentId(1), "I want pizza", final=True))
    assert user_said(t) == [(2_345, "I want pizza")]


def test_tentative_words_are_waited_for_a_little_longer() -> None:
    t = Timeline(IMPATIENT)
    speaks(t, 1_000, 1_500)
    t.at(1_600, Transcribed(SegmentId(1), "I want pizza", final=False))
    t.until(2_500)
    assert user_said(t) == [(2_200, "I want pizza")]


def test_words_that_become_final_are_not_waited_for_any_longer() -> None:
    t = Timeline()
    speaks(t, 1_000, 1_500)
    t.at(1_600, Transcribed(SegmentId(1), "I want a pizza", final=False))
    t.at(2_050, Transcribed(SegmentId(1), "I want pizza", final=True))
    assert user_said(t) == [(2_050, "I want pizza")]


def test_a_user_who_goes_on_before_the_silence_is_over_says_one_turn() -> None:
    t = Timeline()
    says(t, 1_000, 1_500, "I want pizza.", segment=1)
    says(t, 1_900, 2_400, "With cheese.", segment=2)
    t.until(4_000)
    assert user_said(t) == [(2_900, "I want pizza. With cheese.")]
    assert t.when(StartReply) == [2_900]


def test_a_late_final_amends_a_taken_turn_and_it_is_answered_anew() -> None:
    t = Timeline(IMPATIENT)
    speaks(t, 1_000, 1_500)
    t.at(1_600, Transcribed(SegmentId(1), "I want pasta", final=False))
    t.at(2_300, Transcribed(SegmentId(1), "I want pizza", final=True))
    first, second = t.of(StartReply)
    assert (first[0], first[1].reply) == (2_200, ONE)
    assert (second[0], second[1].reply) == (2_300, TWO)
    assert t.of(Amend) == [(2_300, Amend(0, UserSaid(Millis(2_200), "I want pizza")))]
    assert t.when(CancelReply(ONE)) == [2_300]
    assert [e.text for e in second[1].transcript if isinstance(e, UserSaid)] == ["I want pizza"]


def test_a_reply_begun_on_a_turn_that_is_amended_twice_answers_the_last_words() -> None:
    t = Timeline(IMPATIENT)
    speaks(t, 1_000, 1_500)
    t.at(1_600, Transcribed(SegmentId(1), "I want pasta", final=False))
    t.at(2_300, Transcribed(SegmentId(1), "I want pizza", final=False))
    t.at(2_400, Transcribed(SegmentId(1), "I want a pizza", final=True))
    assert [at for at, _ in t.of(StartReply)] == [2_200, 2_300, 2_400]
    assert user_said(t) == [(2_200, "I want a pizza")]


def test_a_late_final_that_differs_only_in_punctuation_leaves_the_reply_alone() -> None:
    t = Timeline(IMPATIENT)
    speaks(t, 1_000, 1_500)
    t.at(1_600, Transcribed(SegmentId(1), "i want pizza", final=False))
    t.at(2_300, Transcribed(SegmentId(1), "I want pizza.", final=True))
    t.until(3_000)
    assert user_said(t) == [(2_200, "I want pizza.")]
    assert t.when(StartReply) == [2_200]


def test_a_late_final_that_says_the_same_changes_nothing() -> None:
    t = Timeline(IMPATIENT)
    speaks(t, 1_000, 1_500)
    t.at(1_600, Transcribed(SegmentId(1), "I want pizza", final=False))
    t.at(2_300, Transcribed(SegmentId(1), " I want pizza ", final=True))
    assert t.when(Amend) == []


def test_a_late_final_after_the_reply_was_heard_amends_only_the_record() -> None:
    t = Timeline(IMPATIENT)
    speaks(t, 1_000, 1_500)
    t.at(1_600, Transcribed(SegmentId(1), "I want pasta", final=False))
    t.until(2_200)
    answers(t, 2_400, "Pasta it is.", 1_000)
    t.at(2_900, Transcribed(SegmentId(1), "I want pizza", final=True))
    t.until(4_000)
    assert user_said(t) == [(2_200, "I want pizza")]
    assert t.when(StartReply) == [2_200]
    assert t.when(CancelReply) == []


def test_a_late_segment_continues_a_taken_turn_and_it_is_answered_anew() -> None:
    t = is_asked()
    t.at(2_300, Transcribed(SegmentId(2), "with cheese", final=True))
    assert t.of(Amend) == [(2_300, Amend(0, UserSaid(Millis(2_000), "I want pizza with cheese")))]
    assert t.when(StartReply) == [2_000, 2_300]
    t.at(2_400, Transcribed(SegmentId(2), "with olives", final=True))
    assert user_said(t) == [(2_000, "I want pizza with olives")]


def test_a_segment_after_new_speech_is_a_turn_of_its_own() -> None:
    t = is_asked()
    says(t, 2_200, 2_700, "with cheese", segment=2)
    t.until(4_000)
    assert user_said(t) == [(2_000, "I want pizza"), (3_200, "with cheese")]
    assert t.when(CancelReply(ONE)) == [2_200]


def test_words_of_an_older_turn_are_too_late() -> None:
    t = is_asked()
    says(t, 2_200, 2_700, "with cheese", segment=2)
    t.until(3_200)
    t.at(3_300, Transcribed(SegmentId(1), "I want pasta", final=True))
    assert user_said(t) == [(2_000, "I want pizza"), (3_200, "with cheese")]


def test_speech_without_words_takes_no_turn() -> None:
    t = Timeline()
    speaks(t, 1_000, 1_500)
    t.at(1_600, Transcribed(SegmentId(1), "  ", final=True))
    t.until(5_000)
    assert t.when(Append) == []


def test_words_without_a_detector_are_a_turn_half_a_second_after_they_last_changed() -> None:
    t = Timeline()
    t.at(1_000, Transcribed(SegmentId(1), "I want", final=False))
    t.at(1_300, Transcribed(SegmentId(1), "I want pizza", final=True))
    t.until(3_000)
    assert user_said(t) == [(1_800, "I want pizza")]


def test_a_cough_delays_an_answer_and_does_not_lose_it() -> None:
    t = is_asked()
    speaks(t, 2_200, 2_500)
    t.until(4_000)
    assert t.when(CancelReply(ONE)) == [2_200]
    assert t.when(StartReply) == [2_000, 3_000]
    assert user_said(t) == [(2_000, "I want pizza")]


def test_input_that_ends_in_zeros_and_then_nothing_is_a_turn() -> None:
    # one chunk of speech, 333 ms of zeros in which the detector is sure, then no more audio
    t = Timeline()
    t.at(1_000, SpeechStarted())
    t.at(1_333, SpeechStopped(333))
    t.at(1_400, Transcribed(SegmentId(1), "What is the weather?", final=True))
    t.until(3_000)
    assert t.when(StartReply) == [1_500]


def test_input_that_ends_before_the_detector_is_sure_is_a_turn_by_wall_clock() -> None:
    t = Timeline()
    t.at(1_000, SpeechStarted())
    t.at(1_250, SpeechContinued())
    t.at(1_400, Transcribed(SegmentId(1), "What is the weather?", final=True))
    t.until(3_000)
    # silent since the last audio with speech in it, known 600 ms later
    assert (1_850, "count missing audio as silence") in t.fired()
    assert t.when(StartReply) == [1_850]


def test_audio_that_comes_back_after_a_stall_is_speech_when_the_detector_says_so_anew() -> None:
    t = Timeline()
    t.at(1_000, SpeechStarted())
    t.until(1_650)
    assert t.when(CloseUtterance) == [1_600]
    t.at(1_700, SpeechContinued())
    assert t.conversation.user.speaking_since is None
    t.at(1_800, SpeechStarted())
    t.at(2_000, Transcribed(SegmentId(1), "Hello", final=True), SpeechStopped(100))
    t.until(3_000)
    assert user_said(t) == [(2_400, "Hello")]


def test_a_sign_of_life_of_the_detector_outside_of_speech_is_nothing() -> None:
    t = Timeline()
    t.at(1_000, SpeechContinued(), SpeechStopped(100))
    assert t.conversation.user.speaking_since is None
    assert t.conversation.user.spoke_ms == 0


def test_speech_that_begins_twice_began_once() -> None:
    t = Timeline()
    t.at(1_000, SpeechStarted())
    t.at(1_200, SpeechStarted())
    assert t.conversation.user.speaking_since == 1_000


def test_a_turn_model_is_asked_at_each_pause_and_a_sure_one_takes_the_turn_soon() -> None:
    t = Timeline(SCORED)
    says(t, 1_000, 1_500, "I want pizza")
    assert t.of(ScoreTurn) == [(1_600, ScoreTurn(PauseId(1)))]
    t.at(1_650, TurnScored(PauseId(1), 0.9))
    t.until(3_000)
    assert user_said(t) == [(1_700, "I want pizza")]


def test_an_unsure_turn_model_makes_the_turn_last() -> None:
    t = Timeline(SCORED)
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_650, TurnScored(PauseId(1), 0.1))
    t.until(5_000)
    # 500 + 0.8 of the way to 2,000
    assert user_said(t) == [(3_200, "I want pizza")]


def test_a_late_score_decides_at_once() -> None:
    t = Timeline(SCORED)
    says(t, 1_000, 1_500, "I want to")
    t.at(1_900, TurnScored(PauseId(1), 0.7))
    assert user_said(t) == [(1_900, "I want to")]


def test_a_score_that_comes_when_the_turn_is_taken_changes_nothing() -> None:
    t = Timeline(SCORED)
    says(t, 1_000, 1_500, "I want pizza")
    t.at(2_100, TurnScored(PauseId(1), 0.1))
    t.until(3_000)
    assert user_said(t) == [(2_000, "I want pizza")]


@pytest.mark.parametrize("at", [1_900, 2_300])
def test_the_score_of_an_earlier_pause_is_stale(at: int) -> None:
    t = Timeline(SCORED)
    says(t, 1_000, 1_500, "I want pizza", segment=1)
    t.at(1_800, SpeechStarted())
    if at < 2_200:
        t.at(at, TurnScored(PauseId(1), 0.9))
    t.at(2_050, SpeechContinued())
    t.at(2_200, SpeechStopped(100))
    if at > 2_200:
        t.at(at, TurnScored(PauseId(1), 0.9))
    t.until(4_000)
    assert [at for at, _ in user_said(t)] == [2_600]


def test_a_busy_user_is_not_hurried() -> None:
    t = Timeline()
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_800, UserActive())
    t.until(5_000)
    assert user_said(t) == [(3_800, "I want pizza")]


def test_a_typed_turn_is_not_amended_by_late_words() -> None:
    t = is_asked()
    t.at(2_100, UserWrote("with cheese"))
    t.at(2_300, Transcribed(SegmentId(1), "I want pasta", final=True))
    assert [text for _, text in user_said(t)] == ["I want pizza", "with cheese"]


def test_words_over_the_agent_that_come_without_a_detector_interrupt() -> None:
    t = is_asked()
    answers(t, 2_500, "Pizza it is. Which one?", 3_000)
    t.at(4_000, Transcribed(SegmentId(2), "no pasta", final=True))
    assert t.when(CancelReply(ONE)) == [4_000]
    assert t.when(Pause) == []
    t.until(6_000)
    assert user_said(t)[1:] == [(4_500, "no pasta")]


def test_a_transcriber_may_go_on_in_the_same_segment_and_it_is_a_turn_of_its_own() -> None:
    t = is_asked("I want pizza.")
    answers(t, 2_500, "Pizza it is, which one would you like?", 4_000)
    t.at(3_500, SpeechStarted())
    t.at(3_750, Transcribed(SegmentId(1), "I want pizza, no", final=False))
    assert t.when(CancelReply(ONE)) == [3_750]
    t.at(3_760, SpeechContinued())
    t.at(4_000, Transcribed(SegmentId(1), "I want pizza, no wait, pasta!", final=True))
    t.at(4_100, SpeechStopped(100))
    t.until(5_000)
    assert user_said(t) == [(2_000, "I want pizza."), (4_500, "no wait, pasta!")]
    t.at(5_100, Transcribed(SegmentId(1), "I want pizza, no wait, PASTA!", final=True))
    assert user_said(t)[1:] == [(4_500, "no wait, PASTA!")]


def test_a_segment_that_goes_on_in_other_words_amends_the_turn_it_began() -> None:
    t = is_asked("I want pizza.")
    answers(t, 2_500, "Pizza it is, which one would you like?", 4_000)
    t.at(3_500, SpeechStarted())
    t.at(3_750, Transcribed(SegmentId(1), "I want pasta.", final=True))
    assert user_said(t) == [(2_000, "I want pasta.")]


def test_a_backchannel_that_turns_out_to_be_more_interrupts_after_all() -> None:
    t = is_asked("tell me more")
    answers(t, 2_500, "Pizza it is, with cheese and olives.", 4_000)
    speaks(t, 3_500, 3_700)
    t.at(3_800, Transcribed(SegmentId(2), "okay", final=True))
    t.at(3_900, Transcribed(SegmentId(2), "Okay.", final=True))
    assert t.when(CancelReply) == []
    t.at(4_200, Transcribed(SegmentId(2), "Okay, but no pizza", final=True))
    assert t.when(CancelReply(ONE)) == [4_200]
    t.until(6_000)
    assert user_said(t)[-1][1].endswith("but no pizza")
