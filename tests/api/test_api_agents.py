import asyncio
from typing import Any

import httpx
import pytest
from elevenlabs.types import GetAgentResponseModel, GetAgentsPageResponseModel

from api.api_kit import error_of
from turnwise.api.agents.documents import defaults

pytestmark = pytest.mark.anyio

AGENTS = "/v1/convai/agents"
NODE = {
    "type": "end",
    "position": {"x": 1.0, "y": 2},
    "edge_order": [],
    "label": "Bye",
    "outcome": "success",
}


async def create(client: httpx.AsyncClient, **body: object) -> str:
    answer = await client.post(f"{AGENTS}/create", json={"conversation_config": {}} | body)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"agent_id"}
    return str(answer.json()["agent_id"])


async def read(client: httpx.AsyncClient, agent_id: str) -> dict[str, Any]:
    answer = await client.get(f"{AGENTS}/{agent_id}")
    assert answer.status_code == 200
    GetAgentResponseModel.model_validate(answer.json())
    body = answer.json()
    assert isinstance(body, dict)
    return body


async def listed(client: httpx.AsyncClient, **params: Any) -> list[str]:  # noqa: ANN401
    answer = await client.get(AGENTS, params=params)
    assert answer.status_code == 200
    GetAgentsPageResponseModel.model_validate(answer.json())
    return [row["name"] for row in answer.json()["agents"]]


async def test_a_bare_agent_has_the_published_defaults(client: httpx.AsyncClient) -> None:
    agent = await read(client, await create(client))
    assert {key: agent[key] for key in defaults()} == defaults()
    assert agent["metadata"]["created_at_unix_secs"] > 0


async def test_what_was_stored_is_read_back_deep_equal(client: httpx.AsyncClient) -> None:
    sent = {
        "name": "Räks 😀",
        "conversation_config": {
            "agent": {
                "prompt": {"prompt": "x" * 2_000_000, "temperature": None, "new": {"a": [None]}},
                "dynamic_variables": {"dynamic_variable_placeholders": {"n": 1.0, "z": None}},
            },
            "language_presets": {"de": {"overrides": {"own": None}}},
        },
        "workflow": {"nodes": {"a": NODE}, "own": {"x": None}},
        "tags": ["b", "a"],
        "future": {"x": [1, 10**30, 0.1, None]},
    }
    agent = await read(client, await create(client, **sent))

    def contained(part: object, whole: object) -> bool:
        if isinstance(part, dict) and isinstance(whole, dict):
            return all(key in whole and contained(part[key], whole[key]) for key in part)
        return part == whole and type(part) is type(whole)

    assert contained(sent, agent)


async def test_an_answer_that_is_sent_back_stores_only_what_is_the_clients(
    client: httpx.AsyncClient,
) -> None:
    agent = await read(client, await create(client, name="a"))
    copy_id = await create(client, **agent)
    copy = await read(client, copy_id)
    assert copy["agent_id"] == copy_id != agent["agent_id"]
    own = {"agent_id", "metadata"}
    assert {k: v for k, v in copy.items() if k not in own} == {
        k: v for k, v in agent.items() if k not in own
    }


async def test_a_patch_merges_objects_replaces_lists_and_resets_nulls(
    client: httpx.AsyncClient,
) -> None:
    agent_id = await create(
        client,
        name="a",
        tags=["x"],
        conversation_config={
            "agent": {"first_message": "Hi", "prompt": {"prompt": "p", "tool_ids": ["1", "2"]}},
            "turn": {"turn_timeout": 3},
        },
    )
    before = await read(client, agent_id)
    patch = {
        "name": None,
        "conversation_config": {
            "agent": {"first_message": None, "prompt": {"tool_ids": ["3"], "temperature": None}},
            "asr": {"keywords": ["k"], "own": None},
            "turn": None,
        },
    }
    answer = await client.patch(f"{AGENTS}/{agent_id}", json=patch)
    assert answer.status_code == 200
    after = await read(client, agent_id)
    assert answer.json() == after
    expected = before | {"name": "New agent", "metadata": after["metadata"]}
    config = expected["conversation_config"]
    config["agent"]["first_message"] = ""
    config["agent"]["prompt"] |= {"tool_ids": ["3"], "temperature": None}
    config["asr"] |= {"keywords": ["k"], "own": None}
    config["turn"] = defaults()["conversation_config"]["turn"]
    assert after == expected


