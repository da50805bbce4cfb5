"""Folders within folders: records with the label `folder`, which others have as their parent."""

from collections.abc import Iterable
from typing import Final

from turnwise.api.errors import Malformed, NotFound
from turnwise.store import Record, Transaction

FOLDER: Final = "folder"


class Folders:
    """All folders of one kind of record, at one moment."""

    def __init__(self, kind: str, records: Iterable[Record]) -> None:
        """Know them."""
        self._kind = kind
        self._by_id = {record.record_id: record for record in records}
        self._children: dict[str | None, list[str]] = {}
        for record in self._by_id.values():
            self._children.setdefault(record.parent, []).append(record.record_id)

    @classmethod
    async def read(cls, tx: Transaction, kind: str) -> "Folders":
        """Read them."""
        return cls(kind, await tx.records.all(kind, labels=(FOLDER,)))

    def path(self, parent: str | None) -> list[Record]:
        """Return the folders down to a parent, the outermost first."""
        path: list[Record] = []
        while parent is not None and parent in self._by_id:
            path.insert(0, self._by_id[parent])
            parent = self._by_id[parent].parent
        return path

    def within(self, folder_id: str) -> list[str]:
        """Return a folder and all below it, by id."""
        found = [folder_id]
        for each in found:  # it grows on the way
            found += self._children.get(each, ())
        return found

    async def counts(self, tx: Transaction, folder_id: str) -> tuple[int, int]:
        """Return how much is right in a folder, and how much but folders is anywhere below it."""
        below = self.within(folder_id)
        held = [await tx.records.count(self._kind, parent=each) for each in below]
        return held[0], sum(held) - (len(below) - 1)


async def required(tx: Transaction, kind: str, folder_id: str | None) -> None:
    """Check that something can be put into a folder; None: the top level.

    Raises:
        NotFound: If there is no such folder.
        Malformed: If it is no folder.
    """
    if folder_id is None:
        return
    record = await tx.records.get(kind, folder_id, lock=True)
    if record is None:
        raise NotFound(f"Folder with id {folder_id} not found.", code="folder_not_found")
    if record.label != FOLDER:
        raise Malformed(f"{folder_id} is not a folder.", code="not_a_folder")


async def move(tx: Transaction, record: Record, to: str | None) -> None:
    """Put a record, which is locked, into another folder.

    Raises:
        Malformed: If that is the record itself, or below it.
    """
    above = to
    while above is not None:
        if above == record.record_id:
            raise Malformed(
                f"Folder {above} cannot be moved into itself or a folder below it.",
                code="folder_cycle",
            )
        # locked, so that nobody moves one of them below the other meanwhile
        folder = await tx.records.get(record.kind, above, lock=True)
        above = folder.parent if folder else None
    await tx.records.replace(record.kind, record.record_id, record.document, parent=to)
