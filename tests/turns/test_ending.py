import pytest

from turns.scenes import ONE, TWO, agent_said, answers, calls, is_asked, says, speaks, transcript
from turnwise.base.units import Millis
from turnwise.testing import Timeline
from turnwise.turns.commands import CancelReply, CancelTool, Correct, End, Speak
from turnwise.turns.events import (
    EndAsked,
    Event,
    HearingFailed,
    HungUp,
    ReplyText,
    ReplyWritten,
    SegmentId,
    SpeechStarted,
    SpeechStopped,
    Transcribed,
    UserActive,
    UserWrote,
    Voiced,
)
from turnwise.turns.policy import Endpointing, Guards, Policy, ToolManners, Waiting
from turnwise.turns.transcript import AgentSaid, UserSaid

BYE = "Our time is up. Goodbye!"
LIMITED = Waiting(turn_timeout_ms=None, max_duration_ms=60_000, max_duration_message=BYE)
SILENT = Waiting(turn_timeout_ms=None, silence_end_call_ms=10_000)
PATIENT = Guards(max_silence_ms=None)


def closing() -> Timeline:
    """Return a timeline in which the closing message is being heard, from 60,200 to 62,200."""
    t = Timeline(Policy(waiting=LIMITED, guards=PATIENT))
    t.at(60_200, Voiced(ONE, len(BYE), 2_000))
    return t


def test_a_call_that_lasts_too_long_ends() -> None:
    t = Timeline(Policy(waiting=Waiting(turn_timeout_ms=None), guards=PATIENT))
    t.until(700_000)
    assert t.done == [(600_000, End("max_duration_exceeded"))]


def test_a_call_without_a_limit_goes_on_and_time_alone_changes_nothing() -> None:
    waiting = Waiting(turn_timeout_ms=None, max_duration_ms=None)
    t = Timeline(Policy(waiting=waiting, guards=PATIENT))
    t.until(10_000_000)
    assert t.done == []
    assert t.engine.deadline is None


def test_the_closing_message_cuts_the_reply_off_and_is_heard_before_the_end() -> None:
    t = Timeline(Policy(waiting=LIMITED))
    says(t, 57_000, 57_500, "Tell me a story")
    t.until(58_000)
    answers(t, 59_000, "0123456789", 10_000)
    t.until(60_000)
    assert t.when(CancelReply(ONE)) == [60_000]
    assert t.of(Speak)[-1] == (60_000, Speak(TWO, BYE))
    t.at(60_200, Voiced(TWO, len(BYE), 2_000))
    t.until(70_000)
    assert t.of(End) == [(62_200, End("max_duration_exceeded"))]
    assert agent_said(t) == ["0", BYE]


def test_the_closing_message_cannot_be_interrupted_and_gets_no_answer() -> None:
    t = closing()
    says(t, 60_500, 61_000, "Wait, one more thing")
    t.at(61_200, UserWrote("please"))
    t.until(70_000)
    assert t.when(CancelReply) == []
    assert t.when(End) == [62_200]
    assert "Wait, one more thing" in [e.text for e in transcript(t) if isinstance(e, UserSaid)]


def test_nothing_that_is_asked_while_closing_changes_the_end() -> None:
    t = closing()
    t.at(60_500, EndAsked("another reason", "Bye."), HearingFailed("gone"))
    t.until(70_000)
    assert t.of(End) == [(62_200, End("max_duration_exceeded"))]
    assert agent_said(t) == [BYE]


def test_a_closing_message_that_is_never_heard_does_not_keep_the_call_open() -> None:
    t = Timeline(Policy(waiting=LIMITED, guards=Guards(max_silence_ms=None, farewell_ms=5_000)))
    t.until(70_000)
    assert t.of(End) == [(65_000, End("max_duration_exceeded"))]


def test_a_user_who_says_nothing_for_too_long_is_hung_up_on() -> None:
    t = Timeline(Policy(waiting=SILENT))
    t.until(20_000)
    assert t.done == [(10_000, End("silence_end_call_timeout"))]


def test_that_silence_counts_from_when_the_user_last_spoke() -> None:
    t = is_asked("I want pizza", Policy(waiting=SILENT))
    answers(t, 2_500, "Which one?", 1_000)
    t.until(20_000)
    assert t.when(End) == [11_500]


@pytest.mark.parametrize("what", ["cough", "message"])
def test_that_silence_counts_anew_when_the_user_makes_a_sound_or_writes(what: str) -> None:
    t = Timeline(Policy(waiting=SILENT))
    if what == "cough":
        speaks(t, 5_000, 5_300)
    else:
        t.at(5_300, UserWrote("Hi"))
        answers(t, 5_500, "Hi.", 500)
    t.until(20_000)
    assert t.when(End) == [15_300]


