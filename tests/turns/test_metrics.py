from turns.scenes import ONE, TWO, answers, calls, is_asked, says, speaks
from turnwise.testing import Timeline
from turnwise.turns.events import (
    CallId,
    HungUp,
    ReplyText,
    ReplyWritten,
    SegmentId,
    SpeechContinued,
    SpeechStarted,
    SpeechStopped,
    ToolReturned,
    Transcribed,
    UserWrote,
    Voiced,
)
from turnwise.turns.metrics import Metrics, TurnMetrics, measure, percentile
from turnwise.turns.policy import Endpointing, Interruption, Policy


def measured(t: Timeline) -> Metrics:
    return measure(t.policy, t.steps)


def only_turn(t: Timeline) -> TurnMetrics:
    [turn] = measured(t).turns
    return turn


def test_a_turn_is_measured_from_the_last_sound_of_the_user_to_the_last_of_the_agent() -> None:
    t = is_asked("I want pizza", Policy(playout_ms=150))
    t.at(2_300, ReplyText(ONE, "Pizza"))
    t.at(2_450, ReplyText(ONE, " it is. Which"))
    t.at(2_500, ReplyText(ONE, " one?"), ReplyWritten(ONE))
    t.at(2_700, Voiced(ONE, 23, 1_000))
    t.until(6_000)
    turn = only_turn(t)
    assert turn == TurnMetrics(
        reply=ONE,
        speech_ended=1_500,
        taken=2_000,
        asked=2_000,
        first_token=2_300,
        first_sentence=2_450,
        first_sound=2_850,
        heard=3_850,
        interrupted=False,
    )
    assert turn.endpointing_ms == 500
    assert turn.model_ms == 300
    assert turn.sentence_ms == 450
    assert turn.voice_ms == 550
    assert turn.response_ms == 1_350


def test_a_reply_of_one_sentence_without_an_end_is_complete_when_it_is_over() -> None:
    t = is_asked()
    answers(t, 2_500, "Sure", 500)
    t.until(4_000)
    assert only_turn(t).first_sentence == 3_000


def test_the_first_of_several_sounds_is_the_one_that_counts() -> None:
    t = is_asked()
    t.at(2_500, ReplyText(ONE, "Sure."), Voiced(ONE, 5, 500))
    t.at(2_900, ReplyText(ONE, " Which one?"), Voiced(ONE, 11, 500), ReplyWritten(ONE))
    t.until(5_000)
    assert (only_turn(t).first_sound, only_turn(t).heard) == (2_500, 3_500)


def test_what_the_agent_says_of_its_own_accord_is_no_turn() -> None:
    t = Timeline(Policy(first_message="Hello."))
    t.at(0, Voiced(ONE, 6, 500))
    answers(t, 8_000, "Are you still there?", 1_000)
    t.at(8_500, HungUp())
    metrics = measured(t)
    assert metrics.turns == []
    assert metrics.initiated == 1


def test_a_typed_turn_has_no_end_of_speech() -> None:
    t = is_asked()
    answers(t, 2_500, "Sure.", 500)
    t.at(4_000, UserWrote("with cheese"))
    answers(t, 4_500, "Sure.", 500)
    t.until(6_000)
    turn = measured(t).turns[1]
    assert (turn.speech_ended, turn.taken, turn.first_sound) == (None, 4_000, 4_500)
    assert turn.endpointing_ms is None
    assert turn.response_ms is None


def test_a_turn_that_is_not_answered_yet_is_measured_as_far_as_it_got() -> None:
    turn = only_turn(is_asked())
    assert (turn.taken, turn.first_token, turn.heard) == (2_000, None, None)
    assert (turn.model_ms, turn.voice_ms) == (None, None)


def test_later_passes_count_as_generations_and_not_as_turns() -> None:
    t = is_asked()
    calls(t, 2_300, "look")
    t.at(2_500, ToolReturned(CallId("look"), "found"))
    answers(t, 2_800, "Found it.", 500)
    t.until(12_000)
    metrics = measured(t)
    assert len(metrics.turns) == 1
    assert metrics.initiated == 3, "two passes, and one for a silent user"
    assert metrics.discarded == 0


def test_a_bet_that_is_won_is_counted_from_when_the_turn_was_taken() -> None:
    t = Timeline(Policy(endpointing=Endpointing(bet_ms=200)))
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_900, ReplyText(ONE, "Sure."), ReplyWritten(ONE))
    t.until(2_000)
    t.at(2_100, Voiced(ONE, 5, 500))
    t.until(4_000)
    turn = only_turn(t)
    assert (turn.asked, turn.taken, turn.first_sound) == (1_700, 2_000, 2_100)


