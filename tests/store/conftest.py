"""The databases that the store's conformance suite runs on."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from turnwise.store import Store, open_store
from turnwise.store.origins import Origins
from turnwise.store.sql import SqlStore, engine_for

POSTGRES = os.environ.get("TURNWISE_TEST_POSTGRES")
"""URL of a PostgreSQL database; beside it the tests make their own. None: there is none.
`scripts/with-postgres` starts one for as long as a command runs."""

if os.environ.get("CI") == "true" and not POSTGRES:
    pytest.fail(
        "TURNWISE_TEST_POSTGRES names no database: run scripts/with-postgres", pytrace=False
    )


class Ticking:
    """A clock that is one second later at each look, and ids that count up."""

    def __init__(self) -> None:
        self.secs = 1_700_000_000
        self.made = 0

    def now(self) -> float:
        self.secs += 1
        return float(self.secs)

    def new_id(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}{self.made:028x}"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def tell_postgres(*statements: str, url: str | None = POSTGRES) -> None:
    """Run statements outside a transaction."""
    assert url is not None
    engine = engine_for(url).execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


@pytest.fixture(scope="session")
def postgres(worker_id: str) -> Iterator[str]:
    """URL of a database of this process's own, for tests run side by side; empty: none."""
    if POSTGRES is None:
        yield ""
        return
    name = f"turnwise_test_{worker_id}"
    gone = f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
    asyncio.run(tell_postgres(gone, f"CREATE DATABASE {name}"))
    yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    asyncio.run(tell_postgres(gone))


@pytest.fixture(params=["sqlite", "postgresql"] if POSTGRES else ["sqlite"])
async def url(request: pytest.FixtureRequest, tmp_path: Path, postgres: str) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    await tell_postgres("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", url=postgres)
    return postgres


@pytest.fixture
async def sql_store(url: str, tmp_path: Path) -> AsyncIterator[SqlStore]:
    ticking = Ticking()
    origins = Origins(new_id=ticking.new_id, now=ticking.now)
    opened = await open_store(url, tmp_path, origins=origins, fixed_key="from the settings")
    yield opened
    await opened.close()


@pytest.fixture
def store(sql_store: SqlStore) -> Store:
    return sql_store
