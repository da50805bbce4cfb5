"""`/v1/convai/phone-numbers` and `/v1/convai/v2/phone-numbers`."""

import asyncio
from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai.phone_numbers import (
    PhoneNumbersCreateRequestBody_SipTrunk,
    PhoneNumbersCreateRequestBody_Twilio,
)
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import OutboundSipTrunkConfigRequestModel

from api.api_kit import error_of
from turnwise.api import Deps
from turnwise.api.phone_numbers import sealed

BASE = "/v1/convai/phone-numbers"
V2 = "/v1/convai/v2/phone-numbers"
Json = dict[str, Any]

TWILIO: Json = {
    "provider": "twilio",
    "phone_number": "+390110001",
    "label": "Office",
    "sid": "AC1",
    "token": "very secret token",
    "region_config": {"region_id": "ie1", "token": "very secret region", "edge_location": "dublin"},
}
EXOTEL: Json = {
    "provider": "exotel",
    "phone_number": "+910001",
    "label": "India",
    "account_sid": "x",
    "api_key": "very secret key",
    "api_token": "very secret api token",
    "api_subdomain": "api.exotel.com",
    "app_id": "1",
    "supports_outbound": False,
}
SIP: Json = {
    "provider": "sip_trunk",
    "phone_number": "+390110002",
    "label": "Trunk",
    "inbound_trunk_config": {
        "allowed_numbers": ["+1"],
        "credentials": {"username": "in", "password": "very secret in"},
    },
    "outbound_trunk_config": {
        "address": "sip.example.test",
        "credentials": {"username": "out", "password": "very secret out"},
        "headers": {"X-Tenant": "7"},
    },
}


async def ok(answer: httpx.Response) -> Any:  # noqa: ANN401
    assert answer.status_code == 200, answer.text
    return answer.json()


async def make(client: httpx.AsyncClient, body: Json = TWILIO, **more: object) -> str:
    return str((await ok(await client.post(BASE, json=body | more)))["phone_number_id"])


async def agent(client: httpx.AsyncClient, name: str = "Answers") -> str:
    body = {"name": name, "conversation_config": {}}
    return str((await ok(await client.post("/v1/convai/agents/create", json=body)))["agent_id"])


@pytest.mark.anyio
@pytest.mark.parametrize("body", [TWILIO, EXOTEL, SIP], ids=lambda body: body["provider"])
async def test_create_phone_number_keeps_secrets_to_itself(
    client: httpx.AsyncClient, deps: Deps, body: Json
) -> None:
    number_id = await make(client, body)
    answer = await client.get(f"{BASE}/{number_id}")
    found = await ok(answer)
    for key in ("provider", "phone_number", "label"):
        assert found[key] == body[key]
    assert found["assigned_agent"] is None
    async with deps.store.reading() as tx:
        record = await tx.records.get("phone_number", number_id)
    assert record is not None
    for text in (answer.text, str(record.document), (await client.get(BASE)).text):
        assert "very secret" not in text
    assert deps.vault is not None
    secrets = sealed.opened(record.document, deps.vault)
    assert len(secrets) == 2
    assert all("very secret" in each for each in secrets.values())


@pytest.mark.anyio
async def test_a_trunk_is_shown_without_its_password(client: httpx.AsyncClient) -> None:
    found = await ok(await client.get(f"{BASE}/{await make(client, SIP)}"))
    assert found["outbound_trunk"] == found["provider_config"]
    assert found["outbound_trunk"]["address"] == "sip.example.test"
    assert found["outbound_trunk"]["transport"] == "auto"
    assert found["outbound_trunk"]["headers"] == {"X-Tenant": "7"}
    assert found["outbound_trunk"]["username"] == "out"
    assert found["inbound_trunk"]["has_auth_credentials"]
    assert found["inbound_trunk"]["allowed_numbers"] == ["+1"]
    assert (found["livekit_stack"], found["store_sip_messages"]) == ("standard", True)


