"""Blobs in a folder, through `obstore`, which speaks to object stores in the same words."""

import re
from collections.abc import AsyncIterable, AsyncIterator, Collection
from pathlib import Path

import obstore
from obstore.store import LocalStore

PIECE_BYTES = 65_536
"""Size of the pieces of a stream; the last one is smaller."""

_KEY = re.compile(r"[A-Za-z0-9_][\w.-]*(?:/[A-Za-z0-9_][\w.-]*)*", re.ASCII)


def recording_key(conversation_id: str) -> str:
    """Return the name of a conversation's recording: a WAV file of both legs."""
    return f"conversations/{conversation_id}/recording.wav"


def journal_key(conversation_id: str) -> str:
    """Return the name of a conversation's journal: its lines as text."""
    return f"conversations/{conversation_id}/journal.jsonl"


class LocalBlobs:
    """The port `Blobs` on a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        """Use a folder; it is made where there is none."""
        self._store = LocalStore(folder, mkdir=True, automatic_cleanup=True)

    async def put(self, key: str, data: bytes | AsyncIterable[bytes]) -> None:
        """Store bytes under a name, in place of what was there."""
        await obstore.put_async(self._store, _checked(key), data)

    async def get(self, key: str) -> bytes | None:
        """Return all bytes under a name; None: nothing is."""
        try:
            found = await obstore.get_async(self._store, _checked(key))
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None

    async def size(self, key: str) -> int | None:
        """Return how many bytes there are under a name; None: nothing is."""
        try:
            return (await obstore.head_async(self._store, _checked(key)))["size"]
        except FileNotFoundError:
            return None

    async def stream(self, key: str) -> AsyncIterator[bytes] | None:
        """Return the bytes under a name, piece by piece; None: nothing is."""
        try:
            found = await obstore.get_async(self._store, _checked(key))
        except FileNotFoundError:
            return None
        pieces = found.stream(min_chunk_size=PIECE_BYTES)
        return (bytes(piece) async for piece in pieces)

    async def delete(self, keys: Collection[str]) -> None:
        """Forget what is under these names, if anything."""
        for key in keys:
            try:
                await obstore.delete_async(self._store, _checked(key))
            except FileNotFoundError:
                continue


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} cannot name a blob; a path of a-z A-Z 0-9 _ . - / can")
    return key
