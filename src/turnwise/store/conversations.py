"""The records of conversations, in SQL."""

import operator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from turnwise.store import cursors
from turnwise.store.hot import conversation_columns
from turnwise.store.ports import ConversationQuery, ConversationRow, Document, Page
from turnwise.store.tables import CONVERSATIONS

OPEN = ("initiated", "in-progress")
"""Statuses of a conversation that a process still holds."""

_C = CONVERSATIONS.c
_ROW = select(_C.conversation_id, _C.started_at, _C.message_count, _C.head)


@dataclass(frozen=True, slots=True)
class SqlConversations:
    """The repository `Conversations` within one transaction."""

    connection: AsyncConnection

    async def begin(self, document: Document) -> None:
        """Store a new conversation."""
        await self.connection.execute(insert(CONVERSATIONS).values(conversation_columns(document)))

    async def save(self, document: Document) -> bool:
        """Replace the document of a conversation. False: it was deleted."""
        result = await self.connection.execute(
            update(CONVERSATIONS)
            .where(_C.conversation_id == document["conversation_id"])
            .values(conversation_columns(document))
        )
        return result.rowcount > 0

    async def finish(self, document: Document) -> bool:
        """Replace it for the last time in the call."""
        assert document["status"] not in OPEN, document["status"]
        return await self.save(document)

    async def get(self, conversation_id: str) -> Document | None:
        """Return a conversation's document, or None."""
        query = select(_C.head, _C.transcript).where(_C.conversation_id == conversation_id)
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            return None
        document: Document = row.head
        document["transcript"] = row.transcript
        return document

    async def list(self, query: ConversationQuery) -> Page[ConversationRow]:
        """Return a page of conversations."""
        order = f"conversations {'down' if query.descending else 'up'}"
        after = cursors.decode(order, query.cursor, int) if query.cursor else None
        found = cursors.page_of(
            _filtered(query),
            (_C.started_at, _C.conversation_id),
            after,
            descending=query.descending,
        )
        rows = (await self.connection.execute(found.limit(query.page_size + 1))).all()
        shown, more = rows[: query.page_size], len(rows) > query.page_size
        place = (shown[-1].started_at, shown[-1].conversation_id) if more else None
        return Page(
            items=tuple(
                ConversationRow(head=row.head, message_count=row.message_count) for row in shown
            ),
            next_cursor=cursors.encode(order, place) if place else None,
        )

    async def delete(self, conversation_id: str) -> bool:
        """Forget a conversation. False: there was none."""
        result = await self.connection.execute(
            delete(CONVERSATIONS).where(_C.conversation_id == conversation_id)
        )
        return result.rowcount > 0

    async def close_orphans(self, reason: str, *, code: int = 1011) -> tuple[str, ...]:
        """Mark the conversations that a killed process left open as failed."""
        query = select(_C.conversation_id, _C.head).where(_C.status.in_(OPEN)).with_for_update()
        rows = (await self.connection.execute(query)).all()
        for row in rows:
            head: Document = row.head
            head["status"] = "failed"
            head["metadata"] |= {
                "termination_reason": reason,
                "error": {"code": code, "reason": reason},
            }
            await self.connection.execute(
                update(CONVERSATIONS)
                .where(_C.conversation_id == row.conversation_id)
                .values(status="failed", head=head)
            )
        return tuple(row.conversation_id for row in rows)


def _filtered(query: ConversationQuery) -> Select[Any]:
    bounds = (
        (operator.eq, _C.agent_id, query.agent_id),
        (operator.eq, _C.user_id, query.user_id),
        (operator.lt, _C.started_at, query.started_before),
        (operator.gt, _C.started_at, query.started_after),
        (operator.ge, _C.duration_secs, query.duration_min_secs),
        (operator.le, _C.duration_secs, query.duration_max_secs),
    )
    found = _ROW.where(*(holds(column, at) for holds, column, at in bounds if at is not None))
    if query.exclude_statuses:
        found = found.where(_C.status.not_in(query.exclude_statuses))
    return found
