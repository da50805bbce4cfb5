from dataclasses import replace

import pytest

from turns.scenes import (
    ONE,
    THREE,
    TWO,
    answers,
    calls,
    is_asked,
    says,
    speaks,
    transcript,
    user_said,
)
from turnwise.base.units import Millis
from turnwise.testing import Timeline
from turnwise.turns.commands import (
    Announce,
    CallTool,
    CancelReply,
    Cause,
    FinishReply,
    MakeFiller,
    Speak,
    StartReply,
)
from turnwise.turns.events import (
    CallId,
    FillerMade,
    ReplyText,
    ReplyWritten,
    SegmentId,
    SpeechStarted,
    SpeechStopped,
    ToolRequested,
    ToolReturned,
    Transcribed,
    UserActive,
    UserWrote,
    Voiced,
)
from turnwise.turns.policy import Endpointing, Fillers, Policy, ToolManners, Waiting
from turnwise.turns.rules.replies import filler_text
from turnwise.turns.transcript import AgentSaid, UserSaid

SLOW = Fillers(timeout_ms=1_000, messages=("Hm.", "Well.", "Let me see."), most=5)
BET = Policy(endpointing=Endpointing(bet_ms=200))


def spoken(t: Timeline) -> list[tuple[int, str]]:
    return [(at, command.text) for at, command in t.of(Speak)]


def test_the_first_message_is_said_at_once_and_without_a_model() -> None:
    t = Timeline(Policy(first_message="Hello."))
    t.until(0)
    assert t.done == [(0, Speak(ONE, "Hello.")), (0, Announce(ONE, "Hello."))]
    t.at(200, Voiced(ONE, 6, 700))
    t.until(1_000)
    assert transcript(t) == [AgentSaid(Millis(0), "Hello.", ONE)]


def test_without_a_first_message_the_model_may_open() -> None:
    t = Timeline(Policy(speaks_first=True))
    t.until(0)
    assert t.of(StartReply) == [(0, StartReply(ONE, Cause.OPENING, ()))]


def test_without_either_the_agent_waits() -> None:
    t = Timeline()
    t.until(6_999)
    assert t.done == []


def test_fillers_cover_the_wait_in_order_and_the_last_one_again() -> None:
    t = is_asked("I want pizza", Policy(fillers=SLOW))
    for at in range(3_000, 8_000, 1_000):
        t.until(at)
        t.at(at, Voiced(ONE, 20, 300))
    assert spoken(t) == [
        (3_000, "Hm. "),
        (4_000, "Well. "),
        (5_000, "Let me see. "),
        (6_000, "Let me see. "),
        (7_000, "Let me see. "),
    ]
    t.until(9_000)
    assert len(spoken(t)) == 5, "five at the most"


def test_a_filler_waits_until_the_one_before_it_was_heard() -> None:
    t = is_asked("I want pizza", Policy(fillers=SLOW))
    t.at(3_000, Voiced(ONE, 4, 1_800))
    t.until(4_900)
    assert spoken(t) == [(3_000, "Hm. "), (4_800, "Well. ")]


def test_a_filler_whose_sound_is_late_is_not_followed_by_another() -> None:
    t = is_asked("I want pizza", Policy(fillers=SLOW))
    t.at(4_500, Voiced(ONE, 4, 300))
    t.until(5_000)
    assert spoken(t) == [(3_000, "Hm. "), (4_800, "Well. ")]


def test_words_of_the_model_end_the_fillers_and_follow_them() -> None:
    t = is_asked("I want pizza", Policy(fillers=SLOW))
    t.at(3_000, Voiced(ONE, 4, 300))
    answers(t, 3_500, "Sure.", 500)
    t.until(10_000)
    assert spoken(t) == [(3_000, "Hm. "), (3_500, "Sure.")]
    assert t.of(Announce) == [(3_500, Announce(ONE, "Sure."))]
    assert [(e.text, e.filler) for e in transcript(t) if isinstance(e, AgentSaid)] == [
        ("Hm.", True),
        ("Sure.", False),
    ]


def test_fillers_are_off_unless_asked_for() -> None:
    t = is_asked()
    t.until(21_000)
    assert spoken(t) == []


def test_each_pass_of_a_reply_has_its_own_fillers_and_a_running_tool_has_none() -> None:
    fillers = Fillers(timeout_ms=1_000, messages=("Hm.",))
    t = is_asked("I want pizza", Policy(fillers=fillers, pre_tool_line=""))
    t.until(3_000)
    t.at(3_000, Voiced(ONE, 4, 300))
    calls(t, 3_500, "look")
    t.at(9_000, ToolReturned(CallId("look"), "found"))
    t.until(10_500)
    assert spoken(t) == [(3_000, "Hm. "), (10_000, "Hm. ")]


def test_no_filler_before_the_user_first_said_something_if_so_wished() -> None:
    fillers = Fillers(timeout_ms=1_000, after_first_user_message=True)
    t = Timeline(Policy(speaks_first=True, fillers=fillers))
    t.until(3_000)
    assert spoken(t) == []
    answers(t, 3_000, "Hello.", 500)
    says(t, 4_000, 4_500, "I want pizza")
    t.until(6_100)
    assert spoken(t)[1:] == [(6_000, "Hhmmmm...yeah. ")]


