"""Conversations as they are stored, or the published answer that there is none."""

from turnwise.api.errors import NotFound
from turnwise.store import Document, Transaction


async def stored(tx: Transaction, conversation_id: str, *, lock: bool = False) -> Document:
    """Return a conversation's document.

    Args:
        tx: Where to look.
        conversation_id: Which one.
        lock: Whether nobody else may change it until the transaction ends.

    Raises:
        NotFound: If there is none.
    """
    document = await tx.conversations.get(conversation_id, lock=lock)
    if document is None:
        raise unknown(conversation_id)
    return document


def unknown(conversation_id: str) -> NotFound:
    """Return what is answered where there is no such conversation."""
    return NotFound(
        f"Conversation with id {conversation_id} not found.",
        code="conversation_not_found",
        legacy="conversation_history_not_found",
    )
