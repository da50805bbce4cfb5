"""`/v1/convai/agent-testing` and `/v1/convai/test-invocations`."""

from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai import tests as sdk_tests
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import ConversationHistoryTranscriptCommonModelInput

from api.api_kit import error_of
from api.parts import is_part_of
from turnwise.api import Deps

BASE = "/v1/convai/agent-testing"
RUNS = "/v1/convai/test-invocations"
Json = dict[str, Any]

ASKED: list[Json] = [{"role": "user", "message": "Hello", "time_in_call_secs": 0}]
LLM: Json = {
    "type": "llm",
    "name": "Greets",
    "chat_history": ASKED,
    "success_condition": "It greets.",
    "success_examples": [{"type": "success", "response": "Hello!"}],
    "dynamic_variables": {"city": "Turin", "nothing": None},
    "unknown": {"kept": None},
}
TOOL: Json = {
    "type": "tool",
    "name": "Looks up",
    "chat_history": ASKED,
    "tool_call_parameters": {
        "referenced_tool": {"id": "find_order", "type": "client"},
        "parameters": [
            {"path": "order", "eval": {"type": "exact", "expected_value": "12"}},
            {"path": "$.name", "eval": {"type": "regex", "pattern": "^A"}},
            {"path": "x", "eval": {"type": "anything"}},
        ],
    },
    "check_any_tool_matches": True,
}
SIMULATION: Json = {
    "type": "simulation",
    "name": "Orders",
    "simulation_scenario": "A user orders bread.",
    "success_conditions": ["Bread was ordered."],
    "simulation_max_turns": 7,
    "tool_mock_config": {"mocking_strategy": "all"},
    "tool_mock_overrides": {"tool_1": [{"mock_result": "ok", "parameter_conditions": []}]},
}


async def ok(answer: httpx.Response, status: int = 200) -> Any:  # noqa: ANN401
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def make(client: httpx.AsyncClient, body: Json = LLM, **more: object) -> str:
    return str((await ok(await client.post(f"{BASE}/create", json=body | more)))["id"])


async def folder(client: httpx.AsyncClient, name: str, parent: str | None = None) -> str:
    body = {"name": name, "parent_folder_id": parent}
    return str((await ok(await client.post(f"{BASE}/folders", json=body)))["id"])


async def names(client: httpx.AsyncClient, **asked: object) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        query = {**asked, "cursor": cursor} if cursor else asked
        page = await ok(await client.get(BASE, params=query))  # type: ignore[arg-type]
        found += [row["name"] for row in page["tests"]]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
        if cursor is None:
            return found


@pytest.mark.anyio
@pytest.mark.parametrize("body", [LLM, TOOL, SIMULATION], ids=lambda body: body["type"])
async def test_create_test_and_get_test_keep_all_of_it(
    client: httpx.AsyncClient, body: Json
) -> None:
    test_id = await make(client, body)
    found = await ok(await client.get(f"{BASE}/{test_id}"))
    assert is_part_of(body, found)
    assert found["id"] == test_id


@pytest.mark.anyio
async def test_replace_test_takes_everything_but_the_folder(client: httpx.AsyncClient) -> None:
    folder_id = await folder(client, "F")
    test_id = await make(client, parent_folder_id=folder_id)
    found = await ok(await client.put(f"{BASE}/{test_id}", json=SIMULATION))
    assert is_part_of(SIMULATION, found)
    assert "unknown" not in found
    assert await names(client, parent_folder_id=folder_id) == ["Orders"]
    moved = SIMULATION | {"parent_folder_id": "root"}
    await ok(await client.put(f"{BASE}/{test_id}", json=moved))
    assert await names(client, parent_folder_id=folder_id) == ["Orders"]
    assert (await client.patch(f"{BASE}/{test_id}", json=LLM)).status_code == 405


