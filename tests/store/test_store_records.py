from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnwise.store import CursorRejected, Record, RecordQuery, Store, StoreConflict, Transaction
from turnwise.store.record_ports import AGENT, RecordSort
from turnwise.store.sql import LONG_JSON, SqlStore

pytestmark = pytest.mark.anyio

FULL: dict[str, Any] = {"deep": [None, 1, 1.0, {}], "zero": "a\0b", "large": 2**80, "😀": "\ud83d"}
ALL = RecordQuery(kind="tool")


async def add(
    store: Store, name: str, kind: str = "tool", parent: str | None = None, label: str = ""
) -> Record:
    async with store.writing() as tx:
        return await tx.records.create(
            kind, {"name": name}, prefix=f"{kind}_", name=name, parent=parent, label=label
        )


async def pages(store: Store, query: RecordQuery) -> list[list[Record]]:
    found: list[list[Record]] = []
    while True:
        async with store.reading() as tx:
            page = await tx.records.list(query)
        found.append(list(page.items))
        if page.next_cursor is None:
            return found
        query = replace(query, cursor=page.next_cursor)


async def names(store: Store, query: RecordQuery = ALL) -> list[str]:
    return [record.name for page in await pages(store, query) for record in page]


async def test_what_was_stored_comes_back_deep_equal(store: Store) -> None:
    async with store.writing() as tx:
        made = await tx.records.create(
            "tool", FULL, prefix="tool_", name="Größe", parent="x", label="webhook"
        )
    async with store.reading() as tx:
        assert await tx.records.get("tool", made.record_id) == made
        assert await tx.records.get("secret", made.record_id) is None
    assert made.document == FULL
    assert made.record_id.startswith("tool_")
    assert (made.kind, made.name, made.parent, made.label) == ("tool", "Größe", "x", "webhook")
    assert made.created_at == made.updated_at
    assert made.revision == 1


@pytest.mark.parametrize("end", ["", "\ud83d"])
async def test_a_long_document_comes_back_as_it_was(store: Store, end: str) -> None:
    long = FULL | {"prompt": "Grüße \\\n" * LONG_JSON + end}
    async with store.writing() as tx:
        made = await tx.records.create("tool", long, prefix="tool_")
    async with store.reading() as tx:
        found = await tx.records.get("tool", made.record_id)
    assert found is not None
    assert found.document == long
    assert repr(found.document) == repr(long)  # numbers keep their kind


async def test_an_id_is_used_once_within_its_kind(store: Store) -> None:
    async with store.writing() as tx:
        await tx.records.create("setting", {"a": 1}, record_id="only")
        await tx.records.create("other", {}, record_id="only")
        with pytest.raises(StoreConflict, match="a setting with the id only already"):
            await tx.records.create("setting", {"a": 2}, record_id="only")
        await tx.records.create("setting", {}, record_id="next")  # the transaction goes on
    async with store.reading() as tx:
        kept = await tx.records.get("setting", "only")
        assert await tx.records.count("setting") == 2
    assert kept is not None
    assert kept.document == {"a": 1}


async def test_a_record_that_is_not_there_is_none(store: Store) -> None:
    async with store.writing() as tx:
        await tx.records.create("tool", {}, record_id="a")
        for missing in ("none", "a\0", "\ud800", ""):
            assert await tx.records.get("tool", missing, lock=True) is None
            assert await tx.records.replace("tool", missing, {}) is None
            assert not await tx.records.delete("tool", missing)
            assert await tx.records.users_of("tool", missing) == ()
        assert await tx.records.many("tool", ["none"]) == {}


async def test_replacing_keeps_what_is_not_said(store: Store) -> None:
    made = await add(store, "a", parent="p", label="l")
    async with store.writing() as tx:
        same = await tx.records.replace("tool", made.record_id, {"new": 1})
        other = await tx.records.replace(
            "tool", made.record_id, {}, name="B", parent=None, label="archived"
        )
    assert same is not None
    assert other is not None
    assert same == replace(made, document={"new": 1}, updated_at=same.updated_at, revision=2)
    assert same.updated_at > made.updated_at
    assert (other.name, other.parent, other.label, other.revision) == ("B", None, "archived", 3)
    assert other.created_at == made.created_at
    assert await names(store, RecordQuery(kind="tool", search="b")) == ["B"]
    async with store.reading() as tx:
        assert await tx.records.get("tool", made.record_id) == other


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort_by", ["name", "created_at", "updated_at"])
async def test_pages_hold_each_record_once_and_in_order(
    store: Store, size: int, sort_by: RecordSort, *, descending: bool
) -> None:
    made = [await add(store, name) for name in ["b", "A", "b", "d", "c"]]
    await add(store, "not a tool", kind="secret")
    async with store.writing() as tx:
        touched = await tx.records.replace("tool", made[0].record_id, {})
    assert touched is not None
    by = {
        "name": [made[1], *sorted([touched, made[2]], key=lambda r: r.record_id), made[4], made[3]],
        "created_at": [touched, *made[1:]],
        "updated_at": [*made[1:], touched],
    }[sort_by]
    query = replace(ALL, page_size=size, sort_by=sort_by, descending=descending)
    found = await pages(store, query)
    assert [record for page in found for record in page] == (by[::-1] if descending else by)
    assert {len(page) for page in found[:-1]} <= {size}


