"""The rules of pronunciation dictionaries, as they are stored: who speaks looks them up."""

from collections.abc import Mapping, Sequence
from typing import Any

from turnwise.agents.pronunciation import Pronunciation
from turnwise.api.errors import NotFound
from turnwise.store import Record, Transaction

DICTIONARY = "pronunciation_dictionary"
"""Kind of the records of dictionaries; the document says which version is the latest."""
VERSION = "pronunciation_version"
"""Kind of the records of versions, children of their dictionary; their rules never change."""


async def dictionary(tx: Transaction, dictionary_id: str, *, lock: bool = False) -> Record:
    """Return a dictionary.

    Raises:
        NotFound: If there is none.
    """
    record = await tx.records.get(DICTIONARY, dictionary_id, lock=lock)
    if record is None:
        raise NotFound(
            f"Pronunciation dictionary with id {dictionary_id} not found.",
            code="pronunciation_dictionary_not_found",
        )
    return record


async def version(tx: Transaction, dictionary_id: str, version_id: str | None) -> Record:
    """Return a version of a dictionary; None: the latest.

    Raises:
        NotFound: If there is none.
    """
    of = await dictionary(tx, dictionary_id)
    wanted = version_id or of.document["latest_version_id"]
    record = await tx.records.get(VERSION, wanted)
    if record is None or record.parent != dictionary_id:
        raise NotFound(
            f"Version {wanted} of pronunciation dictionary {dictionary_id} not found.",
            code="pronunciation_dictionary_version_not_found",
        )
    return record


async def pronunciation(tx: Transaction, locators: Sequence[Mapping[str, Any]]) -> Pronunciation:
    """Return the rules of some dictionaries together.

    Args:
        tx: Where they are.
        locators: Which, in the published shape; the first one's rules come first.

    Raises:
        NotFound: If one of them is not there.
    """
    rules: list[Mapping[str, Any]] = []
    for each in locators:
        found = await version(tx, each["pronunciation_dictionary_id"], each.get("version_id"))
        rules += found.document["rules"]
    return Pronunciation(rules)
