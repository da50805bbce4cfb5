"""Users in a time of their own: the test is server and clock."""

import json
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import numpy as np
import pybase64
import pytest

from turnwise.audio.formats import parse_format
from turnwise.testing.load.caller import CUT_OFF, LOST, NO_ANSWER, NOT_NOTICED, Speaker, Writer
from turnwise.testing.load.plan import Plan
from turnwise.testing.load.speech import SPEECH_HZ, built_in_speech, utterance
from turnwise.testing.load.tally import Tally

WIRE = parse_format("pcm_16000")
SAID = utterance(built_in_speech(), SPEECH_HZ, WIRE, 100)
PLAN = Plan(address="", pause_s=0.5, barge_in_every=0)
WRITING = replace(PLAN, text=True)


class Talk:
    """A user, a clock that goes on in steps, and what the user sends."""

    def __init__(self, plan: Plan = PLAN) -> None:
        self.plan = plan
        self.tally = Tally(0.0, 1_000.0)
        self.sent: list[bytes] = []
        self.now = 0.0
        about = (self.plan, self.tally, self.sent.append, 0.0, Random(1))  # noqa: S311
        self.user: Speaker | Writer = (
            Writer(*about) if plan.text else Speaker(*about, utterance=SAID, agent_format=WIRE)
        )

    def ticks(self) -> Iterator[float]:
        """Let time go on, a tick at a time; not longer than a minute."""
        end = self.now + 60
        while self.now < end:
            self.now += SAID.chunk_s
            self.user.tick(self.now)
            yield self.now
        pytest.fail("it took more than a minute")

    def until_said(self) -> float:
        """Let the user speak; return when the speech ended."""
        began = next(now for now in self.ticks() if self.sent[-1] == SAID.messages[0])
        next(now for now in self.ticks() if self.sent[-1] == SAID.messages[-1])
        return began - SAID.chunk_s + SAID.end_s

    def wait(self, seconds: float) -> None:
        end = self.now + seconds - 1e-9
        next(now for now in self.ticks() if now >= end)

    def answer(self, kind: str, **body: str | int | None) -> None:
        self.user.answer(kind, body, self.now)

    def sound(self, reply: int, length_s: float) -> None:
        data = np.zeros(int(length_s * WIRE.rate_hz), np.int16).tobytes()
        self.answer("audio", audio_base_64=pybase64.b64encode(data).decode(), event_id=reply)


def test_an_answer_is_timed_from_the_end_of_the_speech() -> None:
    talk = Talk()
    ended = talk.until_said()
    talk.wait(0.7)
    talk.sound(1, 0.5)
    [(at, ms)] = talk.tally.responses
    assert at == pytest.approx(ended, abs=0.001)
    assert ms == pytest.approx((talk.now - ended) * 1000, abs=0.01)
    assert talk.tally.audio_s == pytest.approx(0.5)
    assert not talk.tally.errors


def test_the_next_turn_waits_until_the_reply_was_heard() -> None:
    talk = Talk()
    talk.until_said()
    talk.wait(0.5)
    talk.sound(1, 2.0)
    talk.answer("agent_response_complete", event_id=1)
    heard = talk.now + 2.0
    next(now for now in talk.ticks() if talk.sent[-1] == SAID.messages[0])
    assert heard + 0.25 <= talk.now <= heard + 0.95


def test_a_reply_that_is_never_said_to_be_complete_ends_some_time() -> None:
    talk = Talk()
    talk.until_said()
    talk.sound(1, 0.1)
    talk.until_said()


def test_between_turns_there_is_silence() -> None:
    talk = Talk()
    talk.until_said()
    talk.wait(1.0)
    assert set(talk.sent[-10:]) == {SAID.silence}


def test_a_first_message_is_heard_out_and_no_answer() -> None:
    talk = Talk()
    next(talk.ticks())
    talk.sound(1, 3.0)
    talk.answer("agent_response_complete", event_id=1)
    assert talk.until_said() > 3.0 + SAID.end_s
    assert talk.tally.greetings_ms == [pytest.approx(100)]
    assert not talk.tally.responses


def interrupting(plan: Plan = PLAN) -> Talk:
    """A user who has just begun to speak over the agent's first reply."""
    talk = Talk(replace(plan, barge_in_every=1, barge_in_after_s=0.8))
    talk.until_said()
    talk.wait(0.5)
    talk.sound(1, 9.0)
    begun = talk.now
    next(now for now in talk.ticks() if talk.sent[-1] == SAID.messages[0])
    assert begun + 0.8 <= talk.now <= begun + 0.95
    return talk


