"""An agent on other people's pages: widget, link, avatar; and what models cost."""

import base64
from typing import Any

import httpx
import pytest
from elevenlabs.types import (
    GetAgentEmbedResponseModel,
    GetAgentLinkResponseModel,
    LlmUsageCalculatorResponseModel,
    PostAgentAvatarResponseModel,
)

from api.api_kit import error_of
from turnwise.api.deps import Deps
from turnwise.store import Grant

pytestmark = pytest.mark.anyio

AGENTS = "/v1/convai/agents"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
Json = dict[str, Any]


async def create(client: httpx.AsyncClient, **body: object) -> str:
    answer = await client.post(f"{AGENTS}/create", json={"conversation_config": {}} | body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["agent_id"])


async def widget_of(client: httpx.AsyncClient, agent_id: str, **query: str) -> Json:
    stranger = {"xi-api-key": "", "origin": "https://shop.example"}
    answer = await client.get(f"{AGENTS}/{agent_id}/widget", params=query, headers=stranger)
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    GetAgentEmbedResponseModel.model_validate(answer.json())
    assert answer.json()["agent_id"] == agent_id
    config: Json = answer.json()["widget_config"]
    return config


async def test_a_page_gets_the_widget_of_a_public_agent_without_a_key(
    client: httpx.AsyncClient,
) -> None:
    config = await widget_of(client, await create(client))
    assert config["language"] == "en"
    assert config["avatar"] == {"type": "orb", "color_1": "#2792dc", "color_2": "#9ce6e6"}
    assert (config["variant"], config["placement"]) == ("full", "bottom-right")
    assert config["supported_language_overrides"] is None
    assert not config["supports_text_only"]
    assert config["file_input_config"]["enabled"]
    assert "custom_avatar_path" not in config


async def test_the_widget_says_what_the_agent_permits(client: httpx.AsyncClient) -> None:
    override = {"agent": {"language": True}, "conversation": {"text_only": True}}
    preset = {"overrides": {"agent": {"first_message": "Hallo"}}}
    agent_id = await create(
        client,
        conversation_config={
            "agent": {"first_message": "Hello"},
            "language_presets": {"de": preset},
        },
        platform_settings={
            "overrides": {"conversation_config_override": override},
            "widget": {
                "variant": "compact",
                "avatar": {"type": "url", "custom_url": "https://x.example/a.png"},
                "language_presets": {"de": {"text_contents": {"start_call": "Los"}}},
                "own": {"kept": None},
            },
        },
    )
    config = await widget_of(client, agent_id)
    assert config["first_message"] == "Hello"
    assert config["supported_language_overrides"] == ["de"]
    assert config["language_presets"]["de"]["first_message"] == "Hallo"
    assert config["language_presets"]["de"]["text_contents"]["start_call"] == "Los"
    assert config["supports_text_only"]
    assert config["variant"] == "compact"
    assert config["avatar"]["custom_url"] == "https://x.example/a.png"
    assert config["own"] == {"kept": None}


