"""What others say about a call while it goes on outlives it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from turnwise.gateway.doors import Door
from turnwise.gateway.keeping import Keeper, OpenCalls, with_notes
from turnwise.store import Store, open_blobs, open_store

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
    keeper = Keeper(OpenCalls(store), open_blobs(tmp_path), Door(document={}), tmp_path)
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


class Counting:
    """A store that counts its transactions, and may break one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.opened = 0
        self.breaks = False

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Any]:
        self.opened += 1
        async with self._store.writing() as tx:
            if self.breaks:
                self.breaks = False
                raise RuntimeError("the disk is full")
            yield tx


@pytest.fixture
async def counting(tmp_path: Path) -> AsyncIterator[Counting]:
    store = await open_store(f"sqlite:///{tmp_path / 'x.db'}", tmp_path)
    async with store.writing() as tx:
        for number in range(3):
            await tx.conversations.begin(saying(number))
    yield Counting(store)
    await store.close()


def saying(number: int, *words: str, status: str = "in-progress") -> dict[str, Any]:
    transcript = [{"role": "user", "message": word} for word in words]
    return {**call(status), "conversation_id": f"conv_{number}", "transcript": transcript}


async def words_of(counting: Counting, number: int) -> list[str] | None:
    async with counting._store.reading() as tx:
        document = await tx.conversations.get(f"conv_{number}")
    return None if document is None else [turn["message"] for turn in document["transcript"]]


def as_store(counting: Counting) -> Store:
    return cast("Store", counting)


async def fails(saving: Awaitable[None]) -> str:
    with pytest.raises(RuntimeError) as caught:
        await saving
    return str(caught.value)


async def test_calls_of_a_moment_are_stored_in_one_transaction(counting: Counting) -> None:
    calls = OpenCalls(as_store(counting))
    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(calls.save(saying(number, "hello", f"{number}")))
    assert counting.opened == 1
    assert [await words_of(counting, number) for number in range(3)] == [
        ["hello", "0"],
        ["hello", "1"],
        ["hello", "2"],
    ]


async def test_a_call_that_is_over_or_deleted_stays_as_it_is(counting: Counting) -> None:
    calls = OpenCalls(as_store(counting))
    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(calls.save(saying(number, "late")))
        await asyncio.sleep(0)
        async with counting._store.writing() as tx:
            await tx.conversations.save(saying(0, "all", status="done"))
            await tx.conversations.delete("conv_1")
    assert await words_of(counting, 0) == ["all"]
    assert await words_of(counting, 1) is None
    assert await words_of(counting, 2) == ["late"]


async def test_what_breaks_for_one_is_tried_again_for_the_others(counting: Counting) -> None:
    calls = OpenCalls(as_store(counting))
    counting.breaks = True
    async with asyncio.TaskGroup() as tasks:
        broken = tasks.create_task(fails(calls.save(saying(0, "hello"))))
        for number in (1, 2):
            tasks.create_task(calls.save(saying(number, "hello")))
    assert broken.result() == "the disk is full"
    assert await words_of(counting, 2) == ["hello"]


async def test_a_call_that_ends_meanwhile_takes_nothing_from_the_others(
    counting: Counting,
) -> None:
    calls = OpenCalls(as_store(counting))
    async with asyncio.TaskGroup() as tasks:
        first, *_ = [tasks.create_task(calls.save(saying(n, "hello"))) for n in range(3)]
        await asyncio.sleep(0.01)
        first.cancel()
    assert await words_of(counting, 1) == ["hello"]
    assert await words_of(counting, 2) == ["hello"]


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
