"""Clients that break the contract: refused with a reason, and nobody else notices."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from acceptance.callers import AS_TEXT, INIT, Caller
from acceptance.house import House, agent
from acceptance.speech import HZ, spoken, to_wire

pytestmark = pytest.mark.acceptance

HOURS = "We are open from ten to six."

MALFORMED: dict[str, Any] = {
    "no JSON": "{nonsense",
    "no JSON in a binary frame": b"\x00\xff\x00\xff",
    "a list": "[1, 2]",
    "a number": "17",
    "no type": '{"text": "hello"}',
    "a type that is no text": '{"type": 5}',
    "no base64": '{"user_audio_chunk": "%%%"}',
    "sound that is no text": '{"user_audio_chunk": 5}',
    "a result that is no text": json.dumps(
        {"type": "client_tool_result", "tool_call_id": "x", "result": {"a": 1}, "is_error": False}
    ),
    "nested too deep": '{"type":"x","a":' + "[" * 500 + "]" * 500 + "}",
    "nested far too deep": '{"type":"x","a":' + "[" * 100_000 + "]" * 100_000 + "}",
}

HARMLESS: list[Any] = [
    {"type": "of_the_future", "new": {"field": [1]}},
    {"user_audio_chunk": ""},
    {"user_audio_chunk": base64.b64encode(b"\x01").decode()},
    {
        "user_audio_chunk": base64.b64encode(
            to_wire(spoken("hello")[: HZ // 4], "pcm_48000")
        ).decode()
    },
    {"type": "pong", "event_id": 99},
    {"type": "pong", "event_id": None},
    {"type": "client_tool_result", "tool_call_id": "nobody", "result": "x", "is_error": False},
    {"type": "feedback", "event_id": 1, "score": "like"},
    {"type": "feedback", "event_id": 1, "score": None},
    {"type": "contextual_update", "text": ""},
    {"type": "user_activity"},
    {"type": "mcp_tool_approval_result", "tool_call_id": "x", "is_approved": True},
    INIT,
]


@pytest.fixture
def url(house: House) -> str:
    return house.socket_url(house.create(agent(HOURS, "Hello!")))


@pytest.fixture
def bystander(url: str) -> Iterator[Caller]:
    """Somebody whose conversation goes on before, meanwhile and after."""
    with Caller(url, AS_TEXT) as other:
        other.wait("agent_response")
        yield other
        other.write("When are you open?")
        other.wait("agent_response", 2)
        assert other.replies() == ["Hello!", HOURS]
        assert other.closed is None


def refused(house: House, caller: Caller, code: int = 1008) -> str:
    """The reason that a client is closed with; the same is on record."""
    found, reason = caller.wait_for_close()
    assert found == code
    assert reason
    assert len(reason.encode()) <= 123
    error = caller.of("error")[0].message["error_event"]
    assert error["code"] == code
    assert error["message"]
    record = house.ended(caller.conversation_id)
    assert record["status"] == "failed"
    assert record["metadata"]["error"] == {"code": code, "reason": reason}
    return reason


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_malformed_is_refused(house: House, url: str, bystander: Caller, what: str) -> None:
    with Caller(url, AS_TEXT) as caller:
        caller.wait("agent_response")
        caller.send(MALFORMED[what])
        refused(house, caller)


def test_a_malformed_first_message(house: House, url: str, bystander: Caller) -> None:
    with Caller(url, init=None) as caller:
        caller.send('{"type": "conversation_initiation_client_data", "dynamic_variables": 5}')
        code, reason = caller.wait_for_close()
    assert code == 1008
    assert "dynamic_variables" in reason
    assert "conversation_initiation_metadata" not in caller.kinds()


def test_a_frame_that_is_too_large(house: House, url: str, bystander: Caller) -> None:
    with Caller(url, AS_TEXT) as caller:
        caller.wait("agent_response")
        caller.send(json.dumps({"type": "user_message", "text": "x" * 5_000_000}))
        refused(house, caller)


def test_ten_seconds_of_speech_in_one_frame_are_not(url: str, bystander: Caller) -> None:
    with Caller(url) as caller:
        caller.wait("audio")
        caller.say(np.zeros(30 * HZ, np.int16), "pcm_48000")
        caller.write("When are you open?")
        caller.wait("agent_response", 2)
        assert caller.closed is None


def test_a_flood_of_messages(house: House, url: str, bystander: Caller) -> None:
    with Caller(url, AS_TEXT) as caller:
        caller.wait("agent_response")
        for _ in range(5_000):
            caller.send('{"type": "user_activity"}')
        refused(house, caller)


def test_what_is_only_strange_is_borne(url: str, bystander: Caller) -> None:
    with Caller(url, AS_TEXT) as caller:
        caller.wait("agent_response")
        for message in HARMLESS:
            caller.send(message)
        caller.write("When are you open?")
        caller.wait("agent_response", 2)
        assert caller.replies() == ["Hello!", HOURS]


def test_strange_sound_is_borne(url: str, bystander: Caller) -> None:
    with Caller(url) as caller:
        caller.wait("audio")
        for message in HARMLESS:
            caller.send(message)
        caller.write("When are you open?")
        caller.wait("agent_response", 2)
        assert caller.closed is None


def test_a_socket_at_an_unknown_address_is_refused(house: House) -> None:
    for path in ("/v1/convai/no-such-socket", "/v1/convai/agents", "/nowhere"):
        with pytest.raises(InvalidStatus) as refused:
            connect(house.url.replace("http", "ws", 1) + path)
        assert refused.value.response.status_code == 403
    assert house.is_ready()
    assert not house.faults()