async def test_what_is_made_within_a_second_keeps_its_order(sql_store: SqlStore) -> None:
    ticks = iter(range(1_000))
    origins = replace(
        sql_store._origins,
        now=lambda: 1_700_000_000 + next(ticks) / 1_000,
        new_id=lambda prefix: f"{prefix}{999 - next(ticks)}",
    )
    sql_store._origins = origins
    made = [await add(sql_store, name) for name in "cabed"]
    assert {record.created_at for record in made} == {1_700_000_000}
    assert await names(sql_store, replace(ALL, page_size=2)) == list("cabed")[::-1]
    async with sql_store.reading() as tx:
        assert [record.name for record in await tx.records.all("tool")] == list("cabed")


async def test_filters_narrow_the_list(store: Store) -> None:
    made = [
        await add(store, "Support SÜD", label="webhook"),
        await add(store, "100%", label="client", parent="f1"),
        await add(store, "a_b", label="webhook", parent="f2"),
    ]
    second = made[1].created_at
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["a_b", "100%", "Support SÜD"]),
        ({"search": "süd"}, ["Support SÜD"]),
        ({"search": "%"}, ["100%"]),
        ({"search": "_"}, ["a_b"]),
        ({"search": "zz\0"}, []),
        ({"parents": (None,)}, ["Support SÜD"]),
        ({"parents": ("f1",)}, ["100%"]),
        ({"parents": ("f1", None)}, ["100%", "Support SÜD"]),
        ({"parents": ()}, []),
        ({"labels": ("webhook",)}, ["a_b", "Support SÜD"]),
        ({"labels": ("webhook", "client"), "page_size": 1}, ["a_b", "100%", "Support SÜD"]),
        ({"ids": (made[0].record_id, "none")}, ["Support SÜD"]),
        ({"ids": ()}, []),
        ({"created_before": second}, ["Support SÜD"]),
        ({"created_after": second}, ["a_b"]),
        ({"created_after": 2**62, "created_before": -(2**62)}, []),
        ({"labels": ("webhook",), "parents": ("f2",), "search": "A"}, ["a_b"]),
    ]
    for narrowed, expected in cases:
        assert await names(store, replace(ALL, **narrowed)) == expected, narrowed


async def test_small_lists_come_whole(store: Store) -> None:
    first = await add(store, "b", label="x")
    second = await add(store, "a", parent="f", label="y")
    await add(store, "c", kind="secret")
    async with store.reading() as tx:
        assert await tx.records.all("tool") == (first, second)
        assert await tx.records.all("tool", parent=None) == (first,)
        assert await tx.records.all("tool", parent="f") == (second,)
        assert await tx.records.all("tool", labels=["y", "z"]) == (second,)
        assert await tx.records.all("tool", parent="f", labels=["x"]) == ()
        assert [await tx.records.count("tool", parent=p) for p in (None, "f", "g")] == [1, 1, 0]
        assert await tx.records.count("tool") == 2
        many = [first.record_id, second.record_id, "none", first.record_id, *map(str, range(2_500))]
        assert await tx.records.many("tool", many) == {
            first.record_id: first,
            second.record_id: second,
        }


async def test_a_cursor_from_elsewhere_is_refused(store: Store) -> None:
    for kind in ("tool", "secret"):
        await add(store, "a", kind=kind)
        await add(store, "b", kind=kind)
    async with store.reading() as tx:
        cursor = (await tx.records.list(replace(ALL, page_size=1))).next_cursor
        for other in [{"kind": "secret"}, {"sort_by": "name"}, {"descending": False}]:
            with pytest.raises(CursorRejected, match="another list or another order"):
                await tx.records.list(replace(ALL, cursor=cursor, **other))  # type: ignore[arg-type]
        with pytest.raises(CursorRejected):
            await tx.records.list(replace(ALL, cursor="x"))