async def test_patches_made_at_once_are_all_kept(client: httpx.AsyncClient) -> None:
    agent_id = await create(client)

    async def patch(number: int) -> None:
        body = {"conversation_config": {"mine": {f"f{number}": number}}}
        assert (await client.patch(f"{AGENTS}/{agent_id}", json=body)).status_code == 200

    async with asyncio.TaskGroup() as tasks:
        for number in range(10):
            tasks.create_task(patch(number))
    agent = await read(client, agent_id)
    assert agent["conversation_config"]["mine"] == {f"f{n}": n for n in range(10)}


async def test_a_deleted_agent_is_gone(client: httpx.AsyncClient) -> None:
    agent_id = await create(client)
    answer = await client.delete(f"{AGENTS}/{agent_id}")
    assert (answer.status_code, answer.json()) == (200, {})
    for method in ["GET", "DELETE", "PATCH"]:
        answer = await client.request(method, f"{AGENTS}/{agent_id}", json={})
        assert answer.status_code == 404
        assert error_of(answer)["code"] == "agent_not_found"


async def test_a_list_is_searched_sorted_and_paged(client: httpx.AsyncClient) -> None:
    for name in ["b", "A", "c"]:
        await create(client, name=name, tags=[name])
    await create(client, name="old", platform_settings={"archived": True})
    assert await listed(client, sort_by="name", sort_direction="asc") == ["A", "b", "c"]
    assert await listed(client, search="B") == ["b"]
    assert await listed(client, archived=True) == ["old"]
    assert sorted(await listed(client, tags=["A", "c"])) == ["A", "c"]
    found: list[str] = []
    params: dict[str, Any] = {"page_size": 1, "sort_by": "name", "sort_direction": "desc"}
    while True:
        page = (await client.get(AGENTS, params=params)).json()
        found += [row["name"] for row in page["agents"]]
        if not page["has_more"]:
            break
        params["cursor"] = page["next_cursor"]
    assert found == ["c", "b", "A"]


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        (b"{}", ["body", "conversation_config"], "missing"),
        (b"", ["body"], "json_invalid"),
        (b"{", ["body"], "json_invalid"),
        (b"[]", ["body"], "dict_type"),
        (b"\xff", ["body"], "json_invalid"),
        (b'{"name": "\\ud800"}', ["body"], "json_invalid"),
        (b'{"x": NaN}', ["body"], "json_invalid"),
        (b'{"x": 1e999}', ["body"], "json_invalid"),
        (b'{"x": ' + b"9" * 5_000 + b"}", ["body"], "json_invalid"),
        (b'{"x":' * 101 + b"1" + b"}" * 101, ["body"], "json_invalid"),
        (b"[" * 100_000, ["body"], "json_invalid"),
        (b'{"conversation_config": 1}', ["body", "conversation_config"], "dict_type"),
        (b'{"conversation_config": {"tts": []}}', ["body", "conversation_config", "tts"], None),
        (b'{"conversation_config": {}, "name": 1}', ["body", "name"], "string_type"),
        (b'{"conversation_config": {}, "name": "\\u0000"}', ["body", "name"], "value_error"),
        (b'{"conversation_config": {}, "tags": "x"}', ["body", "tags"], "list_type"),
        (b'{"conversation_config": {}, "tags": ["x", 1]}', ["body", "tags", 1], "string_type"),
    ],
)
async def test_a_bad_body_is_refused_in_the_published_form(
    client: httpx.AsyncClient, body: bytes, loc: list[str | int], kind: str | None
) -> None:
    answer = await client.post(f"{AGENTS}/create", content=body)
    assert answer.status_code == 422
    (entry,) = answer.json()["detail"]
    assert entry["loc"] == loc
    assert entry["type"] == (kind or "dict_type")
    assert entry["msg"]
    assert (await client.get(AGENTS)).json()["agents"] == []


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ("page_size=101", 422),
        ("page_size=0", 422),
        ("page_size=x", 422),
        ("sort_by=colour", 422),
        ("cursor=nonsense", 400),
        ("sort_by=call_count_7d", 501),
        ("created_by_user_id=x", 501),
        ("search=%00", 400),
    ],
)
async def test_a_bad_query_is_refused(client: httpx.AsyncClient, params: str, status: int) -> None:
    answer = await client.get(f"{AGENTS}?{params}")
    assert answer.status_code == status
    if status != 422:
        assert error_of(answer)["message"].endswith((".", "gave"))


async def test_versions_are_not_pretended(client: httpx.AsyncClient) -> None:
    agent_id = await create(client)
    answer = await client.get(f"{AGENTS}/{agent_id}", params={"version_id": "v"})
    assert answer.status_code == 501
    answer = await client.patch(f"{AGENTS}/{agent_id}?branch_id=b", json={})
    assert error_of(answer)["type"] == "not_implemented"
