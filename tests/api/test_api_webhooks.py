"""`/v1/workspace/webhooks`, in process and through the official SDK."""

import asyncio
from typing import Any

import httpx
import pytest
from elevenlabs import WebhookHmacSettings
from elevenlabs.client import ElevenLabs

from api.api_kit import error_of
from turnwise.api import Deps

pytestmark = pytest.mark.anyio
WEBHOOKS = "/v1/workspace/webhooks"
SETTINGS = {"auth_type": "hmac", "name": "Calls", "webhook_url": "https://a.test/hook"}


async def made(client: httpx.AsyncClient, **more: object) -> dict[str, str]:
    answer = await client.post(WEBHOOKS, json={"settings": {**SETTINGS, **more}})
    assert answer.status_code == 200, answer.text
    webhook = answer.json()
    assert webhook.keys() == {"webhook_id", "webhook_secret"}
    return {str(key): str(value) for key, value in webhook.items()}


async def listed(client: httpx.AsyncClient, **asked: str) -> list[dict[str, Any]]:
    answer = await client.get(WEBHOOKS, params=asked)
    assert answer.status_code == 200, answer.text
    found = answer.json()["webhooks"]
    assert isinstance(found, list)
    return found


async def test_create_webhook_shows_its_secret_once_and_keeps_it_sealed(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    webhook = await made(client, request_headers={"x-key": "k"})
    secret = webhook["webhook_secret"]
    assert secret.startswith("wsec_")
    assert len(secret) > 40
    assert (await made(client))["webhook_secret"] != secret
    assert secret not in (await client.get(WEBHOOKS)).text
    first = (await listed(client))[0]
    assert first.pop("created_at_unix") > 1_700_000_000
    assert first == {
        "name": "Calls",
        "webhook_id": webhook["webhook_id"],
        "webhook_url": "https://a.test/hook",
        "is_disabled": False,
        "is_auto_disabled": False,
        "auth_type": "hmac",
        "usage": None,
        "events": None,
        "most_recent_failure_error_code": None,
        "most_recent_failure_timestamp": None,
    }
    async with deps.store.reading() as tx:
        record = await tx.records.get("webhook", webhook["webhook_id"])
    assert record is not None
    assert secret not in str(record.document)
    assert deps.vault is not None
    assert deps.vault.open(record.document["sealed"]) == secret
    assert record.document["request_headers"] == {"x-key": "k"}


async def test_update_webhook_changes_what_is_named_and_switches_it_on_again(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    webhook_id = (await made(client, request_headers={"x-key": "k"}))["webhook_id"]
    url = f"{WEBHOOKS}/{webhook_id}"
    body = {"is_disabled": True, "name": "Off", "events": ["agent_qa"], "retry_enabled": True}
    assert (await client.patch(url, json=body)).json() == {"status": "ok"}
    (row,) = await listed(client)
    assert (row["is_disabled"], row["name"], row["events"]) == (True, "Off", ["agent_qa"])
    async with deps.store.writing() as tx:
        record = await tx.records.get("webhook", webhook_id, lock=True)
        assert record is not None
        off = record.document | {"is_auto_disabled": True}
        await tx.records.replace("webhook", webhook_id, off)
    await client.patch(url, json={"is_disabled": False, "name": "On"})
    async with deps.store.reading() as tx:
        record = await tx.records.get("webhook", webhook_id)
    assert record is not None
    assert record.document["is_auto_disabled"] is False
    assert record.document["retry_enabled"] is True
    assert record.document["request_headers"] == {"x-key": "k"}
    assert record.document["events"] == ["agent_qa"]


async def test_list_webhooks_tells_their_usages_if_asked(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    used, unused = (await made(client))["webhook_id"], (await made(client))["webhook_id"]
    settings = {"webhooks": {"post_call_webhook_id": used}}
    assert (await client.patch("/v1/convai/settings", json=settings)).status_code == 200
    async with deps.store.writing() as tx:
        for number in range(2):
            await tx.records.set_uses("agent", f"a{number}", [("webhook", used)])
    rows = {row["webhook_id"]: row["usage"] for row in await listed(client, include_usages="true")}
    assert rows[unused] == []
    usages = [each["usage_type"] for each in rows[used]]
    assert usages == ["ConvAI Agent Settings", "ConvAI Settings"]
    assert [row["usage"] for row in await listed(client)] == [None, None]
    refused = await client.delete(f"{WEBHOOKS}/{used}")
    assert refused.status_code == 409
    assert error_of(refused)["status"] == "webhook_in_use"
    assert (await client.delete(f"{WEBHOOKS}/{unused}")).json() == {"status": "ok"}
    assert error_of(await client.delete(f"{WEBHOOKS}/{unused}"))["code"] == "webhook_not_found"


@pytest.mark.parametrize(
    ("settings", "loc"),
    [
        ({"name": "n"}, ["body", "settings", "auth_type"]),
        ({**SETTINGS, "auth_type": "mtls"}, ["body", "settings", "auth_type"]),
        ({**SETTINGS, "webhook_url": "http://a.test"}, ["body", "settings", "webhook_url"]),
        ({**SETTINGS, "webhook_url": "nowhere"}, ["body", "settings", "webhook_url"]),
        ({**SETTINGS, "request_headers": {"x": 1}}, ["body", "settings", "request_headers", "x"]),
    ],
)
async def test_create_webhook_refuses_what_cannot_be_called(
    client: httpx.AsyncClient, settings: dict[str, Any], loc: list[str]
) -> None:
    answer = await client.post(WEBHOOKS, json={"settings": settings})
    assert answer.status_code == 422
    assert loc in [problem["loc"] for problem in answer.json()["detail"]]
    assert await listed(client) == []


async def test_update_webhook_wants_a_name_and_a_webhook(client: httpx.AsyncClient) -> None:
    webhook_id = (await made(client))["webhook_id"]
    for body in ({"is_disabled": True}, {"name": "n"}, {"is_disabled": "maybe", "name": "n"}):
        assert (await client.patch(f"{WEBHOOKS}/{webhook_id}", json=body)).status_code == 422
    whole = {"is_disabled": True, "name": "n"}
    assert (await client.patch(f"{WEBHOOKS}/none", json=whole)).status_code == 404


async def test_update_webhook_at_once_ends_as_one_of_them(client: httpx.AsyncClient) -> None:
    webhook_id = (await made(client))["webhook_id"]
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            body = {"is_disabled": number % 2 == 0, "name": f"n{number}"}
            group.create_task(client.patch(f"{WEBHOOKS}/{webhook_id}", json=body))
    (row,) = await listed(client)
    assert row["is_disabled"] is (int(row["name"][1:]) % 2 == 0)


def test_the_sdk_keeps_webhooks(sdk: ElevenLabs) -> None:
    settings = WebhookHmacSettings(name="Calls", webhook_url="https://a.test/hook")
    webhook = sdk.webhooks.create(settings=settings)
    assert webhook.webhook_secret is not None
    (row,) = sdk.webhooks.list(include_usages=True).webhooks
    assert (row.webhook_id, row.usage) == (webhook.webhook_id, [])
    changed = sdk.webhooks.update(webhook.webhook_id, is_disabled=True, name="Off")
    assert changed.status == "ok"
    assert sdk.webhooks.delete(webhook.webhook_id).status == "ok"
    assert sdk.webhooks.list().webhooks == []
