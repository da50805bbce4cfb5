"""The records of conversations, in SQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, delete, insert, select, update

from turnwise.store import cursors
from turnwise.store.connections import Connection, batches
from turnwise.store.conversation_filters import narrowed
from turnwise.store.conversation_ports import ConversationQuery, ConversationRow
from turnwise.store.facets import facets_of, searched_words, tool_names
from turnwise.store.hot import Columns
from turnwise.store.shapes import Document, Page
from turnwise.store.tables import CONVERSATIONS, FACETS, TEXTS

OPEN = ("initiated", "in-progress")
"""Statuses of a conversation that a process still holds."""

_C = CONVERSATIONS.c
_F = FACETS.c
_KNOWN = select(_F.facet, _F.value, _F.amount, _F.started_at).where(_F.number == bindparam("which"))
_REPLACE = update(CONVERSATIONS).where(_C.conversation_id == bindparam("which"))
_NEW_FACETS = insert(FACETS)
_NEW_TEXT = insert(TEXTS)

FacetRow = tuple[str, str, float | None, int]
"""A name, a value, the number that it is, and when the conversation started."""


@dataclass(frozen=True, slots=True)
class SqlConversations:
    """The repository `Conversations` within one transaction."""

    connection: Connection

    async def begin(self, document: Document) -> None:
        """Store a new conversation."""
        new = insert(CONVERSATIONS).values(columns_of(document)).returning(_C.number)
        number = (await self.connection.execute(new)).scalar_one()
        await self._add_facets(number, _facet_rows(document))
        await self._add_words(number, document)

    async def save(self, document: Document) -> bool:
        """Replace the document of a conversation. False: it was deleted."""
        number = await self.connection.scalar(
            update(CONVERSATIONS)
            .where(_C.conversation_id == document["conversation_id"])
            .values(columns_of(document))
            .returning(_C.number)
        )
        if number is None:
            return False
        if document["status"] not in OPEN:
            await self._index(number, document)
        return True

    async def heads(self, ids: Collection[str]) -> dict[str, Document]:
        """Return what is stored of conversations but their transcripts, locked."""
        query = select(_C.conversation_id, _C.head).where(_C.conversation_id.in_(list(ids)))
        locked = query.order_by(_C.conversation_id).with_for_update()  # in one order: no deadlock
        rows = (await self.connection.execute(locked)).all()
        return {row.conversation_id: row.head for row in rows}

    async def save_open(self, documents: Sequence[Document]) -> None:
        """Replace the documents of conversations that go on."""
        assert all(document["status"] in OPEN for document in documents)
        rows = [{"which": each["conversation_id"], **columns_of(each)} for each in documents]
        await self.connection.execute(_REPLACE, rows)

    async def finish(self, document: Document) -> bool:
        """Replace it for the last time in the call."""
        assert document["status"] not in OPEN, document["status"]
        return await self.save(document)

    async def get(self, conversation_id: str, *, lock: bool = False) -> Document | None:
        """Return a conversation's document, or None."""
        query = select(_C.head, _C.transcript).where(_C.conversation_id == conversation_id)
        if lock:
            query = query.with_for_update()  # nothing on SQLite, where writers take turns
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            return None
        document: Document = row.head
        document["transcript"] = row.transcript
        return document

    async def known(self, ids: Collection[str]) -> frozenset[str]:
        """Return which of these conversations there are."""
        found: set[str] = set()
        for part in batches(ids):
            query = select(_C.conversation_id).where(_C.conversation_id.in_(part))
            found |= set((await self.connection.execute(query)).scalars())
        return frozenset(found)

    async def list(self, query: ConversationQuery) -> Page[ConversationRow]:
        """Return a page of conversations."""
        order = f"conversations {'down' if query.descending else 'up'}"
        after = cursors.decode(order, query.cursor, int, int) if query.cursor else None
        found = await narrowed(self.connection, query)
        ordered = _ordered(found.begun, query, after)
        first = found.among_first(ordered, descending=query.descending)
        got = () if first is None else await self._rows(first, query)
        if len(got) <= query.page_size:
            got = await self._rows(_ordered(found.all(), query, after), query)
        shown = got[: query.page_size]
        more = len(got) > len(shown)
        return Page(
            items=tuple(
                ConversationRow(
                    head=row.head,
                    message_count=row.message_count,
                    tool_names=tuple(row.tool_names),
                )
                for row in shown
            ),
            next_cursor=(
                cursors.encode(order, (shown[-1].started_at, shown[-1].number)) if more else None
            ),
        )

    async def _rows(self, found: Select[Any], query: ConversationQuery) -> Sequence[Row[Any]]:
        """Return what a page shows of the first ones that a query finds, and of one more."""
        places = found.limit(query.page_size + 1).subquery()
        rows = select(places, _C.message_count, _C.tool_names, _C.head).join(
            CONVERSATIONS, _C.number == places.c.number
        )
        return (await self.connection.execute(_ordered(rows, query))).all()

    async def delete(self, conversation_id: str) -> bool:
        """Forget a conversation. False: there was none."""
        which = _C.conversation_id == conversation_id
        number = await self.connection.scalar(select(_C.number).where(which))
        if number is None:
            return False
        for table in (FACETS, TEXTS, CONVERSATIONS):
            await self.connection.execute(delete(table).where(table.c.number == number))
        return True

    async def close_orphans(
        self, reason: str, *, code: int = 1011, among: Collection[str] | None = None
    ) -> tuple[str, ...]:
        """Mark the conversations that a killed process left open as failed."""
        query = select(_C.conversation_id).where(_C.status.in_(OPEN))
        if among is not None:
            query = query.where(_C.conversation_id.in_(among))
        orphans = tuple((await self.connection.execute(query)).scalars())
        for conversation_id in orphans:
            document = await self.get(conversation_id, lock=True)
            assert document is not None, "nobody else holds conversations of this database"
            document["status"] = "failed"
            document["metadata"] |= {
                "termination_reason": reason,
                "error": {"code": code, "reason": reason},
            }
            await self.save(document)
        return orphans

    async def _index(self, number: int, document: Document) -> None:
        """Keep facets and words as the document is.

        It is complete: hardly any of them change before, and to look at each turn costs much.
        """
        known = (await self.connection.execute(_KNOWN, {"which": number})).all()
        before: set[FacetRow] = {
            (row.facet, row.value, row.amount, row.started_at) for row in known
        }
        after = _facet_rows(document)
        for facet, value, *_ in before - after:
            which = and_(_F.number == number, _F.facet == facet, _F.value == value)
            await self.connection.execute(delete(FACETS).where(which))
        await self._add_facets(number, after - before)
        await self.connection.execute(delete(TEXTS).where(TEXTS.c.number == number))
        await self._add_words(number, document)

    async def _add_facets(self, number: int, rows: set[FacetRow]) -> None:
        names = ("facet", "value", "amount", "started_at")
        new = [{"number": number, **dict(zip(names, row, strict=True))} for row in rows]
        if new:
            await self.connection.execute(_NEW_FACETS, new)

    async def _add_words(self, number: int, document: Document) -> None:
        if document["status"] not in OPEN:
            started_at = document["metadata"]["start_time_unix_secs"]
            text = {"number": number, "started_at": started_at, "words": searched_words(document)}
            await self.connection.execute(_NEW_TEXT, text)


def _ordered(
    found: Select[Any], query: ConversationQuery, after: cursors.Place | None = None
) -> Select[Any]:
    number, started_at, *_ = found.selected_columns
    return cursors.page_of(found, (started_at, number), after, descending=query.descending)


def _facet_rows(document: Document) -> set[FacetRow]:
    started_at = document["metadata"]["start_time_unix_secs"]
    return {(*facet, amount, started_at) for facet, amount in facets_of(document).items()}


def columns_of(document: Document) -> Columns:
    """Return the columns of a conversation.

    Raises:
        KeyError: If the document lacks what every conversation has.
    """
    transcript = document["transcript"]
    return {
        "conversation_id": document["conversation_id"],
        "agent_id": document["agent_id"],
        "status": document["status"],
        "started_at": document["metadata"]["start_time_unix_secs"],
        "message_count": len(transcript),
        "tool_names": list(tool_names(document)),
        "head": {key: value for key, value in document.items() if key != "transcript"},
        "transcript": transcript,
    }
