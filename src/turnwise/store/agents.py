"""The agents, in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from turnwise.store import cursors
from turnwise.store.hot import agent_columns, agent_tags, folded
from turnwise.store.origins import Origins
from turnwise.store.ports import AgentQuery, AgentRecord, AgentRow, Document, Page
from turnwise.store.tables import AGENT_TAGS, AGENTS, CONVERSATIONS

_SORTED_BY = {
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
_RECORD = select(AGENTS.c.document, AGENTS.c.created_at, AGENTS.c.updated_at)


@dataclass(frozen=True, slots=True)
class SqlAgents:
    """The repository `Agents` within one transaction."""

    connection: AsyncConnection
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
        query = _RECORD.where(AGENTS.c.agent_id == agent_id)
        if lock:
            query = query.with_for_update()  # nothing on SQLite, where writers take turns
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            return None
        return AgentRecord(
            agent_id=agent_id,
            document=row.document,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    async def list(self, query: AgentQuery) -> Page[AgentRow]:
        """Return a page of agents."""
        column = _SORTED_BY[query.sort_by]
        order = f"agents {query.sort_by} {'down' if query.descending else 'up'}"
        kind = str if query.sort_by == "name" else int
        after = cursors.decode(order, query.cursor, kind) if query.cursor else None
        found = cursors.page_of(
            _filtered(query), (column, AGENTS.c.agent_id), after, descending=query.descending
        )
        rows = (await self.connection.execute(found.limit(query.page_size + 1))).all()
        shown = rows[: query.page_size]
        return Page(
            items=tuple(map(_row, shown)),
            next_cursor=_next(order, column.name, shown) if len(rows) > len(shown) else None,
        )

    async def replace(self, agent_id: str, document: Document) -> AgentRecord | None:
        """Store another document for an agent; None: there is no such agent."""
        result = await self.connection.execute(
            update(AGENTS)
            .where(AGENTS.c.agent_id == agent_id)
            .values(agent_columns(document) | {"updated_at": self.origins.now_secs()})
        )
        if result.rowcount == 0:
            return None
        await self.connection.execute(delete(AGENT_TAGS).where(AGENT_TAGS.c.agent_id == agent_id))
        await self._tag(agent_id, document)
        return await self.get(agent_id)

    async def delete(self, agent_id: str) -> bool:
        """Forget an agent. False: there was none."""
        result = await self.connection.execute(delete(AGENTS).where(AGENTS.c.agent_id == agent_id))
        return result.rowcount > 0

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