@pytest.mark.parametrize("reply", [ONE, TWO, THREE])
def test_shuffled_fillers_come_each_once_in_an_order_that_the_seed_decides(reply: int) -> None:
    def order(shuffled: Fillers) -> list[str]:
        policy = Policy(fillers=shuffled, waiting=Waiting(turn_timeout_ms=None))
        t = Timeline(policy)
        t.conversation.replies = reply - 1
        t.at(1_000, UserWrote("Hi"))
        for at in range(2_000, 5_000, 1_000):
            t.until(at)
            assert t.conversation.reply is not None
            t.at(at, Voiced(t.conversation.reply.id, 20, 300))
        return [text.strip() for _, text in spoken(t)]

    manners = replace(SLOW, most=3, shuffled=True)
    orders = [order(replace(manners, seed=seed)) for seed in (1, 1, 2, 3, 4, 5)]
    assert all(sorted(o) == sorted(SLOW.messages) for o in orders)
    assert orders[0] == orders[1]
    assert len({tuple(o) for o in orders}) > 1


def test_another_reply_has_them_in_another_order() -> None:
    t = is_asked()
    reply = t.conversation.reply
    assert reply is not None
    firsts = set()
    for number in range(1, 20):
        reply.id = type(ONE)(number)
        firsts.add(filler_text(reply, SLOW.messages, 7))
    assert firsts == set(SLOW.messages)


def test_without_messages_there_is_a_built_in_filler() -> None:
    t = is_asked("I want pizza", Policy(fillers=Fillers(timeout_ms=1_000, messages=())))
    t.until(3_000)
    assert spoken(t) == [(3_000, "Hmm. ")]


GENERATED = Policy(fillers=Fillers(timeout_ms=1_000, messages=("Hm.",), generated=True))


def test_a_model_may_write_the_filler() -> None:
    t = is_asked("I want pizza", GENERATED)
    t.until(3_000)
    assert t.of(MakeFiller) == [(3_000, MakeFiller(ONE))]
    t.at(3_400, FillerMade(ONE, " Pizza, you say? "))
    assert spoken(t) == [(3_400, "Pizza, you say? ")]
    t.until(6_000)
    assert len(spoken(t)) == 1


def test_a_message_stands_in_for_a_filler_that_is_late_or_empty() -> None:
    t = is_asked("I want pizza", GENERATED)
    t.at(3_400, FillerMade(ONE, "  "))
    t.until(4_000)
    assert spoken(t) == [(4_000, "Hm. ")]
    t.at(4_100, FillerMade(ONE, "Pizza, you say?"))
    assert len(spoken(t)) == 1


def test_a_filler_that_comes_after_the_first_words_is_not_said() -> None:
    t = is_asked("I want pizza", GENERATED)
    t.at(3_200, ReplyText(ONE, "Sure. "))
    t.at(3_400, FillerMade(ONE, "Pizza, you say?"))
    t.at(3_500, FillerMade(TWO, "Pizza, you say?"))
    assert spoken(t) == [(3_200, "Sure. ")]


def test_a_bet_is_silent_until_the_turn_is_taken() -> None:
    t = Timeline(BET)
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_800, ReplyText(ONE, "Sure. "))
    t.at(1_900, ReplyText(ONE, "Which one?"), ReplyWritten(ONE))
    start = t.of(StartReply)[0]
    assert (start[0], start[1].speculative) == (1_700, True)
    assert start[1].transcript == (UserSaid(Millis(1_700), "I want pizza"),)
    assert spoken(t) == []
    t.until(2_000)
    assert spoken(t) == [(2_000, "Sure. Which one?")]
    assert t.of(Announce) == [(2_000, Announce(ONE, "Sure. Which one?"))]
    assert user_said(t) == [(2_000, "I want pizza")]
    t.at(2_100, Voiced(ONE, 16, 1_000))
    t.until(5_000)
    assert t.when(FinishReply(ONE)) == [3_100]
    assert t.when(StartReply) == [1_700]


def test_a_bet_that_is_still_being_written_when_the_turn_is_taken_goes_on_as_a_reply() -> None:
    t = Timeline(BET)
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_900, ReplyText(ONE, "Sure. "))
    t.at(2_100, ReplyText(ONE, "Which one?"), ReplyWritten(ONE))
    assert spoken(t) == [(2_000, "Sure. "), (2_100, "Which one?")]
    assert t.of(Announce) == [(2_100, Announce(ONE, "Sure. Which one?"))]


def test_a_bet_is_lost_when_the_user_goes_on() -> None:
    t = Timeline(BET)
    says(t, 1_000, 1_500, "I want pizza.", segment=1)
    t.at(1_750, ReplyText(ONE, "Sure. "))
    says(t, 1_800, 2_300, "With cheese.", segment=2)
    t.until(2_900)
    assert t.of(CancelReply) == [(1_800, CancelReply(ONE, speculative=True))]
    assert [(at, c.reply, c.speculative) for at, c in t.of(StartReply)] == [
        (1_700, ONE, True),
        (2_500, TWO, True),
    ]
    assert user_said(t) == [(2_800, "I want pizza. With cheese.")]
    assert spoken(t) == []