@pytest.mark.anyio
async def test_change_phone_number_assigns_and_renames(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    number_id, agent_id = await make(client), await agent(client)
    body: Json = {"agent_id": agent_id, "environment": "staging", "label": "New"}
    found = await ok(await client.patch(f"{BASE}/{number_id}", json=body))
    assert found["label"] == "New"
    assert found["assigned_agent"] == {
        "agent_id": agent_id, "agent_name": "Answers", "environment": "staging", "branch_id": None,
    }  # fmt: skip
    async with deps.store.reading() as tx:
        assert await tx.records.users_of("agent", agent_id) == (("phone_number", number_id),)
    found = await ok(await client.patch(f"{BASE}/{number_id}", json={"label": "Again"}))
    assert found["assigned_agent"]["agent_id"] == agent_id
    found = await ok(await client.patch(f"{BASE}/{number_id}", json={"agent_id": None}))
    assert (found["assigned_agent"], found["label"]) == (None, "Again")


@pytest.mark.anyio
async def test_get_agent_shows_the_numbers_that_are_assigned_to_it(
    client: httpx.AsyncClient,
) -> None:
    agent_id, other_id = await agent(client), await agent(client, "Other")
    url = f"/v1/convai/agents/{agent_id}"
    assert (await ok(await client.get(url)))["phone_numbers"] == []
    ids = [await make(client, body, agent_id=agent_id) for body in (TWILIO, SIP)]
    await make(client, EXOTEL, agent_id=other_id)
    expected = [await ok(await client.get(f"{BASE}/{number_id}")) for number_id in ids]
    assert (await ok(await client.get(url)))["phone_numbers"] == expected
    assert (await ok(await client.patch(url, json={"name": "B"})))["phone_numbers"][0][
        "assigned_agent"
    ]["agent_name"] == "B"
    await ok(await client.patch(f"{BASE}/{ids[0]}", json={"agent_id": other_id}))
    found = (await ok(await client.get(url)))["phone_numbers"]
    assert [each["phone_number_id"] for each in found] == ids[1:]


@pytest.mark.anyio
async def test_a_changed_trunk_has_its_own_password_or_none(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    number_id = await make(client, SIP)
    trunk = {"address": "new.example.test", "credentials": {"username": "new"}}
    body: Json = {"outbound_trunk_config": trunk, "livekit_stack": "static"}
    found = await ok(await client.patch(f"{BASE}/{number_id}", json=body))
    assert found["outbound_trunk"]["address"] == "new.example.test"
    assert found["livekit_stack"] == "static"
    assert found["inbound_trunk"]["username"] == "in"
    async with deps.store.reading() as tx:
        record = await tx.records.get("phone_number", number_id)
    assert record is not None
    assert deps.vault is not None
    secrets = sealed.opened(record.document, deps.vault)
    assert secrets == {"inbound_trunk_config": "very secret in"}


@pytest.mark.anyio
async def test_patches_at_the_same_time_lose_nothing(client: httpx.AsyncClient) -> None:
    number_id, agent_id = await make(client), await agent(client)
    async with asyncio.TaskGroup() as tasks:
        for body in [{"label": "New"}, {"agent_id": agent_id}] * 3:
            tasks.create_task(client.patch(f"{BASE}/{number_id}", json=body))
    found = await ok(await client.get(f"{BASE}/{number_id}"))
    assert (found["label"], found["assigned_agent"]["agent_id"]) == ("New", agent_id)


@pytest.mark.anyio
async def test_list_phone_numbers_both_ways(client: httpx.AsyncClient) -> None:
    agent_id = await agent(client)
    office = await make(client, TWILIO, agent_id=agent_id)
    india, trunk = await make(client, EXOTEL), await make(client, SIP)

    async def ids(path: str, **asked: object) -> list[str]:
        found = await ok(await client.get(path, params=asked))  # type: ignore[arg-type]
        rows = found if isinstance(found, list) else found["phone_numbers"]
        return [row["phone_number_id"] for row in rows]

    assert await ids(BASE) == [office, india, trunk]
    assert await ids(BASE, provider="exotel") == [india]
    assert await ids(BASE, agent_id=agent_id) == [office]
    assert await ids(BASE, agent_id="other") == []
    assert await ids(V2, search="OFF") == [office]
    assert await ids(V2, search="+39") == [office, trunk]
    assert await ids(V2, label="India") == [india]
    assert await ids(V2, phone_number="+390110002") == [trunk]
    assert await ids(V2, supports_outbound=False) == [india]
    assert await ids(V2, sort_by="label") == [india, office, trunk]
    assert await ids(V2, sort_by="phone_number", sort_direction="desc") == [india, trunk, office]
    page = await ok(await client.get(V2, params={"page_size": 2}))
    assert page["has_more"]
    assert await ids(V2, page_size=2, cursor=page["next_cursor"]) == [trunk]


@pytest.mark.anyio
async def test_delete_phone_number(client: httpx.AsyncClient) -> None:
    number_id = await make(client)
    await ok(await client.delete(f"{BASE}/{number_id}"))
    for method, path in [("GET", ""), ("DELETE", ""), ("PATCH", ""), ("GET", "/sip-messages")]:
        body = {"json": {"label": "x"}} if method == "PATCH" else {}
        answer = await client.request(method, f"{BASE}/{number_id}{path}", **body)  # type: ignore[arg-type]
        assert error_of(answer)["code"] == "phone_number_not_found"


@pytest.mark.anyio
async def test_get_sip_messages_has_none(client: httpx.AsyncClient) -> None:
    found = await ok(await client.get(f"{BASE}/{await make(client, SIP)}/sip-messages"))
    assert found == {"sip_messages": [], "next_cursor": None, "has_more": False}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({**TWILIO, "token": None}, 422),
        ({**TWILIO, "phone_number": 5}, 422),
        ({**SIP, "outbound_trunk_config": {"transport": "tcp"}}, 422),
        ({**EXOTEL, "api_subdomain": "elsewhere"}, 422),
        ({"provider": "other", "phone_number": "1", "label": "x"}, 422),
        ([], 422),
        ({**TWILIO, "agent_id": "no"}, 404),
    ],
)
async def test_a_wrong_number_is_refused(
    client: httpx.AsyncClient, wrong: object, status: int
) -> None:
    assert (await client.post(BASE, json=wrong)).status_code == status
    assert (await ok(await client.get(BASE))) == []


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["twilio/outbound-call", "sip-trunk/outbound-call"])
async def test_calling_is_not_offered_yet_and_says_so(client: httpx.AsyncClient, path: str) -> None:
    body = {"agent_id": "a", "agent_phone_number_id": "p", "to_number": "+1"}
    answer = await client.post(f"/v1/convai/{path}", json=body)
    assert (answer.status_code, error_of(answer)["code"]) == (501, "not_implemented")


