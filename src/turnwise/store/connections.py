"""How statements reach the database, and a short way to single rows of a SQLite file.

A row by its key takes SQLite 15 µs. To lend a connection, to build a result and to change threads
twice takes a hundred times that, and more while the loop is busy. So such a row is read where it is
asked for, in the loop: from a file of this machine, and only if nothing must be waited for.
Otherwise, and on PostgreSQL, the long way is taken.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Executable, Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import CursorResult, Dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from turnwise.store.hot import storable

Parameters = Mapping[str, Any]
AnyRow = Any
"""A row whose columns are attributes."""
Readers = Sequence[Callable[[Any], Any] | None]
"""For each column what makes a value of what the database gives; None: that is the value."""

ASKED_AT_ONCE = 1_000
"""How many ids go into one statement; SQLite takes 32,766 values, PostgreSQL 32,767."""

_NAMED = sqlite.dialect(paramstyle="named")


def batches(ids: Collection[str]) -> Iterator[list[str]]:
    """Yield ids, each once, in lists that a statement can take."""
    asked = [storable(one) for one in dict.fromkeys(ids)]
    for start in range(0, len(asked), ASKED_AT_ONCE):
        yield asked[start : start + ASKED_AT_ONCE]


@dataclass(frozen=True, slots=True)
class ByKey:
    """A statement for few rows by a key, with named parameters. It is made once, for good."""

    select: Select[Any]

    sqlite: str
    """The same as text for SQLite."""

    names: tuple[str, ...]
    """Of its columns."""


def by_key(select: Select[Any]) -> ByKey:
    """Return a statement that can go the short way."""
    names = tuple(str(column.key) for column in select.selected_columns)
    return ByKey(select, str(select.compile(dialect=_NAMED)), names)


class ShortWay:
    """A connection to a SQLite file that reads in the thread of the loop and never waits."""

    def __init__(self, file: str, dialect: Dialect) -> None:
        """Open a file; nothing of it is read yet.

        Args:
            file: Where it is.
            dialect: Knows how values are read: of the engine.
        """
        self._dialect = dialect
        self._connection = sqlite3.connect(file, timeout=0, isolation_level=None)
        self._connection.execute("PRAGMA query_only = ON")
        self._readers: dict[str, Readers] = {}

    def rows(self, asked: ByKey, parameters: Parameters) -> list[AnyRow]:
        """Return the rows that a statement finds.

        Raises:
            sqlite3.Error: If they cannot be read, or not at once.
        """
        found = self._connection.execute(asked.sqlite, parameters).fetchall()
        if not found:
            return []
        readers = self._readers.get(asked.sqlite) or self._learn(asked)
        return [_row(asked.names, readers, values) for values in found]

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _learn(self, asked: ByKey) -> Readers:
        readers = [
            column.type.dialect_impl(self._dialect).result_processor(self._dialect, None)
            for column in asked.select.selected_columns
        ]
        self._readers[asked.sqlite] = readers
        return readers


def _row(names: Sequence[str], readers: Readers, values: Sequence[Any]) -> AnyRow:
    row = SimpleNamespace()
    for name, read, value in zip(names, readers, values, strict=True):
        setattr(row, name, value if read is None else read(value))
    return row


class Connection:
    """As much of a connection as the repositories use."""

    def __init__(
        self,
        engine: AsyncEngine,
        opened: AsyncConnection | None = None,
        short: ShortWay | None = None,
    ) -> None:
        """Use an engine.

        Args:
            engine: Lends a connection when it is first needed.
            opened: A connection that is open already, and closed by whoever opened it.
            short: The short way; None: there is none here.
        """
        self.dialect: Dialect = engine.dialect
        self._engine = engine
        self._opened = opened
        self._lent = AsyncExitStack()
        self._short = short

    async def execute(
        self, statement: Executable, parameters: Parameters | Sequence[Parameters] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement."""
        return await (await self._connection()).execute(statement, parameters)

    async def scalar(self, statement: Executable) -> Any:  # noqa: ANN401  # of any type
        """Run a statement; return the first value of the first row, or None."""
        return await (await self._connection()).scalar(statement)

    async def rows(self, asked: ByKey, parameters: Parameters) -> Sequence[AnyRow]:
        """Return the rows that a statement finds."""
        if self._short is not None:
            try:
                return self._short.rows(asked, parameters)
            except sqlite3.Error:
                pass  # the long way can wait, and says what is wrong
        return (await self.execute(asked.select, parameters)).all()

    async def close(self) -> None:
        """Give back what was lent."""
        await self._lent.aclose()

    async def _connection(self) -> AsyncConnection:
        if self._opened is None:
            self._opened = await self._lent.enter_async_context(self._engine.connect())
        return self._opened
