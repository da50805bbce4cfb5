import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnwise.store import AgentQuery, AgentRow, CursorRejected, Store
from turnwise.store.ports import AgentSort

pytestmark = pytest.mark.anyio

FULL: dict[str, Any] = {
    "name": "Räksmörgås",
    "tags": ["food", "food", "sv"],
    "conversation_config": {"tts": {"voice_id": "v1"}, "unknown": {"deep": [None, 1, 1.0, {}]}},
    "platform_settings": {"archived": False, "x": None},
    "zero": "a\0b",
    "large": 2**80,
    "exact": 0.1,
    "😀": "𝄞",
}


def named(name: object, **more: object) -> dict[str, Any]:
    return {"name": name, **more}


ALL = AgentQuery()


async def add(store: Store, *documents: dict[str, Any]) -> list[str]:
    async with store.writing() as tx:
        return [(await tx.agents.create(document)).agent_id for document in documents]


async def listed(store: Store, query: AgentQuery = ALL) -> list[AgentRow]:
    """All pages of a list."""
    found: list[AgentRow] = []
    while True:
        async with store.reading() as tx:
            page = await tx.agents.list(query)
        found += page.items
        if page.next_cursor is None:
            return found
        query = replace(query, cursor=page.next_cursor)


async def names(store: Store, query: AgentQuery = ALL) -> list[str]:
    return [row.name for row in await listed(store, query)]


async def test_what_was_stored_comes_back_deep_equal(store: Store) -> None:
    (agent_id,) = await add(store, FULL)
    async with store.reading() as tx:
        record = await tx.agents.get(agent_id)
    assert record is not None
    assert record.document == FULL
    assert [type(x) for x in record.document["conversation_config"]["unknown"]["deep"]] == [
        type(None),
        int,
        float,
        dict,
    ]
    assert agent_id.startswith("agent_")
    assert record.created_at == record.updated_at


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@given(document=st.dictionaries(st.text(st.characters(codec="utf-8")), json_values))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_document_comes_back_deep_equal(store: Store, document: dict[str, Any]) -> None:
    (agent_id,) = await add(store, document)
    async with store.reading() as tx:
        record = await tx.agents.get(agent_id)
    assert record is not None
    assert record.document == document


async def test_an_agent_that_is_not_there_is_none(store: Store) -> None:
    async with store.writing() as tx:
        assert await tx.agents.get("agent_none") is None
        assert await tx.agents.replace("agent_none", {}) is None
        assert not await tx.agents.delete("agent_none")


async def test_replacing_an_agent_keeps_its_creation_and_moves_its_update(store: Store) -> None:
    (agent_id,) = await add(store, FULL)
    async with store.writing() as tx:
        before = await tx.agents.get(agent_id, lock=True)
        after = await tx.agents.replace(agent_id, named("B", tags=["new"]))
    assert before is not None
    assert after is not None
    assert after.document == {"name": "B", "tags": ["new"]}
    assert after.created_at == before.created_at
    assert after.updated_at > before.updated_at
    assert await names(store, AgentQuery(tags=("new",))) == ["B"]
    assert await names(store, AgentQuery(tags=("food",))) == []


async def test_a_deleted_agent_is_gone_with_its_tags(store: Store) -> None:
    (agent_id,) = await add(store, FULL)
    async with store.writing() as tx:
        assert await tx.agents.delete(agent_id)
    assert await listed(store, AgentQuery(tags=("food",))) == []
    async with store.reading() as tx:
        assert await tx.agents.get(agent_id) is None


async def test_a_row_tells_what_a_list_needs(store: Store) -> None:
    (agent_id,) = await add(store, FULL)
    (row,) = await listed(store)
    assert row.agent_id == agent_id
    assert (row.name, row.voice_id, row.tags) == ("Räksmörgås", "v1", ("food", "sv"))
    assert not row.archived
    assert row.last_call_at is None


async def test_a_document_that_makes_no_sense_is_stored_all_the_same(store: Store) -> None:
    await add(store, {"name": 5, "tags": "x", "platform_settings": [], "conversation_config": 1})
    (row,) = await listed(store)
    assert (row.name, row.voice_id, row.tags, row.archived) == ("", "", (), False)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort_by", ["name", "created_at", "updated_at"])
async def test_pages_hold_each_agent_once_and_in_order(
    store: Store, size: int, sort_by: AgentSort, *, descending: bool
) -> None:
    await add(store, *(named(name) for name in ["b", "A", "b", "É", "c"]))
    rows = await listed(store, AgentQuery(page_size=size, sort_by=sort_by, descending=descending))
    assert len({row.agent_id for row in rows}) == len(rows) == 5
    keys = [
        (row.name.casefold() if sort_by == "name" else getattr(row, sort_by), row.agent_id)
        for row in rows
    ]
    # by code points, or as the database's language has it: never back and forth
    ordered = [a >= b if descending else a <= b for a, b in pairwise(keys) if "é" not in (*a, *b)]
    assert all(ordered)


async def test_a_search_finds_parts_of_names_in_any_case(store: Store) -> None:
    await add(store, *(named(name) for name in ["Support SÜD", "sales", "100%", "a_b"]))
    assert await names(store, AgentQuery(search="süd")) == ["Support SÜD"]
    assert await names(store, AgentQuery(search="%")) == ["100%"]
    assert await names(store, AgentQuery(search="_")) == ["a_b"]
    assert await names(store, AgentQuery(search="zz")) == []


async def test_archived_agents_are_apart(store: Store) -> None:
    await add(store, named("old", platform_settings={"archived": True}), named("new"))
    assert await names(store, AgentQuery(archived=True)) == ["old"]
    assert await names(store, AgentQuery(archived=False)) == ["new"]
    assert sorted(await names(store)) == ["new", "old"]


async def test_any_of_several_tags_will_do(store: Store) -> None:
    await add(store, named("a", tags=["x", "y"]), named("b", tags=["y"]), named("c"))
    assert sorted(await names(store, AgentQuery(tags=("x", "y")))) == ["a", "b"]


async def test_a_cursor_from_elsewhere_is_refused(store: Store) -> None:
    await add(store, named("a"), named("b"))
    async with store.reading() as tx:
        page = await tx.agents.list(AgentQuery(page_size=1))
        cursor = page.next_cursor
        assert cursor is not None
        for bad in ["x", "!!", "bnVsbA", "W10", cursor[:-3], "ä", "WyJhIl0"]:
            with pytest.raises(CursorRejected):
                await tx.agents.list(AgentQuery(cursor=bad))
        with pytest.raises(CursorRejected, match="another order"):
            await tx.agents.list(AgentQuery(cursor=cursor, sort_by="name"))


async def test_changes_made_at_once_are_all_kept(store: Store) -> None:
    (agent_id,) = await add(store, named("a"))

    async def set_field(key: str) -> None:
        async with store.writing() as tx:
            record = await tx.agents.get(agent_id, lock=True)
            assert record is not None
            await asyncio.sleep(0)
            await tx.agents.replace(agent_id, record.document | {key: 1})

    async with asyncio.TaskGroup() as tasks:
        for number in range(12):
            tasks.create_task(set_field(f"f{number}"))
    async with store.reading() as tx:
        record = await tx.agents.get(agent_id)
    assert record is not None
    assert len(record.document) == 13


async def test_what_raises_is_undone(store: Store) -> None:
    async def fail() -> None:
        async with store.writing() as tx:
            await tx.agents.create(named("a"))
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        await fail()
    assert await listed(store) == []