async def test_who_uses_what_is_known_both_ways(store: Store) -> None:
    async with store.writing() as tx:
        await tx.records.set_uses(AGENT, "a2", [("tool", "t1"), ("tool", "t1"), ("doc", "d1")])
        await tx.records.set_uses(AGENT, "a1", [("tool", "t1")])
        await tx.records.set_uses("tool", "t1", [("secret", "s1")])
    async with store.reading() as tx:
        assert await tx.records.users_of("tool", "t1") == ((AGENT, "a1"), (AGENT, "a2"))
        assert await tx.records.users_of("secret", "s1") == (("tool", "t1"),)
        assert await tx.records.users_of_many("tool", ["t1", "t2"]) == {
            "t1": ((AGENT, "a1"), (AGENT, "a2")),
            "t2": (),
        }
    async with store.writing() as tx:
        await tx.records.set_uses(AGENT, "a2", [("doc", "d2")])
        assert await tx.records.users_of("tool", "t1") == ((AGENT, "a1"),)
        assert await tx.records.users_of("doc", "d1") == ()
        assert await tx.records.users_of("doc", "d2") == ((AGENT, "a2"),)


async def test_who_is_gone_uses_nothing(store: Store) -> None:
    async with store.writing() as tx:
        agent = await tx.agents.create({"name": "a"})
        tool = await tx.records.create("tool", {}, prefix="tool_", parent="box")
        lone = await tx.records.create("tool", {}, prefix="tool_")
        for kind, user_id in [
            (AGENT, agent.agent_id),
            ("tool", tool.record_id),
            ("tool", lone.record_id),
        ]:
            await tx.records.set_uses(kind, user_id, [("secret", "s")])

    async def left() -> tuple[int, int]:
        async with store.reading() as tx:
            users = await tx.records.users_of("secret", "s")
            return len(users), await tx.records.count("tool")

    assert await left() == (3, 2)
    async with store.writing() as tx:
        assert await tx.agents.delete(agent.agent_id)
    assert await left() == (2, 2)
    async with store.writing() as tx:
        assert await tx.records.delete_children("tool", "box") == 1
    assert await left() == (1, 1)
    async with store.writing() as tx:
        assert await tx.records.delete("tool", lone.record_id)
    assert await left() == (0, 0)


Model = dict[str, tuple[Any, ...]]
"""By id: value, name, parent, label, revision."""

KEYS = st.sampled_from(["a", "b", "c"])
PARENTS = st.none() | st.sampled_from(["a", "p"])
WORDS = st.sampled_from(["", "x", "y"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), KEYS, st.integers(), WORDS, PARENTS, WORDS),
        st.tuples(
            st.just("replace"),
            KEYS,
            st.integers(),
            st.none() | WORDS,
            PARENTS | st.just(...),
            st.none() | WORDS,
        ),
        st.tuples(st.just("delete"), KEYS),
        st.tuples(st.just("delete_children"), st.sampled_from(["a", "p"])),
    ),
    max_size=12,
)


@given(steps=STEPS)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_steps_do_what_they_would_do_to_a_dict(
    store: Store, steps: list[tuple[Any, ...]]
) -> None:
    model: Model = {}
    kind = store.new_id("kind_")  # of this example alone
    async with store.writing() as tx:
        for step in steps:
            await _both(tx, kind, model, step)
            found = {
                r.record_id: (r.document["value"], r.name, r.parent, r.label, r.revision)
                for r in await tx.records.all(kind)
            }
            assert found == model


async def _both(tx: Transaction, kind: str, model: Model, step: tuple[Any, ...]) -> None:
    match step:
        case ("create", key, value, name, parent, label):
            said = {"name": name, "parent": parent, "label": label}
            if key in model:
                with pytest.raises(StoreConflict):
                    await tx.records.create(kind, {"value": value}, record_id=key, **said)
            else:
                await tx.records.create(kind, {"value": value}, record_id=key, **said)
                model[key] = (value, name, parent, label, 1)
        case ("replace", key, value, name, parent, label):
            said = {"name": name, "parent": parent, "label": label}
            after = await tx.records.replace(kind, key, {"value": value}, **said)
            assert (after is not None) == (key in model)
            if key in model:
                _, was, under, labelled, revision = model[key]
                model[key] = (
                    value,
                    was if name is None else name,
                    under if parent is ... else parent,
                    labelled if label is None else label,
                    revision + 1,
                )
        case ("delete", key):
            assert await tx.records.delete(kind, key) == (model.pop(key, None) is not None)
        case ("delete_children", parent):
            children = [key for key, value in model.items() if value[2] == parent]
            assert await tx.records.delete_children(kind, parent) == len(children)
            for key in children:
                del model[key]
        case _:
            pytest.fail(f"no such step: {step}")
