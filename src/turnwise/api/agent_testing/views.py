"""A test or a folder of tests: what is stored of it, and what clients get to see."""

from collections.abc import Iterable, Sequence
from typing import Any

from turnwise.api.access import ACCESS
from turnwise.api.errors import Invalid, NotFound, Problem, problem
from turnwise.api.folders import FOLDER, Folders
from turnwise.store import Record, Transaction

Object = dict[str, Any]

TEST = "test"
"""The kind of their records; the label is the type, or `folder`."""
PREFIX = "test_"
FOLDER_PREFIX = "tfld_"

_BESIDE = frozenset({"name", "parent_folder_id"})
"""What is said beside the document."""


def stored(filled: Object) -> Object:
    """Return what is stored of a test.

    Raises:
        Invalid: If it could not be run.
    """
    if problems := list(_problems(filled)):
        raise Invalid(problems)
    return {key: value for key, value in filled.items() if key not in _BESIDE}


def shown(record: Record) -> Object:
    """Return a test as clients read it."""
    return {
        **record.document,
        "id": record.record_id,
        "name": record.name,
        "access_info": ACCESS,
    }


def summary(record: Record, path: Sequence[Record], children: int | None) -> Object:
    """Return a test or folder as clients find it in a list.

    Args:
        record: The test.
        path: The folders it is in, the outermost first.
        children: How much is right in a folder; None: it is a test.
    """
    return {
        "id": record.record_id,
        "name": record.name,
        "access_info": ACCESS,
        "created_at_unix_secs": record.created_at,
        "last_updated_at_unix_secs": record.updated_at,
        "type": record.label,
        "entity_type": "folder" if record.label == FOLDER else "test",
        "folder_parent_id": record.parent,
        "folder_path": segments(path),
        "children_count": children,
        "conversation_initiation_source": record.document.get("conversation_initiation_source"),
    }


def segments(path: Sequence[Record]) -> list[Object]:
    """Return the folders that something is in, as answers name them."""
    return [{"id": each.record_id, "name": each.name} for each in path]


async def summaries(tx: Transaction, records: Iterable[Record]) -> list[Object]:
    """Return tests and folders as clients find them in a list."""
    tree = await Folders.read(tx, TEST)
    found = []
    for record in records:
        count = None
        if record.label == FOLDER:
            count, _ = await tree.counts(tx, record.record_id)
        found.append(summary(record, tree.path(record.parent), count))
    return found


async def found(tx: Transaction, record_id: str, *, folder: bool, lock: bool = False) -> Record:
    """Return a test, or a folder.

    Raises:
        NotFound: If there is none with this id.
    """
    record = await tx.records.get(TEST, record_id, lock=lock)
    if record is None or (record.label == FOLDER) != folder:
        what, code = ("Folder", "folder_not_found") if folder else ("Test", "test_not_found")
        raise NotFound(f"{what} with id {record_id} not found.", code=code)
    return record


def _problems(test: Object) -> Iterable[Problem]:
    kind = test["type"]
    if kind == "llm":
        turns = test.get("chat_history") or []
        if not turns and not test.get("from_conversation_metadata"):
            message = "Value error, Chat history is required for llm tests"
            yield problem("value_error", ["body", "llm", "chat_history"], message)
        elif turns and turns[-1].get("role") != "user":
            message = "Value error, Chat history must end with a turn of the user"
            yield problem("value_error", ["body", "llm", "chat_history"], message)
    has_condition = test.get("success_condition") or test.get("success_conditions")
    if kind == "simulation" and not has_condition:
        message = "Value error, success_condition or success_conditions is required"
        yield problem("value_error", ["body", "simulation", "success_conditions"], message)
