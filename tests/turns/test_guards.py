import pytest

from turns.scenes import (
    ONE,
    THREE,
    TWO,
    agent_said,
    answers,
    calls,
    is_asked,
    says,
    speaks,
    user_said,
)
from turnwise.testing import Timeline
from turnwise.turns.commands import (
    Announce,
    CancelReply,
    CloseUtterance,
    Correct,
    End,
    Pause,
    Report,
    Resume,
    Speak,
    StartReply,
)
from turnwise.turns.events import (
    CallId,
    ReplyFailed,
    ReplyText,
    ReplyWritten,
    SegmentId,
    SpeechContinued,
    SpeechFailed,
    SpeechStarted,
    SpeechStopped,
    ToolReturned,
    Transcribed,
    Voiced,
)
from turnwise.turns.policy import Endpointing, Fillers, Guards, Policy

SORRY = Guards().apology


def incidents(t: Timeline) -> list[tuple[int, str]]:
    return [(at, command.kind) for at, command in t.of(Report)]


def keeps_speaking(t: Timeline, start: int, end: int) -> None:
    t.at(start, SpeechStarted())
    for at in range(start + 250, end, 250):
        t.at(at, SpeechContinued())


def test_a_detector_that_hears_speech_without_words_for_too_long_is_not_believed() -> None:
    t = is_asked()
    answers(t, 2_500, "It is a long story. ", 20_000)
    t.at(3_000, Transcribed(SegmentId(2), "mhm", final=True))
    keeps_speaking(t, 3_100, 19_000)
    assert t.when(CancelReply(ONE)) == [3_900]
    assert incidents(t) == [(18_100, "vad_error"), (18_100, "no_transcript")]
    assert t.when(CloseUtterance) == [18_100]
    assert t.of(Speak)[-1] == (18_100, Speak(TWO, Guards().not_understood))


def test_the_words_said_before_a_detector_got_stuck_are_a_turn() -> None:
    t = Timeline()
    t.at(1_000, SpeechStarted())
    for at in range(1_250, 1_750, 250):
        t.at(at, SpeechContinued())
    t.at(1_700, Transcribed(SegmentId(1), "I want pizza", final=True))
    for at in range(1_750, 20_000, 250):
        t.at(at, SpeechContinued())
    assert incidents(t) == [(16_700, "vad_error")]
    assert user_said(t) == [(16_700, "I want pizza")]


def test_new_words_are_a_sign_that_a_detector_is_not_stuck() -> None:
    t = Timeline()
    t.at(1_000, SpeechStarted())
    for at in range(1_250, 40_000, 250):
        t.at(at, SpeechContinued())
        if at % 5_000 == 0:
            t.at(at, Transcribed(SegmentId(1), f"and then {at}", final=False))
    assert incidents(t) == []
    assert user_said(t) == []


def test_a_detector_that_was_wrong_is_believed_again_once_it_says_that_speech_stopped() -> None:
    t = Timeline()
    keeps_speaking(t, 1_000, 17_000)
    t.at(17_000, SpeechStarted())
    assert t.conversation.user.speaking_since is None
    t.at(17_100, Transcribed(SegmentId(1), "I want", final=False))
    t.at(17_300, Transcribed(SegmentId(1), "I want pizza", final=True))
    t.until(18_000)
    assert user_said(t) == [(17_800, "I want pizza")]
    t.at(18_100, SpeechStopped(100))
    t.at(18_200, SpeechStarted())
    assert t.conversation.user.speaking_since == 18_200


def test_a_stuck_detector_does_not_keep_the_agent_quiet() -> None:
    policy = Policy(guards=Guards(stuck_speech_ms=700))
    t = is_asked("I want pizza", policy)
    answers(t, 2_500, "It is a long story. ", 5_000)
    keeps_speaking(t, 3_000, 4_500)
    assert t.when(Pause(ONE)) == [3_000]
    assert t.when(CloseUtterance) == [3_700]
    # silent since 3,000 as far as anybody knows, and 700 ms of that are enough
    assert t.when(Resume(ONE)) == [3_700]
    assert t.when(CancelReply) == []


def test_stalled_input_can_be_left_to_the_detector() -> None:
    t = Timeline(Policy(endpointing=Endpointing(stall_ms=None)))
    t.at(1_000, SpeechStarted())
    t.at(1_200, Transcribed(SegmentId(1), "I want pizza", final=True))
    t.until(15_000)
    assert t.done == []


def test_a_model_that_writes_nothing_is_given_up_and_the_agent_apologises() -> None:
    t = is_asked()
    t.until(22_000)
    assert incidents(t) == [(22_000, "llm_timeout")]
    assert t.when(CancelReply(ONE)) == [22_000]
    assert t.of(Speak) == [(22_000, Speak(TWO, SORRY))]
    assert t.of(Announce) == [(22_000, Announce(TWO, SORRY))]


