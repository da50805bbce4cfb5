"""The databases that the store's conformance suite runs on."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from turnwise.store import Store, open_store
from turnwise.store.origins import Origins
from turnwise.store.sql import SqlStore, engine_for

POSTGRES = os.environ.get("TURNWISE_TEST_POSTGRES")
"""URL of a PostgreSQL database that the tests may empty; None: there is none to test with."""


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


@pytest.fixture(params=["sqlite", "postgresql"] if POSTGRES else ["sqlite"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    assert POSTGRES is not None
    engine = engine_for(POSTGRES)
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await engine.dispose()
    return POSTGRES


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
