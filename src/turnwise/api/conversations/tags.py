"""`/v1/convai/tags`, and the tags of a conversation: words of the operators to sort calls by.

A conversation's document has the ids of its tags, by which lists are filtered. The notes of who
uses a tag tell which documents to change when it is deleted.
"""

from turnwise.api.conversations.stored import stored
from turnwise.api.errors import Conflict, NotFound
from turnwise.api.identity import USER_ID, WORKSPACE_ID
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import Document, Record, RecordQuery, Transaction

tags = Slice()

KIND = "tag"
USER = "conversation"
"""What a conversation is called in the notes of who uses a tag."""
MOST_TAGS = 500
"""On one conversation."""


@tags.serve("POST /v1/convai/tags")
async def create_tag(call: Call) -> Answer:
    """Make a tag."""
    document = call.filled()
    async with call.deps.store.writing() as tx:
        record = await tx.records.create(KIND, document, prefix="tag_", name=document["title"])
    return _shown(record)


@tags.serve("GET /v1/convai/tags")
async def list_tags(call: Call) -> Answer:
    """Return a page of tags, the newest first."""
    query = RecordQuery(
        kind=KIND, page_size=call.query["page_size"], cursor=call.query.get("cursor")
    )
    async with call.deps.store.reading() as tx:
        page = await tx.records.list(query)
    return {
        "conversation_tags": [_shown(record) for record in page.items],
        "next_cursor": page.next_cursor,
        "has_more": page.next_cursor is not None,
    }


@tags.serve("GET /v1/convai/tags/{tag_id}")
async def get_tag(call: Call) -> Answer:
    """Return a tag."""
    async with call.deps.store.reading() as tx:
        return _shown(await _found(tx, call.path["tag_id"]))


@tags.serve("PATCH /v1/convai/tags/{tag_id}")
async def change_tag(call: Call) -> Answer:
    """Change the title or the description of a tag."""
    async with call.deps.store.writing() as tx:
        before = await _found(tx, call.path["tag_id"], lock=True)
        changes = {
            key: each for key, each in call.body.items() if each is not None or key != "title"
        }
        document = before.document | changes
        record = await tx.records.replace(KIND, before.record_id, document, name=document["title"])
    assert record is not None  # it is locked
    return _shown(record)


@tags.serve("DELETE /v1/convai/tags/{tag_id}")
async def delete_tag(call: Call) -> Answer:
    """Forget a tag, and take it off the conversations that have it."""
    async with call.deps.store.writing() as tx:
        tag_id = (await _found(tx, call.path["tag_id"], lock=True)).record_id
        for kind, user_id in await tx.records.users_of(KIND, tag_id):
            if kind == USER:
                await _retag(tx, user_id, remove=tag_id)
        await tx.records.delete(KIND, tag_id)


@tags.serve("POST /v1/convai/conversations/{conversation_id}/tags")
async def assign_tags(call: Call) -> Answer:
    """Put tags on a conversation; those it has already stay."""
    async with call.deps.store.writing() as tx:
        for tag_id in call.body["tag_ids"]:
            await _found(tx, tag_id)
        await _retag(tx, call.path["conversation_id"], add=call.body["tag_ids"])


@tags.serve("DELETE /v1/convai/conversations/{conversation_id}/tags/{tag_id}")
async def unassign_tag(call: Call) -> Answer:
    """Take a tag off a conversation."""
    async with call.deps.store.writing() as tx:
        await _found(tx, call.path["tag_id"])
        await _retag(tx, call.path["conversation_id"], remove=call.path["tag_id"])


async def _retag(
    tx: Transaction, conversation_id: str, *, add: list[str] | None = None, remove: str = ""
) -> None:
    """Change the tags of a conversation.

    Raises:
        NotFound: If there is no such conversation.
        Conflict: If it would have too many.
    """
    document = await stored(tx, conversation_id, lock=True)
    before = document.get("tag_ids") or []
    after = [tag for tag in dict.fromkeys([*before, *(add or ())]) if tag != remove]
    if len(after) > MOST_TAGS:
        raise Conflict(f"A conversation can have {MOST_TAGS} tags.")
    if after != before:
        await tx.conversations.save({**document, "tag_ids": after})
        await tx.records.set_uses(USER, conversation_id, [(KIND, tag) for tag in after])


async def _found(tx: Transaction, tag_id: str, *, lock: bool = False) -> Record:
    record = await tx.records.get(KIND, tag_id, lock=lock)
    if record is None:
        raise NotFound(f"Tag with id {tag_id} not found.", code="tag_not_found")
    return record


def _shown(record: Record) -> Document:
    return {
        **record.document,
        "tag_id": record.record_id,
        "workspace_id": WORKSPACE_ID,
        "owner_user_id": USER_ID,
        "created_at_unix_secs": record.created_at,
    }