def test_fillers_do_not_give_a_silent_model_more_time() -> None:
    t = is_asked("I want pizza", Policy(fillers=Fillers(timeout_ms=3_000, most=8)))
    for at in range(5_100, 22_000, 3_000):
        t.at(at, Voiced(ONE, 15, 1_000))
    t.until(22_500)
    assert incidents(t) == [(22_000, "llm_timeout")]


def test_a_model_that_stops_in_the_middle_is_given_up() -> None:
    t = is_asked()
    t.at(3_000, ReplyText(ONE, "Let me see. "), Voiced(ONE, 12, 1_000))
    t.until(24_000)
    assert incidents(t) == [(23_000, "llm_timeout")]
    assert agent_said(t) == ["Let me see."]


def test_a_voice_that_gives_no_sound_is_given_up() -> None:
    t = is_asked()
    t.at(3_000, ReplyText(ONE, "Let me see."), ReplyWritten(ONE))
    t.until(13_000)
    assert incidents(t) == [(13_000, "tts_timeout")]
    assert t.of(Correct) == [(13_000, Correct(ONE, "Let me see.", ""))]
    assert t.of(Speak)[-1] == (13_000, Speak(TWO, SORRY))


def test_a_voice_that_stops_in_the_middle_is_given_up_once_its_sound_is_over() -> None:
    t = is_asked()
    t.at(3_000, ReplyText(ONE, "Let me see. Yes."), ReplyWritten(ONE), Voiced(ONE, 12, 2_000))
    t.until(15_500)
    assert incidents(t) == [(15_000, "tts_timeout")]
    assert agent_said(t) == ["Let me see."]


def test_nothing_is_given_up_while_the_agent_is_quiet_for_the_user() -> None:
    policy = Policy(guards=Guards(model_stall_ms=1_000, speech_stall_ms=1_000))
    t = is_asked("I want pizza", policy)
    t.at(2_500, ReplyText(ONE, "Let me see. Yes."), Voiced(ONE, 4, 300))
    keeps_speaking(t, 2_700, 3_400)
    t.at(3_490, SpeechStopped(100))
    t.until(4_080)
    assert incidents(t) == []


@pytest.mark.parametrize(
    ("event", "kind"),
    [(ReplyFailed(ONE, "no model left"), "llm_error"), (SpeechFailed(ONE, "gone"), "tts_error")],
)
def test_a_reply_that_fails_is_told_apologised_for_and_dropped(
    event: ReplyFailed | SpeechFailed, kind: str
) -> None:
    t = is_asked()
    t.at(2_300, event)
    assert t.of(Report) == [(2_300, Report(kind, event.reason))]
    assert t.when(CancelReply(ONE)) == [2_300]
    assert t.of(Speak) == [(2_300, Speak(TWO, SORRY))]


@pytest.mark.parametrize("event", [ReplyFailed(TWO, "late"), SpeechFailed(TWO, "late")])
def test_a_failure_of_another_reply_is_stale(event: ReplyFailed | SpeechFailed) -> None:
    t = is_asked()
    t.at(2_300, event)
    assert incidents(t) == []


def test_without_an_apology_a_failed_reply_leaves_silence() -> None:
    t = is_asked("I want pizza", Policy(guards=Guards(apology="")))
    t.at(2_300, ReplyFailed(ONE, "gone"))
    t.until(9_300)
    assert t.when(Speak) == []
    assert t.when(StartReply) == [2_000, 9_300]


def fails(t: Timeline, at: int, text: str, segment: int) -> None:
    """Let the user be answered by a failure at `at`, and the apology be heard."""
    says(t, at - 1_000, at - 500, text, segment=segment)
    t.until(at)
    reply = t.conversation.reply
    assert reply is not None
    t.at(at, ReplyFailed(reply.id, "gone"))
    if t.conversation.reply is not None:
        sorry = t.conversation.reply
        t.at(at, Voiced(sorry.id, len(sorry.text), 1_000))
        t.until(at + 1_000)


def test_too_many_failures_in_a_row_end_the_call_with_a_farewell() -> None:
    t = Timeline()
    for number, at in enumerate((2_000, 5_000, 8_000), 1):
        fails(t, at, "I want pizza", number)
    assert [command.text for _, command in t.of(Speak)] == [SORRY, SORRY, Guards().farewell]
    t.until(30_000)
    assert t.of(End) == [(9_000, End("llm_error"))]


def test_a_reply_that_was_heard_ends_the_row_of_failures() -> None:
    t = Timeline()
    fails(t, 2_000, "I want pizza", 1)
    fails(t, 5_000, "I want pizza", 2)
    says(t, 7_000, 7_500, "I want pizza", segment=3)
    answers(t, 8_200, "Sure.", 500)
    fails(t, 11_000, "And cheese", 4)
    assert t.when(End) == []
    assert t.conversation.failures == 1


