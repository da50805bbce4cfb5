"""A store on SQLite or PostgreSQL: connections, transactions, and whose fault an error is."""

import json
from asyncio import Lock
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic_core import from_json
from sqlalchemy import URL, event, exc, make_url, text
from sqlalchemy.engine import Connection as SyncConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from turnwise.base.errors import ConfigError
from turnwise.store import sqlite_driver
from turnwise.store.agents import SqlAgents
from turnwise.store.api_keys import KeyRing, SqlApiKeys
from turnwise.store.connections import Connection, ShortWay
from turnwise.store.conversations import SqlConversations
from turnwise.store.errors import StoreConflict, StoreUnavailable
from turnwise.store.origins import Origins
from turnwise.store.records import SqlRecords

DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
BUSY_TIMEOUT_MS = 5_000
"""How long SQLite waits for another process's transaction."""
CONNECT_TIMEOUT_S = 10
"""How long PostgreSQL has to accept a connection."""
POOL = {"pool_size": 10, "max_overflow": 10}
"""How many connections are kept open, and how many more there may be for a moment."""
SERVER = {"plan_cache_mode": "force_custom_plan", "jit": "off"}
"""How a list is best found depends on what is looked for, and to compile a query takes longer than
to answer ours: both were ten times as slow in `benchmarks/storage.py`."""
LONG_JSON = 200_000
"""Characters. What is longer is for the most part one text, which `json` reads four times as fast;
usual documents are read three times as fast by the other reader."""
PASSING = ("08", "40", "53", "57")
"""What PostgreSQL's codes begin with where trying again may help: no connection, a deadlock, too
little of something, stopped by somebody."""

_WRITES = "turnwise_writes"


@dataclass(frozen=True, slots=True)
class SqlTransaction:
    """All repositories on one connection."""

    connection: Connection
    origins: Origins
    ring: KeyRing

    @property
    def agents(self) -> SqlAgents:
        """The agents."""
        return SqlAgents(self.connection, self.origins)

    @property
    def conversations(self) -> SqlConversations:
        """The conversations."""
        return SqlConversations(self.connection)

    @property
    def api_keys(self) -> SqlApiKeys:
        """The API keys."""
        return SqlApiKeys(self.connection, self.origins, self.ring)

    @property
    def records(self) -> SqlRecords:
        """The records of everything small."""
        return SqlRecords(self.connection, self.origins)


class SqlStore:
    """A `Store`."""

    def __init__(self, engine: AsyncEngine, origins: Origins, ring: KeyRing) -> None:
        """Use an engine of `engine_for`."""
        self._engine = engine
        self._reader = _reader_of(engine)
        self._writer = engine.execution_options(**{_WRITES: True})
        self._origins = origins
        self._ring = ring
        self._short = _short_way(engine)
        self._turn = Lock() if engine.dialect.name == "sqlite" else None
        """SQLite has one writer at a time: those of this process queue here, in order."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlTransaction]:
        """Read; each statement sees the newest state."""
        with translated():
            connection = Connection(self._reader, short=self._short)
            try:
                yield SqlTransaction(connection, self._origins, self._ring)
            finally:
                await connection.close()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[SqlTransaction]:
        """Open a transaction that may write."""
        async with self._turn or nullcontext():
            with translated():
                async with self._writer.begin() as opened:
                    connection = Connection(self._writer, opened)
                    yield SqlTransaction(connection, self._origins, self._ring)

    def new_id(self, prefix: str) -> str:
        """Return an id that was never used."""
        return self._origins.new_id(prefix)

    async def ping(self) -> None:
        """Return if the database answers."""
        with translated():
            async with self._engine.connect() as connection:
                await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Let go of all connections."""
        if self._short is not None:
            self._short.close()
        await self._engine.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Raise the errors of the database as ours.

    Raises:
        StoreConflict: If something is already there.
        StoreUnavailable: If the database cannot be reached or is too busy.
    """
    try:
        yield
    except exc.IntegrityError as error:
        raise StoreConflict("what should be stored is already there") from error
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise StoreUnavailable("the database cannot be reached or is too busy") from error
    except exc.DBAPIError as error:
        if str(getattr(error.orig, "sqlstate", "")).startswith(PASSING):
            raise StoreUnavailable("the database is too busy or stops") from error
        raise
    except ConnectionError as error:  # asyncpg leaves these as they are
        raise StoreUnavailable("the database cannot be reached") from error


def engine_for(url: str) -> AsyncEngine:
    """Return an engine for a database's URL.

    Raises:
        ConfigError: If it is not the URL of a database that we can use.
    """
    try:
        parsed = make_url(url)
        driver = DRIVERS[parsed.drivername]
    except (exc.ArgumentError, KeyError, ValueError) as error:
        raise ConfigError(
            "database_url is not usable: it should be sqlite:///FILE"
            " or postgresql://USER:PASSWORD@HOST/NAME"
        ) from error
    try:
        engine = create_async_engine(
            parsed.set(drivername=driver),
            hide_parameters=True,  # an error must not carry what users said
            json_serializer=_to_json,
            json_deserializer=_of_json,
            **_connecting(parsed),
        )
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the package {error.name} must be installed first: pip install 'turnwise[postgres]'"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _reader_of(engine: AsyncEngine) -> AsyncEngine:
    """Return an engine whose connections read without a transaction: that saves round trips."""
    if engine.dialect.name == "sqlite":
        return engine  # see `_begin_sqlite`
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def _short_way(engine: AsyncEngine) -> ShortWay | None:
    file = engine.url.database
    if engine.dialect.name != "sqlite" or not file or file == ":memory:":
        return None
    return ShortWay(file, engine.dialect)


def _connecting(url: URL) -> dict[str, Any]:
    if url.drivername.startswith("sqlite"):
        return {"async_creator": partial(sqlite_driver.connect, url.database or ":memory:"), **POOL}
    # asyncpg reads the URL itself: it knows all that such a URL can say, `sslmode` and the like
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    creator = partial(_connect_postgres, plain)
    return {"async_creator": creator, "pool_pre_ping": True, **POOL}


async def _connect_postgres(url: str) -> Any:  # noqa: ANN401  # of the driver
    import asyncpg  # noqa: PLC0415  # an extra

    try:
        return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S, server_settings=SERVER)
    except OSError as error:  # also where there is no answer in time
        reason = error.strerror or "no answer"
        raise StoreUnavailable(f"the database cannot be reached: {reason}") from error
    except ValueError as error:
        raise ConfigError(f"database_url is not usable: {error}") from error


def _to_json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a pair of UTF-16, which JSON can name and UTF-8 cannot
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text


def _of_json(text: str) -> Any:  # noqa: ANN401  # any JSON
    if len(text) > LONG_JSON:
        return json.loads(text)
    try:
        return from_json(text)
    except ValueError:  # half a pair of UTF-16, which is no text elsewhere
        return json.loads(text)


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401  # of the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: SyncConnection) -> None:
    # A writer that begins as a reader fails where it should wait: sqlite.org/lang_transaction.html.
    # A reader needs no transaction: each of its statements is one.
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