def test_the_sdk_makes_reads_changes_lists_and_deletes_numbers(sdk: ElevenLabs) -> None:
    numbers = sdk.conversational_ai.phone_numbers
    twilio = numbers.create(
        request=PhoneNumbersCreateRequestBody_Twilio(
            phone_number="+1",
            label="A",
            sid="AC1",
            token="t",  # noqa: S106
        )
    ).phone_number_id
    trunk = numbers.create(
        request=PhoneNumbersCreateRequestBody_SipTrunk(
            phone_number="+2",
            label="B",
            outbound_trunk_config=OutboundSipTrunkConfigRequestModel(address="sip.example.test"),
        )
    ).phone_number_id
    assert [each.phone_number_id for each in numbers.list()] == [twilio, trunk]
    assert numbers.get(twilio).provider == "twilio"
    found = numbers.get(trunk)
    assert found.provider == "sip_trunk"
    assert found.outbound_trunk is not None
    assert found.outbound_trunk.address == "sip.example.test"
    assert numbers.update(twilio, label="C").label == "C"
    page = numbers.list_v_2(search="C")
    assert [each.label for each in page.phone_numbers] == ["C"]
    assert numbers.get_sip_messages(trunk).sip_messages == []
    numbers.delete(twilio)
    numbers.delete(trunk)
    with pytest.raises(ApiError) as caught:
        numbers.get(trunk)
    assert caught.value.status_code == 404