def test_without_a_voice_there_is_no_farewell() -> None:
    t = is_asked()
    t.at(2_100, SpeechFailed(ONE, "gone"))
    t.at(2_200, SpeechFailed(TWO, "gone"))
    t.at(2_300, SpeechFailed(THREE, "gone"))
    assert t.of(End) == [(2_300, End("tts_error"))]
    assert [kind for _, kind in incidents(t)] == ["tts_error"] * 3


def test_a_reply_that_fails_again_and_again_while_it_is_heard_counts_once() -> None:
    t = is_asked()
    t.at(2_100, ReplyText(ONE, "It is a long story. "))
    t.at(2_200, Voiced(ONE, 20, 5_000))
    for at in (2_300, 2_400, 2_500, 2_600):
        t.at(at, SpeechFailed(ONE, "gone"))
    assert t.conversation.failures == 1
    t.until(7_300)
    assert t.of(Speak)[-1] == (7_200, Speak(TWO, SORRY))
    assert t.conversation.failures == 1


def test_a_bet_that_fails_costs_nothing() -> None:
    t = Timeline(Policy(endpointing=Endpointing(bet_ms=100)))
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_700, ReplyFailed(ONE, "gone"))
    t.until(2_100)
    assert t.conversation.failures == 0
    assert t.when(StartReply) == [1_600, 2_000]
    assert t.when(Speak) == []


def test_a_model_that_writes_nothing_and_says_so_has_failed() -> None:
    t = is_asked()
    t.at(2_500, ReplyWritten(ONE))
    assert incidents(t) == [(2_500, "empty_reply")]
    assert t.of(Speak) == [(2_500, Speak(TWO, SORRY))]


def test_a_reply_that_calls_tools_without_end_has_failed() -> None:
    t = is_asked("I want pizza", Policy(guards=Guards(max_passes=3)))
    for number in range(3):
        calls(t, 2_100 + 100 * number, f"look{number}")
        t.at(2_150 + 100 * number, ToolReturned(CallId(f"look{number}"), "nothing"))
    assert incidents(t) == [(2_350, "tool_loop")]
    assert t.of(Speak)[-1][1].text == SORRY


def test_a_user_who_interrupts_a_failing_agent_is_answered() -> None:
    t = is_asked()
    answers(t, 2_500, "It is a long story. ", 5_000)
    speaks(t, 3_000, 3_100)
    t.at(3_250, SpeechFailed(ONE, "gone"))
    assert t.conversation.reply is not None
    says(t, 3_300, 3_700, "never mind", segment=2)
    t.until(4_300)
    assert user_said(t)[1:] == [(4_200, "never mind")]


def test_a_reply_that_fails_while_it_is_heard_is_heard_out_before_the_apology() -> None:
    t = is_asked()
    t.at(2_500, ReplyText(ONE, "It is a long story. And "), Voiced(ONE, 20, 2_000))
    t.at(3_000, ReplyFailed(ONE, "gone"))
    t.at(3_100, ReplyText(ONE, "so on."))
    t.until(5_000)
    assert t.when(CancelReply(ONE)) == [4_500]
    assert agent_said(t) == ["It is a long story."]
    assert t.of(Correct) == [
        (4_500, Correct(ONE, "It is a long story. And ", "It is a long story. "))
    ]
    assert t.of(Speak)[-1] == (4_500, Speak(TWO, SORRY))


def test_a_reply_that_fails_while_it_is_held_goes_on_first() -> None:
    t = is_asked()
    t.at(2_500, ReplyText(ONE, "It is a long story. "), Voiced(ONE, 20, 2_000))
    speaks(t, 3_000, 3_200)
    t.at(3_350, SpeechFailed(ONE, "gone"))
    t.until(6_000)
    assert t.when(Resume(ONE)) == [3_900]
    assert t.when(CancelReply(ONE)) == [5_400]


def test_a_late_failure_of_a_complete_reply_changes_nothing() -> None:
    t = is_asked()
    answers(t, 2_500, "Sure.", 1_000)
    t.at(2_600, ReplyFailed(ONE, "too late"))
    t.until(5_000)
    assert incidents(t) == []
    assert t.when(CancelReply) == []


def test_a_failure_is_told_even_if_the_user_interrupts_the_rest() -> None:
    t = is_asked()
    t.at(2_500, ReplyText(ONE, "It is a long story. "), Voiced(ONE, 20, 2_000))
    t.at(3_000, ReplyFailed(ONE, "gone"))
    says(t, 3_200, 3_600, "never mind", segment=2)
    assert t.when(CancelReply(ONE)) == [3_700]
    assert [kind for _, kind in incidents(t)] == ["llm_error"]
