"""What can be asked of a store.

All repositories belong to one transaction, which the caller opens:

    async with store.writing() as tx:
        agent = await tx.agents.get(agent_id, lock=True)
        ...
        await tx.agents.replace(agent_id, document)

It ends with the block: kept where the block ends well, undone where it raises. Every method may
raise `StoreUnavailable`.
"""

from collections.abc import AsyncIterable, AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

Document = dict[str, Any]
"""A JSON object. What is stored comes back deep-equal."""

AgentSort = Literal["name", "created_at", "updated_at"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A piece of a list."""

    items: tuple[T, ...]

    next_cursor: str | None
    """Where the next page begins; None: this was the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRecord:
    """A stored agent."""

    agent_id: str
    document: Document
    created_at: int
    """Unix seconds."""
    updated_at: int
    """Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """What a list says about an agent: its document stays in the database."""

    agent_id: str
    name: str
    voice_id: str
    tags: tuple[str, ...]
    archived: bool
    created_at: int
    updated_at: int
    last_call_at: int | None
    """Unix seconds of the start of its last conversation; None: it had none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentQuery:
    """Which agents to list, and how."""

    page_size: int = 30
    cursor: str | None = None
    search: str = ""
    """Part of the name, in any case; empty: all."""
    archived: bool | None = None
    """Only archived ones, or only others; None: both."""
    tags: tuple[str, ...] = ()
    """Those with any of these tags; empty: all."""
    sort_by: AgentSort = "created_at"
    descending: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRow:
    """What a list says about a conversation: its transcript stays in the database."""

    head: Document
    """The document without its transcript."""

    message_count: int
    """Turns in the transcript."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationQuery:
    """Which conversations to list, and how. They are in the order of their start."""

    page_size: int = 30
    cursor: str | None = None
    agent_id: str | None = None
    user_id: str | None = None
    started_before: int | None = None
    """Unix seconds, not included."""
    started_after: int | None = None
    """Unix seconds, not included."""
    duration_min_secs: int | None = None
    duration_max_secs: int | None = None
    exclude_statuses: tuple[str, ...] = ()
    descending: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key, as far as the store knows it: not the secret."""

    key_id: str
    name: str
    hint: str
    """The last four characters of the secret."""
    created_at: int
    """Unix seconds."""


class Agents(Protocol):
    """The agents."""

    async def create(self, document: Document) -> AgentRecord:
        """Store a new agent under a new id."""

    async def get(self, agent_id: str, *, lock: bool = False) -> AgentRecord | None:
        """Return an agent, or None.

        Args:
            agent_id: Which one.
            lock: Whether nobody else may change it until this transaction ends.
        """

    async def list(self, query: AgentQuery) -> Page[AgentRow]:
        """Return a page of agents.

        Raises:
            CursorRejected: If the cursor is not one of this list.
        """

    async def replace(self, agent_id: str, document: Document) -> AgentRecord | None:
        """Store another document for an agent; None: there is no such agent."""

    async def delete(self, agent_id: str) -> bool:
        """Forget an agent. Its conversations stay. False: there was none."""


class Conversations(Protocol):
    """The records of conversations: documents in the published shape.

    A document needs `conversation_id`, `agent_id`, `status`, `metadata.start_time_unix_secs`,
    `metadata.call_duration_secs` and `transcript`; all else is optional.
    """

    async def begin(self, document: Document) -> None:
        """Store a new conversation.

        Raises:
            StoreConflict: If its id was used before.
        """

    async def save(self, document: Document) -> bool:
        """Replace the document of a conversation, all or nothing. False: it was deleted."""

    async def finish(self, document: Document) -> bool:
        """Replace it for the last time in the call: its status is no longer an open one."""

    async def get(self, conversation_id: str) -> Document | None:
        """Return a conversation's document, or None."""

    async def list(self, query: ConversationQuery) -> Page[ConversationRow]:
        """Return a page of conversations.

        Raises:
            CursorRejected: If the cursor is not one of this list.
        """

    async def delete(self, conversation_id: str) -> bool:
        """Forget a conversation; its blobs are another matter. False: there was none."""

    async def close_orphans(self, reason: str, *, code: int = 1011) -> tuple[str, ...]:
        """Mark the conversations that a killed process left open as failed.

        Call it before the first conversation of a server begins, and only where no other process
        holds conversations of this database.

        Args:
            reason: Becomes `metadata.termination_reason` and the reason of `metadata.error`.
            code: Becomes the code of `metadata.error`.

        Returns:
            Their ids.
        """


class ApiKeys(Protocol):
    """The API keys. Only a digest of each secret is stored."""

    async def create(self, name: str) -> tuple[ApiKey, str]:
        """Make a key. The secret is returned this once and never again."""

    async def verify(self, secret: str) -> ApiKey | None:
        """Return the key with this secret; None: there is none."""

    async def list(self) -> tuple[ApiKey, ...]:
        """Return all keys, the oldest first."""

    async def revoke(self, key_id: str) -> bool:
        """Make a key worthless. False: there was none."""


class Transaction(Protocol):
    """Everything that can be read and written together."""

    @property
    def agents(self) -> Agents:
        """The agents."""

    @property
    def conversations(self) -> Conversations:
        """The conversations."""

    @property
    def api_keys(self) -> ApiKeys:
        """The API keys."""


class Store(Protocol):
    """A database."""

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """Open what only reads; each statement sees the newest state."""

    def writing(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that may write. Those of one SQLite file take turns."""

    def new_id(self, prefix: str) -> str:
        """Return an id that was never used: `agent_…`, `conv_…`."""

    async def ping(self) -> None:
        """Return if the database answers.

        Raises:
            StoreUnavailable: If it does not.
        """

    async def close(self) -> None:
        """Let go of all connections."""


class Blobs(Protocol):
    """Bytes by name: recordings, journals, files. Names are paths of `a-z 0-9 _ . - /`."""

    async def put(self, key: str, data: bytes | AsyncIterable[bytes]) -> None:
        """Store bytes under a name, in place of what was there. Nobody sees half of them."""

    async def get(self, key: str) -> bytes | None:
        """Return all bytes under a name; None: nothing is."""

    async def size(self, key: str) -> int | None:
        """Return how many bytes there are under a name; None: nothing is."""

    async def stream(self, key: str) -> AsyncIterator[bytes] | None:
        """Return the bytes under a name, piece by piece; None: nothing is."""

    async def delete(self, keys: Collection[str]) -> None:
        """Forget what is under these names, if anything."""
