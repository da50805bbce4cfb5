"""`/v1/convai/batch-calling`."""

from typing import Any

import httpx
import pytest
from elevenlabs import ConversationalConfig
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import OutboundCallRecipient

from api.api_kit import error_of
from turnwise.api import Deps

BASE = "/v1/convai/batch-calling"
Json = dict[str, Any]
PEOPLE: list[Json] = [
    {"phone_number": "+1", "id": "first"},
    {
        "phone_number": "+2",
        "conversation_initiation_client_data": {"dynamic_variables": {"name": "Ada"}},
    },
]


async def ok(answer: httpx.Response) -> Any:  # noqa: ANN401
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
async def agent_id(client: httpx.AsyncClient) -> str:
    body = {"name": "Caller", "conversation_config": {}}
    return str((await ok(await client.post("/v1/convai/agents/create", json=body)))["agent_id"])


async def submit(client: httpx.AsyncClient, agent_id: str, **more: object) -> Json:
    body = {"call_name": "News", "agent_id": agent_id, "recipients": PEOPLE, **more}
    found: Json = await ok(await client.post(f"{BASE}/submit", json=body))
    return found


async def reached(deps: Deps, batch_id: str, *statuses: str) -> None:
    """Write down what came of the calls, as a dialler would."""
    async with deps.store.writing() as tx:
        kept = await tx.records.get("batch_recipients", batch_id, lock=True)
        assert kept is not None
        people = [
            {**each, "status": status}
            for each, status in zip(kept.document["recipients"], statuses, strict=True)
        ]
        await tx.records.replace("batch_recipients", batch_id, {"recipients": people})


@pytest.mark.anyio
async def test_submit_batch_and_get_batch(client: httpx.AsyncClient, agent_id: str) -> None:
    number = {"provider": "twilio", "phone_number": "+9", "label": "x", "sid": "AC", "token": "t"}
    made = await ok(await client.post("/v1/convai/phone-numbers", json=number))
    number_id = made["phone_number_id"]
    batch = await submit(client, agent_id, agent_phone_number_id=number_id, timezone="Europe/Rome")
    assert (batch["status"], batch["name"], batch["agent_name"]) == ("pending", "News", "Caller")
    assert (batch["total_calls_scheduled"], batch["total_calls_dispatched"]) == (2, 0)
    assert (batch["phone_number_id"], batch["phone_provider"]) == (number_id, "twilio")
    assert batch["scheduled_time_unix"] == batch["created_at_unix"]
    assert batch["warnings"] == ["No carrier is connected to this server: nobody is called."]
    found = await ok(await client.get(f"{BASE}/{batch['id']}"))
    one, two = found["recipients"]
    assert (one["id"], one["phone_number"], one["status"]) == ("first", "+1", "pending")
    told = two["conversation_initiation_client_data"]["dynamic_variables"]
    assert (two["id"][:5], told) == ("rcpt_", {"name": "Ada"})


@pytest.mark.anyio
async def test_list_batches_in_pages(client: httpx.AsyncClient, agent_id: str) -> None:
    ids = [(await submit(client, agent_id, call_name=f"{n}"))["id"] for n in range(3)]
    path = f"{BASE}/workspace"
    page = await ok(await client.get(path, params={"limit": 2, "agent_id": agent_id}))
    assert [each["id"] for each in page["batch_calls"]] == ids[:0:-1]
    assert page["has_more"]
    query = {"limit": 2, "agent_id": agent_id, "last_doc": page["next_doc"]}
    page = await ok(await client.get(path, params=query))
    assert [each["id"] for each in page["batch_calls"]] == ids[:1]
    assert page["next_doc"] is None
    page = await ok(await client.get(path, params={"agent_id": "other"}))
    assert page["batch_calls"] == []
    for limit in (0, -1, 10**6):
        assert (await client.get(path, params={"limit": limit})).status_code == 422


@pytest.mark.anyio
async def test_cancel_batch(client: httpx.AsyncClient, deps: Deps, agent_id: str) -> None:
    batch_id = (await submit(client, agent_id))["id"]
    await reached(deps, batch_id, "completed", "pending")
    batch = await ok(await client.post(f"{BASE}/{batch_id}/cancel"))
    assert (batch["status"], batch["total_calls_finished"]) == ("cancelled", 2)
    assert batch["total_calls_dispatched"] == 1
    found = await ok(await client.get(f"{BASE}/{batch_id}"))
    assert [each["status"] for each in found["recipients"]] == ["completed", "cancelled"]
    assert (await client.post(f"{BASE}/{batch_id}/cancel")).status_code == 200


