import asyncio

import httpx
import pytest

from api.api_kit import conversation, error_of
from turnwise.api import Deps

pytestmark = pytest.mark.anyio

TAGS = "/v1/convai/tags"
CONVERSATIONS = "/v1/convai/conversations"


@pytest.fixture(autouse=True)
async def begun(deps: Deps) -> None:
    async with deps.store.writing() as tx:
        for number in (1, 2):
            await tx.conversations.begin(conversation(number))


async def tag(client: httpx.AsyncClient, title: str = "VIP") -> str:
    return str((await client.post(TAGS, json={"title": title})).json()["tag_id"])


async def tags_of(client: httpx.AsyncClient, conversation_id: str = "conv_1") -> list[str]:
    return list((await client.get(f"{CONVERSATIONS}/{conversation_id}")).json()["tag_ids"])


async def test_a_tag_is_made_read_changed_listed_and_deleted(client: httpx.AsyncClient) -> None:
    answer = await client.post(TAGS, json={"title": "VIP", "description": "pays"})
    made = answer.json()
    assert (made["title"], made["description"]) == ("VIP", "pays")
    path = f"{TAGS}/{made['tag_id']}"
    assert (await client.get(path)).json() == made
    assert (await client.patch(path, json={"title": "Gold"})).json() == {**made, "title": "Gold"}
    changed = (await client.patch(path, json={"title": None, "description": None})).json()
    assert (changed["title"], changed["description"]) == ("Gold", None)
    other = await tag(client, "Other")
    page = (await client.get(TAGS, params={"page_size": 1})).json()
    assert [each["tag_id"] for each in page["conversation_tags"]] == [other]
    page = (await client.get(TAGS, params={"cursor": page["next_cursor"]})).json()
    assert (page["conversation_tags"], page["has_more"]) == ([changed], False)
    answer = await client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert error_of(await client.get(path))["code"] == "tag_not_found"


async def test_tags_are_put_on_conversations_and_taken_off(client: httpx.AsyncClient) -> None:
    one, two = await tag(client), await tag(client)
    path = f"{CONVERSATIONS}/conv_1/tags"
    assert (await client.post(path, json={"tag_ids": [one]})).status_code == 204
    assert (await client.post(path, json={"tag_ids": [two, one, two]})).status_code == 204
    assert await tags_of(client) == [one, two]
    rows = (await client.get(CONVERSATIONS, params={"tag_ids": [two]})).json()["conversations"]
    assert [row["conversation_id"] for row in rows] == ["conv_1"]
    assert (await client.delete(f"{path}/{one}")).status_code == 204
    assert (await client.delete(f"{path}/{one}")).status_code == 204
    assert await tags_of(client) == [two]


async def test_a_deleted_tag_is_on_no_conversation(client: httpx.AsyncClient) -> None:
    one, two = await tag(client), await tag(client)
    for number in (1, 2):
        await client.post(f"{CONVERSATIONS}/conv_{number}/tags", json={"tag_ids": [one, two]})
    await client.delete(f"{CONVERSATIONS}/conv_2")
    assert (await client.delete(f"{TAGS}/{one}")).status_code == 204
    assert await tags_of(client) == [two]


async def test_tags_put_on_at_once_are_all_kept(client: httpx.AsyncClient) -> None:
    made = [await tag(client) for _ in range(8)]
    async with asyncio.TaskGroup() as group:
        for each in made:
            body = {"tag_ids": [each]}
            group.create_task(client.post(f"{CONVERSATIONS}/conv_1/tags", json=body))
    assert sorted(await tags_of(client)) == sorted(made)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", TAGS, {}, 422),
        ("POST", TAGS, {"title": ""}, 422),
        ("POST", TAGS, {"title": "x" * 121}, 422),
        ("POST", TAGS, {"title": "x", "description": "x" * 1_001}, 422),
        ("POST", TAGS, {"title": 1}, 422),
        ("GET", f"{TAGS}?page_size=101", None, 422),
        ("GET", f"{TAGS}?cursor=x", None, 400),
        ("GET", f"{TAGS}/no", None, 404),
        ("PATCH", f"{TAGS}/no", {"title": "x"}, 404),
        ("DELETE", f"{TAGS}/no", None, 404),
        ("DELETE", f"{TAGS}/{'x' * 3_000}", None, 404),
        ("POST", f"{CONVERSATIONS}/conv_1/tags", {"tag_ids": []}, 422),
        ("POST", f"{CONVERSATIONS}/conv_1/tags", {"tag_ids": ["x"] * 51}, 422),
        ("POST", f"{CONVERSATIONS}/conv_1/tags", {"tag_ids": ["no"]}, 404),
        ("DELETE", f"{CONVERSATIONS}/conv_1/tags/no", None, 404),
    ],
)
async def test_a_bad_request_about_tags_is_refused(
    client: httpx.AsyncClient, method: str, path: str, body: object, status: int
) -> None:
    assert (await client.request(method, path, json=body)).status_code == status
    assert await tags_of(client) == []


async def test_a_tag_on_an_unknown_conversation_is_refused(client: httpx.AsyncClient) -> None:
    body = {"tag_ids": [await tag(client)]}
    answer = await client.post(f"{CONVERSATIONS}/no/tags", json=body)
    assert error_of(answer)["code"] == "conversation_not_found"
