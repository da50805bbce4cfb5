"""Conversations worth reading, as journals: each shows one behaviour.

They are compared word for word. After a wanted change, run pytest with the environment variable
`TURNWISE_REWRITE_GOLDEN=1` and read the difference before it is committed.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from turns.scenes import ONE, THREE, TWO, answers, calls, live, says, speaks
from turnwise.testing import Timeline
from turnwise.turns.events import (
    CallId,
    ContextGiven,
    EndAsked,
    HandOverAsked,
    HungUp,
    ReplyFailed,
    ReplyText,
    ReplyWritten,
    SegmentId,
    SpeechContinued,
    SpeechStarted,
    SpeechStopped,
    ToolRequested,
    ToolReturned,
    Transcribed,
    UserWrote,
    Voiced,
)
from turnwise.turns.journal import is_complete, lines, read, replay
from turnwise.turns.policy import (
    Endpointing,
    Execution,
    Fillers,
    Guards,
    Policy,
    ToolManners,
    Waiting,
)

JOURNALS = Path(__file__).parent / "journals"
GREETING = "Hello, this is the pizza service. What can I do for you?"
QUESTION = "A large Margherita. Shall I order it for you?"


def greeted(policy: Policy | None = None) -> Timeline:
    """Return a call whose greeting was heard from 200 to 3,200."""
    t = Timeline(replace(policy or Policy(), first_message=GREETING))
    t.at(200, Voiced(ONE, len(GREETING), 3_000))
    t.until(3_200)
    return t


def hangs_up(t: Timeline, at: int) -> Timeline:
    t.at(at, HungUp())
    return t


def late_words_amend_a_taken_turn() -> Timeline:
    t = greeted()
    speaks(t, 4_000, 4_900)
    t.at(5_050, Transcribed(SegmentId(1), "A large pasta", final=False))
    t.at(6_200, Transcribed(SegmentId(1), "A large pizza", final=True))
    t.at(6_400, Transcribed(SegmentId(2), "with cheese.", final=True))
    answers(t, 6_800, "A large pizza with cheese. Anything else?", 2_500)
    return hangs_up(t, 11_000)


def a_short_answer_ends_the_turn_at_once() -> Timeline:
    t = greeted()
    says(t, 4_000, 4_900, "A large Margherita.", segment=1)
    answers(t, 5_900, QUESTION, 2_500)
    says(t, 8_900, 9_200, "Yeah.", segment=2)
    answers(t, 9_800, "Ordered.", 600)
    return hangs_up(t, 12_000)


def audio_stalls_after_one_chunk() -> Timeline:
    t = Timeline()
    t.at(1_000, SpeechStarted())
    t.at(1_300, Transcribed(SegmentId(1), "What do you have?", final=True))
    t.until(1_600)
    answers(t, 2_000, "Pizza and pasta.", 1_000)
    return hangs_up(t, 5_000)


def a_cough_holds_the_agent_and_it_goes_on() -> Timeline:
    t = greeted()
    says(t, 4_000, 4_900, "What do you have?")
    answers(t, 5_900, "We have pizza, pasta, salads and ice cream.", 3_000)
    speaks(t, 6_900, 7_200)
    return hangs_up(t, 13_000)


def a_backchannel_takes_no_turn() -> Timeline:
    t = greeted()
    says(t, 4_000, 4_900, "What do you have?", segment=1)
    answers(t, 5_900, "We have pizza, pasta, salads and ice cream.", 3_000)
    says(t, 6_900, 7_200, "Mhm.", segment=2)
    return hangs_up(t, 13_000)


def an_interruption_cuts_to_what_was_heard() -> Timeline:
    t = greeted()
    says(t, 4_000, 4_900, "What do you have?", segment=1)
    answers(t, 5_900, "We have pizza, pasta, salads and ice cream.", 3_000)
    t.at(6_900, SpeechStarted())
    t.at(7_150, SpeechContinued(), Transcribed(SegmentId(2), "Pasta", final=False))
    t.at(7_500, SpeechStopped(100), Transcribed(SegmentId(2), "Pasta, please.", final=True))
    answers(t, 8_500, "Which one?", 800)
    return hangs_up(t, 11_000)


def a_silent_user_is_asked_and_then_hung_up_on() -> Timeline:
    waiting = Waiting(turn_timeout_ms=5_000, silence_end_call_ms=12_000)
    t = greeted(Policy(waiting=waiting))
    answers(t, 8_700, "Are you still there?", 1_000)
    t.until(20_000)
    return t


def a_slow_model_is_covered_by_fillers_and_given_up() -> Timeline:
    fillers = Fillers(timeout_ms=3_000, messages=("Hm.", "Let me see."), most=2)
    t = greeted(Policy(fillers=fillers))
    says(t, 4_000, 4_900, "What do you have?")
    t.at(8_500, Voiced(TWO, 4, 300))
    t.at(11_600, Voiced(TWO, 12, 900))
    t.until(26_000)
    t.at(26_100, Voiced(THREE, len(Guards().apology), 3_000))
    return hangs_up(t, 32_000)


def messages_and_context_in_writing() -> Timeline:
    t = Timeline(Policy(text_only=True, first_message="Hello!"))
    t.at(500, ContextGiven("The cart is empty.", "cart"))
    t.at(1_000, ContextGiven("The cart holds one pizza.", "cart"))
    t.at(2_000, UserWrote("What is in my cart?"))
    t.at(2_500, ReplyText(TWO, "One "))
    t.at(2_600, ReplyText(TWO, "pizza."), ReplyWritten(TWO))
    return hangs_up(t, 4_000)


def tools_run_after_speech_and_beside_it() -> Timeline:
    order = ToolManners(name="order", execution=Execution.POST_TOOL_SPEECH)
    mail = ToolManners(name="mail", execution=Execution.ASYNC)
    t = greeted(Policy(tools=(order, mail)))
    says(t, 4_000, 4_900, "A large Margherita.")
    t.until(5_400)
    t.at(5_900, ReplyText(TWO, "I order it. "), Voiced(TWO, 12, 900))
    calls(t, 6_000, "order", "mail")
    t.at(7_300, ToolReturned(CallId("order"), '{"number":17}'))
    answers(t, 7_900, "Your number is 17.", 1_500)
    t.at(9_800, ToolReturned(CallId("mail"), "sent"))
    answers(t, 10_400, "The mail is sent.", 1_000)
    return hangs_up(t, 13_000)


def the_agent_says_farewell_and_ends_the_call() -> Timeline:
    t = greeted()
    says(t, 4_000, 4_900, "That was all, thanks.")
    calls(t, 5_900, "end_call")
    t.at(5_950, EndAsked("the user is done", "Goodbye!", CallId("end_call")))
    t.at(6_200, Voiced(TWO, 8, 700))
    t.until(8_000)
    return t


def a_hang_up_in_place_of_an_answer_is_refused() -> Timeline:
    t = greeted()
    says(t, 4_000, 4_900, "When do you open?")
    calls(t, 5_900, "end_call")
    t.at(5_950, EndAsked("the user is done", "", CallId("end_call"), unsure=True))
    answers(t, 6_500, "At nine.", 600)
    return hangs_up(t, 8_000)


def a_bet_is_lost_and_the_next_one_is_won() -> Timeline:
    t = greeted(Policy(endpointing=Endpointing(bet_ms=200)))
    says(t, 4_000, 4_900, "A large Margherita.", segment=1)
    t.at(5_200, ToolRequested(TWO, CallId("early"), "order", "{}"))
    says(t, 5_300, 6_000, "No, a small one.", segment=2)
    calls(t, 6_350, "order")
    t.at(6_900, ToolReturned(CallId("order"), "done"))
    answers(t, 7_400, "Ordered.", 600)
    return hangs_up(t, 9_000)


def a_stuck_detector_and_a_failing_model_are_survived() -> Timeline:
    t = greeted()
    t.at(4_000, SpeechStarted())
    for at in range(4_250, 20_100, 250):
        t.at(at, SpeechContinued())
        if at == 5_000:
            t.at(at, Transcribed(SegmentId(1), "A large Margherita.", final=True))
    t.at(20_500, ReplyFailed(TWO, "no model answered"))
    t.at(20_700, Voiced(THREE, len(Guards().apology), 3_000))
    return hangs_up(t, 25_000)


def another_agent_takes_over() -> Timeline:
    t = greeted()
    says(t, 4_000, 4_900, "I want to complain.")
    calls(t, 5_900, "transfer")
    asked = HandOverAsked(
        "complaints", Policy(), "I connect you.", "Complaints, hello.", 500, CallId("transfer")
    )
    t.at(6_000, asked)
    t.until(6_500)
    t.at(6_600, Voiced(THREE, 14, 1_000))
    t.until(7_600)
    t.at(7_700, Voiced(live(t), 18, 1_200))
    return hangs_up(t, 10_000)


CONVERSATIONS: dict[str, Callable[[], Timeline]] = {
    made.__name__: made
    for made in (
        late_words_amend_a_taken_turn,
        a_short_answer_ends_the_turn_at_once,
        audio_stalls_after_one_chunk,
        a_cough_holds_the_agent_and_it_goes_on,
        a_backchannel_takes_no_turn,
        an_interruption_cuts_to_what_was_heard,
        a_silent_user_is_asked_and_then_hung_up_on,
        a_slow_model_is_covered_by_fillers_and_given_up,
        messages_and_context_in_writing,
        tools_run_after_speech_and_beside_it,
        the_agent_says_farewell_and_ends_the_call,
        a_hang_up_in_place_of_an_answer_is_refused,
        a_bet_is_lost_and_the_next_one_is_won,
        a_stuck_detector_and_a_failing_model_are_survived,
        another_agent_takes_over,
    )
}


def text_of(name: str) -> str:
    t = CONVERSATIONS[name]()
    return "".join(f"{line}\n" for line in lines(t.policy, t.steps))


@pytest.fixture(scope="module", autouse=True)
def _rewrite() -> None:
    if os.environ.get("TURNWISE_REWRITE_GOLDEN") == "1":
        for path in JOURNALS.glob("*.jsonl"):
            path.unlink()
        for name in CONVERSATIONS:
            (JOURNALS / f"{name}.jsonl").write_text(text_of(name), encoding="utf-8")


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_golden_journal_replays_without_a_difference(name: str) -> None:
    journal = read((JOURNALS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    steps, differences = replay(journal)
    assert [difference.sentence() for difference in differences] == []
    assert is_complete(steps)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_golden_journal_would_be_written_again_as_it_is(name: str) -> None:
    assert (JOURNALS / f"{name}.jsonl").read_text(encoding="utf-8") == text_of(name)


def test_there_is_no_golden_journal_that_nobody_writes() -> None:
    assert {path.stem for path in JOURNALS.iterdir()} == set(CONVERSATIONS)
