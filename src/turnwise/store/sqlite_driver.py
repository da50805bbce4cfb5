"""SQLite with one trip to its thread per statement.

`aiosqlite` makes four: open a cursor, run it, fetch, close. Each is two switches of threads, and
they cost more than the statement. Here a statement is run and fetched in one go; the rest of the
driver is `aiosqlite`'s, and SQLAlchemy talks to it through its documented `async_creator`.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Self

import aiosqlite

_FETCHED_ROWS = 64
"""How many rows `aiosqlite` fetches at a time where rows are iterated; ours are not."""


async def connect(file: str) -> "QuickConnection":
    """Return a connection to a file; it begins no transaction by itself."""
    connection = QuickConnection(
        lambda: sqlite3.connect(file, isolation_level=None, check_same_thread=False),
        _FETCHED_ROWS,
    )
    connection.live_and_die_with_the_process()
    _ = await connection
    return connection


class QuickConnection(aiosqlite.Connection):
    """A connection whose cursors make one trip."""

    def live_and_die_with_the_process(self) -> None:
        """Let the process end though this connection is open."""
        self._thread.daemon = True

    # `typing.override` is of Python 3.12

    def cursor(self) -> "QuickCursor":  # type: ignore[override, explicit-override]  # less, enough
        """Return a cursor; nothing is asked of SQLite for that."""
        return QuickCursor(self)

    async def commit(self) -> None:  # type: ignore[explicit-override]
        """Keep what a transaction did, if there is one."""
        if self.in_transaction:
            await super().commit()

    async def rollback(self) -> None:  # type: ignore[explicit-override]
        """Undo what a transaction did, if there is one."""
        if self.in_transaction:
            await super().rollback()

    async def run(self, cursor: "QuickCursor", method: str, sql: str, parameters: Any) -> None:  # noqa: ANN401
        """Run a statement in the thread and fetch its rows into a cursor."""
        await self._execute(  # type: ignore[no-untyped-call]
            cursor.run, self._conn, method, sql, parameters
        )


class QuickCursor:
    """As much of a cursor as SQLAlchemy uses."""

    def __init__(self, connection: QuickConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        """Nothing is to be opened."""
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        """Run a statement."""
        await self._connection.run(self, "execute", sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Self:
        """Run a statement once for each row."""
        await self._connection.run(self, "executemany", sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        """Return the rows, which are here already."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is left to be closed."""

    def run(self, connection: sqlite3.Connection, method: str, sql: str, parameters: Any) -> None:  # noqa: ANN401
        """Run a statement; called in the thread of the connection."""
        cursor = connection.cursor()
        try:
            getattr(cursor, method)(sql, parameters)
            self.description, self.rowcount = cursor.description, cursor.rowcount
            self.lastrowid = cursor.lastrowid
            self._rows = cursor.fetchall() if cursor.description else []
        finally:
            cursor.close()