@pytest.mark.anyio
async def test_a_batch_that_is_over_cannot_be_cancelled(
    client: httpx.AsyncClient, deps: Deps, agent_id: str
) -> None:
    batch_id = (await submit(client, agent_id))["id"]
    async with deps.store.writing() as tx:
        record = await tx.records.get("batch_call", batch_id, lock=True)
        assert record is not None
        over = {**record.document, "status": "completed"}
        await tx.records.replace("batch_call", batch_id, over)
    answer = await client.post(f"{BASE}/{batch_id}/cancel")
    assert (answer.status_code, error_of(answer)["code"]) == (409, "batch_call_finished")


@pytest.mark.anyio
async def test_retry_batch_calls_only_who_was_not_reached(
    client: httpx.AsyncClient, deps: Deps, agent_id: str
) -> None:
    batch_id = (await submit(client, agent_id))["id"]
    batch = await ok(await client.post(f"{BASE}/{batch_id}/retry"))
    assert batch["retry_count"] == 0
    await reached(deps, batch_id, "failed", "completed")
    batch = await ok(await client.post(f"{BASE}/{batch_id}/retry"))
    assert (batch["status"], batch["retry_count"]) == ("pending", 1)
    found = await ok(await client.get(f"{BASE}/{batch_id}"))
    assert [each["status"] for each in found["recipients"]] == ["pending", "completed"]


@pytest.mark.anyio
async def test_export_batch_and_delete_batch(client: httpx.AsyncClient, agent_id: str) -> None:
    batch_id = (await submit(client, agent_id))["id"]
    answer = await client.get(f"{BASE}/{batch_id}/export")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    head, first, _ = answer.text.splitlines()
    assert head.startswith("id,phone_number,")
    assert first.startswith("first,+1,,pending,,")
    answer = await client.get(f"{BASE}/{batch_id}/export", params={"limit": 1})
    assert len(answer.text.splitlines()) == 2
    assert (await client.get(f"{BASE}/{batch_id}/export?limit=-1")).status_code == 422
    answer = await client.delete(f"{BASE}/{batch_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    for method, path in [
        ("GET", ""), ("DELETE", ""), ("GET", "/export"), ("POST", "/cancel"), ("POST", "/retry"),
    ]:  # fmt: skip
        answer = await client.request(method, f"{BASE}/{batch_id}{path}")
        assert error_of(answer)["code"] == "batch_call_not_found"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"agent_id": "no"}, 404),
        ({"agent_phone_number_id": "no"}, 404),
        ({"recipients": [{}]}, 422),
        ({"recipients": [PEOPLE[0], PEOPLE[0]]}, 422),
        ({"recipients": "all"}, 422),
        ({"call_name": None}, 422),
        ({"target_concurrency_limit": 0}, 422),
        ({"telephony_call_config": {"ringing_timeout_secs": 0}}, 422),
    ],
)
async def test_a_wrong_batch_is_refused_and_leaves_nothing(
    client: httpx.AsyncClient, agent_id: str, changed: Json, status: int
) -> None:
    body = {"call_name": "News", "agent_id": agent_id, "recipients": PEOPLE, **changed}
    assert (await client.post(f"{BASE}/submit", json=body)).status_code == status
    assert (await ok(await client.get(f"{BASE}/workspace")))["batch_calls"] == []


def test_the_sdk_submits_lists_cancels_retries_exports_and_deletes_batches(
    sdk: ElevenLabs,
) -> None:
    batches = sdk.conversational_ai.batch_calls
    agent_id = sdk.conversational_ai.agents.create(
        conversation_config=ConversationalConfig()
    ).agent_id
    people = [OutboundCallRecipient(phone_number="+1")]
    made = batches.create(call_name="News", agent_id=agent_id, recipients=people)
    assert (made.status, made.total_calls_scheduled) == ("pending", 1)
    assert [each.id for each in batches.list(agent_id=agent_id).batch_calls] == [made.id]
    assert batches.get(made.id).recipients[0].phone_number == "+1"
    assert batches.cancel(made.id).status == "cancelled"
    assert batches.retry(made.id).retry_count == 0
    assert b"+1" in b"".join(batches.export(made.id))
    batches.delete(made.id)
    with pytest.raises(ApiError) as caught:
        batches.get(made.id)
    assert caught.value.status_code == 404
