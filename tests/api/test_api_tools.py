"""`/v1/convai/tools`, in process and through the official SDK."""

import asyncio
from typing import Any

import httpx
import pytest
from elevenlabs import (
    ObjectJsonSchemaPropertyInput,
    ToolRequestModel,
    WebhookToolApiSchemaConfigInput,
)
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import LiteralJsonSchemaProperty
from elevenlabs.types.tool_request_model_tool_config import (
    ToolRequestModelToolConfig_Client,
    ToolRequestModelToolConfig_Webhook,
)

from api.api_kit import conversation, error_of
from turnwise.api import Deps
from turnwise.runtime.configured import variable_id
from turnwise.runtime.tool_calls import note_tool_usage

pytestmark = pytest.mark.anyio
TOOLS = "/v1/convai/tools"
Asked = str | float | bool | list[str]
SOURCES = (
    "Value error, Can only set one of: description, dynamic_variable, is_system_provided,"
    " constant_value, or is_omitted"
)


def webhook(name: str = "weather", **schema: object) -> dict[str, Any]:
    api_schema = {"url": "https://api.test/v1/{city}", **schema}
    return {"type": "webhook", "name": name, "description": "Tells it.", "api_schema": api_schema}


def client_tool(name: str = "show", **more: object) -> dict[str, Any]:
    return {"type": "client", "name": name, "description": "Shows it.", **more}


