"""Records of conversations, and, where they are wanted, their recordings."""

from asyncio import to_thread
from dataclasses import replace
from functools import partial
from typing import Final

from turnwise.contract import Shape, load
from turnwise.moving.recordings import as_wav
from turnwise.moving.source import PAGE_SIZE, Json, SourceError, SourceLost
from turnwise.moving.target import Refused
from turnwise.moving.transfer import Row, Transfer
from turnwise.store import ConversationQuery, recording_key

_PATH: Final = "/v1/convai/conversations"
_OVER: Final = frozenset({"done", "failed"})
_SOUND: Final = ("has_audio", "has_user_audio", "has_response_audio")
_NO_SOUND: Final = frozenset({400, 404, 422})
"""What is answered where a conversation has no recording."""


async def move_conversations(transfer: Transfer, *, audio: bool) -> None:
    """Move the records of conversations that are over, the oldest first.

    Args:
        transfer: From where, to where.
        audio: Whether their recordings are moved, too.

    Raises:
        SourceLost: If the source is gone.
    """
    kind, query = "conversations", {"page_size": PAGE_SIZE, "sort_direction": "asc"}
    listed = await transfer.rows(kind, _PATH, "conversations", query, id_key="conversation_id")
    rows = [row for row in listed if row.listed.get("status") in _OVER]
    for _ in range(len(listed) - len(rows)):
        transfer.report.skip("conversations that are not over yet: run it again later")
    there = await _stored(transfer, rows)

    async def fetch(row: Row) -> Json:
        return await transfer.source.ask(f"{_PATH}/{row.id}")

    keep = partial(_keep, transfer, _shape())
    await transfer.each(kind, transfer.new(kind, rows, there), fetch, keep)
    if audio:
        await _move_recordings(transfer, rows)
    elif any(row.listed.get("text_only") is not True for row in rows):
        transfer.report.skip("recordings: run it again with --audio to have them")


async def _stored(transfer: Transfer, rows: list[Row]) -> frozenset[str]:
    async with transfer.target.deps.store.reading() as tx:
        return await tx.conversations.known([row.id for row in rows])


async def _in_writing(transfer: Transfer) -> frozenset[str]:
    """Return the conversations here that had no sound; lists of the source do not tell."""
    found: list[str] = []
    query = ConversationQuery(page_size=PAGE_SIZE, text_only=True)
    async with transfer.target.deps.store.reading() as tx:
        while True:
            page = await tx.conversations.list(query)
            found += [row.head["conversation_id"] for row in page.items]
            if page.next_cursor is None:
                return frozenset(found)
            query = replace(query, cursor=page.next_cursor)


def _shape() -> Shape:
    shape = load().operations[f"GET {_PATH}/{{conversation_id}}"].answer
    assert shape is not None
    return shape


async def _keep(transfer: Transfer, shape: Shape, row: Row, document: Json) -> None:
    if problems := shape.problems(document, ()):
        told = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems[:3]
        )
        raise Refused(f"it is not in the published shape: {told}")
    if document["conversation_id"] != row.id or document["status"] not in _OVER:
        raise Refused("it changed while it was read")
    # what cannot be heard here is not promised
    silent = {key: False for key in (*_SOUND, "has_auxiliary_audio") if document.get(key)}
    whole = document | silent
    async with transfer.target.deps.store.writing() as tx:
        await tx.conversations.begin(whole)
        await tx.conversations.finish(whole)
        if tags := whole.get("tag_ids"):
            await tx.records.set_uses("conversation", row.id, [("tag", each) for each in tags])


async def _move_recordings(transfer: Transfer, rows: list[Row]) -> None:
    kind, blobs = "recordings", transfer.target.deps.blobs
    spoken = await _stored(transfer, rows) - await _in_writing(transfer)
    wanted = []
    for row in rows:
        if row.id not in spoken:
            continue
        try:
            is_there = await blobs.size(recording_key(row.id)) is not None
        except ValueError:
            transfer.report.skip("recordings of conversations whose ids cannot name a file here")
            continue
        transfer.report.of(kind).there += is_there
        if not is_there:
            wanted.append(row)
    for number, row in enumerate(wanted, 1):
        try:
            if await _move_recording(transfer, row):
                transfer.report.of(kind).moved += 1
        except SourceLost:
            raise
        except (SourceError, Refused) as error:
            transfer.report.fail(kind, row.title, str(error))
        transfer.step(kind, number, len(wanted))


async def _move_recording(transfer: Transfer, row: Row) -> bool:
    """Move one recording; False: there is none."""
    try:
        data = await transfer.source.content(
            f"{_PATH}/{row.id}/audio", accept="audio/wav, */*;q=0.5"
        )
    except SourceError as error:
        if error.status in _NO_SOUND:
            return False
        raise
    sound = await to_thread(as_wav, data)
    told = await transfer.source.ask(f"{_PATH}/{row.id}")
    heard = {key: bool(told.get(key)) for key in _SOUND}
    await transfer.target.deps.blobs.put(recording_key(row.id), sound)
    async with transfer.target.deps.store.writing() as tx:
        document = await tx.conversations.get(row.id, lock=True)
        if document is not None:
            await tx.conversations.save(document | heard)
    return True
