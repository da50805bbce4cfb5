"""Moving many things of one kind: fetched some at once, stored one after the other."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from turnwise.api.errors import RequestError
from turnwise.contract import ContractError
from turnwise.moving.report import Report
from turnwise.moving.source import Json, Source, SourceError, SourceLost
from turnwise.moving.target import Refused, Target
from turnwise.store import StoreConflict

AT_ONCE: Final = 4
"""Requests to the source at the same time: plans allow few."""

Step = Callable[[str, int, int], None]
"""Is told what is moved, how many of it are done, and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing as the source lists it."""

    id: str
    name: str
    """For people; empty: it has none."""
    at: float | None
    """When it was made, in unix seconds; None: the list does not say."""
    listed: Json

    @property
    def title(self) -> str:
        """How the summary calls it."""
        return f"{self.name} ({self.id})" if self.name else self.id


Fetch = Callable[[Row], Awaitable[Json]]
Keep = Callable[[Row, Json], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """From where, to where, and who is told."""

    source: Source
    target: Target
    report: Report
    step: Step

    async def rows(
        self,
        kind: str,
        path: str,
        key: str,
        query: Mapping[str, Any] | None = None,
        *,
        id_key: str = "id",
    ) -> list[Row]:
        """Return what the source lists; where the list breaks off, that is a failure of the kind.

        Raises:
            SourceLost: If the source is gone.
        """
        found: dict[str, Row] = {}
        try:
            async for listed in self.source.rows(path, key, query):
                row = row_of(listed, id_key)
                found[row.id] = row
        except SourceLost:
            raise
        except SourceError as error:
            if error.status in _UNKNOWN:
                self.report.skip(f"{kind}: the source knows of none")
            else:
                self.report.fail(kind, "the list", str(error))
        return list(found.values())

    async def each(self, kind: str, rows: Sequence[Row], fetch: Fetch, keep: Keep) -> None:
        """Move what is not yet there; one that fails stops none of the others.

        Args:
            kind: What they are, for people.
            rows: In the order in which they are stored.
            fetch: Reads one from the source.
            keep: Stores one.

        Raises:
            SourceLost: If the source is gone.
        """
        done = 0
        for start in range(0, len(rows), AT_ONCE):
            part = rows[start : start + AT_ONCE]
            for row, found in zip(part, await _fetched(part, fetch), strict=True):
                await self._one(kind, row, found, keep)
                done += 1
                self.step(kind, done, len(rows))

    def new(self, kind: str, rows: Sequence[Row], there: Collection[str]) -> list[Row]:
        """Return the rows that are not there yet; the others are counted."""
        new = [row for row in rows if row.id not in there]
        self.report.of(kind).there += len(rows) - len(new)
        return new

    async def records(self, kind: str, ids: Collection[str]) -> Collection[str]:
        """Return which of these records there are."""
        async with self.target.deps.store.reading() as tx:
            return set(await tx.records.many(kind, ids))

    async def _one(self, kind: str, row: Row, found: Json | SourceError, keep: Keep) -> None:
        try:
            if isinstance(found, SourceError):
                raise found
            await keep(row, found)
        except SourceLost:
            raise
        except (SourceError, Refused, RequestError, ContractError, StoreConflict) as error:
            self.report.fail(kind, row.title, str(error))
        else:
            self.report.of(kind).moved += 1


async def listed(row: Row) -> Json:
    """Return what the list itself says: there is no more to read."""
    return row.listed


def row_of(listed: Json, id_key: str) -> Row:
    """Return a row of a list.

    Raises:
        SourceError: If it has no id.
    """
    found = listed.get(id_key)
    if not isinstance(found, str) or not found:
        raise SourceError(f"a row has no {id_key}")
    return Row(id=found, name=_name(listed), at=_at(listed), listed=listed)


def parents_first(rows: Iterable[Row], parent_key: str = "folder_parent_id") -> list[Row]:
    """Return folders in an order in which none comes before the one that it is in."""
    left = {row.id: row for row in rows}
    ordered: list[Row] = []
    while left:
        ready = [row for row in left.values() if row.listed.get(parent_key) not in left]
        # a circle has no beginning
        ordered += [left.pop(row.id) for row in ready or list(left.values())]
    return ordered


async def _fetched(rows: Sequence[Row], fetch: Fetch) -> list[Json | SourceError]:
    async def one(row: Row) -> Json | SourceError:
        try:
            return await fetch(row)
        except SourceError as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(row)) for row in rows]
    return [task.result() for task in tasks]


def _name(listed: Json) -> str:
    inner = (listed.get(key) for key in ("tool_config", "config", "definition"))
    for place in (listed, *inner):
        for key in ("name", "title", "label"):
            if isinstance(place, dict) and isinstance(found := place.get(key), str):
                return found
    return ""


def _at(listed: Json) -> float | None:
    for place in (listed, listed.get("metadata")):
        for key in _TIMES:
            value = place.get(key) if isinstance(place, dict) else None
            if isinstance(value, int | float) and 0 < value < _LATEST:
                return float(value)
    return None


_UNKNOWN = frozenset({404, 501})
"""What is answered where a whole kind of things is not offered."""
_TIMES = ("created_at_unix_secs", "creation_time_unix", "created_at_unix", "created_at")
_LATEST = 1e11
"""Seconds; what is larger is no time in seconds."""
