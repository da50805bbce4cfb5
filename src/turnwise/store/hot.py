"""What of a document is also kept in columns, to search and sort by it.

A document may hold anything anywhere: what is not of a column's type counts as absent.
"""

from collections.abc import Mapping
from typing import Any

from turnwise.store.shapes import Document

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
    return tuple(dict.fromkeys(storable(tag) for tag in tags if isinstance(tag, str)))


def at(document: object, *path: str) -> object:
    """Return what is at a place in a document; None where there is none."""
    value = document
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def folded(text: str) -> str:
    """Return a text as it is compared: in no particular case."""
    return storable(text).casefold()


def storable(text: str) -> str:
    """Return a text as every database can hold it; what none can hold becomes a question mark."""
    if not text.isascii():
        text = text.encode(errors="replace").decode()  # half a pair of UTF-16 is not a character
    return text.replace("\0", "?")  # PostgreSQL has no such character


def _text(document: Document, *path: str) -> str | None:
    value = at(document, *path)
    return storable(value) if isinstance(value, str) else None
