import asyncio
from typing import Any

import httpx
import pytest
from elevenlabs.types import GetAgentResponseModel, GetAgentsPageResponseModel

from api.api_kit import conversation, error_of
from turnwise.api.agent_documents import created
from turnwise.api.deps import Deps

pytestmark = pytest.mark.anyio

AGENTS = "/v1/convai/agents"
NODE = {
    "type": "end",
    "position": {"x": 1.0, "y": 2},
    "edge_order": [],
    "label": "Bye",
    "outcome": "success",
}


def defaults() -> dict[str, Any]:
    return created({"conversation_config": {}})


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
    own = {"agent_id", "metadata", "version_id", "branch_id", "main_branch_id"}
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
            "agent": {"first_message": "Hi", "prompt": {"prompt": "p", "mcp_server_ids": ["1"]}},
            "turn": {"turn_timeout": 3},
        },
    )
    before = await read(client, agent_id)
    patch = {
        "name": None,
        "conversation_config": {
            "agent": {
                "first_message": None,
                "prompt": {"mcp_server_ids": ["3"], "temperature": None},
            },
            "asr": {"keywords": ["k"], "own": None},
            "turn": None,
        },
    }
    answer = await client.patch(f"{AGENTS}/{agent_id}", json=patch)
    assert answer.status_code == 200
    after = await read(client, agent_id)
    assert answer.json() == after
    assert after["version_id"] != before["version_id"]
    changed = {
        "name": "New agent",
        "metadata": after["metadata"],
        "version_id": after["version_id"],
    }
    expected = before | changed
    config = expected["conversation_config"]
    config["agent"]["first_message"] = ""
    config["agent"]["prompt"] |= {"mcp_server_ids": ["3"], "temperature": None}
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
        (b"", ["body"], "missing"),
        (b"{", ["body"], "json_invalid"),
        (b"[]", ["body"], None),
        (b"\xff", ["body"], "json_invalid"),
        (b'{"name": "\\ud800"}', ["body"], "json_invalid"),
        (b'{"x": NaN}', ["body"], "json_invalid"),
        (b'{"x": 1e999}', ["body"], "json_invalid"),
        (b'{"x": ' + b"9" * 5_000 + b"}", ["body"], "json_invalid"),
        (b'{"x":' * 101 + b"1" + b"}" * 101, ["body"], "json_invalid"),
        (b"[" * 100_000, ["body"], "json_invalid"),
        (b'{"conversation_config": 1}', ["body", "conversation_config"], None),
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
    assert entry["type"] == (kind or "model_attributes_type")
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
        ("search=%00", 400),
    ],
)
async def test_a_bad_query_is_refused(client: httpx.AsyncClient, params: str, status: int) -> None:
    answer = await client.get(f"{AGENTS}?{params}")
    assert answer.status_code == status
    if status != 422:
        assert error_of(answer)["message"].endswith((".", "gave"))


@pytest.mark.parametrize(
    ("language", "model", "reason"),
    [
        ("en", "eleven_flash_v2_5", "English Agents must use turbo or flash v2."),
        ("en", "eleven_turbo_v2_5", "English Agents must use turbo or flash v2."),
        ("it", "eleven_flash_v2", "Non-english Agents must use turbo or flash v2_5."),
        ("it", "eleven_turbo_v2", "Non-english Agents must use turbo or flash v2_5."),
        ("en", "eleven_turbo_v2", None),
        ("en", "eleven_v3_conversational", None),
        ("en", "eleven_v4_turbo", None),
        ("it", "eleven_flash_v2_5", None),
        ("it", "eleven_multilingual_v2", None),
    ],
)
async def test_a_voice_must_speak_the_language_of_its_agent(
    client: httpx.AsyncClient, language: str, model: str, reason: str | None
) -> None:
    config = {"agent": {"language": language}, "tts": {"model_id": model}}
    created_one = await client.post(f"{AGENTS}/create", json={"conversation_config": config})
    agent_id = await create(client)
    changed = await client.patch(f"{AGENTS}/{agent_id}", json={"conversation_config": config})
    for answer in (created_one, changed):
        if reason is None:
            assert answer.status_code == 200, answer.text
        else:
            assert answer.status_code == 400
            assert error_of(answer)["message"] == f"Invalid conversation config: {reason}"
            assert error_of(answer)["code"] == "invalid_agent_config"