@pytest.mark.anyio
async def test_delete_test(client: httpx.AsyncClient) -> None:
    test_id = await make(client)
    await ok(await client.delete(f"{BASE}/{test_id}"))
    assert error_of(await client.delete(f"{BASE}/{test_id}"))["code"] == "test_not_found"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "wrong",
    [
        {**LLM, "chat_history": []},
        {**LLM, "chat_history": [*ASKED, {"role": "agent", "time_in_call_secs": 1}]},
        {**LLM, "chat_history": [{"role": "user"}]},
        {**LLM, "chat_history": ASKED * 201},
        {**LLM, "name": None},
        {**LLM, "type": "other"},
        {**LLM, "success_examples": [{"type": "success", "response": "x"}] * 6},
        {**SIMULATION, "success_conditions": []},
        {**SIMULATION, "simulation_max_turns": 51},
        {**TOOL, "tool_call_parameters": {"parameters": [{"path": "x"}]}},
        {},
        [],
    ],
)
async def test_a_test_that_could_not_run_is_refused(
    client: httpx.AsyncClient, wrong: object
) -> None:
    answer = await client.post(f"{BASE}/create", json=wrong)
    assert answer.status_code == 422
    assert all(each["loc"][0] == "body" for each in answer.json()["detail"])
    assert await names(client) == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "no", None, "test_not_found"),
        ("PUT", "x" * 3_000, LLM, "test_not_found"),
        ("GET", "folders/no", None, "folder_not_found"),
        ("PATCH", "folders/no", {"name": "x"}, "folder_not_found"),
        ("DELETE", "folders/no", None, "folder_not_found"),
        ("POST", "create", {**LLM, "parent_folder_id": "no"}, "folder_not_found"),
        ("POST", "folders", {"name": "x", "parent_folder_id": "no"}, "folder_not_found"),
        ("POST", "bulk-move", {"entity_ids": ["no"]}, "test_not_found"),
    ],
)
async def test_what_is_unknown_is_said(
    client: httpx.AsyncClient, method: str, path: str, body: Json | None, code: str
) -> None:
    answer = await client.request(method, f"{BASE}/{path}", json=body)
    assert (answer.status_code, error_of(answer)["code"]) == (404, code)


@pytest.mark.anyio
async def test_list_tests_filters_and_sorts(client: httpx.AsyncClient) -> None:
    outer = await folder(client, "Outer")
    await folder(client, "Inner", outer)
    await make(client, parent_folder_id=outer)
    await make(client, TOOL)
    await make(client, SIMULATION)
    assert await names(client) == ["Orders", "Looks up", "Greets"]
    everything = ["Orders", "Looks up", "Greets", "Inner", "Outer"]
    assert await names(client, include_folders=True, page_size=2) == everything
    types = ["llm", "tool", "simulation", "folder"]
    first = ["Inner", "Outer", "Orders", "Looks up", "Greets"]
    for size in (1, 2, 3, 5, 100):
        asked = {"types": types, "sort_mode": "folders_first", "page_size": size}
        assert await names(client, **asked) == first
    assert await names(client, types=["folder"], sort_mode="folders_first") == ["Inner", "Outer"]
    assert await names(client, types=["tool"]) == ["Looks up"]
    assert await names(client, search="reet") == ["Greets"]
    assert await names(client, parent_folder_id="root") == ["Orders", "Looks up"]
    assert await names(client, parent_folder_id=outer, types=types) == ["Greets", "Inner"]
    assert await names(client, sharing_mode="shared_with_me") == []
    assert await names(client, created_by_user_id="other") == []
    assert len(await names(client, created_by_user_id="@me")) == 3


@pytest.mark.anyio
async def test_folders_are_made_renamed_moved_and_deleted(client: httpx.AsyncClient) -> None:
    outer = await folder(client, "Outer")
    inner = await folder(client, "Inner", outer)
    test_id = await make(client, parent_folder_id=inner)
    found = await ok(await client.get(f"{BASE}/folders/{inner}"))
    assert found == {
        "id": inner,
        "name": "Inner",
        "folder_path": [{"id": outer, "name": "Outer"}],
        "children_count": 1,
    }
    found = await ok(await client.patch(f"{BASE}/folders/{inner}", json={"name": "New"}))
    assert found["name"] == "New"
    body = {"entity_ids": [test_id, outer], "move_to": inner}
    answer = await client.post(f"{BASE}/bulk-move", json=body)
    assert error_of(answer)["code"] == "folder_cycle"
    await ok(await client.post(f"{BASE}/bulk-move", json={"entity_ids": [test_id, inner]}))
    assert await names(client, parent_folder_id="root", types=["llm", "folder"]) == [
        "Greets", "New", "Outer",
    ]  # fmt: skip
    await ok(await client.post(f"{BASE}/bulk-move", json=body | {"entity_ids": [test_id]}))
    answer = await client.delete(f"{BASE}/folders/{inner}")
    assert (answer.status_code, error_of(answer)["code"]) == (409, "folder_not_empty")
    await ok(await client.delete(f"{BASE}/folders/{inner}", params={"force": True}), 204)
    assert error_of(await client.get(f"{BASE}/{test_id}"))["code"] == "test_not_found"
    await ok(await client.delete(f"{BASE}/folders/{outer}"), 204)


@pytest.mark.anyio
async def test_get_summaries_leaves_out_what_is_gone(client: httpx.AsyncClient) -> None:
    test_id = await make(client)
    found = await ok(await client.post(f"{BASE}/summaries", json={"test_ids": [test_id, "no"]}))
    assert list(found["tests"]) == [test_id]
    assert found["tests"][test_id]["type"] == "llm"


