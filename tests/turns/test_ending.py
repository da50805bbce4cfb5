import pytest
from turns.scenes import ONE, TWO, agent_said, answers, calls, is_asked, says, speaks, transcript

from turnwise.base.units import Millis
from turnwise.testing import Timeline
from turnwise.turns.commands import (
    CancelReply,
    CancelTool,
    Command,
    Correct,
    End,
    FinishReply,
    Speak,
    StartReply,
)
from turnwise.turns.events import (
    HungUp,
    ReplyText,
    SegmentId,
    SpeechStarted,
    Transcribed,
    UserActive,
    UserWrote,
    Voiced,
)
from turnwise.turns.policy import Endpointing, Guards, Policy, ToolManners, Waiting
from turnwise.turns.transcript import AgentSaid, UserSaid

BYE = "Our time is up. Goodbye!"
LIMITED = Waiting(max_duration_ms=60_000, max_duration_message=BYE)
SILENT = Waiting(turn_timeout_ms=None, silence_end_call_ms=10_000)


def test_a_call_that_lasts_too_long_ends() -> None:
    t = Timeline(Policy(waiting=Waiting(turn_timeout_ms=None), guards=Guards(max_silence_ms=None)))
    t.until(700_000)
    assert t.done == [(600_000, End("max_duration_exceeded"))]


def test_a_call_without_a_limit_goes_on() -> None:
    waiting = Waiting(turn_timeout_ms=None, max_duration_ms=None)
    t = Timeline(Policy(waiting=waiting, guards=Guards(max_silence_ms=None)))
    t.until(10_000_000)
    assert t.done == []
    assert t.engine.deadline is None


def test_the_closing_message_cuts_the_reply_off_and_is_heard_before_the_end() -> None:
    t = Timeline(Policy(waiting=LIMITED))
    says(t, 57_000, 57_500, "Tell me a story")
    t.until(58_000)
    answers(t, 59_000, "0123456789", 10_000)
    t.until(60_000)
    assert t.when(CancelReply(ReplyIdOf(t, -2))) == [60_000]
    assert t.of(Speak)[-1] == (60_000, Speak(t.of(Speak)[-1][1].reply, BYE))
    t.at(60_200, Voiced(t.of(Speak)[-1][1].reply, len(BYE), 2_000))
    t.until(70_000)
    assert t.of(End) == [(62_200, End("max_duration_exceeded"))]
    assert agent_said(t)[-2:] == ["0", BYE]


def ReplyIdOf(t: Timeline, which: int) -> CancelReply:  # noqa: N802
    raise NotImplementedError