def test_a_bet_that_is_lost_is_a_generation_thrown_away_and_no_turn() -> None:
    t = Timeline(Policy(endpointing=Endpointing(bet_ms=200)))
    says(t, 1_000, 1_500, "I want pizza", segment=1)
    says(t, 1_900, 2_400, "with cheese", segment=2)
    t.until(3_000)
    metrics = measured(t)
    assert (metrics.initiated, metrics.discarded) == (2, 1)
    assert [turn.reply for turn in metrics.turns] == [TWO]


def interrupted(policy: Policy | None = None) -> Timeline:
    t = is_asked("I want pizza", policy)
    answers(t, 2_500, "It is a long story, you see.", 5_000)
    says(t, 4_000, 4_600, "no pasta", segment=2)
    return t


def test_an_interruption_is_measured_from_the_onset_of_the_speech() -> None:
    t = interrupted()
    [barge_in] = measured(t).barge_ins
    assert (barge_in.onset, barge_in.quiet, barge_in.confirmed) == (4_000, 4_000, True)
    assert barge_in.latency_ms == 0
    assert measured(t).talk_over_ms == 0
    assert measured(t).turns[0].interrupted
    assert measured(t).turns[0].heard == 4_700


def test_without_pausing_both_are_audible_until_the_agent_stops() -> None:
    t = interrupted(Policy(interruption=Interruption(pause=False)))
    [barge_in] = measured(t).barge_ins
    assert (barge_in.latency_ms, barge_in.confirmed) == (700, True)
    assert measured(t).talk_over_ms == 600


def test_an_interruption_by_long_speech_is_measured_too() -> None:
    t = is_asked()
    answers(t, 2_500, "It is a long story, you see.", 5_000)
    speaks(t, 4_000, 5_500)
    [barge_in] = measured(t).barge_ins
    assert (barge_in.onset, barge_in.quiet, barge_in.confirmed) == (4_000, 4_000, True)
    t = is_asked("I want pizza", Policy(interruption=Interruption(pause=False)))
    answers(t, 2_500, "It is a long story, you see.", 5_000)
    speaks(t, 4_000, 5_500)
    [barge_in] = measured(t).barge_ins
    assert (barge_in.latency_ms, barge_in.confirmed) == (800, True)
    assert measured(t).talk_over_ms == 800


def test_a_false_alarm_is_no_interruption_and_the_sound_goes_on_later() -> None:
    t = is_asked()
    answers(t, 2_500, "It is a long story, you see.", 3_000)
    speaks(t, 4_000, 4_300)
    t.until(9_000)
    metrics = measured(t)
    assert [b.confirmed for b in metrics.barge_ins] == [False]
    assert metrics.talk_over_ms == 0
    assert metrics.turns[0].heard == 6_500


def test_speech_over_an_uninterruptible_agent_is_talk_over() -> None:
    t = is_asked("I want pizza", Policy(interruption=Interruption(enabled=False)))
    answers(t, 2_500, "It is a long story, you see.", 3_000)
    speaks(t, 5_000, 6_000)
    t.until(9_000)
    metrics = measured(t)
    assert metrics.barge_ins == []
    assert metrics.talk_over_ms == 500


def test_stalled_audio_ends_the_speech_when_it_last_arrived() -> None:
    t = Timeline()
    t.at(1_000, SpeechStarted())
    t.at(1_250, SpeechContinued())
    t.at(1_300, Transcribed(SegmentId(1), "I want pizza", final=True))
    t.until(3_000)
    assert only_turn(t).speech_ended == 1_250
    t.at(3_100, SpeechStopped(100))
    assert only_turn(t).speech_ended == 1_250


def test_a_hang_up_cuts_off_and_is_no_interruption() -> None:
    t = is_asked()
    answers(t, 2_500, "It is a long story, you see.", 5_000)
    t.at(4_000, HungUp())
    metrics = measured(t)
    assert metrics.barge_ins == []
    assert metrics.turns[0].interrupted
    assert metrics.turns[0].heard == 4_000


def test_a_reply_that_is_begun_anew_for_the_same_turn_is_one_turn() -> None:
    t = is_asked()
    t.at(2_300, Transcribed(SegmentId(2), "with cheese", final=True))
    answers(t, 2_800, "Sure.", 500)
    t.until(5_000)
    assert len(measured(t).turns) == 1


def test_sound_that_is_queued_while_the_agent_is_quiet_is_not_talk_over() -> None:
    t = is_asked()
    t.at(2_500, ReplyText(ONE, "It is a long story, you see."), Voiced(ONE, 14, 2_000))
    t.at(4_000, SpeechStarted())
    t.at(4_100, Voiced(ONE, 14, 2_000))
    t.at(4_400, SpeechStopped(100))
    t.until(9_000)
    assert measured(t).talk_over_ms == 0


def test_percentiles_are_values_that_occurred() -> None:
    values = [40, 10, 30, 20]
    assert [percentile(values, p) for p in (0, 25, 26, 50, 90, 100)] == [10, 10, 20, 20, 40, 40]
    assert percentile([], 50) is None