def run(number: int, status: str) -> Json:
    return {
        "test_run_id": f"run_{number}",
        "test_invocation_id": "suite_1",
        "agent_id": "agent_1",
        "status": status,
        "test_id": f"test_{number}",
        "test_name": f"Test {number}",
    }


@pytest.mark.anyio
async def test_invocations_are_listed_read_renamed_and_cancelled(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    runs = [run(1, "passed"), run(2, "failed"), run(3, "pending")]
    document = {"agent_id": "agent_1", "branch_id": "b", "test_runs": runs}
    async with deps.store.writing() as tx:
        await tx.records.create("test_invocation", document, record_id="suite_1", parent="agent_1")
    (row,) = (await ok(await client.get(RUNS)))["results"]
    assert (row["passed_count"], row["failed_count"], row["pending_count"]) == (1, 1, 1)
    assert row["title"] == "Test 1, Test 2, Test 3"
    for asked, count in [
        ({"agent_id": "agent_1"}, 1), ({"agent_id": "other"}, 0), ({"test_id": "test_2"}, 1),
        ({"test_id": "no"}, 0), ({"branch_id": "b"}, 1), ({"branch_id": "c"}, 0),
        ({"version_id": "v"}, 0), ({"start_time": 1}, 1), ({"end_time": 1}, 0),
        ({"search": "test 3"}, 1), ({"search": "no"}, 0), ({"created_by_user_id": "other"}, 0),
    ]:  # fmt: skip
        page = await ok(await client.get(RUNS, params=asked))  # type: ignore[arg-type]
        assert len(page["results"]) == count, asked
    found = await ok(await client.patch(f"{RUNS}/suite_1", json={"name": "Nightly"}))
    assert found["name"] == "Nightly"
    await ok(await client.post(f"{RUNS}/suite_1/cancel"), 204)
    found = await ok(await client.get(f"{RUNS}/suite_1"))
    assert [each["status"] for each in found["test_runs"]] == ["passed", "failed", "cancelled"]
    for method, path in [("GET", ""), ("PATCH", ""), ("POST", "/cancel")]:
        answer = await client.request(method, f"{RUNS}/no{path}", json={})
        assert error_of(answer)["code"] == "test_invocation_not_found"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("agents/agent_1/run-tests", {"tests": [{"test_id": "x"}]}),
        ("agents/agent_1/simulate-conversation", {}),
        ("test-invocations/x/resubmit", {"test_run_ids": ["x"], "agent_id": "x"}),
    ],
)
async def test_running_is_not_offered_yet_and_says_so(
    client: httpx.AsyncClient, path: str, body: Json
) -> None:
    answer = await client.post(f"/v1/convai/{path}", json=body)
    assert (answer.status_code, error_of(answer)["code"]) == (501, "not_implemented")


def test_the_sdk_makes_reads_changes_lists_and_deletes_tests(sdk: ElevenLabs) -> None:
    tests = sdk.conversational_ai.tests
    asked = ConversationHistoryTranscriptCommonModelInput(
        role="user", message="Hello", time_in_call_secs=0
    )
    body = sdk_tests.TestsCreateRequestBody_Llm(
        name="A", chat_history=[asked], success_condition="Polite."
    )
    test_id = tests.create(request=body).id
    found = tests.get(test_id)
    assert (found.type, found.name, found.success_condition) == ("llm", "A", "Polite.")
    changed = sdk_tests.TestsUpdateRequestBody_Llm(
        name="B", chat_history=[asked], success_condition="Kind."
    )
    assert tests.update(test_id, request=changed).name == "B"
    top = tests.folders.create(name="Top")
    tests.move(entity_ids=[test_id], move_to=top.id)
    (row,) = tests.list(parent_folder_id=top.id).tests
    assert (row.id, row.type, row.entity_type) == (test_id, "llm", "test")
    assert tests.summaries(test_ids=[test_id]).tests[test_id].folder_parent_id == top.id
    assert tests.folders.update(top.id, name="New").name == "New"
    assert tests.folders.get(top.id).children_count == 1
    tests.delete(test_id)
    tests.folders.delete(top.id)
    assert tests.invocations.list().results == []
    with pytest.raises(ApiError) as caught:
        tests.invocations.get("no")
    assert caught.value.status_code == 404
    with pytest.raises(ApiError) as caught:
        tests.invocations.update("no", name="x")
    assert caught.value.status_code == 404
    with pytest.raises(ApiError) as caught:
        tests.invocations.cancel("no")
    assert caught.value.status_code == 404