def test_a_bet_is_lost_when_its_words_change_and_final_ones_are_bet_on_anew() -> None:
    t = Timeline(BET)
    speaks(t, 1_000, 1_500)
    t.at(1_600, Transcribed(SegmentId(1), "I want pasta", final=False))
    t.at(1_900, Transcribed(SegmentId(1), "I want pizza", final=True))
    t.until(3_000)
    assert t.of(CancelReply) == [(1_900, CancelReply(ONE, speculative=True))]
    assert [(at, c.speculative) for at, c in t.of(StartReply)] == [(1_700, True), (1_900, True)]
    assert user_said(t) == [(2_000, "I want pizza")]


def test_a_bet_is_not_placed_again_on_words_that_still_change() -> None:
    t = Timeline(BET)
    speaks(t, 1_000, 1_500)
    t.at(1_600, Transcribed(SegmentId(1), "I want pasta", final=False))
    t.at(1_900, Transcribed(SegmentId(1), "I want pizza", final=False))
    t.until(3_000)
    assert [(at, c.speculative) for at, c in t.of(StartReply)] == [(1_700, True), (2_900, False)]


def test_a_bet_survives_punctuation() -> None:
    t = Timeline(BET)
    speaks(t, 1_000, 1_500)
    t.at(1_600, Transcribed(SegmentId(1), "i want pizza", final=False))
    t.at(1_900, Transcribed(SegmentId(1), "I want pizza!", final=True))
    t.until(3_000)
    assert t.when(CancelReply) == []
    assert t.when(StartReply) == [1_700]


def test_a_tool_with_effects_waits_for_the_turn_and_one_without_does_not() -> None:
    safe = ToolManners(name="look", safe_to_bet=True)
    t = Timeline(Policy(endpointing=BET.endpointing, tools=(safe,)))
    says(t, 1_000, 1_500, "I want pizza")
    calls(t, 1_800, "look", "book")
    t.until(2_100)
    assert [(at, command.name) for at, command in t.of(CallTool)] == [
        (1_800, "look"),
        (2_000, "book"),
    ]


def test_a_tool_with_effects_never_runs_for_a_bet_that_is_lost() -> None:
    t = Timeline(BET)
    says(t, 1_000, 1_500, "I want pizza")
    calls(t, 1_750, "book")
    says(t, 1_900, 2_300, "with cheese", segment=2)
    t.until(9_000)
    assert t.when(CallTool) == []


def test_a_safe_tool_takes_a_bet_to_its_next_pass() -> None:
    safe = ToolManners(name="look", safe_to_bet=True)
    t = Timeline(Policy(endpointing=BET.endpointing, tools=(safe,)))
    says(t, 1_000, 1_500, "I want pizza")
    calls(t, 1_750, "look")
    t.at(1_800, ToolReturned(CallId("look"), "found"))
    t.at(1_900, ReplyText(ONE, "Here it is."), ReplyWritten(ONE))
    t.until(2_000)
    assert [c.speculative for _, c in t.of(StartReply)] == [True, True]
    assert spoken(t) == [(2_000, "Here it is.")]


def test_an_older_debt_is_paid_with_the_bet() -> None:
    t = Timeline(BET)
    says(t, 1_000, 1_500, "I want pizza", segment=1)
    says(t, 2_100, 2_600, "a big one", segment=2)
    t.until(3_100)
    answers(t, 3_200, "Sure.", 1_000)
    t.until(9_000)
    assert [c.reply for _, c in t.of(StartReply)] == [ONE, TWO]


def test_an_older_debt_survives_a_bet_whose_words_are_taken_back() -> None:
    t = Timeline(BET)
    says(t, 1_000, 1_500, "I want pizza", segment=1)
    speaks(t, 2_100, 2_300)
    t.at(2_400, Transcribed(SegmentId(2), "a big", final=False))
    t.until(2_600)
    t.at(2_700, Transcribed(SegmentId(2), "", final=True))
    t.until(4_000)
    assert [(at, c.cause) for at, c in t.of(StartReply)][-1] == (2_800, Cause.USER_TURN)


def test_nobody_bets_against_a_busy_user() -> None:
    t = Timeline(BET)
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_650, UserActive())
    t.until(4_000)
    assert t.when(StartReply) == [3_650]


def test_a_pass_is_begun_when_the_agent_is_no_longer_quiet() -> None:
    t = is_asked()
    t.at(2_100, ReplyText(ONE, "Let me see. "), ToolRequested(ONE, CallId("look"), "look", "{}"))
    t.at(2_200, ReplyWritten(ONE), Voiced(ONE, 12, 1_000))
    t.at(2_400, SpeechStarted(), ToolReturned(CallId("look"), "found"))
    assert t.when(StartReply) == [2_000]
    t.at(2_700, SpeechStopped(100))
    t.until(4_000)
    assert t.when(StartReply) == [2_000, 3_300]
