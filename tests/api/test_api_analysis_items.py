"""`/v1/convai/analysis-items`."""

from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai.analysis_items import (
    AnalysisItemsCreateRequestBody_Evaluation,
    AnalysisItemsUpdateRequestBody_Evaluation,
)
from elevenlabs.core.api_error import ApiError

from api.api_kit import error_of
from api.parts import is_part_of

BASE = "/v1/convai/analysis-items"
Json = dict[str, Any]

POLITE: Json = {
    "kind": "evaluation",
    "name": "Polite",
    "conversation_goal_prompt": "The agent was polite.",
    "scoring": {"mode": "numeric_uniform", "max_score": 10},
    "unknown": None,
}
CITY: Json = {
    "kind": "data_collection",
    "name": "City",
    "value_schema": {"type": "string", "description": "Where the user lives.", "enum": ["Rome"]},
}


async def ok(answer: httpx.Response) -> Any:  # noqa: ANN401
    assert answer.status_code == 200, answer.text
    return answer.json()


async def make(client: httpx.AsyncClient, body: Json = POLITE, **more: object) -> Json:
    found: Json = await ok(await client.post(BASE, json=body | more))
    return found


async def agent_with(client: httpx.AsyncClient, *item_ids: str) -> str:
    refs = [{"source": "user", "analysis_item_id": each} for each in item_ids]
    settings = {"analysis_items": {"evaluation_criteria": refs}}
    body = {"name": "A", "conversation_config": {}, "platform_settings": settings}
    made = await ok(await client.post("/v1/convai/agents/create", json=body))
    return str(made["agent_id"])


async def names(client: httpx.AsyncClient, **asked: object) -> list[str]:
    found = await ok(await client.get(BASE, params=asked))  # type: ignore[arg-type]
    return [each["definition"]["name"] for each in found["analysis_items"]]


@pytest.mark.anyio
@pytest.mark.parametrize("body", [POLITE, CITY], ids=lambda body: body["kind"])
async def test_create_and_get_analysis_item(client: httpx.AsyncClient, body: Json) -> None:
    made = await make(client, body)
    assert is_part_of(body, made["definition"])
    assert await ok(await client.get(f"{BASE}/{made['id']}")) == made


@pytest.mark.anyio
async def test_change_analysis_item_makes_a_version_where_it_differs(
    client: httpx.AsyncClient,
) -> None:
    made = await make(client)
    path = f"{BASE}/{made['id']}"
    same = await ok(await client.patch(path, json=POLITE))
    assert same["current_version_id"] == made["current_version_id"]
    new = POLITE | {"conversation_goal_prompt": "It was very polite."}
    changed = await ok(await client.patch(path, json=new))
    assert changed["current_version_id"] != made["current_version_id"]
    found = await ok(await client.get(f"{path}/versions", params={"page_size": 1}))
    assert found["current_version_id"] == changed["current_version_id"]
    (newest,) = found["versions"]
    assert (newest["id"], newest["version_number"]) == (changed["current_version_id"], 2)
    query = {"cursor": found["next_cursor"]}
    found = await ok(await client.get(f"{path}/versions", params=query))
    assert [each["definition"] for each in found["versions"]] == [made["definition"]]
    answer = await client.patch(path, json=CITY)
    assert answer.status_code == 422


@pytest.mark.anyio
async def test_list_analysis_items(client: httpx.AsyncClient) -> None:
    polite, city = await make(client), await make(client, CITY)
    assert await names(client) == ["City", "Polite"]
    assert await names(client, sort_direction="asc") == ["Polite", "City"]
    assert await names(client, kind="evaluation") == ["Polite"]
    assert await names(client, search="ci") == ["City"]
    assert await names(client, search="ity") == []
    assert await names(client, analysis_item_ids=[polite["id"], "no"]) == ["Polite"]
    assert await names(client, created_by_user_id="other") == []
    page = await ok(await client.get(BASE, params={"page_size": 1}))
    assert (page["analysis_items"][0]["id"], page["has_more"]) == (city["id"], True)
    assert await names(client, cursor=page["next_cursor"]) == ["Polite"]


@pytest.mark.anyio
async def test_copy_analysis_item(client: httpx.AsyncClient) -> None:
    made = await make(client)
    copied = await ok(await client.post(f"{BASE}/{made['id']}/copy"))
    assert copied["id"] != made["id"]
    assert copied["definition"] == made["definition"] | {"name": "Polite (copy)"}


@pytest.mark.anyio
async def test_an_analysis_item_in_use_is_deleted_only_by_force(client: httpx.AsyncClient) -> None:
    made, other = await make(client), await make(client)
    agent_id = await agent_with(client, made["id"], other["id"])
    path = f"{BASE}/{made['id']}"
    found = await ok(await client.get(f"{path}/dependent-agents"))
    assert [each["id"] for each in found["agents"]] == [agent_id]
    answer = await client.delete(path)
    assert (answer.status_code, error_of(answer)["code"]) == (409, "analysis_item_in_use")
    await ok(await client.delete(path, params={"force": True}))
    agent = await ok(await client.get(f"/v1/convai/agents/{agent_id}"))
    refs = agent["platform_settings"]["analysis_items"]["evaluation_criteria"]
    assert [each["analysis_item_id"] for each in refs] == [other["id"]]
    for method, more in [
        ("GET", ""), ("DELETE", ""), ("PATCH", ""), ("GET", "/versions"), ("POST", "/copy"),
        ("GET", "/dependent-agents"),
    ]:  # fmt: skip
        body = {"json": POLITE} if method == "PATCH" else {}
        answer = await client.request(method, f"{path}{more}", **body)  # type: ignore[arg-type]
        assert error_of(answer)["code"] == "analysis_item_not_found"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {**POLITE, "kind": "other"},
        {**POLITE, "name": None},
        {**POLITE, "conversation_goal_prompt": 5},
        {**POLITE, "scoring": {"mode": "numeric_uniform"}},
        {**CITY, "value_schema": {}},
    ],
)
async def test_a_wrong_analysis_item_is_refused(client: httpx.AsyncClient, wrong: Json) -> None:
    answer = await client.post(BASE, json=wrong)
    assert answer.status_code == 422
    assert all(each["loc"][0] == "body" for each in answer.json()["detail"])


@pytest.mark.anyio
async def test_attaching_to_many_agents_is_not_offered_and_says_so(
    client: httpx.AsyncClient,
) -> None:
    made = await make(client)
    answer = await client.patch(f"{BASE}/{made['id']}/attachments", json={"source": "user"})
    assert error_of(answer)["code"] == "not_implemented"


def test_the_sdk_makes_reads_changes_lists_copies_and_deletes_items(sdk: ElevenLabs) -> None:
    items = sdk.conversational_ai.analysis_items
    body = AnalysisItemsCreateRequestBody_Evaluation(name="A", conversation_goal_prompt="Polite?")
    made = items.create(request=body)
    assert (made.definition.kind, made.definition.name) == ("evaluation", "A")
    new = AnalysisItemsUpdateRequestBody_Evaluation(name="B", conversation_goal_prompt="Kind?")
    assert items.update(made.id, request=new).definition.name == "B"
    assert items.get(made.id).definition.name == "B"
    assert [each.version_number for each in items.list_versions(made.id).versions] == [2, 1]
    copied = items.copy(made.id)
    assert {each.id for each in items.list(search="B").analysis_items} == {made.id, copied.id}
    assert items.dependent_agents.get(made.id).agents == []
    items.delete(made.id)
    items.delete(copied.id, force=True)
    with pytest.raises(ApiError) as caught:
        items.get(made.id)
    assert caught.value.status_code == 404