async def test_a_patch_whose_outcome_is_not_in_shape_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    agent_id = await create(client, name="a")
    before = await read(client, agent_id)
    patch = {"name": "b", "conversation_config": {"turn": {"turn_timeout": "soon"}}}
    answer = await client.patch(f"{AGENTS}/{agent_id}", json=patch)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == [
        "body",
        "conversation_config",
        "turn",
        "turn_timeout",
    ]
    assert await read(client, agent_id) == before


async def test_a_section_that_is_null_is_left_as_it_is(client: httpx.AsyncClient) -> None:
    agent_id = await create(client, platform_settings={"auth": {"enable_auth": True}})
    before = await read(client, agent_id)
    nothing = {"conversation_config": None, "platform_settings": None, "workflow": None}
    answer = await client.patch(f"{AGENTS}/{agent_id}", json=nothing)
    assert answer.json() == before


TOOL = {
    "type": "client",
    "name": "show",
    "description": "Show it.",
    "parameters": {"type": "object", "properties": {}},
}


async def make_tool(client: httpx.AsyncClient, **more: object) -> tuple[str, dict[str, Any]]:
    answer = await client.post("/v1/convai/tools", json={"tool_config": TOOL | more})
    assert answer.status_code == 200, answer.text
    return answer.json()["id"], answer.json()["tool_config"]


def tooled(**prompt: object) -> dict[str, Any]:
    return {"conversation_config": {"agent": {"prompt": prompt}}}


async def test_stored_tools_are_read_in_full_beside_the_agents_own(
    client: httpx.AsyncClient,
) -> None:
    tool_id, config = await make_tool(client)
    own = TOOL | {"name": "own"}
    agent_id = await create(client, **tooled(tool_ids=[tool_id], tools=[own]))
    prompt = (await read(client, agent_id))["conversation_config"]["agent"]["prompt"]
    assert prompt["tool_ids"] == [tool_id]
    assert [tool["name"] for tool in prompt["tools"]] == ["own", "show"]
    assert prompt["tools"][1] == config
    answer = await client.get(f"/v1/convai/tools/{tool_id}/dependent-agents")
    assert [each["id"] for each in answer.json()["agents"]] == [agent_id]


async def test_sending_back_what_was_read_makes_no_stored_tool_the_agents_own(
    client: httpx.AsyncClient,
) -> None:
    tool_id, _ = await make_tool(client)
    agent_id = await create(client, **tooled(tool_ids=[tool_id]))
    before = await read(client, agent_id)
    answer = await client.patch(f"{AGENTS}/{agent_id}", json=before)
    assert answer.status_code == 200, answer.text
    assert answer.json() == before
    await client.patch(f"/v1/convai/tools/{tool_id}", json={"tool_config": TOOL | {"name": "new"}})
    prompt = (await read(client, agent_id))["conversation_config"]["agent"]["prompt"]
    assert [tool["name"] for tool in prompt["tools"]] == ["new"]


async def test_a_tool_that_is_not_there_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{AGENTS}/create", json=tooled(tool_ids=["tool_x"]))
    assert (answer.status_code, error_of(answer)["code"]) == (404, "tool_not_found")
    agent_id = await create(client)
    answer = await client.patch(f"{AGENTS}/{agent_id}", json=tooled(tool_ids=["tool_x"]))
    assert answer.status_code == 404
    assert (await client.get(AGENTS)).json()["agents"][0]["agent_id"] == agent_id


