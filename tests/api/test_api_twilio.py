"""Announcing a call: what the TwiML says, and what is kept until Twilio connects it."""

from typing import Any

import httpx
import pytest
from defusedxml.ElementTree import fromstring
from elevenlabs.client import ElevenLabs

from api.api_kit import error_of
from turnwise.api import Deps
from turnwise.api.twilio.routes import twiml
from turnwise.runtime.registered_calls import RegisteredCall, take
from turnwise.store import Grant

PATH = "/v1/convai/twilio/register-call"
CALL: dict[str, Any] = {"from_number": "+15550001111", "to_number": "+15552223333"}


async def an_agent(deps: Deps) -> str:
    async with deps.store.writing() as tx:
        return (await tx.agents.create({"name": "a"})).agent_id


def stream_of(text: str) -> tuple[str, dict[str, str]]:
    """The URL of the stream and its parameters."""
    root = fromstring(text)
    assert root.tag == "Response"
    stream = root.find("Connect/Stream")
    assert stream is not None
    return stream.attrib["url"], {
        each.attrib["name"]: each.attrib["value"] for each in stream.findall("Parameter")
    }


@pytest.mark.anyio
@pytest.mark.parametrize("direction", [None, "inbound", "outbound"])
async def test_a_call_is_kept_and_connected_by_twiml(
    client: httpx.AsyncClient, deps: Deps, direction: str | None
) -> None:
    agent_id = await an_agent(deps)
    init = {"dynamic_variables": {"name": "Ann"}, "user_id": "u1"}
    body = {**CALL, "agent_id": agent_id, "conversation_initiation_client_data": init}
    answer = await client.post(PATH, json=body | ({"direction": direction} if direction else {}))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    url, told = stream_of(answer.text)
    assert url == "ws://test.local/v1/convai/telephony/twilio/stream"  # Twilio takes no query
    assert set(told) == {"agent_id", "conversation_id", "token"}
    grant = Grant(agent_id=agent_id, conversation_id=told["conversation_id"])
    assert deps.signer.verify(told["token"], agent_id) == grant
    assert deps.vault is not None
    async with deps.store.writing() as tx:
        assert await take(tx, deps.vault, told["conversation_id"]) == RegisteredCall(
            agent_id=agent_id, direction=direction or "inbound", init=init, **CALL
        )


@pytest.mark.anyio
async def test_what_cannot_be_announced(client: httpx.AsyncClient, deps: Deps) -> None:
    agent_id = await an_agent(deps)
    wrong: list[tuple[dict[str, Any], int]] = [
        ({**CALL, "agent_id": "agent_none"}, 404),
        ({"agent_id": agent_id}, 422),
        ({**CALL, "agent_id": agent_id, "direction": "sideways"}, 422),
        ({**CALL, "agent_id": agent_id, "conversation_initiation_client_data": 5}, 422),
    ]
    for body, status in wrong:
        assert (await client.post(PATH, json=body)).status_code == status, body
    missing = await client.post(PATH, json={**CALL, "agent_id": "agent_none"})
    assert error_of(missing)["status"] == "agent_not_found"


def test_twiml_survives_any_text() -> None:
    url, told = stream_of(twiml("wss://x/a&b", {"a": "\"<'>&", "b": ""}))
    assert (url, told) == ("wss://x/a&b", {"a": "\"<'>&", "b": ""})


def test_the_sdk_gets_the_twiml_as_text(sdk: ElevenLabs) -> None:
    agent = sdk.conversational_ai.agents.create(conversation_config={})
    text = sdk.conversational_ai.twilio.register_call(agent_id=agent.agent_id, **CALL)
    assert isinstance(text, str)
    assert stream_of(text)[1]["agent_id"] == agent.agent_id
