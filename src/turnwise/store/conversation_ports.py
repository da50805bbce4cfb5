"""The repository of conversations."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from turnwise.store.shapes import Document, Page

Operator = Literal["eq", "neq", "gt", "gte", "lt", "lte", "in"]
Status = Literal["initiated", "in-progress", "processing", "done", "failed"]
Success = Literal["success", "failure", "unknown", "error"]
Product = Literal["agents", "speech_engine"]

_NUMERIC = ("gt", "gte", "lt", "lte")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRow:
    """What a list says about a conversation: its transcript stays in the database."""

    head: Document
    """The document without its transcript."""

    message_count: int
    """Turns in the transcript."""

    tool_names: tuple[str, ...] = ()
    """The tools that ran, in the order of their first calls."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What must hold of a collected value or a dynamic variable.

    What is absent is as good as empty: `eq` and `""` finds where it is absent, `neq` and `""` where
    it is not, and `neq` and `"x"` also finds where it is absent.

    Raises:
        ValueError: If there is not one value for each operator but `in`, or it should be a number.
    """

    name: str
    operator: Operator
    values: tuple[str, ...]
    """One; for `in` any number. A number as in JSON, a truth value as `true` or `false`."""

    def __post_init__(self) -> None:
        """Refuse what cannot be compared."""
        if self.operator != "in" and len(self.values) != 1:
            raise ValueError(f"{self.operator} compares with one value, not {len(self.values)}")
        if self.operator in _NUMERIC:
            float(self.values[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationQuery:
    """Which conversations to list, and how. They are in the order of their start.

    All that is said must hold. Of several values in one field any will do, but of `evaluations`,
    `data_collection` and `dynamic_variables` each must hold. None and `()` say nothing.
    """

    page_size: int = 30
    cursor: str | None = None
    descending: bool = True
    agent_id: str | None = None
    user_id: str | None = None
    branch_id: str | None = None
    version_id: str | None = None
    parent_conversation_id: str | None = None
    started_before: int | None = None
    """Unix seconds, not included."""
    started_after: int | None = None
    """Unix seconds, not included."""
    duration_min_secs: int | None = None
    duration_max_secs: int | None = None
    rating_min: int | None = None
    """From 1 to 5."""
    rating_max: int | None = None
    """From 1 to 5."""
    has_feedback_comment: bool | None = None
    text_only: bool | None = None
    exclude_statuses: tuple[Status, ...] = ()
    call_successful: Success | None = None
    """`error`: those that failed."""
    conversation_initiation_source: str | None = None
    product: Product | None = None
    main_languages: tuple[str, ...] = ()
    termination_reasons: tuple[str, ...] = ()
    phone_number_ids: tuple[str, ...] = ()
    whatsapp_phone_number_ids: tuple[str, ...] = ()
    tag_ids: tuple[str, ...] = ()
    topic_ids: tuple[str, ...] = ()
    visited_agent_ids: tuple[str, ...] = ()
    visited_agent_branch_ids: tuple[str, ...] = ()
    workflow_node_entered_id: str | None = None
    triggered_procedure_ids: tuple[str, ...] = ()
    guardrail_types: tuple[str, ...] = ()
    custom_guardrail_names: tuple[str, ...] = ()
    tool_names: tuple[str, ...] = ()
    tool_names_successful: tuple[str, ...] = ()
    tool_names_errored: tuple[str, ...] = ()
    tool_ids: tuple[str, ...] = ()
    """`__system_NAME` for a system tool; else `tool_calls[].tool_id` of the turns."""
    tool_ids_successful: tuple[str, ...] = ()
    tool_ids_errored: tuple[str, ...] = ()
    include_invalid_tool_calls: bool = False
    """Whether calls that never ran count, too."""
    evaluations: tuple[tuple[str, str], ...] = ()
    """Pairs of a criterion's id and its result."""
    data_collection: tuple[Comparison, ...] = ()
    dynamic_variables: tuple[Comparison, ...] = ()
    search: str = ""
    """Words that all occur in the transcript, in any case and order; of two letters or more the
    beginning is enough. Empty: any. Conversations that go on are not searched."""


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
        """Replace the document of a conversation, all or nothing. False: it was deleted.

        Until it is over, lists find it by what it began with.
        """

    async def heads(self, ids: Collection[str]) -> dict[str, Document]:
        """Return documents by id, without their transcripts; nobody else may change them meanwhile.

        Conversations that there are not are left out. The lock is held until the transaction ends.
        """

    async def save_open(self, documents: Sequence[Document]) -> None:
        """Replace documents of conversations that go on, as `save` does; what is deleted stays so.

        Args:
            documents: One or more, each of another conversation.
        """

    async def finish(self, document: Document) -> bool:
        """Replace it for the last time in the call: its status is no longer an open one."""

    async def get(self, conversation_id: str, *, lock: bool = False) -> Document | None:
        """Return a conversation's document, or None.

        Args:
            conversation_id: Which one.
            lock: Whether nobody else may change it until this transaction ends.
        """

    async def known(self, ids: Collection[str]) -> frozenset[str]:
        """Return which of these conversations there are; none of them is read."""

    async def list(self, query: ConversationQuery) -> Page[ConversationRow]:
        """Return a page of conversations. Those that started in one second are in any order.

        Raises:
            CursorRejected: If the cursor is not one of this list.
        """

    async def delete(self, conversation_id: str) -> bool:
        """Forget a conversation; its blobs are another matter. False: there was none."""

    async def close_orphans(
        self, reason: str, *, code: int = 1011, among: Collection[str] | None = None
    ) -> tuple[str, ...]:
        """Mark the conversations that a killed process left open as failed.

        Args:
            reason: Becomes `metadata.termination_reason` and the reason of `metadata.error`.
            code: Becomes the code of `metadata.error`.
            among: Those that the process held, by id; the others are left alone. None: all, which
                is right only before the first conversation of a server begins, and where no other
                process holds conversations of this database.

        Returns:
            Their ids.
        """
