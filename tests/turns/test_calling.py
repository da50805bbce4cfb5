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
    transcript,
    user_said,
    with_tool,
)
from turnwise.base.units import Millis
from turnwise.testing import Timeline
from turnwise.turns.calling import CALLED, RUNNING
from turnwise.turns.commands import (
    Announce,
    CallTool,
    CancelReply,
    CancelTool,
    Cause,
    FinishReply,
    Pause,
    ReportTool,
    Resume,
    Speak,
    StartReply,
)
from turnwise.turns.events import (
    CallId,
    ReplyText,
    ReplyWritten,
    SpeechStarted,
    SpeechStopped,
    ToolRequested,
    ToolReturned,
    UserWrote,
    Voiced,
)
from turnwise.turns.policy import (
    Execution,
    Interruption,
    Policy,
    PreToolSpeech,
    ToolInterruption,
    ToolManners,
)
from turnwise.turns.transcript import AgentSaid, ToolAnswered, ToolCalled, UserSaid

LOOK = CallId("look")
BOOK = CallId("book")
AFTER = ToolManners(name="book", execution=Execution.POST_TOOL_SPEECH)
ASYNC = ToolManners(name="book", execution=Execution.ASYNC)
FORGET = ToolManners(name="book", expects_response=False)


def passes(t: Timeline) -> list[tuple[int, int, Cause]]:
    return [(at, c.reply, c.cause) for at, c in t.of(StartReply)]


def books(manners: ToolManners, policy: Policy | None = None) -> Timeline:
    """Return a timeline in which the agent says "I book it. " and asks for `book` at 2,500."""
    t = is_asked("Book it", with_tool(manners, policy))
    t.at(2_500, ReplyText(ONE, "I book it. "), ToolRequested(ONE, BOOK, "book", '{"n":1}'))
    t.at(2_500, ReplyWritten(ONE), Voiced(ONE, 11, 1_100))
    return t


def test_an_immediate_tool_runs_while_the_words_before_it_are_heard() -> None:
    t = books(ToolManners(name="book"))
    assert t.of(CallTool) == [(2_500, CallTool(ONE, BOOK, "book", '{"n":1}'))]
    assert t.when(Announce(ONE, "I book it.")) == [2_500]
    t.at(3_000, ToolReturned(BOOK, "done"))
    assert t.of(ReportTool) == [(3_000, ReportTool(BOOK, "book", "done", failed=False))]
    assert passes(t)[1:] == [(3_000, ONE, Cause.TOOL_RESULT)]
    assert t.of(StartReply)[-1][1].transcript == (
        UserSaid(Millis(2_000), "Book it"),
        AgentSaid(Millis(2_500), "I book it.", ONE),
        ToolCalled(Millis(2_500), ONE, BOOK, "book", '{"n":1}'),
        ToolAnswered(Millis(3_000), BOOK, "book", "done"),
    )


def test_the_next_words_follow_in_the_same_reply_and_turn() -> None:
    t = books(ToolManners(name="book"))
    t.at(3_000, ToolReturned(BOOK, "done"))
    answers(t, 3_300, "Booked!", 700)
    t.until(6_000)
    assert t.when(FinishReply(ONE)) == [4_300]
    assert [command.text for _, command in t.of(Announce)] == ["I book it.", "Booked!"]
    assert [type(e) for e in transcript(t)] == [
        UserSaid,
        AgentSaid,
        ToolCalled,
        ToolAnswered,
        AgentSaid,
    ]


def test_a_tool_after_speech_waits_until_the_words_before_it_were_heard() -> None:
    t = books(AFTER)
    t.until(5_000)
    assert t.when(CallTool) == [3_600]


def test_a_tool_after_speech_waits_while_the_sound_is_held() -> None:
    t = books(AFTER)
    t.at(3_000, SpeechStarted())
    t.at(3_400, SpeechStopped(100))
    t.until(6_000)
    assert t.when(Resume(ONE)) == [4_000]
    assert t.when(CallTool) == [4_600]


def test_a_tool_after_speech_without_speech_runs_at_once() -> None:
    t = is_asked("Book it", with_tool(AFTER))
    calls(t, 2_300, "book")
    assert t.when(CallTool) == [2_300]


