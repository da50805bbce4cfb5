from dataclasses import replace
from typing import Any

import pytest

from turnwise.store import AgentQuery, ConversationQuery, CursorRejected, Store, StoreConflict

pytestmark = pytest.mark.anyio


def record(
    number: int = 1,
    *,
    agent: str = "agent_1",
    status: str = "in-progress",
    start: int = 100,
    secs: int = 5,
    **more: object,
) -> dict[str, Any]:
    return {
        "conversation_id": f"conv_{number}",
        "agent_id": agent,
        "status": status,
        "metadata": {"start_time_unix_secs": start, "call_duration_secs": secs, "error": None},
        "transcript": [],
        **more,
    }


async def begin(store: Store, *documents: dict[str, Any]) -> None:
    async with store.writing() as tx:
        for document in documents:
            await tx.conversations.begin(document)


async def get(store: Store, conversation_id: str = "conv_1") -> dict[str, Any] | None:
    async with store.reading() as tx:
        return await tx.conversations.get(conversation_id)


ALL = ConversationQuery()


async def ids(store: Store, query: ConversationQuery = ALL) -> list[str]:
    """All pages of a list."""
    found: list[str] = []
    while True:
        async with store.reading() as tx:
            page = await tx.conversations.list(query)
        found += [row.head["conversation_id"] for row in page.items]
        if page.next_cursor is None:
            return found
        query = replace(query, cursor=page.next_cursor)


async def test_a_conversation_is_stored_turn_by_turn_and_comes_back_deep_equal(
    store: Store,
) -> None:
    document = record(extra={"deep": [None, 1.0]}, transcript=[])
    await begin(store, document)
    assert await get(store) == document
    for number in range(3):
        document["transcript"].append(
            {"role": "user", "message": f"{number}\0", "time_in_call_secs": number}
        )
        async with store.writing() as tx:
            assert await tx.conversations.save(document)
        assert await get(store) == document
    document["status"] = "done"
    async with store.writing() as tx:
        assert await tx.conversations.finish(document)
    assert await get(store) == document


async def test_open_conversations_are_replaced_together(store: Store) -> None:
    await begin(store, record(1), record(2), record(3))
    said: dict[str, Any] = {
        "transcript": [{"role": "user", "message": "hello"}],
        "extra": {"deep": [None]},
    }
    async with store.writing() as tx:
        assert await tx.conversations.delete("conv_3")
        heads = await tx.conversations.heads(["conv_1", "conv_2", "conv_3", "conv_4"])
        await tx.conversations.save_open([record(n, **said) for n in (1, 2, 3)])
    assert heads.keys() == {"conv_1", "conv_2"}
    assert "transcript" not in heads["conv_1"]
    assert heads["conv_1"]["metadata"] == record()["metadata"]
    assert [await get(store, f"conv_{n}") for n in (1, 2, 3)] == [
        record(1, **said),
        record(2, **said),
        None,
    ]
    assert sorted(await ids(store)) == ["conv_1", "conv_2"]


async def test_an_id_is_used_once(store: Store) -> None:
    await begin(store, record())
    with pytest.raises(StoreConflict):
        await begin(store, record(agent="agent_2"))
    found = await get(store)
    assert found is not None
    assert found["agent_id"] == "agent_1"


async def test_a_deleted_conversation_is_not_saved_again(store: Store) -> None:
    await begin(store, record())
    async with store.writing() as tx:
        assert await tx.conversations.delete("conv_1")
        assert not await tx.conversations.delete("conv_1")
        assert not await tx.conversations.save(record())
    assert await get(store) is None


async def test_a_save_that_fails_leaves_the_old_document_whole(store: Store) -> None:
    await begin(store, record())

    async def fail() -> None:
        async with store.writing() as tx:
            await tx.conversations.save(record(status="done", transcript=[{"role": "user"}]))
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        await fail()
    assert await get(store) == record()


async def test_a_finished_conversation_is_not_an_open_one(store: Store) -> None:
    await begin(store, record())
    async with store.writing() as tx:
        with pytest.raises(AssertionError, match="in-progress"):
            await tx.conversations.finish(record())


