"""A document or a folder: what is stored of it, and what clients get to see."""

from collections.abc import Mapping, Sequence
from typing import Any

from turnwise.api.access import ACCESS
from turnwise.api.errors import NotFound
from turnwise.api.folders import FOLDER
from turnwise.knowledge.extraction import Content
from turnwise.knowledge.library import KNOWLEDGE, TEXT
from turnwise.store import Record, Transaction

Object = dict[str, Any]

PREFIX = "kb_"
FOLDER_PREFIX = "kbfld_"
USAGES = ["prompt", "auto"]
_OF_A_SOURCE = ("url", "filename")


def source_key(document_id: str) -> str:
    """Return the name of the blob with the file that a document was made from."""
    return f"knowledge/{document_id}/source"


async def found(tx: Transaction, document_id: str, *, lock: bool = False) -> Record:
    """Return a document or folder.

    Raises:
        NotFound: If there is none with this id.
    """
    record = await tx.records.get(KNOWLEDGE, document_id, lock=lock)
    if record is None:
        raise NotFound(f"Document with id {document_id} not found.", code="document_not_found")
    return record


async def content_of(tx: Transaction, document_id: str) -> Object:
    """Return the record of what a document says: `markup`, and `text` where that differs."""
    record = await tx.records.get(TEXT, document_id)
    return record.document if record else {"markup": ""}


async def store_content(tx: Transaction, document_id: str, content: Content) -> None:
    """Store what a document says, in place of what it said."""
    said: Object = {"markup": content.markup}
    if content.text != content.markup:
        said["text"] = content.text
    if await tx.records.replace(TEXT, document_id, said) is None:
        await tx.records.create(TEXT, said, record_id=document_id)


def about(kind: str, content: Content, size_bytes: int, **source: str) -> Object:
    """Return what is stored of a document beside its content.

    Args:
        kind: `text`, `url` or `file`.
        content: What it says.
        size_bytes: Of the file or page; of a text in UTF-8.
        source: Its `url`; or its `filename` and `media_type`.
    """
    return {
        "type": kind,
        "size_bytes": size_bytes,
        "chars": len(content.text),
        "content_format": content.format,
        **source,
    }


def shown(record: Record, path: Sequence[Record], content: Mapping[str, Any]) -> Object:
    """Return a document, not a folder, as clients read it.

    Args:
        record: The document.
        path: The folders it is in, the outermost first.
        content: Of `content_of`.
    """
    view = _base(record) | {
        "folder_path": [{"id": each.record_id, "name": each.name} for each in path],
        "extracted_inner_html": content["markup"],
        "content_format": record.document.get("content_format", "html"),
    }
    return _with_source(view, record)


def shown_folder(record: Record, path: Sequence[Record], counts: tuple[int, int]) -> Object:
    """Return a folder as clients read it; `counts` as in `summary`."""
    return _base(record) | {
        "folder_path": [{"id": each.record_id, "name": each.name} for each in path],
        "children_count": counts[0],
        "document_count": counts[1],
    }


def summary(
    record: Record,
    path: Sequence[Record],
    dependents: Sequence[Object],
    counts: tuple[int, int] | None = None,
) -> Object:
    """Return a document or folder as clients find it in a list.

    Args:
        record: The document.
        path: The folders it is in, the outermost first.
        dependents: The agents that know it.
        counts: Of a folder: what is right in it, and the documents at any depth below it.
    """
    view = _base(record) | {
        "folder_path": [{"id": each.record_id} for each in path],
        "dependent_agents": list(dependents),
    }
    if counts is not None:
        return view | {"children_count": counts[0], "document_count": counts[1]}
    view = _with_source(view, record)
    view.pop("filename", None)
    return view


def _base(record: Record) -> Object:
    return {
        "type": record.label,
        "id": record.record_id,
        "name": record.name,
        "metadata": {
            "created_at_unix_secs": record.created_at,
            "last_updated_at_unix_secs": record.updated_at,
            "size_bytes": record.document.get("size_bytes", 0),
        },
        # a folder is too much for a prompt
        "supported_usages": ["auto"] if record.label == FOLDER else USAGES,
        "access_info": ACCESS,
        "folder_parent_id": record.parent,
    }


def _with_source(view: Object, record: Record) -> Object:
    source = {key: record.document[key] for key in _OF_A_SOURCE if key in record.document}
    return view | source
