"""What a page is told of an agent: terms, languages and the avatar, however they were stored."""

from typing import Any

import httpx
import pytest

from api.test_api_agent_pages import AGENTS, PNG, create, widget_of
from turnwise.api.agents.widget_config import widget_config
from turnwise.api.deps import Deps

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ({"terms_text": "By *talking*"}, "<p>By <em>talking</em></p>\n"),
        ({"terms_text": "Own", "terms_html": "<b>own</b>"}, "<b>own</b>"),
        ({"terms_text": "<script>x</script>"}, "&lt;script&gt;x&lt;/script&gt;"),
        ({"terms_text": ""}, None),
        ({}, None),
    ],
)
async def test_terms_are_shown_even_if_they_are_only_text(
    client: httpx.AsyncClient, stored: Json, shown: str | None
) -> None:
    config = await widget_of(client, await create(client, platform_settings={"widget": stored}))
    assert config["terms_text"] == stored.get("terms_text")
    if shown is not None and "&lt;" in shown:
        assert shown in config["terms_html"]
    else:
        assert config["terms_html"] == shown


async def test_a_language_shows_what_was_written_or_else_translated(
    client: httpx.AsyncClient,
) -> None:
    translated = {"source": {"start_call": "Call", "end_call": "End"}}
    looks: Json = {
        "de": {
            "text_contents": {"start_call": "Los"},
            "text_contents_translation": translated
            | {"text": {"start_call": "Anrufen", "end_call": "Ende"}},
            "terms_translation": {"source_hash": "x", "text": "Mit dem *Anruf*"},
            "terms_key": "de1",
        },
        "fr": {"terms_html": "<p>oui</p>"},
    }
    spoken = {"first_message_translation": {"source_hash": "x", "text": "Hallo"}}
    agent_id = await create(
        client,
        conversation_config={"language_presets": {"de": {"overrides": {}} | spoken}},
        platform_settings={"widget": {"language_presets": looks}},
    )
    presets = (await widget_of(client, agent_id))["language_presets"]
    assert presets["de"]["first_message"] == "Hallo"
    assert presets["de"]["text_contents"]["start_call"] == "Los"
    assert presets["de"]["text_contents"]["end_call"] == "Ende"
    assert presets["de"]["terms_text"] == "Mit dem *Anruf*"
    assert presets["de"]["terms_html"] == "<p>Mit dem <em>Anruf</em></p>\n"
    assert presets["de"]["terms_key"] == "de1"
    assert presets["fr"]["terms_html"] == "<p>oui</p>"
    assert presets["fr"]["first_message"] is None


async def test_an_avatar_is_where_the_page_reaches_us_not_where_it_was_uploaded(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    agent_id = await create(client)
    files = {"avatar_file": ("me.png", PNG, "image/png")}
    await client.post(
        f"{AGENTS}/{agent_id}/avatar", files=files, headers={"host": "127.0.0.1:8017"}
    )
    stored = (await client.get(f"{AGENTS}/{agent_id}")).json()
    uploaded = stored["platform_settings"]["widget"]["avatar"]["url"]
    assert uploaded.startswith("http://127.0.0.1:8017/")
    shown = (await widget_of(client, agent_id))["avatar"]
    assert shown["url"] == uploaded.replace("127.0.0.1:8017", "test.local")
    assert (await client.get(shown["url"])).content == PNG


@pytest.mark.parametrize(
    "avatar",
    [
        {"type": "image", "url": "https://shop.example/me.png"},
        {"type": "image", "url": "https://x.example/v1/convai/agents/agent_1/avatar/me.png"},
        {"type": "image", "url": ""},
        {"type": "url", "custom_url": "https://shop.example/me.png"},
        {"type": "orb", "color_1": "#000000", "color_2": "#ffffff"},
    ],
)
async def test_any_other_avatar_is_shown_as_it_is(client: httpx.AsyncClient, avatar: Json) -> None:
    agent_id = await create(client, platform_settings={"widget": {"avatar": avatar}})
    assert (await widget_of(client, agent_id))["avatar"] == avatar


async def test_an_avatar_behind_a_prefix_is_found(client: httpx.AsyncClient, deps: Deps) -> None:
    path = f"/v1/convai/agents/agent_1/avatar/{'0' * 32}.png"
    avatar = {"type": "image", "url": f"https://x.example/voice{path}"}
    agent_id = await create(client, platform_settings={"widget": {"avatar": avatar}})
    async with deps.store.reading() as tx:
        agent = await tx.agents.get(agent_id)
    assert agent is not None
    shown = widget_config(dict(agent.document), "https://voice.example")["avatar"]
    assert shown["url"] == f"https://voice.example{path}"