async def test_the_widget_of_a_closed_agent_is_for_the_invited(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    auth = {"auth": {"enable_auth": True, "shareable_token": "open-sesame"}}
    agent_id = await create(client, platform_settings=auth)
    url = f"{AGENTS}/{agent_id}/widget"
    for query in ("", "?conversation_signature=wrong", "?conversation_signature="):
        answer = await client.get(url + query, headers={"xi-api-key": ""})
        assert answer.status_code == 401
        assert error_of(answer)["status"] == "needs_authorization"
    assert (await client.get(url)).status_code == 200
    signature = deps.signer.sign(Grant(agent_id=agent_id))
    await widget_of(client, agent_id, conversation_signature=signature)
    await widget_of(client, agent_id, conversation_signature="open-sesame")
    foreign = deps.signer.sign(Grant(agent_id="agent_other"))
    answer = await client.get(
        url, params={"conversation_signature": foreign}, headers={"xi-api-key": ""}
    )
    assert answer.status_code == 401


async def test_get_link(client: httpx.AsyncClient) -> None:
    agent_id = await create(client)
    answer = await client.get(f"{AGENTS}/{agent_id}/link")
    assert answer.json() == {"agent_id": agent_id, "token": None}
    await client.patch(
        f"{AGENTS}/{agent_id}", json={"platform_settings": {"auth": {"shareable_token": "t"}}}
    )
    link = (await client.get(f"{AGENTS}/{agent_id}/link")).json()
    GetAgentLinkResponseModel.model_validate(link)
    assert link["token"]["conversation_token"] == "t"  # noqa: S105
    assert link["token"]["purpose"] == "shareable_link"


async def test_an_uploaded_avatar_is_shown_to_everyone(client: httpx.AsyncClient) -> None:
    agent_id = await create(client)
    files = {"avatar_file": ("me.exe", PNG, "application/x-dosexec")}
    answer = await client.post(f"{AGENTS}/{agent_id}/avatar", files=files)
    assert answer.status_code == 200, answer.text
    PostAgentAvatarResponseModel.model_validate(answer.json())
    url = answer.json()["avatar_url"]
    assert url.startswith("http://test.local/")
    config = await widget_of(client, agent_id)
    assert config["avatar"] == {"type": "image", "url": url}
    picture = await client.get(url, headers={"xi-api-key": ""})
    assert picture.content == PNG
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "invalid_file_type"),
        (b"<svg onload='alert(1)'/>", 400, "invalid_file_type"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5 * 1_048_576), 413, "file_too_large"),
    ],
    ids=["empty", "svg", "large"],
)
async def test_what_is_no_picture_is_no_avatar(
    client: httpx.AsyncClient, data: bytes, status: int, code: str
) -> None:
    url = f"{AGENTS}/{await create(client)}/avatar"
    answer = await client.post(url, files={"avatar_file": ("a.png", data, "image/png")})
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)


@pytest.mark.parametrize("name", ["x.png", "0" * 32 + ".png", "0" * 32 + ".svg", "..%2F..%2Fa.png"])
async def test_no_other_file_is_served_as_an_avatar(client: httpx.AsyncClient, name: str) -> None:
    for agent_id in (await create(client), "agent_x", "..%2F..", "A"):
        answer = await client.get(f"{AGENTS}/{agent_id}/avatar/{name}")
        assert answer.status_code == 404


@pytest.mark.parametrize("path", ["widget", "link", "avatar"])
async def test_an_unknown_agent_has_no_pages(client: httpx.AsyncClient, path: str) -> None:
    url = f"{AGENTS}/agent_x/{path}"
    files = {"avatar_file": ("a.png", PNG, "image/png")}
    answer = await (client.post(url, files=files) if path == "avatar" else client.get(url))
    assert (answer.status_code, error_of(answer)["code"]) == (404, "agent_not_found")


async def test_an_avatar_is_a_file(client: httpx.AsyncClient) -> None:
    url = f"{AGENTS}/{await create(client)}/avatar"
    answer = await client.post(url, data={"avatar_file": "not a file"})
    assert answer.status_code == 422


async def test_models_cost_nothing_here(client: httpx.AsyncClient) -> None:
    url = f"/v1/convai/agent/{await create(client)}/llm-usage/calculate"
    body = {"prompt_length": 100, "number_of_pages": 2, "rag_enabled": True}
    answers = [
        await client.post(url, json={}),
        await client.post("/v1/convai/llm-usage/calculate", json=body),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        LlmUsageCalculatorResponseModel.model_validate(answer.json())
        prices = answer.json()["llm_prices"]
        assert "gemini-2.5-flash" in {each["llm"] for each in prices}
        assert {each["price_per_minute"] for each in prices} == {0}
    missing = await client.post("/v1/convai/agent/agent_x/llm-usage/calculate", json={})
    assert missing.status_code == 404
