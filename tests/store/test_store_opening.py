import json
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from store.conftest import POSTGRES
from turnwise.base.errors import ConfigError
from turnwise.store import Comparison, ConversationQuery, Store, StoreUnavailable, open_store
from turnwise.store.migrations.upgrade import migrate
from turnwise.store.secret_file import load_secret
from turnwise.store.sql import SqlStore, engine_for, translated
from turnwise.store.tables import METADATA

pytestmark = pytest.mark.anyio


FTS = "conversation_words"
"""Begins the names of what only SQLite has, and Alembic does not compare."""
VERSION = "alembic_version"
GIN = "conversation_texts_by_word"
"""What only PostgreSQL has."""


def differences(connection: Connection) -> list[object]:
    def compared(_object: object, name: str | None, *_: object) -> bool:
        here = connection.dialect.name
        return not (here == "sqlite" and (name or "").startswith((FTS, GIN)))

    context = MigrationContext.configure(connection, opts={"include_object": compared})
    return list(compare_metadata(context, METADATA))


async def test_a_migrated_schema_is_the_declared_one(sql_store: SqlStore) -> None:
    async with sql_store._engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_fresh_schema_equals_a_migrated_one_word_for_word(tmp_path: Path) -> None:
    await (await open_store(f"sqlite:///{tmp_path / 'fresh.db'}", tmp_path)).close()
    engine = engine_for(f"sqlite:///{tmp_path / 'migrated.db'}")
    async with engine.execution_options(turnwise_writes=True).begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()

    def schema(name: str) -> set[str]:
        connection = sqlite3.connect(tmp_path / name)
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        # SQLite quotes the name of a table that was renamed
        found = {" ".join(sql.replace('"', "").split()) for table, sql in rows if table != VERSION}
        found |= {str(row) for row in connection.execute("SELECT * FROM alembic_version")}
        connection.close()
        return found

    assert schema("fresh.db") == schema("migrated.db")


async def test_what_an_old_version_stored_is_kept(url: str, tmp_path: Path) -> None:
    engine = engine_for(url)
    async with engine.execution_options(turnwise_writes=True).begin() as connection:
        await connection.run_sync(migrate, "0001")
        for number, start in enumerate([30, 10, 20]):
            head = {
                "conversation_id": f"conv_{number}",
                "agent_id": "agent_1",
                "status": "done",
                "tag_ids": [f"tag_{number}"],
                "metadata": {"start_time_unix_secs": start, "call_duration_secs": number},
                "conversation_initiation_client_data": {
                    "dynamic_variables": {"plan": "pro"} if number == 2 else {}
                },
            }
            await connection.execute(
                text(
                    "INSERT INTO conversations VALUES"
                    " (:id, 'agent_1', NULL, 'done', :start, 0, 1, :head, :said)"
                ),
                {
                    "id": f"conv_{number}",
                    "start": start,
                    "head": json.dumps(head),
                    "said": json.dumps([{"role": "user", "message": f"word{number}"}]),
                },
            )
        await connection.execute(
            text("INSERT INTO api_keys VALUES ('key_1', 'digest', 'laptop', 'abcd', 1700000000)")
        )
    await engine.dispose()
    store = await open_store(url, tmp_path)
    async with store.reading() as tx:
        (key,) = await tx.api_keys.list()
        listed = (await tx.conversations.list(ConversationQuery())).items
        tagged = (await tx.conversations.list(ConversationQuery(tag_ids=("tag_2",)))).items
        said = (await tx.conversations.list(ConversationQuery(search="word1"))).items
        no_plan = Comparison("plan", "eq", ("",))
        plain = (await tx.conversations.list(ConversationQuery(dynamic_variables=(no_plan,)))).items
        whole = await tx.conversations.get("conv_0")
    assert (key.key_id, key.name, key.scope, key.created_at) == (
        "key_1",
        "laptop",
        "write",
        1_700_000_000,
    )
    assert [row.head["conversation_id"] for row in listed] == ["conv_0", "conv_2", "conv_1"]
    assert [row.head["conversation_id"] for row in tagged] == ["conv_2"]
    assert [row.head["conversation_id"] for row in said] == ["conv_1"]
    assert [row.head["conversation_id"] for row in plain] == ["conv_0", "conv_1"]
    assert whole is not None
    assert whole["transcript"] == [{"role": "user", "message": "word0"}]
    new = whole | {"conversation_id": "conv_new"}
    async with store.writing() as tx:
        await tx.conversations.begin(new)
        assert await tx.conversations.get("conv_new") == new
    await store.close()


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


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("u:secret@127.0.0.1:9/x", "reached: Connect call failed"),
        ("u:secret@nobody.invalid/x", "reached: "),
        ("u:secret@/x?host=/nowhere", "reached: No such file"),
    ],
)
async def test_a_database_that_does_not_answer_is_unavailable(
    tmp_path: Path, where: str, reason: str
) -> None:
    pytest.importorskip("asyncpg")
    with pytest.raises(StoreUnavailable, match=reason) as caught:
        await open_store(f"postgresql://{where}", tmp_path)
    assert "secret" not in str(caught.value)


async def test_a_url_that_asks_for_nonsense_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("asyncpg")
    with pytest.raises(ConfigError, match=r"database_url is not usable: .*sslmode"):
        await open_store("postgresql://u:secret@127.0.0.1:9/x?sslmode=much", tmp_path)


NEEDS_POSTGRES = pytest.mark.skipif(
    not POSTGRES, reason="TURNWISE_TEST_POSTGRES names no database: scripts/with-postgres"
)


@NEEDS_POSTGRES
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"database": "nowhere"}, "nowhere.* does not exist"),
        ({"password": "secret"}, "password authentication failed"),
        ({"username": "nobody"}, "nobody"),
    ],
)
async def test_a_login_that_is_refused_is_told_in_one_sentence(
    tmp_path: Path, wrong: dict[str, str], reason: str
) -> None:
    assert POSTGRES is not None
    url = make_url(POSTGRES).set(**wrong).render_as_string(hide_password=False)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"the database cannot be used: .*{reason}") as caught:
        await open_store(url, tmp_path)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@NEEDS_POSTGRES
@pytest.mark.parametrize(
    ("code", "expected"),
    [("53300", StoreUnavailable), ("40P01", StoreUnavailable), ("22012", DBAPIError)],
)
async def test_what_may_pass_is_unavailable(
    tmp_path: Path, postgres: str, code: str, expected: type[Exception]
) -> None:
    store = await open_store(postgres, tmp_path)

    async def fail() -> None:
        with translated():
            async with store._engine.connect() as connection:
                raised = f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$"
                await connection.execute(text(raised))

    with pytest.raises(expected):
        await fail()
    await store.close()


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