async def test_a_row_has_all_but_the_transcript(store: Store) -> None:
    document = record(transcript=[{"role": "user"}, {"role": "agent"}], agent_name="A")
    await begin(store, document)
    async with store.reading() as tx:
        (row,) = (await tx.conversations.list(ConversationQuery())).items
    assert row.message_count == 2
    del document["transcript"]
    assert row.head == document


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("descending", [True, False])
async def test_pages_are_in_the_order_of_the_starts(
    store: Store, size: int, *, descending: bool
) -> None:
    starts = [30, 10, 20, 20, 20, 40]
    await begin(store, *(record(number, start=start) for number, start in enumerate(starts)))
    found = await ids(store, ConversationQuery(page_size=size, descending=descending))
    expected = ["conv_1", "conv_2", "conv_3", "conv_4", "conv_0", "conv_5"]
    assert found == (expected[::-1] if descending else expected)


async def test_filters_narrow_the_list(store: Store) -> None:
    await begin(
        store,
        record(1, agent="agent_1", start=10, secs=5, status="done", user_id="u"),
        record(2, agent="agent_2", start=20, secs=50, status="failed"),
        record(3, agent="agent_1", start=30, secs=500),
    )
    assert await ids(store, ConversationQuery(agent_id="agent_1")) == ["conv_3", "conv_1"]
    assert await ids(store, ConversationQuery(agent_id="agent_1", page_size=1)) == [
        "conv_3",
        "conv_1",
    ]
    assert await ids(store, ConversationQuery(user_id="u")) == ["conv_1"]
    assert await ids(store, ConversationQuery(started_after=10)) == ["conv_3", "conv_2"]
    assert await ids(store, ConversationQuery(started_before=20)) == ["conv_1"]
    assert await ids(store, ConversationQuery(duration_min_secs=50)) == ["conv_3", "conv_2"]
    assert await ids(store, ConversationQuery(duration_max_secs=50)) == ["conv_2", "conv_1"]
    assert await ids(store, ConversationQuery(exclude_statuses=("done", "failed"))) == ["conv_3"]
    assert await ids(store, ConversationQuery(agent_id="agent_3")) == []


async def test_a_cursor_from_elsewhere_is_refused(store: Store) -> None:
    async with store.reading() as tx:
        with pytest.raises(CursorRejected):
            await tx.conversations.list(ConversationQuery(cursor="nonsense"))


async def test_orphans_are_closed_as_failed_and_the_rest_is_left_alone(store: Store) -> None:
    turns = [{"role": "user", "message": "hi", "time_in_call_secs": 1}]
    await begin(
        store,
        record(1, transcript=turns),
        record(2, status="initiated"),
        record(3, status="done"),
        record(4, status="processing"),
    )
    async with store.writing() as tx:
        closed = await tx.conversations.close_orphans("the server was stopped")
    assert sorted(closed) == ["conv_1", "conv_2"]
    found = await get(store)
    assert found is not None
    assert found["status"] == "failed"
    assert found["transcript"] == turns
    assert found["metadata"]["termination_reason"] == "the server was stopped"
    assert found["metadata"]["error"] == {"code": 1011, "reason": "the server was stopped"}
    assert found["metadata"]["start_time_unix_secs"] == 100
    assert await get(store, "conv_3") == record(3, status="done")
    assert await ids(store, ConversationQuery(exclude_statuses=("failed",))) == ["conv_4", "conv_3"]
    async with store.writing() as tx:
        assert await tx.conversations.close_orphans("again") == ()


async def test_an_agents_last_call_is_in_its_row(store: Store) -> None:
    async with store.writing() as tx:
        agent_id = (await tx.agents.create({"name": "a"})).agent_id
        await tx.conversations.begin(record(1, agent=agent_id, start=10))
        await tx.conversations.begin(record(2, agent=agent_id, start=30))
        (row,) = (await tx.agents.list(AgentQuery())).items
    assert row.last_call_at == 30


async def test_which_conversations_there_are_is_known_without_reading_them(store: Store) -> None:
    await begin(store, *(record(number) for number in range(1_200)))
    asked = [f"conv_{number}" for number in range(0, 2_400, 2)] * 2 + ["", "half \ud83d"]
    async with store.reading() as tx:
        found = await tx.conversations.known(asked)
        assert await tx.conversations.known(()) == frozenset()
    assert found == {f"conv_{number}" for number in range(0, 1_200, 2)}