def test_an_asynchronous_tool_keeps_nobody_waiting_and_its_result_joins_later() -> None:
    t = books(ASYNC)
    assert passes(t)[1:] == [(2_500, ONE, Cause.TOOL_RESULT)]
    assert t.of(StartReply)[-1][1].transcript[-1] == ToolAnswered(
        Millis(2_500), BOOK, "book", RUNNING
    )
    answers(t, 2_700, "I will tell you.", 1_000)
    t.until(6_000)
    assert t.when(FinishReply(ONE)) == [4_600]
    t.at(6_500, ToolReturned(BOOK, "done"))
    assert t.of(ReportTool) == [(6_500, ReportTool(BOOK, "book", "done", failed=False))]
    assert passes(t)[2:] == [(6_500, TWO, Cause.TOOL_RESULT)]
    assert t.of(StartReply)[-1][1].transcript[-1] == ToolAnswered(
        Millis(6_500), BOOK, "book", "done"
    )


def test_an_asynchronous_result_waits_until_the_agent_is_done_and_the_user_too() -> None:
    t = books(ASYNC)
    answers(t, 2_700, "I will tell you.", 1_000)
    t.at(4_000, ToolReturned(BOOK, "done"))
    assert t.when(ReportTool) == [4_000]
    t.at(4_550, SpeechStarted())
    t.at(4_650, SpeechStopped(50))
    t.until(6_000)
    # quiet from 4,550 to 5,300 for a cough, 50 ms of sound were left; then the debt is paid
    assert t.when(FinishReply(ONE)) == [5_350]
    assert passes(t)[2:] == [(5_350, TWO, Cause.TOOL_RESULT)]


def test_an_asynchronous_result_is_part_of_the_answer_to_a_user_who_speaks() -> None:
    t = books(ASYNC)
    answers(t, 2_700, "I will tell you.", 1_000)
    t.until(5_000)
    t.at(5_100, SpeechStarted())
    t.at(5_200, ToolReturned(BOOK, "done"))
    says(t, 5_300, 5_700, "And cheese", segment=2)
    t.until(9_000)
    assert passes(t)[2:] == [(6_200, TWO, Cause.USER_TURN)]


def test_a_tool_that_answers_nothing_is_told_as_called_and_its_answer_is_ignored() -> None:
    t = books(FORGET)
    assert t.of(ReportTool) == [(2_500, ReportTool(BOOK, "book", CALLED, failed=False))]
    assert passes(t)[1:] == [(2_500, ONE, Cause.TOOL_RESULT)]
    before = transcript(t)
    t.at(2_900, ToolReturned(BOOK, "late", failed=True))
    assert t.when(ReportTool) == [2_500]
    assert transcript(t) == before


def test_a_slow_tool_fails_after_twenty_seconds() -> None:
    t = books(ToolManners(name="book"))
    t.until(23_000)
    assert t.when(CancelTool(BOOK)) == [22_500]
    assert t.of(ReportTool)[0][1].failed
    assert passes(t)[1:] == [(22_500, ONE, Cause.TOOL_RESULT)]
    t.at(23_000, ToolReturned(BOOK, "late"))
    assert t.when(ReportTool) == [22_500]


def test_a_slow_tool_has_its_own_patience_from_the_start_of_its_run() -> None:
    t = books(ToolManners(name="book", execution=Execution.POST_TOOL_SPEECH, timeout_ms=2_000))
    t.until(9_000)
    assert t.when(CallTool) == [3_600]
    assert t.when(CancelTool(BOOK)) == [5_600]


def test_an_asynchronous_tool_may_be_too_slow_as_well() -> None:
    t = books(ToolManners(name="book", execution=Execution.ASYNC, timeout_ms=2_000))
    answers(t, 2_700, "I will tell you.", 1_000)
    t.until(5_000)
    assert t.when(CancelTool(BOOK)) == [4_500]
    assert passes(t)[-1] == (4_600, TWO, Cause.TOOL_RESULT)


def test_a_tool_without_a_time_out_is_waited_for_for_ever() -> None:
    t = books(ToolManners(name="book", timeout_ms=None))
    t.until(500_000)
    assert t.when(CancelTool) == []
    assert [at for at, _, _ in passes(t)] == [2_000]
    t.at(500_000, ToolReturned(BOOK, "done"))
    assert passes(t)[-1] == (500_000, ONE, Cause.TOOL_RESULT)


