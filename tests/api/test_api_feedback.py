import asyncio

import httpx
import pytest

from api.api_kit import conversation
from turnwise.api import Deps

pytestmark = pytest.mark.anyio

PATH = "/v1/convai/conversations/conv_1/feedback"


async def kept(deps: Deps) -> dict[str, object]:
    async with deps.store.reading() as tx:
        document = await tx.conversations.get("conv_1")
    assert document is not None
    feedback = document["metadata"]["feedback"]
    assert isinstance(feedback, dict)
    return feedback


@pytest.fixture
async def begun(deps: Deps) -> None:
    document = conversation()
    document["metadata"]["feedback"] = {"overall_score": None, "likes": 2, "dislikes": 1}
    async with deps.store.writing() as tx:
        await tx.conversations.begin(document)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"feedback": "like"}, {"type": "thumbs", "overall_score": "like"}),
        ({"feedback": "dislike"}, {"type": "thumbs", "overall_score": "dislike"}),
        ({"feedback": None}, {"type": "thumbs", "overall_score": None}),
        ({"rating": 5}, {"type": "rating", "rating": 5, "overall_score": None}),
        (
            {"rating": 1, "comment": "Bad"},
            {"type": "rating", "rating": 1, "comment": "Bad", "overall_score": None},
        ),
        ({"comment": "Fine"}, {"comment": "Fine", "overall_score": None}),
    ],
)
@pytest.mark.usefixtures("begun")
async def test_post_feedback_without_a_key_is_kept(
    client: httpx.AsyncClient,
    deps: Deps,
    body: dict[str, object],
    expected: dict[str, object],
) -> None:
    del client.headers["xi-api-key"]
    answer = await client.post(PATH, json=body)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert await kept(deps) == {"likes": 2, "dislikes": 1, **expected}


@pytest.mark.usefixtures("begun")
async def test_a_rating_does_not_take_back_a_thumb(client: httpx.AsyncClient, deps: Deps) -> None:
    await client.post(PATH, json={"feedback": "like"})
    await client.post(PATH, json={"rating": 2, "comment": "But slow"})
    found = await kept(deps)
    assert (found["overall_score"], found["rating"], found["comment"]) == ("like", 2, "But slow")
    rows = (await client.get("/v1/convai/conversations", params={"rating_max": 2})).json()
    assert [row["rating"] for row in rows["conversations"]] == [2]


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, "feedback"),
        ({"feedback": "love"}, "feedback"),
        ({"rating": 0}, "rating"),
        ({"rating": 6}, "rating"),
        ({"rating": "5"}, "rating"),
        ({"rating": True}, "rating"),
        ({"rating": 4.5}, "rating"),
        ({"rating": 4, "comment": 1}, "comment"),
        ({"rating": 4, "comment": "x" * 10_001}, "comment"),
    ],
)
@pytest.mark.usefixtures("begun")
async def test_bad_feedback_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, deps: Deps, body: dict[str, object], loc: str
) -> None:
    before = await kept(deps)
    answer = await client.post(PATH, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", loc]
    assert await kept(deps) == before


async def test_feedback_on_nothing_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, json={"feedback": "like"})
    assert answer.status_code == 404


@pytest.mark.usefixtures("begun")
async def test_feedback_at_once_loses_nothing(client: httpx.AsyncClient, deps: Deps) -> None:
    bodies: list[dict[str, object]] = [{"feedback": "like"}, {"rating": 3}, {"comment": "c"}]
    async with asyncio.TaskGroup() as group:
        for body in bodies * 3:
            group.create_task(client.post(PATH, json=body))
    found = await kept(deps)
    assert (found["overall_score"], found["rating"], found["comment"]) == ("like", 3, "c")
