"""The records of everything small, in SQL."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from turnwise.store import cursors
from turnwise.store.connections import AnyRow, Connection, batches, by_key
from turnwise.store.errors import StoreConflict
from turnwise.store.hot import LARGEST, folded, storable
from turnwise.store.origins import Origins
from turnwise.store.record_ports import Record, RecordQuery, Reference
from turnwise.store.shapes import Document, Page
from turnwise.store.tables import RECORDS, USES

_SECOND_US = 1_000_000
_R = RECORDS.c
_COLUMNS = tuple(column for column in _R if column is not _R.name_folded)
_BESIDE = tuple(column for column in _COLUMNS if column is not _R.document)
_SORTED_BY = {"name": _R.name_folded, "created_at": _R.created_us, "updated_at": _R.updated_us}
_ONE = by_key(
    select(*_COLUMNS).where(_R.kind == bindparam("kind"), _R.record_id == bindparam("record_id"))
)
_CHILDREN = by_key(
    select(*_COLUMNS)
    .where(_R.kind == bindparam("kind"), _R.parent == bindparam("parent"))
    .order_by(_R.created_us, _R.record_id)
)
_USER = select(USES.c.user_kind, USES.c.user_id, USES.c.used_id).order_by(
    USES.c.user_kind, USES.c.user_id
)


@dataclass(frozen=True, slots=True)
class SqlRecords:
    """The repository `Records` within one transaction."""

    connection: Connection
    origins: Origins

    async def create(  # noqa: PLR0913  # what is said beside the document, by keyword
        self,
        kind: str,
        document: Document,
        *,
        prefix: str = "",
        record_id: str | None = None,
        name: str = "",
        parent: str | None = None,
        label: str = "",
    ) -> Record:
        """Store a new record."""
        record_id = self.origins.new_id(prefix) if record_id is None else storable(record_id)
        now = self.origins.now_us()
        values = {
            "kind": kind,
            "record_id": record_id,
            "parent": None if parent is None else storable(parent),
            "label": storable(label),
            "created_us": now,
            "updated_us": now,
            "revision": 1,
            "document": document,
        }
        written = self._insert().values(values | _named(name)).returning(*_BESIDE)
        row = (await self.connection.execute(written)).one_or_none()
        if row is None:
            raise StoreConflict(f"there is a {kind} with the id {record_id} already")
        return _record(row, document)

    async def get(self, kind: str, record_id: str, *, lock: bool = False) -> Record | None:
        """Return a record, or None."""
        asked = {"kind": kind, "record_id": storable(record_id)}
        if lock:  # which is nothing on SQLite, where writers take turns
            rows = (await self.connection.execute(_ONE.select.with_for_update(), asked)).all()
        else:
            rows = await self.connection.rows(_ONE, asked)
        return _record(rows[0]) if rows else None

    async def many(self, kind: str, ids: Collection[str]) -> Mapping[str, Record]:
        """Return those of these records that there are, by id."""
        found: dict[str, Record] = {}
        for part in batches(ids):
            query = select(*_COLUMNS).where(_R.kind == kind, _R.record_id.in_(part))
            rows = (await self.connection.execute(query)).all()
            found |= {row.record_id: _record(row) for row in rows}
        return found

    async def list(self, query: RecordQuery) -> Page[Record]:
        """Return a page of records."""
        column = _SORTED_BY[query.sort_by]
        order = f"{query.kind} {query.sort_by} {'down' if query.descending else 'up'}"
        value_kind = str if query.sort_by == "name" else int
        after = cursors.decode(order, query.cursor, value_kind) if query.cursor else None
        found = cursors.page_of(
            _filtered(query), (column, _R.record_id), after, descending=query.descending
        )
        rows = (await self.connection.execute(found.limit(query.page_size + 1))).all()
        shown, more = rows[: query.page_size], len(rows) > query.page_size
        place = (shown[-1]._mapping[column.name], shown[-1].record_id) if more else None  # noqa: SLF001  # its public name
        return Page(
            items=tuple(map(_record, shown)),
            next_cursor=cursors.encode(order, place) if place else None,
        )

    async def all(
        self,
        kind: str,
        *,
        parent: str | EllipsisType | None = ...,
        labels: Collection[str] = (),
    ) -> tuple[Record, ...]:
        """Return all records of a kind, the oldest first."""
        if isinstance(parent, str) and not labels:
            of = {"kind": kind, "parent": storable(parent)}
            return tuple(map(_record, await self.connection.rows(_CHILDREN, of)))
        query = select(*_COLUMNS).where(_under(kind, parent))
        if labels:
            query = query.where(_R.label.in_([storable(label) for label in labels]))
        rows = await self.connection.execute(query.order_by(_R.created_us, _R.record_id))
        return tuple(map(_record, rows.all()))

    async def count(self, kind: str, *, parent: str | EllipsisType | None = ...) -> int:
        """Return how many records of a kind there are."""
        query = select(func.count()).select_from(RECORDS).where(_under(kind, parent))
        return int(await self.connection.scalar(query))

    async def replace(
        self,
        kind: str,
        record_id: str,
        document: Document,
        *,
        name: str | None = None,
        parent: str | EllipsisType | None = ...,
        label: str | None = None,
    ) -> Record | None:
        """Store another document for a record; None: there is no such record."""
        values: dict[str, Any] = {
            "document": document,
            "updated_us": self.origins.now_us(),
            "revision": _R.revision + 1,
        }
        if name is not None:
            values |= _named(name)
        if parent is not ...:
            values["parent"] = None if parent is None else storable(parent)
        if label is not None:
            values["label"] = storable(label)
        written = update(RECORDS).where(_is(kind, record_id)).values(values).returning(*_BESIDE)
        row = (await self.connection.execute(written)).one_or_none()
        return _record(row, document) if row else None

    async def delete(self, kind: str, record_id: str) -> bool:
        """Forget a record and what it uses. False: there was none."""
        return await self._forget(kind, _is(kind, record_id)) > 0

    async def delete_children(self, kind: str, parent: str) -> int:
        """Forget the records of a kind under a parent, and what they use; return how many."""
        return await self._forget(kind, _under(kind, parent))

    async def set_uses(self, user_kind: str, user_id: str, uses: Collection[Reference]) -> None:
        """Note what a document refers to, in place of what was noted."""
        user = {"user_kind": user_kind, "user_id": storable(user_id)}
        noted = (USES.c.user_kind == user_kind, USES.c.user_id == user["user_id"])
        await self.connection.execute(delete(USES).where(*noted))
        used = dict.fromkeys((kind, storable(record_id)) for kind, record_id in uses)
        rows = [user | {"used_kind": kind, "used_id": record_id} for kind, record_id in used]
        if rows:
            await self.connection.execute(insert(USES), rows)

    async def users_of(self, kind: str, record_id: str) -> tuple[Reference, ...]:
        """Return who refers to a record, by kind and id in order."""
        return (await self.users_of_many(kind, [record_id]))[record_id]

    async def users_of_many(
        self, kind: str, ids: Collection[str]
    ) -> Mapping[str, tuple[Reference, ...]]:
        """Return who refers to each of these records; empty for one that nobody uses."""
        found: dict[str, tuple[Reference, ...]] = {}
        for part in batches(ids):
            query = _USER.where(USES.c.used_kind == kind, USES.c.used_id.in_(part))
            for row in (await self.connection.execute(query)).all():
                found[row.used_id] = (*found.get(row.used_id, ()), (row.user_kind, row.user_id))
        return {record_id: found.get(storable(record_id), ()) for record_id in ids}

    def _insert(self) -> postgresql.Insert | sqlite.Insert:
        # a statement that fails would end the whole transaction on PostgreSQL
        if self.connection.dialect.name == "postgresql":
            return postgresql.insert(RECORDS).on_conflict_do_nothing()
        return sqlite.insert(RECORDS).on_conflict_do_nothing()

    async def _forget(self, kind: str, which: ColumnElement[bool]) -> int:
        gone = select(_R.record_id).where(which)
        used = delete(USES).where(USES.c.user_kind == kind, USES.c.user_id.in_(gone))
        await self.connection.execute(used)
        return (await self.connection.execute(delete(RECORDS).where(which))).rowcount


def _is(kind: str, record_id: str) -> ColumnElement[bool]:
    return (_R.kind == kind) & (_R.record_id == storable(record_id))


def _under(kind: str, parent: str | EllipsisType | None) -> ColumnElement[bool]:
    if parent is ...:
        return _R.kind == kind
    if parent is None:
        return (_R.kind == kind) & _R.parent.is_(None)
    return (_R.kind == kind) & (_R.parent == storable(parent))


def _filtered(query: RecordQuery) -> Select[Any]:
    found = select(*_COLUMNS, _R.name_folded).where(_R.kind == query.kind)
    if query.search:
        found = found.where(_R.name_folded.contains(folded(query.search), autoescape=True))
    if query.parents is not None:
        parents = [storable(parent) for parent in query.parents if parent is not None]
        places: list[ColumnElement[bool]] = [_R.parent.in_(parents)]
        if None in query.parents:
            places.append(_R.parent.is_(None))
        found = found.where(or_(*places))
    if query.labels:
        found = found.where(_R.label.in_([storable(label) for label in query.labels]))
    if query.ids is not None:
        found = found.where(_R.record_id.in_([storable(one) for one in query.ids]))
    if query.created_before is not None:
        found = found.where(_R.created_us < _us(query.created_before))
    if query.created_after is not None:
        found = found.where(_R.created_us >= _us(query.created_after + 1))
    return found


def _us(secs: int) -> int:
    return max(-LARGEST, min(secs * _SECOND_US, LARGEST))


def _named(name: str) -> dict[str, str]:
    return {"name": storable(name), "name_folded": folded(name)}


def _record(row: AnyRow, document: Document | None = None) -> Record:
    """Return a record.

    Args:
        row: Its columns.
        document: What was stored just now; None: it is one of the columns.
    """
    return Record(
        kind=row.kind,
        record_id=row.record_id,
        document=row.document if document is None else document,
        name=row.name,
        parent=row.parent,
        label=row.label,
        created_at=row.created_us // _SECOND_US,
        updated_at=row.updated_us // _SECOND_US,
        revision=row.revision,
    )
