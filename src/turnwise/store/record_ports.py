"""The repository of everything small: tools, secrets, phone numbers, settings, and so on.

A record is a document under a kind and an id. What a list must filter or sort by is said beside
the document when it is written: a name, a parent, a label.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import EllipsisType
from typing import Literal, Protocol

from turnwise.store.shapes import Document, Page

RecordSort = Literal["created_at", "updated_at", "name"]

Reference = tuple[str, str]
"""The kind and the id of something stored; of an agent: `("agent", agent_id)`."""

AGENT = "agent"
"""The kind of an agent in a reference: agents are not records, but use them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A stored record."""

    kind: str
    record_id: str
    """Of its own within its kind."""
    document: Document
    name: str
    parent: str | None
    """Id of what it belongs to, of any kind; None: it stands by itself, or on the top level."""
    label: str
    """One small word to filter by: the type of a tool, the status of a batch; empty: none."""
    created_at: int
    """Unix seconds."""
    updated_at: int
    """Unix seconds."""
    revision: int
    """How often it was written: 1 when it is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuery:
    """Which records of a kind to list, and how."""

    kind: str
    page_size: int = 30
    cursor: str | None = None
    search: str = ""
    """Part of the name, in any case; empty: all."""
    parents: tuple[str | None, ...] | None = None
    """Those of any of these parents; `(None,)`: those without one. None: all."""
    labels: tuple[str, ...] = ()
    """Those with any of these labels; empty: all."""
    ids: tuple[str, ...] | None = None
    """Only among these, `()`: none. None: all."""
    created_before: int | None = None
    """Unix seconds, not included."""
    created_after: int | None = None
    """Unix seconds, not included."""
    sort_by: RecordSort = "created_at"
    descending: bool = True


class Records(Protocol):
    """The records. Those made within one second keep the order they were made in."""

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
        """Store a new record.

        Args:
            kind: What it is.
            document: What is known of it.
            prefix: Of its new id: `tool_`.
            record_id: Its id; None: a new one is made.
            name: To search and sort by.
            parent: What it belongs to.
            label: To filter by.

        Raises:
            StoreConflict: If the id is taken. The transaction can go on.
        """

    async def get(self, kind: str, record_id: str, *, lock: bool = False) -> Record | None:
        """Return a record, or None.

        Args:
            kind: What it is.
            record_id: Which one.
            lock: Whether nobody else may change it until this transaction ends.
        """

    async def many(self, kind: str, ids: Collection[str]) -> Mapping[str, Record]:
        """Return those of these records that there are, by id."""

    async def list(self, query: RecordQuery) -> Page[Record]:
        """Return a page of records.

        Raises:
            CursorRejected: If the cursor is not one of this list.
        """

    async def all(
        self,
        kind: str,
        *,
        parent: str | EllipsisType | None = ...,
        labels: Collection[str] = (),
    ) -> tuple[Record, ...]:
        """Return all records of a kind, the oldest first. Only for what there is little of.

        Args:
            kind: What they are.
            parent: Only its children; None: only those without a parent; `...`: all.
            labels: Only those with any of these; empty: all.
        """

    async def count(self, kind: str, *, parent: str | EllipsisType | None = ...) -> int:
        """Return how many records of a kind there are; `parent` as in `all`."""

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
        """Store another document for a record; None: there is no such record.

        Args:
            kind: What it is.
            record_id: Which one.
            document: The new one.
            name: The new one; None: as it is.
            parent: The new one; `...`: as it is.
            label: The new one; None: as it is.
        """

    async def delete(self, kind: str, record_id: str) -> bool:
        """Forget a record and what it uses. False: there was none.

        Its children and the notes of who uses it stay: whether it may go is for the caller to say.
        """

    async def delete_children(self, kind: str, parent: str) -> int:
        """Forget the records of a kind under a parent, and what they use; return how many."""

    async def set_uses(self, user_kind: str, user_id: str, uses: Collection[Reference]) -> None:
        """Note what a document refers to, in place of what was noted.

        The user need not be a record: an agent is `("agent", agent_id)`, and forgotten with it.
        """

    async def users_of(self, kind: str, record_id: str) -> tuple[Reference, ...]:
        """Return who refers to a record, by kind and id in order."""

    async def users_of_many(
        self, kind: str, ids: Collection[str]
    ) -> Mapping[str, tuple[Reference, ...]]:
        """Return who refers to each of these records; empty for one that nobody uses."""