async def test_agents_are_sorted_by_their_calls_of_a_week(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    ids = {name: await create(client, name=name) for name in ("none", "two", "old", "one")}
    now = (await read(client, ids["none"]))["metadata"]["created_at_unix_secs"]
    calls = [("two", 0), ("two", 60), ("one", 6 * 86_400), *[("old", 8 * 86_400)] * 3]
    async with deps.store.writing() as tx:
        for number, (name, ago) in enumerate(calls):
            call = conversation(number, agent=ids[name])
            call["metadata"]["start_time_unix_secs"] = now - ago
            await tx.conversations.begin(call)
    names = await listed(client, sort_by="call_count_7d")
    assert names[:2] == ["two", "one"]
    assert await listed(client, sort_by="call_count_7d", sort_direction="asc") == names[::-1]
    page = (await client.get(AGENTS, params={"sort_by": "call_count_7d", "page_size": 1})).json()
    params = {"sort_by": "call_count_7d", "page_size": 3, "cursor": page["next_cursor"]}
    assert await listed(client, **params) == names[1:]


async def test_agents_can_be_filtered_by_who_made_them(client: httpx.AsyncClient) -> None:
    await create(client, name="a")
    assert await listed(client, created_by_user_id="@me") == ["a"]
    assert await listed(client, created_by_user_id="somebody") == []


async def test_get_summaries(client: httpx.AsyncClient) -> None:
    ids = [await create(client, name=name) for name in "ab"]
    await create(client, name="other")
    asked = [*ids, "agent_x", ids[0]]
    answer = await client.get(f"{AGENTS}/summaries", params={"agent_ids": asked})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert list(found) == [*ids, "agent_x"]
    assert [found[each]["data"]["name"] for each in ids] == ["a", "b"]
    assert found["agent_x"]["status"] == "failure"
    assert found["agent_x"]["error_code"] == 404
    assert (await client.get(f"{AGENTS}/summaries")).status_code == 422
    many = [f"agent_{number}" for number in range(101)]
    answer = await client.get(f"{AGENTS}/summaries", params={"agent_ids": many})
    assert answer.status_code == 422


async def test_an_agent_that_others_hand_over_to_is_deleted_by_force_only(
    client: httpx.AsyncClient,
) -> None:
    agent_id = await create(client, name="second")
    transfer = {"agent_id": agent_id, "condition": "The user asks for it."}
    params = {"system_tool_type": "transfer_to_agent", "transfers": [transfer]}
    tool = {"type": "system", "name": "transfer_to_agent", "description": "", "params": params}
    first = await create(client, **tooled(built_in_tools={"transfer_to_agent": tool}))
    before = await read(client, first)
    answer = await client.delete(f"{AGENTS}/{agent_id}")
    assert (answer.status_code, error_of(answer)["code"]) == (409, "agent_in_use")
    answer = await client.delete(f"{AGENTS}/{agent_id}", params={"force": True})
    assert answer.status_code == 200
    after = await read(client, first)
    tools = after["conversation_config"]["agent"]["prompt"]["built_in_tools"]
    assert tools["transfer_to_agent"]["params"]["transfers"] == []
    assert after["version_id"] != before["version_id"]
    old = await client.get(f"{AGENTS}/{first}", params={"version_id": before["version_id"]})
    assert old.json()["conversation_config"] == before["conversation_config"]


async def test_a_model_of_ones_own_may_have_any_name(client: httpx.AsyncClient) -> None:
    agent_id = await create(client, **tooled(llm="llama-at-home"))
    prompt = (await read(client, agent_id))["conversation_config"]["agent"]["prompt"]
    assert prompt["llm"] == "llama-at-home"
    answer = await client.patch(f"{AGENTS}/{agent_id}", json=tooled(llm=7))
    assert answer.status_code == 422


async def test_settings_without_effect_are_named_beside_the_answer(
    client: httpx.AsyncClient,
) -> None:
    plain = await client.post(f"{AGENTS}/create", json={"conversation_config": {}})
    assert "x-turnwise-warnings" not in plain.headers
    prompt = {"mcp_server_ids": [], "rag": {"num_candidates": 3}}
    config = {"agent": {"prompt": prompt}, "turn": {"noisy_environment_detection": True}}
    made = await client.post(f"{AGENTS}/create", json={"conversation_config": config})
    turn = "conversation_config.turn.noisy_environment_detection"
    candidates = "conversation_config.agent.prompt.rag.num_candidates"
    assert made.headers["x-turnwise-warnings"] == f"{candidates}, {turn}"
    path = f"{AGENTS}/{made.json()['agent_id']}"
    quiet = {"conversation_config": {"agent": {"prompt": {"rag": None}}}}
    changed = await client.patch(path, json=quiet)
    assert changed.headers["x-turnwise-warnings"] == turn
    GetAgentResponseModel.model_validate(changed.json())


async def test_a_node_that_overrides_its_agent_needs_no_prompt_of_its_own(
    client: httpx.AsyncClient,
) -> None:
    nodes = {"start_node": {"type": "start"}, "n": {"type": "override_agent", "label": "Sales"}}
    body = {"conversation_config": {}, "workflow": {"nodes": nodes}}
    made = (await client.post("/v1/convai/agents/create", json=body)).json()
    read = (await client.get(f"/v1/convai/agents/{made['agent_id']}")).json()
    assert read["workflow"]["nodes"]["n"]["additional_prompt"] == ""
