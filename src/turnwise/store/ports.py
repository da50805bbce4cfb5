"""What can be asked of a store.

All repositories belong to one transaction, which the caller opens:

    async with store.writing() as tx:
        agent = await tx.agents.get(agent_id, lock=True)
        ...
        await tx.agents.replace(agent_id, document)

It ends with the block: kept where the block ends well, undone where it raises. Every method may
raise `StoreUnavailable`.
"""

from collections.abc import AsyncIterable, AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from turnwise.store.conversation_ports import Conversations
from turnwise.store.record_ports import Records
from turnwise.store.shapes import Document, Page

AgentSort = Literal["name", "created_at", "updated_at", "call_count_7d"]

Scope = Literal["read", "write"]
"""What an API key is good for: to read, or to read and write."""


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
    ids: tuple[str, ...] | None = None
    """Only among these; None: all."""
    sort_by: AgentSort = "created_at"
    """`call_count_7d`: by how many conversations began in the last seven days."""
    descending: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key, as far as the store knows it: not the secret."""

    key_id: str
    name: str
    hint: str
    """The last four characters of the secret."""
    scope: Scope
    created_at: int
    """Unix seconds."""

    @property
    def may_write(self) -> bool:
        """Whether it is good for more than reading."""
        return self.scope == "write"


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

    async def calls_by_branch(self, agent_id: str, *, days: int) -> Mapping[str, int]:
        """Return how many conversations began on each branch in the last days."""

    async def delete(self, agent_id: str) -> bool:
        """Forget an agent and what it uses. Its conversations stay. False: there was none."""


class ApiKeys(Protocol):
    """The API keys. Only a digest of each secret is stored."""

    async def create(self, name: str, *, scope: Scope = "write") -> tuple[ApiKey, str]:
        """Make a key. The secret is returned this once and never again."""

    async def verify(self, secret: str) -> ApiKey | None:
        """Return the key with this secret; None: there is none."""

    async def list(self) -> tuple[ApiKey, ...]:
        """Return all keys in the order they were made in."""

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

    @property
    def records(self) -> Records:
        """The records of everything small."""


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
    """Bytes by name: recordings, journals, files. Names are paths of `a-z A-Z 0-9 _ . - /`."""

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
