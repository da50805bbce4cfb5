"""What others say about a call while it goes on outlives it."""

from pathlib import Path
from typing import Any

import pytest

from turnwise.gateway.doors import Door
from turnwise.gateway.keeping import Keeper, with_notes
from turnwise.store import open_blobs, open_store

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def call(status: str = "in-progress", **feedback: object) -> dict[str, Any]:
    return {
        "conversation_id": "conv_1",
        "agent_id": "agent_1",
        "status": status,
        "metadata": {
            "start_time_unix_secs": 1,
            "call_duration_secs": 2,
            "feedback": {"overall_score": None, "likes": 0, "dislikes": 0, **feedback},
        },
        "transcript": [],
        "tag_ids": [],
    }


async def test_a_rating_and_tags_given_during_the_call_are_kept(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'x.db'}", tmp_path)
    keeper = Keeper(store, open_blobs(tmp_path), Door(document={}), tmp_path)
    await keeper.save(call())
    async with store.writing() as tx:
        document = await tx.conversations.get("conv_1", lock=True)
        assert document is not None
        document["metadata"]["feedback"] |= {"type": "rating", "rating": 5, "comment": "Good"}
        await tx.conversations.save({**document, "tag_ids": ["tag_1"]})
    await keeper.save(call("done", overall_score="like", likes=1))
    async with store.reading() as tx:
        kept = await tx.conversations.get("conv_1")
    await store.close()
    assert kept is not None
    assert (kept["status"], kept["tag_ids"]) == ("done", ["tag_1"])
    assert kept["metadata"]["feedback"] == {
        "type": "rating",
        "rating": 5,
        "comment": "Good",
        "overall_score": "like",
        "likes": 1,
        "dislikes": 0,
    }


@pytest.mark.parametrize(
    ("noted", "told", "score"),
    [
        ({}, {"overall_score": "like"}, "like"),
        ({"overall_score": "dislike"}, {"overall_score": "like"}, "like"),
        ({"type": "thumbs", "overall_score": "dislike"}, {"overall_score": "like"}, "dislike"),
        ({"type": "thumbs", "overall_score": None}, {"overall_score": "like"}, "like"),
    ],
)
def test_a_thumb_for_the_call_counts_more_than_those_for_replies(
    noted: dict[str, object], told: dict[str, Any], score: str
) -> None:
    before, document = call(), call(**told)
    before["metadata"]["feedback"] = noted
    assert with_notes(document, before)["metadata"]["feedback"]["overall_score"] == score