async def made(client: httpx.AsyncClient, config: dict[str, Any], **more: object) -> str:
    answer = await client.post(TOOLS, json={"tool_config": config, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def agent_with(client: httpx.AsyncClient, *tool_ids: str) -> str:
    config = {"agent": {"prompt": {"tool_ids": list(tool_ids)}}}
    body = {"name": "A", "conversation_config": config}
    answer = await client.post("/v1/convai/agents/create", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["agent_id"])


async def test_create_and_get_tool_keep_what_was_sent_and_fill_in_defaults(
    client: httpx.AsyncClient,
) -> None:
    config = webhook(
        method="POST",
        path_params_schema={"city": {"type": "string", "description": "Where"}},
        request_body_schema={
            "type": "object",
            "properties": {
                "plain": {"type": "string"},
                "zero": {"type": "integer", "constant_value": 0},
            },
        },
        request_headers={"x-tenant": "t", "x-env": {"env_var_label": "later"}},
    )
    config["mine"] = {"kept": None}
    created = await client.post(TOOLS, json={"tool_config": config, "extra": [1, None]})
    assert created.status_code == 200, created.text
    tool = created.json()
    assert tool["id"].startswith("tool_")
    assert tool["usage_stats"] == {"total_calls": 0, "avg_latency_secs": 0.0}
    assert tool["access_info"]["role"] == "admin"
    assert tool["extra"] == [1, None]
    kept = tool["tool_config"]
    assert kept["mine"] == {"kept": None}
    assert kept["response_timeout_secs"] == 20
    assert kept["api_schema"]["request_headers"] == config["api_schema"]["request_headers"]
    assert kept["api_schema"]["content_type"] == "application/json"
    zero = kept["api_schema"]["request_body_schema"]["properties"]["zero"]
    assert zero["constant_value"] == 0
    read = await client.get(f"{TOOLS}/{tool['id']}", params={"environment": "staging"})
    assert read.json() == tool


async def test_update_tool_replaces_its_settings_and_keeps_mocks_that_are_not_named(
    client: httpx.AsyncClient,
) -> None:
    mocks = [{"mock_result": "rain"}]
    body = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    tool_id = await made(client, webhook(request_body_schema=body), response_mocks=mocks)
    del body["properties"]["b"]  # type: ignore[attr-defined]
    changed = await client.patch(
        f"{TOOLS}/{tool_id}",
        json={"tool_config": webhook("forecast", request_body_schema=body)},
    )
    assert changed.status_code == 200, changed.text
    config = changed.json()["tool_config"]
    assert config["name"] == "forecast"
    assert list(config["api_schema"]["request_body_schema"]["properties"]) == ["a"]
    assert changed.json()["response_mocks"][0]["mock_result"] == "rain"
    other = {"tool_config": client_tool("forecast"), "response_mocks": None}
    changed = await client.patch(f"{TOOLS}/{tool_id}", json=other)
    assert changed.json()["tool_config"]["type"] == "client"
    assert changed.json()["response_mocks"] is None
    again = await client.patch(f"{TOOLS}/{tool_id}", json=changed.json())
    assert again.json() == changed.json()
    assert (await client.get(TOOLS, params={"types": "client"})).json()["tools"] == [again.json()]


async def test_list_tools_filters_sorts_and_pages(client: httpx.AsyncClient) -> None:
    ids = [await made(client, webhook(name)) for name in ("beta", "alpha", "alpha_beta", "Alpine")]
    ids.append(await made(client, client_tool("gamma")))
    used = await agent_with(client, ids[1])

    async def names(**asked: Asked) -> list[str]:
        answer = await client.get(TOOLS, params=asked)
        assert answer.status_code == 200, answer.text
        return [tool["tool_config"]["name"] for tool in answer.json()["tools"]]

    assert await names() == ["gamma", "Alpine", "alpha_beta", "alpha", "beta"]
    assert await names(sort_direction="asc", page_size=2) == ["beta", "alpha"]
    assert await names(sort_by="name", sort_direction="asc") == [
        "alpha", "alpha_beta", "Alpine", "beta", "gamma",
    ]  # fmt: skip
    assert await names(search="BETA") == ["beta"]
    assert await names(search="al", page_size=1) == ["Alpine"]
    assert await names(types=["client"]) == ["gamma"]
    assert len(await names(types=["client", "webhook"])) == 5
    assert await names(types="api_integration_webhook") == []
    assert await names(used_by_agent_id=used) == ["alpha"]
    assert await names(used_by_agent_id="agent_none") == []
    assert await names(created_by_user_id="someone") == []
    assert len(await names(created_by_user_id="@me", show_only_owned_documents=True)) == 5
    seen, cursor = [], None
    while True:
        asked = {"page_size": "1", "search": "alp"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(TOOLS, params=asked)).json()
        seen += [tool["tool_config"]["name"] for tool in page["tools"]]
        cursor = page["next_cursor"]
        assert page["has_more"] is (cursor is not None)
        if not cursor:
            break
    assert seen == ["Alpine", "alpha_beta", "alpha"]


SCHEMA: list[str | int] = ["body", "tool_config", "webhook", "api_schema"]
CLIENT: list[str | int] = ["body", "tool_config", "client"]
TWO: dict[str, object] = {"type": "string", "description": "d", "dynamic_variable": "v"}
FALSE: dict[str, object] = {"type": "boolean", "description": "d", "constant_value": False}
DEEP = {"o": {"type": "array", "items": {"type": "string", "is_omitted": True, "enum": ["a"]}}}
DEEP["o"]["items"]["dynamic_variable"] = "v"  # type: ignore[index]
BAD: list[tuple[str, dict[str, Any], list[str | int]]] = [
    ("no type", {"name": "a", "description": ""}, ["body", "tool_config"]),
    ("name", client_tool("has space"), [*CLIENT, "name"]),
    ("long name", client_tool("n" * 65), [*CLIENT, "name"]),
    ("timeout", client_tool(response_timeout_secs=121), CLIENT),
    ("no time", client_tool(response_timeout_secs=0), CLIENT),
    ("for ever", client_tool(response_timeout_secs=-1), CLIENT),
    ("plain", webhook(url="http://a.test/x"), [*SCHEMA, "url"]),
    ("no host", webhook(url="https://"), [*SCHEMA, "url"]),
    ("variable", webhook(url="{{host}}/x"), [*SCHEMA, "url"]),
    ("ftp", webhook(url="ftp://a.test"), [*SCHEMA, "url"]),
    ("two sources", webhook(path_params_schema={"c": TWO}), [*SCHEMA, "path_params_schema", "c"]),
    (
        "false and described",
        webhook(query_params_schema={"properties": {"q": FALSE}}),
        [*SCHEMA, "query_params_schema", "properties", "q"],
    ),
    (
        "deep",
        client_tool(parameters={"properties": DEEP}),
        [*CLIENT, "parameters", "properties", "o", "items"],
    ),
]


@pytest.mark.parametrize(
    ("config", "loc"), [each[1:] for each in BAD], ids=[each[0] for each in BAD]
)
async def test_create_tool_refuses_what_cannot_be_called(
    client: httpx.AsyncClient, config: dict[str, Any], loc: list[str | int]
) -> None:
    answer = await client.post(TOOLS, json={"tool_config": config})
    assert answer.status_code == 422, answer.text
    places = [problem["loc"] for problem in answer.json()["detail"]]
    assert any(place[: len(loc)] == loc for place in places), places
    assert (await client.get(TOOLS)).json()["tools"] == []


async def test_create_tool_may_wait_for_a_client_for_ever(client: httpx.AsyncClient) -> None:
    config = client_tool(response_timeout_secs=-1, expects_response=True)
    tool_id = await made(client, config)
    kept = (await client.get(f"{TOOLS}/{tool_id}")).json()["tool_config"]
    assert kept["response_timeout_secs"] == -1


async def test_create_tool_names_the_sources_of_which_one_is_allowed(
    client: httpx.AsyncClient,
) -> None:
    schema = {"c": {"type": "string", "description": "d", "constant_value": "x"}}
    answer = await client.post(TOOLS, json={"tool_config": webhook(path_params_schema=schema)})
    assert [problem["msg"] for problem in answer.json()["detail"]] == [SOURCES]


async def test_create_tool_wants_the_secrets_and_connections_it_refers_to(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    for config, code in (
        (webhook(request_headers={"x-key": {"secret_id": "no"}}), "secret_not_found"),
        (webhook(auth_connection={"auth_connection_id": "no"}), "auth_connection_not_found"),
    ):
        answer = await client.post(TOOLS, json={"tool_config": config})
        assert answer.status_code == 404, answer.text
        assert error_of(answer)["code"] == code
    async with deps.store.writing() as tx:
        await tx.records.create("secret", {}, record_id="s1", name="S")
    config = webhook(
        url="https://{{system__env_host}}/{{ system_env__path }}",
        request_headers={"x-key": {"secret_id": "s1"}},
        auth_connection={"env_var_label": "auth"},
    )
    tool_id = await made(client, config)
    async with deps.store.reading() as tx:
        assert await tx.records.users_of("secret", "s1") == (("tool", tool_id),)
        for variable in map(variable_id, ("host", "path", "auth")):
            users = await tx.records.users_of("environment_variable", variable)
            assert users == (("tool", tool_id),)


async def test_delete_tool_in_use_must_be_forced_and_then_agents_and_branches_lose_it(
    client: httpx.AsyncClient,
) -> None:
    tool_id, other_id = await made(client, webhook()), await made(client, client_tool())
    agent_id = await agent_with(client, tool_id, other_id)
    agent_url = f"/v1/convai/agents/{agent_id}"
    version_id = (await client.get(agent_url)).json()["version_id"]
    made_branch = await client.post(
        f"{agent_url}/branches",
        json={"parent_version_id": version_id, "name": "try", "description": ""},
    )
    branch_id = made_branch.json()["created_branch_id"]
    dependents = (await client.get(f"{TOOLS}/{tool_id}/dependent-agents")).json()
    assert [agent["id"] for agent in dependents["agents"]] == [agent_id]
    assert dependents["agents"][0]["type"] == "available"
    branches = [(each["branch_id"], each["is_main"]) for each in dependents["branches"]]
    assert [is_main for _, is_main in branches] == [True, False]
    assert branches[1][0] == branch_id
    assert dependents["has_more"] is False
    refused = await client.delete(f"{TOOLS}/{tool_id}")
    assert refused.status_code == 409
    assert error_of(refused)["status"] == "tool_in_use"
    assert (await client.get(f"{TOOLS}/{tool_id}")).status_code == 200
    assert (await client.delete(f"{TOOLS}/{tool_id}", params={"force": True})).status_code == 200
    assert error_of(await client.get(f"{TOOLS}/{tool_id}"))["code"] == "tool_not_found"
    for asked in ({}, {"branch_id": branch_id}):
        agent = (await client.get(agent_url, params=asked)).json()
        assert agent["conversation_config"]["agent"]["prompt"]["tool_ids"] == [other_id]
    left = (await client.get(f"{TOOLS}/{other_id}/dependent-agents")).json()
    assert [agent["id"] for agent in left["agents"]] == [agent_id]


async def test_dependent_agents_come_in_pages_and_unknown_ones_too(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    tool_id = await made(client, webhook())
    async with deps.store.writing() as tx:
        for number in range(3):
            await tx.records.set_uses("agent", f"agent_{number}", [("tool", tool_id)])
    url = f"{TOOLS}/{tool_id}/dependent-agents"
    first = (await client.get(url, params={"page_size": 2})).json()
    assert [agent["type"] for agent in first["agents"]] == ["unknown", "unknown"]
    rest = (await client.get(url, params={"cursor": first["next_cursor"]})).json()
    assert [agent["id"] for agent in rest["agents"]] == ["agent_2"]
    assert rest["next_cursor"] is None
    for cursor in ("nonsense", "é", "YWdlbnRfOQ"):
        assert (await client.get(url, params={"cursor": cursor})).status_code == 400


def called(number: int, tool_id: str, *runs: tuple[int, bool]) -> dict[str, Any]:
    """A conversation in which a tool ran: second and success of each run."""
    document = conversation(number)
    document["transcript"] = [
        turn
        for index, (second, failed) in enumerate(runs)
        for turn in (
            {
                "role": "agent",
                "time_in_call_secs": second,
                "tool_calls": [
                    {
                        "type": "webhook",
                        "request_id": f"r{index}",
                        "tool_name": "weather",
                        "tool_id": tool_id,
                        "params_as_json": '{"city": "Bath"}',
                        "tool_has_been_called": True,
                        "tool_details": {
                            "type": "webhook",
                            "method": "GET",
                            "url": "https://a.test",
                        },
                    }
                ],
            },
            {
                "role": "agent",
                "time_in_call_secs": second,
                "tool_results": [
                    {
                        "type": "webhook",
                        "request_id": f"r{index}",
                        "tool_name": "weather",
                        "result_value": "rain",
                        "is_error": failed,
                        "tool_has_been_called": True,
                        "tool_latency_secs": 0.5,
                        "error_type": "external_server" if failed else "",
                        "raw_error_message": "503" if failed else "",
                    }
                ],
            },
        )
    ]
    return document


async def test_executions_of_a_tool_are_read_from_its_conversations(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    tool_id = await made(client, webhook())
    documents = [
        called(1, tool_id, (1, False), (2, True)),
        called(2, "tool_other", (1, False)),
        called(3, tool_id, (5, False)) | {"agent_id": "agent_b", "branch_id": "agtbrch_1"},
    ]
    async with deps.store.writing() as tx:
        for document in documents:
            await tx.conversations.begin(document)
            await note_tool_usage(tx, document)

    async def rows(**asked: Asked) -> list[tuple[str, str]]:
        answer = await client.get(f"{TOOLS}/{tool_id}/executions", params=asked)
        assert answer.status_code == 200, answer.text
        found = answer.json()["executions"]
        return [(row["conversation_id"], row["tool_request_id"]) for row in found]

    everything = [("conv_3", "r0"), ("conv_1", "r1"), ("conv_1", "r0")]
    assert await rows() == everything
    assert await rows(is_error=True) == [("conv_1", "r1")]
    assert await rows(is_error=False) == [("conv_3", "r0"), ("conv_1", "r0")]
    assert await rows(agent_id="agent_b") == [("conv_3", "r0")]
    assert await rows(branch_id="agtbrch_1") == [("conv_3", "r0")]
    begin = 1_700_000_001
    assert await rows(start_time=begin + 2) == [("conv_3", "r0"), ("conv_1", "r1")]
    assert await rows(end_time=begin + 1.5) == [("conv_1", "r0")]
    seen, cursor = [], None
    while True:
        asked = {"page_size": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(f"{TOOLS}/{tool_id}/executions", params=asked)).json()
        seen += [(row["conversation_id"], row["tool_request_id"]) for row in page["executions"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == everything
    failed = (await client.get(f"{TOOLS}/{tool_id}/executions", params={"is_error": True})).json()
    assert failed["executions"][0] == {
        "id": "conv_1:r1",
        "tool_id": tool_id,
        "tool_request_id": "r1",
        "conversation_id": "conv_1",
        "agent_id": "agent_1",
        "branch_id": None,
        "timestamp": begin + 2,
        "latency_secs": 0.5,
        "is_error": True,
        "request_payload": '{"city": "Bath"}',
        "response_payload": "rain",
        "error_message": "503",
        "error_type": "external_server",
        "tool_call_details": {"type": "webhook", "method": "GET", "url": "https://a.test"},
    }
    stats = (await client.get(f"{TOOLS}/{tool_id}")).json()["usage_stats"]
    assert stats == {"total_calls": 3, "avg_latency_secs": 0.5}
    wrong = await client.get(f"{TOOLS}/{tool_id}/executions", params={"cursor": "bm9uZQ"})
    assert wrong.status_code == 400


async def test_tool_ids_that_nobody_knows_are_not_found(client: httpx.AsyncClient) -> None:
    body = {"tool_config": client_tool()}
    for tool_id in ("tool_none", "x" * 5_000, "%F0%9F%90%9D"):
        for method, path in (
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("GET", "/dependent-agents"),
            ("GET", "/executions"),
        ):
            json = body if method == "PATCH" else None
            answer = await client.request(method, f"{TOOLS}/{tool_id}{path}", json=json)
            assert answer.status_code == 404, (method, tool_id[:9], path)
            assert error_of(answer)["code"] == "tool_not_found"


async def test_tools_changed_at_once_end_as_one_of_them(client: httpx.AsyncClient) -> None:
    tool_id = await made(client, webhook(), response_mocks=[{"mock_result": "kept"}])
    names = [f"name_{number}" for number in range(8)]
    async with asyncio.TaskGroup() as group:
        for name in names:
            body = {"tool_config": webhook(name, url=f"https://{name}.test")}
            group.create_task(client.patch(f"{TOOLS}/{tool_id}", json=body))
    tool = (await client.get(f"{TOOLS}/{tool_id}")).json()
    assert tool["tool_config"]["name"] in names
    assert tool["tool_config"]["api_schema"]["url"] == f"https://{tool['tool_config']['name']}.test"
    assert tool["response_mocks"][0]["mock_result"] == "kept"


def test_the_sdk_makes_lists_changes_and_deletes_tools(sdk: ElevenLabs) -> None:
    tools = sdk.conversational_ai.tools
    schema = WebhookToolApiSchemaConfigInput(
        url="https://api.test/weather",
        method="POST",
        request_body_schema=ObjectJsonSchemaPropertyInput(
            properties={"city": LiteralJsonSchemaProperty(type="string", description="Where")}
        ),
    )
    config = ToolRequestModelToolConfig_Webhook(
        name="weather", description="Tells the weather.", api_schema=schema
    )
    tool = tools.create(request=ToolRequestModel(tool_config=config))
    assert tool.tool_config.type == "webhook"
    assert tool.usage_stats.total_calls == 0
    assert tools.get(tool.id).tool_config.name == "weather"
    assert [row.id for row in tools.list(search="wea", types=["webhook"]).tools] == [tool.id]
    other = ToolRequestModelToolConfig_Client(name="show", description="Shows it.")
    changed = tools.update(tool.id, request=ToolRequestModel(tool_config=other))
    assert changed.tool_config.type == "client"
    assert tools.get_dependent_agents(tool.id).agents == []
    assert tools.executions.get(tool.id).executions == []
    tools.delete(tool.id, force=True)
    with pytest.raises(ApiError) as caught:
        tools.get(tool.id)
    assert caught.value.status_code == 404