def test_an_interruption_is_timed_from_the_onset_of_the_speech() -> None:
    talk = interrupting()
    onset = talk.now - SAID.chunk_s + SAID.onset_s
    talk.wait(0.2)
    talk.answer("interruption", event_id=1)
    [(_, ms)] = talk.tally.interruptions
    assert ms == pytest.approx((talk.now - onset) * 1000, abs=0.01)
    talk.wait(2.0)
    talk.sound(2, 0.2)
    assert len(talk.tally.responses) == 2
    assert not talk.tally.errors


def test_sound_of_the_reply_that_is_interrupted_is_no_answer() -> None:
    talk = interrupting()
    talk.sound(1, 0.5)
    talk.wait(2.5)
    talk.sound(1, 0.5)
    assert len(talk.tally.responses) == 1


def test_a_barge_in_that_nobody_notices_is_an_error() -> None:
    talk = interrupting()
    talk.wait(2.5)
    assert talk.tally.errors == {NOT_NOTICED: 1}
    assert not talk.tally.interruptions


def test_sound_that_comes_too_late_is_a_hole() -> None:
    talk = Talk()
    talk.until_said()
    talk.sound(1, 0.2)
    talk.wait(0.5)
    talk.sound(1, 0.2)
    [(_, ms)] = talk.tally.holes
    assert ms == pytest.approx(300, abs=1)


def test_a_turn_without_an_answer_is_an_error_and_is_said_again() -> None:
    talk = Talk(replace(PLAN, patience_s=5.0))
    talk.until_said()
    talk.until_said()
    assert talk.tally.errors == {NO_ANSWER: 1}


@pytest.mark.parametrize(("heard_s", "errors"), [(1.0, {}), (0.9, {LOST: 1})])
def test_sound_that_never_came_is_an_error(heard_s: float, errors: dict[str, int]) -> None:
    talk = Talk(replace(PLAN, reply_s=0.95))
    talk.sound(1, 0.2)  # a first message is as long as it likes
    talk.until_said()
    talk.wait(0.5)
    talk.sound(2, heard_s / 2)
    talk.sound(2, heard_s / 2)
    talk.answer("agent_response_complete", event_id=2)
    talk.until_said()
    assert talk.tally.errors == errors


def test_what_was_interrupted_is_not_lost() -> None:
    talk = interrupting(replace(PLAN, reply_s=20.0, barge_in_every=1))
    talk.wait(0.2)
    talk.answer("interruption", event_id=1)
    talk.wait(2.0)
    talk.sound(2, 30.0)
    talk.answer("agent_response_complete", event_id=2)
    assert not talk.tally.errors


@pytest.mark.parametrize(("waited_s", "errors"), [(1.0, {}), (2.5, {NO_ANSWER: 1})])
def test_who_hangs_up_misses_only_an_answer_that_is_overdue(
    waited_s: float, errors: dict[str, int]
) -> None:
    talk = Talk()
    ended = talk.until_said()
    talk.user.finish(ended + waited_s)
    assert talk.tally.errors == errors


def test_an_answer_before_the_end_of_the_speech_is_an_error() -> None:
    talk = Talk()
    next(now for now in talk.ticks() if talk.sent[-1] == SAID.messages[0])
    talk.sound(1, 0.1)
    assert talk.tally.errors == {CUT_OFF: 1}
    assert not talk.tally.responses


@pytest.mark.parametrize("plan", [PLAN, WRITING], ids=["voice", "text"])
def test_pings_are_answered(plan: Plan) -> None:
    talk = Talk(plan)
    talk.answer("ping", event_id=7, ping_ms=None)
    assert json.loads(talk.sent[-1]) == {"type": "pong", "event_id": 7}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("agent_chat_response_part", {"text": "Good", "type": "delta"}),
        ("agent_response", {"agent_response": "Good."}),
    ],
)
def test_a_writer_is_answered_by_words(kind: str, body: dict[str, str]) -> None:
    talk = Talk(WRITING)
    wrote = next(now for now in talk.ticks() if talk.sent)
    assert json.loads(talk.sent[-1])["type"] == "user_message"
    talk.answer("agent_chat_response_part", text="", type="start", event_id=1)
    assert not talk.tally.responses
    talk.now += 0.3
    talk.answer(kind, event_id=1, **body)
    talk.answer("agent_response", agent_response="Good.", event_id=1)
    [(at, ms)] = talk.tally.responses
    assert (at, ms) == pytest.approx((wrote, 300))
    answered = talk.now
    next(now for now in talk.ticks() if len(talk.sent) == 2)
    assert answered + 0.25 <= talk.now <= answered + 0.95


def test_a_writer_who_is_greeted_answers() -> None:
    talk = Talk(WRITING)
    talk.answer("agent_response", agent_response="Hello.", event_id=1)
    assert talk.tally.greetings_ms == [0.0]
    next(now for now in talk.ticks() if talk.sent)
    talk.answer("agent_response", agent_response="Good.", event_id=2)
    assert len(talk.tally.responses) == 1
