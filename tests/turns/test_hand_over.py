from dataclasses import replace

from turns.scenes import ONE, THREE, TWO, agent_said, answers, calls, is_asked, says, user_said
from turnwise.testing import Timeline
from turnwise.turns.commands import (
    CancelReply,
    Cause,
    End,
    FinishReply,
    ReportTool,
    Speak,
    StartReply,
    SwitchAgent,
)
from turnwise.turns.events import (
    CallId,
    EndAsked,
    HandOverAsked,
    MannersChanged,
    ToolReturned,
    UserWrote,
    Voiced,
)
from turnwise.turns.policy import Interruption, Policy

CALL = CallId("transfer")
SALES = HandOverAsked("sales", Policy(language="de"), call=CALL)


def transfers(asked: HandOverAsked) -> Timeline:
    """Return a timeline in which the agent hands over at 2,300."""
    t = is_asked("Sales, please")
    calls(t, 2_100, "transfer")
    t.at(2_300, asked)
    return t


def test_a_hand_over_without_words_switches_at_once_and_the_new_agent_answers() -> None:
    t = transfers(SALES)
    assert t.of(SwitchAgent) == [(2_300, SwitchAgent("sales"))]
    assert [(at, c.cause) for at, c in t.of(StartReply)][1:] == [(2_300, Cause.HAND_OVER)]
    assert t.conversation.policy.language == "de"
    assert t.when(FinishReply(ONE)) == [2_300]
    assert t.of(ReportTool)[0][1].result == "Handed over to sales."
    assert agent_said(t) == []


def test_what_the_old_agent_says_is_heard_before_the_switch() -> None:
    t = is_asked("Sales, please")
    answers(t, 2_200, "I connect you.", 1_000)
    t.at(2_300, replace(SALES, call=None))
    t.until(4_000)
    assert t.when(FinishReply(ONE)) == [3_200]
    assert t.when(SwitchAgent) == [3_200]


def test_the_delay_is_waited_then_the_message_is_heard_then_the_new_agent_speaks() -> None:
    asked = replace(SALES, message="One moment.", first_message="Sales here.", delay_ms=1_000)
    t = transfers(asked)
    t.until(3_400)
    assert t.of(Speak) == [(3_300, Speak(TWO, "One moment."))]
    t.at(3_400, Voiced(TWO, 11, 800))
    t.until(4_200)
    assert t.when(FinishReply(TWO)) == [4_200]
    assert t.when(SwitchAgent) == [4_200]
    assert t.of(Speak)[1:] == [(4_200, Speak(THREE, "Sales here."))]
    t.at(4_300, Voiced(THREE, 11, 700))
    t.until(6_000)
    assert t.when(StartReply) == [2_000], "the first message needs no model"
    assert agent_said(t) == ["One moment.", "Sales here."]


def test_a_user_who_speaks_over_the_message_is_heard_first_and_then_handed_over() -> None:
    t = transfers(replace(SALES, message="I connect you now.", first_message="Sales here."))
    t.at(2_400, Voiced(TWO, 18, 2_000))
    says(t, 3_000, 3_400, "No wait", segment=2)
    t.until(4_000)
    assert t.when(CancelReply(TWO)) == [3_500]
    assert user_said(t)[1:] == [(3_900, "No wait")]
    assert t.when(SwitchAgent) == [3_900]
    t.at(4_000, Voiced(THREE, 11, 500))
    t.until(5_000)
    assert agent_said(t)[-1] == "Sales here."
    assert [(at, c.cause) for at, c in t.of(StartReply)][1:] == [(4_500, Cause.USER_TURN)]


def test_the_new_agents_manners_hold_from_the_switch_on() -> None:
    manners = Policy(interruption=Interruption(first_message=False))
    t = transfers(replace(SALES, policy=manners, first_message="Sales here."))
    t.at(2_400, Voiced(TWO, 11, 2_000))
    says(t, 3_000, 3_400, "No wait", segment=2)
    t.until(5_000)
    assert t.when(CancelReply) == []


def test_a_message_of_the_user_during_the_delay_is_answered_by_the_new_agent() -> None:
    t = transfers(replace(SALES, delay_ms=1_000))
    t.at(2_500, UserWrote("Hurry"))
    t.until(4_000)
    assert t.when(SwitchAgent) == [3_300]
    assert [(at, c.cause) for at, c in t.of(StartReply)][1:] == [(3_300, Cause.USER_TURN)]


def test_a_hand_over_whose_call_is_not_open_or_whose_reply_is_gone_does_not_happen() -> None:
    t = is_asked("Sales, please")
    t.at(2_300, SALES)
    t.until(3_000)
    assert t.when(SwitchAgent) == []
    calls(t, 3_000, "transfer")
    says(t, 3_200, 3_600, "no wait", segment=2)
    t.at(3_800, SALES)
    t.until(4_000)
    assert t.when(SwitchAgent) == []
    assert t.when(ReportTool) == [3_800], "the call was settled all the same"


def test_there_is_no_hand_over_when_the_conversation_is_ending() -> None:
    t = Timeline()
    t.at(1_000, EndAsked("done", "Goodbye."))
    t.at(1_100, replace(SALES, call=None))
    t.at(1_200, Voiced(ONE, 8, 500))
    t.until(3_000)
    assert t.when(SwitchAgent) == []
    assert t.when(End) == [1_700]


def test_a_hand_over_may_say_what_the_model_hears_of_it() -> None:
    t = transfers(replace(SALES, result="Sales took over."))
    assert t.of(ReportTool)[0][1].result == "Sales took over."


def test_other_manners_apply_at_once_and_the_reply_goes_on() -> None:
    t = is_asked("Auf Deutsch, please")
    calls(t, 2_100, "switch")
    t.at(2_300, MannersChanged("german", Policy(language="de"), CallId("switch")))
    assert t.of(SwitchAgent) == [(2_300, SwitchAgent("german"))]
    assert t.conversation.policy.language == "de"
    t.at(2_400, ToolReturned(CallId("switch"), "German from here on."))
    assert [(at, c.reply, c.cause) for at, c in t.of(StartReply)][1:] == [
        (2_400, ONE, Cause.TOOL_RESULT)
    ]


def test_other_manners_for_a_call_that_is_over_change_nothing() -> None:
    t = is_asked("Auf Deutsch, please")
    t.at(2_300, MannersChanged("german", Policy(language="de"), CallId("switch")))
    assert t.of(SwitchAgent) == []
    assert t.conversation.policy.language == "en"
