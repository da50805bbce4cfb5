"""What remains of a conversation: its record, its recording, its journal."""

import asyncio
from pathlib import Path
from typing import Any

from turnwise.gateway.doors import Door
from turnwise.runtime.document import Ending
from turnwise.runtime.session import Session
from turnwise.runtime.tool_calls import note_tool_usage
from turnwise.store import Blobs, Store, journal_key, recording_key
from turnwise.wire import closing

Json = dict[str, Any]
GATHER_S = 0.4
"""How long what is to be stored of a call waits for that of others."""
OPEN = ("initiated", "in-progress")
"""Statuses of a call that goes on."""


class OpenCalls:
    """Stores the documents of live calls, those of a moment in one transaction.

    To open and close it costs more than what is written in it (docs/decisions/0005).
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._waiting: dict[str, Json] = {}
        self._turn = asyncio.Lock()

    async def save(self, document: Json) -> None:
        """Store a call's document as it is now; return when it is stored."""
        call = document["conversation_id"]
        self._waiting[call] = document
        async with self._turn:
            if self._waiting.get(call) is not document:
                return  # whose turn it was has stored it
            await asyncio.sleep(GATHER_S)
            await self._store(dict(self._waiting))

    async def _store(self, documents: dict[str, Json]) -> None:
        async with self.store.writing() as tx:
            before = await tx.conversations.heads(documents)
            noted = [
                with_notes(documents[call], head)
                for call, head in before.items()
                if head["status"] in OPEN  # else it is over, and what is stored is newer
            ]
            if noted:
                await tx.conversations.save_open(noted)
        for call, document in documents.items():
            if self._waiting.get(call) is document:  # else there is a newer one
                del self._waiting[call]

    def forget(self, call: str) -> None:
        """Store no more of a call than was: it is over."""
        self._waiting.pop(call, None)


class Keeper:
    """Stores one conversation."""

    def __init__(self, open_calls: OpenCalls, blobs: Blobs, door: Door, folder: Path) -> None:
        """Begin.

        Args:
            open_calls: For the record.
            blobs: For recording and journal.
            door: How the client came in; an agent it brought along is not stored, nor its calls.
            folder: Of the live conversation; made here, gone in the end.
        """
        self._open_calls = open_calls
        self._store = open_calls.store
        self._begun = False
        self._blobs = blobs
        self._door = door
        self.folder = folder

    async def save(self, document: Json) -> None:
        """Store the document as it is now, and with it what was said about the call beside it."""
        if self._door.document is None:
            return
        if self._begun and document["status"] in OPEN:
            await self._open_calls.save(document)
            return
        self._begun = True
        self._open_calls.forget(document["conversation_id"])
        async with self._store.writing() as tx:
            before = await tx.conversations.get(document["conversation_id"], lock=True)
            if before is None:
                await tx.conversations.begin(document)
            else:
                await tx.conversations.save(with_notes(document, before))
            if document["status"] in {"done", "failed"}:
                await note_tool_usage(tx, document)

    async def finish(
        self, session: Session, ending: closing.Ending, *, closed_by_client: bool
    ) -> None:
        """Store the final record, the recording and the journal."""
        failed = ending.error is not None and ending.code != closing.NORMAL
        reason = session.end_reason if closed_by_client else ending.termination_reason
        wav = await session.finish(
            Ending(
                termination_reason=reason,
                failed=failed and not closed_by_client,
                error_code=ending.code,
                error_reason=ending.reason,
            )
        )
        conversation = session.conversation_id
        files = [(journal_key(conversation), self.folder / "journal.jsonl")]
        if wav is not None:
            files.append((recording_key(conversation), wav))
        for key, path in files:
            if self._door.document is not None:
                await self._blobs.put(key, await asyncio.to_thread(path.read_bytes))
            path.unlink()
        self.folder.rmdir()

    async def refuse(self, conversation_id: str, ending: closing.Ending, now: int) -> None:
        """Store that a conversation could not begin, and why."""
        if self._door.document is not None:
            async with self._store.writing() as tx:
                await tx.conversations.begin(self._door.refused(conversation_id, ending, now))


def with_notes(document: Json, before: Json) -> Json:
    """Return a document with the notes that others made on the one stored before.

    While the call goes on, operators tag it and users rate it, which the call itself does not know.

    Args:
        document: As the call has it.
        before: As it is stored.
    """
    noted = before["metadata"].get("feedback") or {}
    feedback = {**noted, **document["metadata"]["feedback"]}
    if noted.get("type"):
        feedback["overall_score"] = noted.get("overall_score") or feedback.get("overall_score")
    return {
        **document,
        "metadata": {**document["metadata"], "feedback": feedback},
        "tag_ids": before.get("tag_ids") or document["tag_ids"],
    }
