from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, bindparam, column, select, table
from sqlalchemy.types import JSON, Text

from turnwise.store import AgentQuery, Store, open_store
from turnwise.store.connections import Connection, ShortWay, by_key
from turnwise.store.sql import engine_for

pytestmark = pytest.mark.anyio

THINGS = table("things", column("name", Text), column("is_new", Boolean), column("data", JSON))
BY_NAME = by_key(select(THINGS).where(THINGS.c.name == bindparam("name")))
MADE = "CREATE TABLE things (name TEXT, is_new BOOLEAN, data TEXT)"


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


async def rows(connection: Connection, name: str) -> list[tuple[Any, ...]]:
    found = await connection.rows(BY_NAME, {"name": name})
    return [(row.name, row.is_new, row.data) for row in found]


async def test_the_short_way_reads_what_the_long_way_reads_and_sees_each_change(
    tmp_path: Path,
) -> None:
    engine = engine_for(url_of(tmp_path / "a.db"))
    short = ShortWay(str(tmp_path / "a.db"), engine.dialect)
    async with engine.begin() as opened:
        await opened.exec_driver_sql(MADE)
    quick, slow = Connection(engine, short=short), Connection(engine)
    for number in range(3):
        async with engine.execution_options(turnwise_writes=True).begin() as opened:
            new = {"name": "a", "is_new": number == 1, "data": {"n": [number, None, 2**70]}}
            await opened.execute(THINGS.insert(), new)
        expected = [("a", each == 1, {"n": [each, None, 2**70]}) for each in range(number + 1)]
        assert await rows(quick, "a") == await rows(slow, "a") == expected
    assert await rows(quick, "b") == []
    for connection in (quick, slow):
        await connection.close()
    short.close()
    await engine.dispose()


async def test_where_the_short_way_fails_the_long_way_is_gone(tmp_path: Path) -> None:
    engine = engine_for(url_of(tmp_path / "a.db"))
    async with engine.begin() as opened:
        await opened.exec_driver_sql(MADE)
        await opened.exec_driver_sql("INSERT INTO things VALUES ('a', 1, '{}')")
    short = ShortWay(str(tmp_path / "empty.db"), engine.dialect)
    connection = Connection(engine, short=short)
    assert await rows(connection, "a") == [("a", True, {})]
    await connection.close()
    short.close()
    await engine.dispose()


async def test_a_reading_that_asks_nothing_needs_no_connection(tmp_path: Path) -> None:
    store = await open_store(url_of(tmp_path / "a.db"), tmp_path, fixed_key="k")
    lent = store._engine.sync_engine.pool.checkedout  # type: ignore[attr-defined]
    async with store.reading() as tx:
        assert await tx.api_keys.verify("k") is not None
        assert await tx.agents.get("agent_1") is None
        assert lent() == 0
        assert (await tx.agents.list(AgentQuery())).items == ()
        assert lent() == 1
    assert lent() == 0
    await store.close()


async def test_what_is_read_the_short_way_is_what_another_process_wrote(tmp_path: Path) -> None:
    url = url_of(tmp_path / "a.db")
    ours, theirs = await open_store(url, tmp_path), await open_store(url, tmp_path)
    agent_id = ""
    for name in ("first", "second"):
        async with theirs.writing() as tx:
            if agent_id:
                await tx.agents.replace(agent_id, {"name": name})
            else:
                agent_id = (await tx.agents.create({"name": name})).agent_id
        async with ours.reading() as tx:
            found = await tx.agents.get(agent_id)
        assert found is not None
        assert found.document == {"name": name}
    await ours.close()
    await theirs.close()


async def test_long_numbers_and_half_characters_come_back(store: Store) -> None:
    document = {"half": "\ud83d", "digits": 10**400, "word": "Grüße"}
    async with store.writing() as tx:
        agent_id = (await tx.agents.create(document)).agent_id
    async with store.reading() as tx:
        found = await tx.agents.get(agent_id)
    assert found is not None
    assert found.document == document
