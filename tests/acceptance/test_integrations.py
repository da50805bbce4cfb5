"""Integrations in the published three steps: connect, look at the tools, attach one."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs

from acceptance.brain import Brain, Call
from acceptance.house import KEY, House, agent
from acceptance.test_tools import asked_once, calling, calls_in, post, results_in
from acceptance.tool_service import Got, ToolService

pytestmark = pytest.mark.acceptance

Json = dict[str, Any]
SERVICES = "/v1/convai/api-integrations"


@pytest.fixture(scope="module")
def service() -> Iterator[ToolService]:
    """All four services at once."""
    with ToolService().serve() as serving:
        yield serving


def connect(house: House, name: str, credential: str, **values: object) -> str:
    body = {"name": "Ours", "credential_id": credential, "user_config_values": values}
    return str(post(house, f"{SERVICES}/{name}/connections", body)["connection_id"])


def attach(house: House, name: str, connection: str, tool: str, **more: object) -> str:
    """Store one of the tools that the integration lists; return its id."""
    listed = house.ask(f"{SERVICES}/{name}/tools")["tools"]
    found = next(each for each in listed if each["name"] == tool)
    config = {
        "type": "api_integration_webhook",
        "name": found["name"],
        "description": found["description"],
        "api_integration_id": name,
        "api_integration_connection_id": connection,
        "tool_version": found["tool_version"],
        **more,
    }
    return str(post(house, "/v1/convai/tools", {"tool_config": config})["id"])


def having(prompt: str, *tool_ids: str) -> Json:
    document = agent(prompt)
    document["conversation_config"]["agent"]["prompt"]["tool_ids"] = list(tool_ids)
    return document


def secret_of(got: Got) -> str:
    return got.headers["authorization"].partition(" ")[2]


def test_calcom_books_an_appointment(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain, service: ToolService
) -> None:
    url = service.on("/v2/bookings", {"status": "success", "data": {"uid": "b1"}})
    base = url.removesuffix("/v2/bookings")
    connection = connect(tool_house, "calcom", "calcom_api_key", api_key="cal_hush", base_url=base)
    tool = attach(tool_house, "calcom", connection, "calcom_create_booking")
    given = {
        "start": "2026-05-04T13:30:00Z",
        "eventTypeId": "12",
        "attendee": {"name": "Ada", "email": "ada@example.com", "timeZone": "Europe/Berlin"},
    }
    prompt = brain.learn(calling(Call("calcom_create_booking", given)))
    reply, record = asked_once(tool_house, tool_sdk, having(prompt, tool))
    assert '"uid":"b1"' in reply
    [got] = service.at("/v2/bookings")
    assert (got.method, secret_of(got)) == ("POST", "cal_hush")
    assert got.headers["cal-api-version"] == "2024-08-13"
    assert json.loads(got.body) == {**given, "eventTypeId": 12}
    [call], [result] = calls_in(record), results_in(record)
    assert call["type"] == result["type"] == "api_integration_webhook"
    assert call["tool_id"] == tool
    details = call["tool_details"]
    assert (details["integration_id"], details["credential_id"]) == ("calcom", "calcom_api_key")
    assert details["integration_connection_id"] == connection
    assert details["webhook_details"]["url"] == url
    assert result["integration_connection_id"] == connection
    assert "cal_hush" not in json.dumps(record) + json.dumps(brain.heard(prompt))


def test_hubspot_keeps_a_note(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain, service: ToolService
) -> None:
    url = service.on("/crm/v3/objects/notes", {"id": "n1"}, status=201)
    base = url.removesuffix("/crm/v3/objects/notes")
    connection = connect(
        tool_house,
        "hubspot",
        "hubspot_access_token",
        access_token="pat",  # noqa: S106
        base_url=base,
    )
    tool = attach(tool_house, "hubspot", connection, "hubspot_create_note")
    given = {"properties": {"hs_note_body": "Calls back."}, "associations": [{"to": {"id": "7"}}]}
    prompt = brain.learn(calling(Call("hubspot_create_note", given)))
    reply, _ = asked_once(tool_house, tool_sdk, having(prompt, tool))
    assert reply == 'Done: {"id":"n1"}'
    [got] = service.at("/crm/v3/objects/notes")
    body = json.loads(got.body)
    assert secret_of(got) == "pat"
    assert body["properties"]["hs_note_body"] == "Calls back."
    assert body["properties"]["hs_timestamp"].startswith("20")
    [tie] = body["associations"]
    assert tie["to"] == {"id": "7"}
    assert tie["types"][0]["associationTypeId"] == 202


def test_salesforce_is_asked_with_a_token_of_its_own(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain, service: ToolService
) -> None:
    service.on("/services/oauth2/token", {"access_token": "t9", "token_type": "Bearer"})
    path = "/services/data/v60.0/parameterizedSearch"
    base = service.on(path, {"searchRecords": [{"Id": "003"}]}).removesuffix(path)
    connection = connect(
        tool_house,
        "salesforce",
        "salesforce_client_credentials",
        base_url=base,
        client_id="me",
        client_secret="hush",  # noqa: S106
    )
    tool = attach(tool_house, "salesforce", connection, "salesforce_find_contact")
    prompt = brain.learn(calling(Call("salesforce_find_contact", {"q": "ada@example.com"})))
    reply, _ = asked_once(tool_house, tool_sdk, having(prompt, tool))
    assert '"Id":"003"' in reply
    [token], [got] = service.at("/services/oauth2/token"), service.at(path)
    assert b"grant_type=client_credentials" in token.body
    assert b"client_secret=hush" in token.body
    assert secret_of(got) == "t9"
    assert (got.query["q"], got.query["sobject"]) == ("ada@example.com", "Contact")


def test_zendesk_with_overrides_and_a_failure_that_is_summarised(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain, service: ToolService
) -> None:
    url = service.on("/api/v2/tickets.json", {"ticket": {"id": 5, "subject": "x"}}, status=201)
    base = url.removesuffix("/api/v2/tickets.json")
    connection = connect(
        tool_house,
        "zendesk",
        "zendesk_api_token",
        email="me@example.com",
        api_token="zt",  # noqa: S106
        base_url=base,
    )
    overrides = {
        "schema_overrides": {
            "request_body.ticket.priority": {"source": "constant", "constant_value": "high"},
            "request_body.ticket.requester.email": {
                "source": "dynamic_variable",
                "dynamic_variable": "mail",
            },
            "request_body.ticket.requester.name": {"source": "omit"},
            "request_body.ticket.subject": {"source": "llm", "prompt": "three words"},
        },
        "request_headers": {"X-From": "{{mail}}"},
        "response_filter_mode": "allow",
        "response_filters": ["ticket.id"],
    }
    tool = attach(
        tool_house, "zendesk", connection, "zendesk_create_ticket", api_schema_overrides=overrides
    )
    other = attach(tool_house, "zendesk", connection, "zendesk_get_ticket")
    ticket = {"subject": "It is broken", "comment": {"body": "All of it."}, "priority": "low"}
    prompt = brain.learn(calling(Call("zendesk_create_ticket", {"ticket": ticket}), then="Made {}"))
    variables = {"mail": "ada@example.com"}
    document = having(prompt, tool, other)
    reply, _ = asked_once(tool_house, tool_sdk, document, dynamic_variables=variables)
    assert reply == 'Made {"ticket":{"id":5}}'
    [got] = service.at("/api/v2/tickets.json")
    assert base64.b64decode(secret_of(got)) == b"me@example.com/token:zt"
    assert got.headers["x-from"] == "ada@example.com"
    assert json.loads(got.body) == {
        "ticket": {**ticket, "priority": "high", "requester": {"email": "ada@example.com"}}
    }
    tools = {each["function"]["name"]: each["function"] for each in brain.heard(prompt)[0]["tools"]}
    asked = tools["zendesk_create_ticket"]["parameters"]["properties"]["ticket"]["properties"]
    assert set(asked) == {"subject", "comment"}
    assert asked["subject"]["description"] == "three words"

    prompt = brain.learn(calling(Call("zendesk_get_ticket", {"ticket_id": 9})))
    reply, record = asked_once(tool_house, tool_sdk, having(prompt, other))
    assert reply == "Done: The service behind the tool failed: HTTP 404: nothing is here"
    assert calls_in(record)[0]["tool_details"]["integration_id"] == "zendesk"


def test_a_connection_in_use_stays(tool_house: House) -> None:
    connection = connect(tool_house, "calcom", "calcom_api_key", api_key="k")
    tool = attach(tool_house, "calcom", connection, "calcom_cancel_booking")
    headers = {"xi-api-key": KEY}
    url = f"{tool_house.url}{SERVICES}/calcom/connections/{connection}"
    assert httpx.delete(url, headers=headers).status_code == 400
    httpx.delete(f"{tool_house.url}/v1/convai/tools/{tool}", headers=headers).raise_for_status()
    assert httpx.delete(url, headers=headers).status_code == 200
    assert httpx.delete(url, headers=headers).status_code == 404
