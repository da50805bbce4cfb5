"""`/v1/convai/settings`, in process and through the official SDK."""

import asyncio
from typing import Any

import httpx
import pytest
from elevenlabs import ConvAiWebhooks
from elevenlabs.client import ElevenLabs

from api.api_kit import error_of
from turnwise.api import Deps

pytestmark = pytest.mark.anyio
SETTINGS = "/v1/convai/settings"
DEFAULTS = {
    "conversation_initiation_client_data_webhook": None,
    "webhooks": {
        "post_call_webhook_id": None,
        "transcript_format": "json",
        "send_audio": None,
        "exclude_transcript": None,
    },
    "can_use_mcp_servers": False,
    "rag_retention_period_days": 10,
    "conversation_embedding_retention_days": None,
    "default_livekit_stack": "standard",
}
WEBHOOK = {"url": "https://a.test/init", "request_headers": {"x-key": {"secret_id": "s1"}}}


async def patched(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.patch(SETTINGS, json=body)
    assert answer.status_code == 200, answer.text
    settings = answer.json()
    assert (await client.get(SETTINGS)).json() == settings
    assert isinstance(settings, dict)
    return settings


async def test_get_settings_begins_with_the_published_defaults(client: httpx.AsyncClient) -> None:
    settings = (await client.get(SETTINGS)).json()
    events = settings["webhooks"].pop("events")
    assert isinstance(events, list)
    assert settings == DEFAULTS


async def test_update_settings_merges_keeps_what_is_unknown_and_resets_nulls(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    async with deps.store.writing() as tx:
        await tx.records.create("secret", {}, record_id="s1", name="S")
    first = await patched(
        client,
        {
            "conversation_initiation_client_data_webhook": WEBHOOK,
            "webhooks": {"events": ["audio"], "mine": [None]},
            "rag_retention_period_days": 3,
            "new_one": {"a": None},
        },
    )
    assert first["conversation_initiation_client_data_webhook"] == WEBHOOK
    assert first["new_one"] == {"a": None}
    second = await patched(client, {"webhooks": {"exclude_transcript": True}})
    assert second["webhooks"]["events"] == ["audio"]
    assert second["webhooks"]["mine"] == [None]
    assert second["webhooks"]["exclude_transcript"] is True
    assert second["rag_retention_period_days"] == 3
    async with deps.store.reading() as tx:
        assert await tx.records.users_of("secret", "s1") == (("settings", "only"),)
    third = await patched(
        client,
        {"conversation_initiation_client_data_webhook": None, "rag_retention_period_days": None},
    )
    assert third["conversation_initiation_client_data_webhook"] is None
    assert third["rag_retention_period_days"] == 10
    assert third["new_one"] == {"a": None}
    async with deps.store.reading() as tx:
        assert await tx.records.users_of("secret", "s1") == ()


async def test_settings_that_nothing_acts_on_are_named_beside_the_answer(
    client: httpx.AsyncClient,
) -> None:
    told = "x-turnwise-warnings"
    assert told not in (await client.patch(SETTINGS, json={"can_use_mcp_servers": True})).headers
    body = {"rag_retention_period_days": 3, "default_livekit_stack": "static"}
    idle = (await client.patch(SETTINGS, json=body)).headers[told]
    assert idle == "default_livekit_stack, rag_retention_period_days"
    reset = await client.patch(SETTINGS, json=dict.fromkeys(body))
    assert told not in reset.headers


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"rag_retention_period_days": 31}, ["body", "rag_retention_period_days"]),
        ({"rag_retention_period_days": 0}, ["body", "rag_retention_period_days"]),
        ({"default_livekit_stack": "moving"}, ["body", "default_livekit_stack"]),
        ({"webhooks": {"events": ["nothing"]}}, ["body", "webhooks", "events", 0]),
        (
            {"conversation_initiation_client_data_webhook": {**WEBHOOK, "url": "http://a.test"}},
            ["body", "conversation_initiation_client_data_webhook", "url"],
        ),
        (
            {"conversation_initiation_client_data_webhook": {"url": "https://a.test"}},
            ["body", "conversation_initiation_client_data_webhook", "request_headers"],
        ),
    ],
)
async def test_update_settings_refuses_what_does_not_fit_and_changes_nothing(
    client: httpx.AsyncClient, body: dict[str, Any], loc: list[str | int]
) -> None:
    before = (await client.get(SETTINGS)).json()
    answer = await client.patch(SETTINGS, json=body)
    assert answer.status_code == 422, answer.text
    assert [problem["loc"] for problem in answer.json()["detail"]] == [loc]
    assert (await client.get(SETTINGS)).json() == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"conversation_initiation_client_data_webhook": WEBHOOK}, "secret_not_found"),
        ({"webhooks": {"post_call_webhook_id": "no"}}, "webhook_not_found"),
    ],
)
async def test_update_settings_wants_what_it_refers_to(
    client: httpx.AsyncClient, body: dict[str, Any], code: str
) -> None:
    answer = await client.patch(SETTINGS, json=body)
    assert answer.status_code == 404
    assert error_of(answer)["code"] == code


async def test_update_settings_at_once_loses_nothing(client: httpx.AsyncClient) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(client.patch(SETTINGS, json={f"field_{number}": number}))
    settings = (await client.get(SETTINGS)).json()
    assert [settings.get(f"field_{number}") for number in range(8)] == list(range(8))


def test_the_sdk_reads_and_changes_settings(sdk: ElevenLabs) -> None:
    settings = sdk.conversational_ai.settings
    assert settings.get().can_use_mcp_servers is False
    changed = settings.update(
        can_use_mcp_servers=True, webhooks=ConvAiWebhooks(events=["transcript", "audio"])
    )
    assert changed.can_use_mcp_servers is True
    assert changed.webhooks is not None
    assert changed.webhooks.events == ["transcript", "audio"]
    assert settings.update(can_use_mcp_servers=False).webhooks == changed.webhooks