def test_of_parallel_calls_the_last_answer_lets_the_model_go_on() -> None:
    t = is_asked("Book it")
    calls(t, 2_300, "look", "book")
    assert [command.name for _, command in t.of(CallTool)] == ["look", "book"]
    t.at(2_600, ToolReturned(BOOK, "no", failed=True))
    assert len(passes(t)) == 1
    t.at(2_900, ToolReturned(LOOK, "yes"))
    assert passes(t)[1:] == [(2_900, ONE, Cause.TOOL_RESULT)]
    assert t.of(StartReply)[-1][1].transcript[-2:] == (
        ToolAnswered(Millis(2_600), BOOK, "book", "no", failed=True),
        ToolAnswered(Millis(2_900), LOOK, "look", "yes"),
    )


def test_of_parallel_calls_the_slowest_patience_counts_for_itself_alone() -> None:
    quick = ToolManners(name="look", timeout_ms=1_000)
    t = is_asked("Book it", with_tool(quick))
    calls(t, 2_300, "look", "book")
    t.until(4_000)
    assert t.when(CancelTool(LOOK)) == [3_300]
    assert t.when(CancelTool(BOOK)) == []
    assert len(passes(t)) == 1


def test_answers_that_come_while_the_model_still_writes_wait_for_its_end() -> None:
    t = is_asked("Book it")
    t.at(2_300, ToolRequested(ONE, LOOK, "look", "{}"))
    t.at(2_400, ToolReturned(LOOK, "yes"))
    assert len(passes(t)) == 1
    t.at(2_500, ReplyWritten(ONE))
    assert passes(t)[1:] == [(2_500, ONE, Cause.TOOL_RESULT)]


def test_a_call_with_an_id_in_use_and_a_call_of_a_finished_pass_are_ignored() -> None:
    t = is_asked("Book it")
    t.at(2_300, ToolRequested(ONE, LOOK, "look", "{}"), ToolRequested(ONE, LOOK, "look", "{}"))
    t.at(2_400, ReplyWritten(ONE), ToolRequested(ONE, BOOK, "book", "{}"))
    assert t.when(CallTool) == [2_300]


def test_the_user_may_interrupt_a_tool_and_its_result_is_recorded_without_speech() -> None:
    t = books(ToolManners(name="book"))
    says(t, 3_000, 3_500, "no pasta", segment=2)
    assert t.when(CancelReply(ONE)) == [3_600]
    t.at(3_700, ToolReturned(BOOK, "done"))
    assert t.when(ReportTool) == [3_700]
    assert transcript(t)[-1] == ToolAnswered(Millis(3_700), BOOK, "book", "done")
    t.until(4_500)
    assert passes(t)[1:] == [(4_000, TWO, Cause.USER_TURN)]
    answers(t, 4_500, "Sorry.", 500)
    t.until(8_000)
    assert len(passes(t)) == 2, "the agent says nothing about it unasked"


def test_the_result_of_an_asynchronous_tool_whose_reply_was_dropped_is_recorded_only() -> None:
    t = books(ASYNC)
    says(t, 3_000, 3_500, "no pasta", segment=2)
    t.until(4_000)
    answers(t, 4_200, "Sorry.", 500)
    t.at(5_000, ToolReturned(BOOK, "done"))
    t.until(8_000)
    assert ToolAnswered(Millis(5_000), BOOK, "book", "done") in transcript(t)
    assert len(passes(t)) == 3


def test_a_tool_that_did_not_run_yet_is_forgotten_with_its_reply() -> None:
    t = books(AFTER)
    says(t, 2_700, 3_100, "no pasta", segment=2)
    t.until(10_000)
    assert t.when(CallTool) == []
    assert t.conversation.calls == {}
    assert not any(isinstance(e, ToolCalled) for e in transcript(t))


def test_speech_during_a_running_tool_holds_the_reply_until_it_is_clear_what_it_was() -> None:
    t = is_asked("Book it")
    calls(t, 2_300, "book")
    t.at(2_500, SpeechStarted())
    assert t.when(Pause(ONE)) == [2_500]
    t.at(2_600, ToolReturned(BOOK, "done"))
    assert len(passes(t)) == 1
    t.at(2_800, SpeechStopped(100))
    t.until(4_000)
    assert t.when(Resume(ONE)) == [3_400]
    assert passes(t)[1:] == [(3_400, ONE, Cause.TOOL_RESULT)]