def test_an_agent_that_speaks_for_long_gives_the_user_time_to_answer() -> None:
    t = is_asked("Tell me a story", Policy(waiting=SILENT))
    answers(t, 2_500, "Once upon a time. Did you like it?", 20_000)
    t.until(30_000)
    assert t.when(End) == [24_500]


def test_activity_of_the_user_holds_the_end_off() -> None:
    t = Timeline(Policy(waiting=SILENT))
    t.at(9_500, UserActive())
    t.until(20_000)
    assert t.when(End) == [11_500]


@pytest.mark.parametrize(
    ("phase", "at"),
    [
        ("before anything", 500),
        ("the user speaks", 1_200),
        ("the user paused", 1_700),
        ("the model writes", 2_100),
        ("the agent is heard", 3_000),
        ("the agent is quiet for a barge-in", 3_200),
        ("the agent goes on", 4_400),
        ("everybody is silent", 9_000),
    ],
)
def test_a_hang_up_ends_everything_in_every_phase(phase: str, at: int) -> None:
    t = Timeline()
    script: list[tuple[int, Event]] = [
        (1_000, SpeechStarted()),
        (1_600, SpeechStopped(100)),
        (1_650, Transcribed(SegmentId(1), "Tell me more", final=True)),
        (2_500, ReplyText(ONE, "0123456789")),
        (2_500, ReplyWritten(ONE)),
        (2_500, Voiced(ONE, 10, 5_000)),
        (3_100, SpeechStarted()),
        (3_400, SpeechStopped(100)),
    ]
    for begins, event in script:
        if begins < at:
            t.at(begins, event)
    t.at(at, HungUp())
    assert t.of(End)[0][1] == End("client disconnected")
    assert t.done[-1][1] == End("client disconnected")
    assert t.engine.ended
    assert t.engine.deadline is None
    assert t.conversation.reply is None
    t.at(60_000, UserWrote("Hello?"), SpeechStarted())
    assert t.done[-1][1] == End("client disconnected"), "nothing happens after the end"


def test_a_hang_up_keeps_what_was_heard_and_what_was_said() -> None:
    t = is_asked("Tell me")
    answers(t, 2_500, "0123456789", 1_000)
    t.at(2_800, HungUp("gone"))
    assert transcript(t)[-1] == AgentSaid(
        Millis(2_500), "012", ONE, interrupted=True, original="0123456789"
    )
    assert t.of(Correct)[0][1].heard == "012"
    t = Timeline()
    says(t, 1_000, 1_500, "Goodbye")
    t.at(1_700, HungUp())
    assert transcript(t) == [UserSaid(Millis(1_700), "Goodbye")]


def test_a_hang_up_calls_running_tools_off() -> None:
    t = is_asked("Book it", Policy(tools=(ToolManners(name="book"),)))
    calls(t, 2_100, "book")
    t.at(2_200, HungUp())
    assert t.when(CancelTool) == [2_200]
    assert t.conversation.calls == {}


def test_a_hang_up_during_a_bet_or_a_hidden_reply_tells_nothing_of_it() -> None:
    t = Timeline(Policy(endpointing=Endpointing(bet_ms=100)))
    says(t, 1_000, 1_500, "Tell me")
    t.at(1_700, ReplyText(ONE, "Well, "))
    t.at(1_800, HungUp())
    assert t.of(CancelReply) == [(1_800, CancelReply(ONE, speculative=True))]
    assert t.when(Correct) == []
    assert [type(e) for e in transcript(t)] == [UserSaid]


def test_deafness_ends_the_call_with_a_farewell_that_asks_for_nothing() -> None:
    t = is_asked()
    answers(t, 2_500, "0123456789", 5_000)
    t.at(3_000, HearingFailed("no transcriber left"))
    assert t.when(CancelReply(ONE)) == [3_000]
    assert t.of(Speak)[-1] == (3_000, Speak(TWO, Guards().farewell))
    t.at(3_100, Voiced(TWO, len(Guards().farewell), 1_500))
    t.until(5_000)
    assert t.of(End) == [(4_600, End("asr_transcription_error"))]


def test_deafness_does_not_matter_in_writing() -> None:
    t = Timeline(Policy(text_only=True))
    t.at(1_000, HearingFailed("no transcriber left"))
    assert t.when(End) == []


def test_deafness_without_a_farewell_ends_the_call_at_once() -> None:
    t = Timeline(Policy(guards=Guards(farewell="")))
    t.at(1_000, HearingFailed("no transcriber left"))
    assert t.when(End) == [1_000]
