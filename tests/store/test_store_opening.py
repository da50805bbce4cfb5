import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import ProgrammingError

from store.conftest import POSTGRES
from turnwise.base.errors import ConfigError
from turnwise.store import Store, StoreUnavailable, open_store
from turnwise.store.secret_file import load_secret
from turnwise.store.sql import SqlStore, engine_for, translated
from turnwise.store.tables import METADATA

pytestmark = pytest.mark.anyio


def differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))


async def test_a_migrated_schema_is_the_declared_one(sql_store: SqlStore) -> None:
    async with sql_store._engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_fresh_schema_equals_a_migrated_one_word_for_word(tmp_path: Path) -> None:
    await (await open_store(f"sqlite:///{tmp_path / 'migrated.db'}", tmp_path)).close()
    engine = engine_for(f"sqlite:///{tmp_path / 'fresh.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    await engine.dispose()

    def schema(name: str) -> set[str]:
        connection = sqlite3.connect(tmp_path / name)
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        found = {" ".join(sql.split()) for table, sql in rows if "alembic" not in table}
        connection.close()
        return found

    assert schema("fresh.db") == schema("migrated.db")


async def test_opening_again_keeps_everything(url: str, tmp_path: Path) -> None:
    first = await open_store(url, tmp_path)
    async with first.writing() as tx:
        agent_id = (await tx.agents.create({"name": "a"})).agent_id
    await first.close()
    second = await open_store(url, tmp_path)
    async with second.reading() as tx:
        assert await tx.agents.get(agent_id) is not None
    await second.close()


async def test_sqlite_writes_ahead_and_keeps_foreign_keys(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    async with store._engine.connect() as connection:
        for pragma, expected in [("journal_mode", "wal"), ("foreign_keys", 1), ("synchronous", 1)]:
            assert await connection.scalar(text(f"PRAGMA {pragma}")) == expected
    await store.close()


async def test_two_stores_on_one_file_wait_for_each_other(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    one, two = await open_store(url, tmp_path), await open_store(url, tmp_path)
    for store in [one, two, one, two]:
        async with store.writing() as tx:
            await tx.agents.create({"name": "a"})
    async with one.reading() as held:
        assert await held.agents.get("agent_x") is None
        async with two.writing() as tx:  # a reader holds up no writer
            await tx.agents.create({"name": "b"})
    await one.close()
    await two.close()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://a/b", "sqlite:/\0", "http://x"])
async def test_a_url_of_no_database_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="should be sqlite:///FILE or postgresql://"):
        await open_store(url, tmp_path)


async def test_a_driver_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigError, match=r"pip install 'turnwise\[postgres\]'"):
        await open_store("postgresql://u@127.0.0.1:9/x", tmp_path)


async def test_a_database_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    pytest.importorskip("asyncpg")
    with pytest.raises(StoreUnavailable):
        await open_store("postgresql://u:secret@127.0.0.1:9/x", tmp_path)


@pytest.mark.skipif(not POSTGRES, reason="TURNWISE_TEST_POSTGRES names no database")
async def test_a_login_that_is_refused_is_told_in_one_sentence(tmp_path: Path) -> None:
    assert POSTGRES is not None
    nowhere = make_url(POSTGRES).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(ConfigError, match=r"cannot be used: .*nowhere.* does not exist"):
        await open_store(nowhere, tmp_path)


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no/folder/a.db cannot be used: unable to open"):
        await open_store(f"sqlite:///{tmp_path}/no/folder/a.db", tmp_path)
    (tmp_path / "a.db").write_text("not a database, but long enough to be seen as none" * 10)
    with pytest.raises(ConfigError, match="is not a SQLite database; choose another file"):
        await open_store(f"sqlite:///{tmp_path}/a.db", tmp_path)


async def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"the data folder .*file/x cannot be used"):
        await open_store(f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "file" / "x")


async def test_a_store_answers_a_ping(store: Store) -> None:
    await store.ping()


async def test_errors_carry_nothing_that_was_stored(sql_store: SqlStore) -> None:
    async def fail() -> None:
        with translated():
            async with sql_store._engine.connect() as connection:
                wrong = text("SELECT * FROM nowhere WHERE a = :word")
                await connection.execute(wrong, {"word": "private"})

    with pytest.raises((StoreUnavailable, ProgrammingError)) as caught:
        await fail()
    assert "private" not in str(caught.value)
    assert "private" not in str(caught.value.__cause__)


def test_processes_that_start_together_agree_on_a_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: load_secret(tmp_path / "a" / "x.key"), range(8)))
    assert len(found) == 1
    assert {len(secret) for secret in found} == {32}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.key"]
    assert (tmp_path / "a" / "x.key").stat().st_mode & 0o777 == 0o600


async def test_ids_are_never_the_same(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    made = {store.new_id("conv_") for _ in range(1_000)}
    await store.close()
    assert len(made) == 1_000
    assert all(len(name) == 33 and name.removeprefix("conv_").isalnum() for name in made)
