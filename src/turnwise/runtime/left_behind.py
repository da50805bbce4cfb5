"""What a process that was killed left behind: conversations that are open, journals half written.

Each process keeps the folders of its live conversations in a folder of its own, named by the ids:
that is the list of what it held.
"""

import asyncio
import shutil
from pathlib import Path

from turnwise.store import Blobs, Store, journal_key

JOURNAL = "journal.jsonl"


async def close_left(store: Store, blobs: Blobs, folder: Path, reason: str) -> tuple[str, ...]:
    """Close the conversations of a process that is gone, and keep what they have of a journal.

    Args:
        store: Where they are marked as failed.
        blobs: Where journals are kept.
        folder: Of the process; it is made where there is none, and empty afterwards.
        reason: Why they ended, for the record.

    Returns:
        The ids of those that were open.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    held = await asyncio.to_thread(lambda: [each.name for each in folder.iterdir()])
    if not held:
        return ()
    async with store.writing() as tx:
        closed = await tx.conversations.close_orphans(reason, among=held)
    await keep_journals(blobs, folder)
    return closed


async def keep_journals(blobs: Blobs, folder: Path) -> None:
    """Keep the journals below a folder, each by the name of its own, and empty the folder.

    Args:
        blobs: Where they are kept.
        folder: With the folders of conversations, at any depth; it need not be there.
    """
    for journal in await asyncio.to_thread(lambda: sorted(folder.rglob(JOURNAL))):
        written = await asyncio.to_thread(journal.read_bytes)
        await blobs.put(journal_key(journal.parent.name), written)
    await asyncio.to_thread(_empty, folder)


def _empty(folder: Path) -> None:
    for left in folder.iterdir() if folder.exists() else ():
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
