"""What of a document is also kept in columns, to search and sort by it.

A document may hold anything anywhere: what is not of a column's type counts as absent.
"""

from collections.abc import Mapping
from typing import Any

from turnwise.store.ports import Document

Columns = dict[str, Any]
"""Values by column."""

LARGEST = 2**63 - 1
"""What a column of numbers can hold."""


def agent_columns(document: Document) -> Columns:
    """Return the columns of an agent."""
    name = _text(document, "name") or ""
    return {
        "name": name,
        "name_folded": folded(name),
        "voice_id": _text(document, "conversation_config", "tts", "voice_id") or "",
        "archived": at(document, "platform_settings", "archived") is True,
        "tags": list(agent_tags(document)),
        "document": document,
    }


def agent_tags(document: Document) -> tuple[str, ...]:
    """Return an agent's tags, each once."""
    tags = at(document, "tags")
    if not isinstance(tags, list):
        return ()
    return tuple(dict.fromkeys(_storable(tag) for tag in tags if isinstance(tag, str)))


def conversation_columns(document: Document) -> Columns:
    """Return the columns of a conversation.

    Raises:
        KeyError: If the document lacks what every conversation has.
    """
    transcript = document["transcript"]
    return {
        "conversation_id": document["conversation_id"],
        "agent_id": document["agent_id"],
        "user_id": _text(document, "user_id"),
        "status": document["status"],
        "started_at": document["metadata"]["start_time_unix_secs"],
        "duration_secs": document["metadata"]["call_duration_secs"],
        "message_count": len(transcript),
        "head": {key: value for key, value in document.items() if key != "transcript"},
        "transcript": transcript,
    }


def at(document: Document, *path: str) -> object:
    """Return what is at a place in a document; None where there is none."""
    value: object = document
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def folded(text: str) -> str:
    """Return a text as it is compared: in no particular case."""
    return _storable(text).casefold()


def _text(document: Document, *path: str) -> str | None:
    value = at(document, *path)
    return _storable(value) if isinstance(value, str) else None


def _storable(text: str) -> str:
    return text.replace("\0", "")  # PostgreSQL has no such character