def test_a_tool_may_forbid_interruptions_while_it_runs() -> None:
    manners = ToolManners(name="book", interruption=ToolInterruption.DISABLE_DURING_TOOL)
    t = books(manners)
    says(t, 3_000, 3_500, "no pasta", segment=2)
    assert t.when(Pause) == []
    assert t.when(CancelReply) == []
    t.at(3_900, ToolReturned(BOOK, "done"))
    assert t.when(CancelReply(ONE)) == [3_900], "what was said meanwhile counts afterwards"
    t.until(5_000)
    assert user_said(t)[1:] == [(4_000, "no pasta")]


def test_a_reply_that_was_quiet_goes_on_when_a_tool_forbids_interruptions() -> None:
    manners = ToolManners(name="book", interruption=ToolInterruption.DISABLE_DURING_TOOL)
    t = is_asked("Book it", with_tool(manners))
    t.at(2_500, ReplyText(ONE, "I book it. "), Voiced(ONE, 11, 1_100))
    t.at(3_000, SpeechStarted())
    t.at(3_100, ToolRequested(ONE, BOOK, "book", "{}"))
    assert (t.when(Pause(ONE)), t.when(Resume(ONE))) == ([3_000], [3_100])


def test_a_tool_may_forbid_interruptions_for_the_rest_of_the_turn() -> None:
    manners = ToolManners(name="book", interruption=ToolInterruption.DISABLE_DURING_TOOL_AND_TURN)
    t = books(manners, Policy(interruption=Interruption(transcribe_when_disabled=True)))
    t.at(3_000, ToolReturned(BOOK, "done"))
    answers(t, 3_300, "Booked!", 2_000)
    says(t, 4_000, 4_500, "no pasta", segment=2)
    t.until(7_000)
    assert t.when(CancelReply) == []
    assert t.when(FinishReply(ONE)) == [5_600]
    assert user_said(t)[1:] == [(5_600, "no pasta")]


@pytest.mark.parametrize(
    ("speech", "last_took", "said"),
    [
        (PreToolSpeech.FORCE, 100, ["One moment, please."]),
        (PreToolSpeech.AUTO, 1_500, ["One moment, please."]),
        (PreToolSpeech.AUTO, 1_499, []),
        (PreToolSpeech.OFF, 1_500, []),
    ],
)
def test_a_tool_that_was_slow_the_last_time_is_announced(
    speech: PreToolSpeech, last_took: int, said: list[str]
) -> None:
    t = is_asked("Book it", with_tool(ToolManners(name="book", pre_tool_speech=PreToolSpeech.OFF)))
    calls(t, 2_100, "book")
    t.at(2_100 + last_took, ToolReturned(BOOK, "done"))
    t.conversation.policy = with_tool(ToolManners(name="book", pre_tool_speech=speech))
    calls(t, 5_000, "book")
    assert [command.text.strip() for _, command in t.of(Speak)] == said
    assert [command.text for _, command in t.of(Announce)] == said


def test_nothing_is_added_to_what_the_model_says_itself_before_a_tool() -> None:
    t = books(ToolManners(name="book", pre_tool_speech=PreToolSpeech.FORCE))
    assert [command.text for _, command in t.of(Speak)] == ["I book it. "]


def test_without_a_line_nothing_is_said_before_a_tool() -> None:
    manners = ToolManners(name="book", pre_tool_speech=PreToolSpeech.FORCE)
    t = is_asked("Book it", with_tool(manners, Policy(pre_tool_line="")))
    calls(t, 2_300, "book")
    assert t.when(Speak) == []


def test_a_tool_in_writing_runs_as_in_speech() -> None:
    t = Timeline(with_tool(AFTER, Policy(text_only=True)))
    t.at(1_000, UserWrote("Book it"))
    t.at(1_100, ReplyText(live(t), "I book it. "))
    calls(t, 1_200, "book")
    assert t.when(CallTool) == [1_200]
    t.at(1_300, ToolReturned(BOOK, "done"))
    t.at(1_400, ReplyText(ONE, "Booked!"), ReplyWritten(ONE))
    assert t.when(FinishReply(ONE)) == [1_400]
    assert agent_said(t) == ["I book it.", "Booked!"]
