"""Providers that hang, fail and break off, and a server that is killed: the record tells why."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pytest

from acceptance.brain import Brain, Cut, Fail, Raw, Step, Wait, last_said
from acceptance.callers import AS_TEXT, INIT, Caller
from acceptance.conftest import MakeHouse
from acceptance.house import House, agent, said, wait_until
from acceptance.speech import likeness, pause, spoken

pytestmark = pytest.mark.acceptance

APOLOGY = "Sorry, something went wrong on my side. Could you say that again?"
FAREWELL = "Sorry, I have to end this call."
HOURS = "We are open from ten to six."
QUESTION = "what is your address"

BROKEN: dict[str, list[Step]] = {
    "fails": [Fail(500)],
    "refuses": [Fail(401)],
    "breaks off": ["The answer is", Cut()],
    "sends garbage": [Raw(b"data: {nonsense\n\n")],
    "sends no events": [Raw(b"<html>Bad gateway</html>\n\n")],
    "says nothing": [],
}


def failing_once(steps: list[Step]) -> Callable[[list[dict[str, Any]]], list[Step]]:
    def script(messages: list[dict[str, Any]]) -> list[Step]:
        return steps if "first" in last_said(messages) else [HOURS]

    return script


@pytest.mark.parametrize("what", BROKEN)
def test_a_model_that_fails_once_costs_one_answer(
    scripted_house: House, brain: Brain, what: str
) -> None:
    agent_id = scripted_house.create(agent(brain.learn(failing_once(BROKEN[what]))))
    with Caller(scripted_house.socket_url(agent_id), AS_TEXT) as caller:
        conversation_id = caller.conversation_id
        caller.write("My first question")
        _wait_for_apology(caller)
        caller.write("My second question")
        wait_until(lambda: HOURS in caller.replies(), "the answer")
        assert caller.closed is None
    record = scripted_house.ended(conversation_id)
    assert record["status"] == "done"
    assert record["metadata"]["warnings"]
    assert said(record, "agent")[-2:] == [APOLOGY, HOURS]


def test_a_model_that_goes_on_failing_ends_the_conversation(
    scripted_house: House, brain: Brain
) -> None:
    agent_id = scripted_house.create(agent(brain.learn([Fail(500)])))
    with Caller(scripted_house.socket_url(agent_id), AS_TEXT) as caller:
        conversation_id = caller.conversation_id
        for number in (1, 2, 3):
            caller.write(f"Question {number}")
            caller.wait("agent_response", number)
        assert caller.wait_for_close() == (1002, "The language model could not answer.")
    assert caller.replies() == [APOLOGY, APOLOGY, FAREWELL]
    error = caller.of("error")[0].message["error_event"]
    assert (error["code"], error["error_type"]) == (1002, "llm_error")
    record = scripted_house.ended(conversation_id)
    assert record["status"] == "failed"
    assert record["metadata"]["error"]["code"] == 1002
    assert record["metadata"]["termination_reason"] == "The language model could not answer."
    assert len(record["metadata"]["warnings"]) == 3
    assert said(record, "user") == ["Question 1", "Question 2", "Question 3"]


def test_what_was_said_before_a_model_broke_off_is_heard_and_on_record(
    scripted_house: House, brain: Brain
) -> None:
    agent_id = scripted_house.create(agent(brain.learn([f"{HOURS} And then", Wait(0.3), Cut()])))
    with Caller(scripted_house.socket_url(agent_id)) as caller:
        conversation_id = caller.conversation_id
        caller.write("Go on")
        _wait_for_apology(caller)
        assert caller.replies()[0].startswith(HOURS)
        caller.wait_for_quiet()
        assert likeness(caller.sound(), HOURS) > 0.35
    record = scripted_house.ended(conversation_id)
    assert said(record, "agent")[0].startswith(HOURS)
    assert said(record, "agent")[-1] == APOLOGY
    assert record["metadata"]["warnings"]


def _wait_for_apology(caller: Caller) -> None:
    wait_until(lambda: APOLOGY in caller.replies(), "the apology", 90)


def test_a_model_that_hangs_is_given_up_and_pings_go_on(
    scripted_house: House, brain: Brain
) -> None:
    """Four calls at once, as the patience is long: 15 s without a byte, 20 s without a word."""
    scripts: list[list[Step]] = [[Wait(120)], ["The answer is ", Wait(120)]]
    with ExitStack() as stack:
        callers = []
        for script in scripts:
            for init in (AS_TEXT, INIT):
                agent_id = scripted_house.create(agent(brain.learn(script)))
                url = scripted_house.socket_url(agent_id)
                callers.append(stack.enter_context(Caller(url, init)))
        began = time.monotonic()
        for caller in callers:
            caller.write("Go on")
        for caller in callers:
            _wait_for_apology(caller)
            pings = [each.at for each in caller.of("ping") if each.at > began]
            assert len(pings) >= 2
            assert caller.closed is None
        for caller in callers[1::2]:
            caller.wait_for_quiet()
        ids = [caller.conversation_id for caller in callers]
    for conversation_id in ids:
        record = scripted_house.ended(conversation_id)
        assert record["status"] == "done"
        assert any("llm" in each or "provider" in each for each in record["metadata"]["warnings"])
        assert said(record, "agent")[-1] == APOLOGY


# --- hearing ------------------------------------------------------------------------------------


def _transcribers(house: House) -> list[int]:
    """Wait for them: one that gave up its utterance is a new process a moment later."""

    def running() -> list[int]:
        listed = subprocess.run(["ps", "-wweo", "pid,ppid,args"], check=True, capture_output=True)
        rows = re.findall(r"^\s*(\d+)\s+(\d+)\s+(.*)$", listed.stdout.decode(), re.MULTILINE)
        return [
            int(pid) for pid, parent, args in rows if int(parent) == house.pid and "sphinx" in args
        ]

    return wait_until(running, "a transcriber")


@contextmanager
def _slowed(pids: list[int]) -> Iterator[None]:
    """Let processes run a third of the time, as on a machine that is so much slower."""
    over = threading.Event()

    def slow() -> None:
        while not over.is_set():
            for how, seconds in ((signal.SIGSTOP, 0.04), (signal.SIGCONT, 0.02)):
                for pid in pids:
                    os.kill(pid, how)
                time.sleep(seconds)

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_slow_transcriber_is_waited_for(house: House) -> None:
    """It has a second for each new word; at a fifth of its speed it needs more, and is cut off."""
    agent_id = house.create(agent("Our address is twelve Market Street."))
    with Caller(house.socket_url(agent_id)) as caller:
        conversation_id = caller.conversation_id
        with _slowed(_transcribers(house)):
            caller.say(np.concatenate([spoken(QUESTION), pause(0.333)]))
            caller.wait("agent_response")
            time.sleep(2)  # for words that come too late
        replies = caller.replies()
    assert said(house.ended(conversation_id), "user") == caller.transcripts()
    assert replies == ["Our address is twelve Market Street."]


def test_a_transcriber_that_dies_costs_one_utterance(house: House) -> None:
    agent_id = house.create(agent("Our address is twelve Market Street."))
    with Caller(house.socket_url(agent_id)) as caller:
        conversation_id = caller.conversation_id
        question = spoken(QUESTION)
        caller.speak(question[: len(question) // 2])
        for pid in _transcribers(house):
            os.kill(pid, signal.SIGKILL)
        caller.speak(question[len(question) // 2 :])
        caller.say(pause(4.0))
        caller.wait("agent_response")  # that it was not understood
        caller.wait_for_quiet()
        heard = len(caller.transcripts())
        caller.speak(question)
        caller.say(pause(1.5))
        caller.wait("user_transcript", heard + 1)
        assert caller.closed is None
    record = house.ended(conversation_id)
    assert record["status"] == "done"


# --- the server ---------------------------------------------------------------------------------


def test_a_killed_server_keeps_what_was_said(make_house: MakeHouse) -> None:
    house = make_house()
    agent_id = house.create(agent(HOURS, "Hello!"))
    with (
        Caller(house.socket_url(agent_id), AS_TEXT) as chat,
        Caller(house.socket_url(agent_id)) as call,
    ):
        ids = [chat.conversation_id, call.conversation_id]
        call.wait_for_quiet()
        for caller in (chat, call):
            caller.write("When are you open?")
            caller.wait("agent_response", 2)
        call.wait_for_quiet()
        wanted = ["Hello!", HOURS]
        wait_until(lambda: said(house.conversation(ids[0]), "agent") == wanted, "the record")
        wait_until(lambda: len(said(house.conversation(ids[1]), "agent")) == 2, "the record")
        assert house.conversation(ids[0])["status"] == "in-progress"
        house.kill()
        assert chat.wait_for_close()[0] == 1006
    house.start()
    for conversation_id in ids:
        record = house.conversation(conversation_id)
        assert record["status"] == "failed"
        assert "stopped" in record["metadata"]["termination_reason"]
        assert record["metadata"]["error"]["reason"]
        assert said(record, "user") == ["When are you open?"]
        assert said(record, "agent")[-1] == HOURS
    with Caller(house.socket_url(agent_id), AS_TEXT) as again:
        again.wait("agent_response")


def test_a_stopped_server_lets_conversations_come_to_their_end(make_house: MakeHouse) -> None:
    house = make_house(DRAIN_S="1")
    agent_id = house.create(agent(HOURS, "Hello!"))
    with Caller(house.socket_url(agent_id), AS_TEXT) as caller:
        conversation_id = caller.conversation_id
        caller.wait("agent_response")
        house.stop()
        code, _ = caller.wait_for_close()
        assert code in {1000, 1001, 1012}
    house.start()
    record = house.conversation(conversation_id)
    assert record["status"] in {"done", "failed"}
    assert record["metadata"]["termination_reason"]
    assert said(record, "agent") == ["Hello!"]
