"""The agents, in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, delete, func, insert, select, update

from turnwise.store import cursors
from turnwise.store.connections import Connection, by_key
from turnwise.store.hot import agent_columns, agent_tags, folded, storable
from turnwise.store.origins import Origins
from turnwise.store.ports import AgentQuery, AgentRecord, AgentRow, AgentSort
from turnwise.store.record_ports import AGENT
from turnwise.store.shapes import Document, Page
from turnwise.store.tables import AGENT_TAGS, AGENTS, CONVERSATIONS, USES

DAY_S = 86_400
_CALLS = "call_count_7d"
_SORTED_BY: dict[str, ColumnElement[Any]] = {
    "name": AGENTS.c.name_folded,
    "created_at": AGENTS.c.created_at,
    "updated_at": AGENTS.c.updated_at,
}
_LAST_CALL = (
    select(func.max(CONVERSATIONS.c.started_at))
    .where(CONVERSATIONS.c.agent_id == AGENTS.c.agent_id)
    .scalar_subquery()
    .label("last_call_at")
)
_ROW = select(
    AGENTS.c.agent_id,
    AGENTS.c.name,
    AGENTS.c.name_folded,
    AGENTS.c.voice_id,
    AGENTS.c.archived,
    AGENTS.c.created_at,
    AGENTS.c.updated_at,
    AGENTS.c.tags,
    _LAST_CALL,
)
_RECORD = by_key(
    select(AGENTS.c.document, AGENTS.c.created_at, AGENTS.c.updated_at).where(
        AGENTS.c.agent_id == bindparam("agent_id")
    )
)


@dataclass(frozen=True, slots=True)
class SqlAgents:
    """The repository `Agents` within one transaction."""

    connection: Connection
    origins: Origins

    async def create(self, document: Document) -> AgentRecord:
        """Store a new agent under a new id."""
        agent_id, now = self.origins.new_id("agent_"), self.origins.now_secs()
        values = {"agent_id": agent_id, "created_at": now, "updated_at": now}
        await self.connection.execute(insert(AGENTS).values(values | agent_columns(document)))
        await self._tag(agent_id, document)
        return AgentRecord(agent_id=agent_id, document=document, created_at=now, updated_at=now)

    async def get(self, agent_id: str, *, lock: bool = False) -> AgentRecord | None:
        """Return an agent, or None."""
        asked = {"agent_id": agent_id}
        if lock:  # which is nothing on SQLite, where writers take turns
            rows = (await self.connection.execute(_RECORD.select.with_for_update(), asked)).all()
        else:
            rows = await self.connection.rows(_RECORD, asked)
        if not rows:
            return None
        (row,) = rows
        return AgentRecord(
            agent_id=agent_id,
            document=row.document,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    async def list(self, query: AgentQuery) -> Page[AgentRow]:
        """Return a page of agents."""
        column = self._sorted_by(query.sort_by)
        order = f"agents {query.sort_by} {'down' if query.descending else 'up'}"
        kind = str if query.sort_by == "name" else int
        after = cursors.decode(order, query.cursor, kind) if query.cursor else None
        found = cursors.page_of(
            _filtered(query).add_columns(*([column] if query.sort_by == _CALLS else [])),
            (column, AGENTS.c.agent_id),
            after,
            descending=query.descending,
        )
        rows = (await self.connection.execute(found.limit(query.page_size + 1))).all()
        shown = rows[: query.page_size]
        return Page(
            items=tuple(map(_row, shown)),
            next_cursor=_next(order, column.name, shown) if len(rows) > len(shown) else None,
        )

    async def replace(self, agent_id: str, document: Document) -> AgentRecord | None:
        """Store another document for an agent; None: there is no such agent."""
        now = self.origins.now_secs()
        created_at = await self.connection.scalar(
            update(AGENTS)
            .where(AGENTS.c.agent_id == agent_id)
            .values(agent_columns(document) | {"updated_at": now})
            .returning(AGENTS.c.created_at)
        )
        if created_at is None:
            return None
        await self.connection.execute(delete(AGENT_TAGS).where(AGENT_TAGS.c.agent_id == agent_id))
        await self._tag(agent_id, document)
        return AgentRecord(
            agent_id=agent_id, document=document, created_at=created_at, updated_at=now
        )

    async def delete(self, agent_id: str) -> bool:
        """Forget an agent and what it uses. False: there was none."""
        await self.connection.execute(
            delete(USES).where(USES.c.user_kind == AGENT, USES.c.user_id == agent_id)
        )
        result = await self.connection.execute(delete(AGENTS).where(AGENTS.c.agent_id == agent_id))
        return result.rowcount > 0

    async def calls_by_branch(self, agent_id: str, *, days: int) -> Mapping[str, int]:
        """Return how many conversations began on each branch in the last days."""
        calls = (
            select(CONVERSATIONS.c.head["branch_id"].as_string().label("branch_id"))
            .where(CONVERSATIONS.c.agent_id == agent_id)
            .where(CONVERSATIONS.c.started_at >= self.origins.now_secs() - days * DAY_S)
            .subquery()
        )
        query = select(calls.c.branch_id, func.count()).group_by(calls.c.branch_id)
        rows = (await self.connection.execute(query)).all()
        return {str(row[0]): int(row[1]) for row in rows if row[0] is not None}

    def _sorted_by(self, sort: AgentSort) -> ColumnElement[Any]:
        if sort != _CALLS:
            return _SORTED_BY[sort]
        return (
            select(func.count())
            .where(CONVERSATIONS.c.agent_id == AGENTS.c.agent_id)
            .where(CONVERSATIONS.c.started_at >= self.origins.now_secs() - 7 * DAY_S)
            .scalar_subquery()
            .label(_CALLS)
        )

    async def _tag(self, agent_id: str, document: Document) -> None:
        rows = [{"agent_id": agent_id, "tag": tag} for tag in agent_tags(document)]
        if rows:
            await self.connection.execute(insert(AGENT_TAGS), rows)


def _filtered(query: AgentQuery) -> Select[Any]:
    found = _ROW
    if query.search:
        found = found.where(AGENTS.c.name_folded.contains(folded(query.search), autoescape=True))
    if query.archived is not None:
        found = found.where(AGENTS.c.archived.is_(query.archived))
    if query.ids is not None:
        found = found.where(AGENTS.c.agent_id.in_([storable(each) for each in query.ids]))
    if query.tags:
        tagged = select(AGENT_TAGS.c.agent_id).where(AGENT_TAGS.c.tag.in_(query.tags))
        found = found.where(AGENTS.c.agent_id.in_(tagged))
    return found


def _next(order: str, column: str, shown: Sequence[Row[Any]]) -> str:
    last = shown[-1]._mapping  # noqa: SLF001  # SQLAlchemy's public name for it
    return cursors.encode(order, (last[column], last["agent_id"]))


def _row(row: Row[Any]) -> AgentRow:
    return AgentRow(
        agent_id=row.agent_id,
        name=row.name,
        voice_id=row.voice_id,
        tags=tuple(row.tags),
        archived=row.archived,
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_call_at=row.last_call_at,
    )
