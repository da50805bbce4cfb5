"""`/v1/convai/conversations`: what was said, and what remains of it."""

import re

from turnwise.api.conversations import audio, views
from turnwise.api.conversations.files import forget_files
from turnwise.api.conversations.filters import query_of
from turnwise.api.conversations.stored import stored, unknown
from turnwise.api.errors import NotFound, NotOffered
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import Document, journal_key, recording_key

conversations = Slice()

_ID = re.compile(r"conv_[A-Za-z0-9]+")


@conversations.serve("GET /v1/convai/conversations")
async def list_conversations(call: Call) -> Answer:
    """Return a page of conversations, in the order of their start."""
    asked = call.query
    query = query_of(
        asked,
        page_size=asked["page_size"],
        cursor=asked.get("cursor"),
        descending=asked["sort_direction"] == "desc",
        search=asked.get("search") or "",
    )
    async with call.deps.store.reading() as tx:
        page = await tx.conversations.list(query)
    return {
        "conversations": [
            views.shown_row(
                row,
                summarised=asked["summary_mode"] == "include",
                criteria=asked.get("evaluation_criteria_ids") or (),
                collected=asked.get("data_collection_ids") or (),
            )
            for row in page.items
        ],
        "next_cursor": page.next_cursor,
        "has_more": page.next_cursor is not None,
    }


@conversations.serve("GET /v1/convai/conversations/{conversation_id}")
async def get_conversation(call: Call) -> Answer:
    """Return a conversation with all its turns, also while it goes on."""
    if call.query["format"] != "json":
        raise NotOffered("This server does not offer conversations as OpenTelemetry traces yet.")
    async with call.deps.store.reading() as tx:
        document = await stored(tx, call.path["conversation_id"])
    return _shown(call, document)


@conversations.serve("GET /v1/convai/conversations/resolve")
async def resolve_conversation(call: Call) -> Answer:
    """Return an agent's conversation from a text that has its id in it, such as its address.

    No conversation here comes from Slack or Zendesk, so their addresses lead to none.
    """
    reference, agent_id = call.query["reference"], call.query["agent_id"]
    async with call.deps.store.reading() as tx:
        for conversation_id in _ID.findall(reference):
            document = await tx.conversations.get(conversation_id)
            if document is not None and document["agent_id"] == agent_id:
                return _shown(call, document)
    raise NotFound(
        f"No conversation of agent {agent_id} belongs to that reference.",
        code="conversation_not_found",
        legacy="conversation_history_not_found",
    )


@conversations.serve("GET /v1/convai/conversations/{conversation_id}/summary")
async def get_summary(call: Call) -> Answer:
    """Return what a conversation was about, and its messages if they are few."""
    async with call.deps.store.reading() as tx:
        document = await stored(tx, call.path["conversation_id"])
    return views.summary(document, call.query["max_messages"])


@conversations.serve("DELETE /v1/convai/conversations/{conversation_id}")
async def delete_conversation(call: Call) -> Answer:
    """Forget a conversation, its recording, its journal and its files."""
    conversation_id = call.path["conversation_id"]
    async with call.deps.store.writing() as tx:
        if not await tx.conversations.delete(conversation_id):
            raise unknown(conversation_id)
        await tx.records.set_uses("conversation", conversation_id, ())
        keys = await forget_files(tx, conversation_id)
    keys += [recording_key(conversation_id), journal_key(conversation_id)]
    await call.deps.blobs.delete(keys)
    return {}


@conversations.serve("GET /v1/convai/conversations/{conversation_id}/audio")
async def get_audio(call: Call) -> Answer:
    """Return the recording of a conversation."""
    conversation_id = call.path["conversation_id"]
    async with call.deps.store.reading() as tx:
        await stored(tx, conversation_id)
    accept = call.request.headers.get("accept", "")
    return await audio.recording(call.deps.blobs, conversation_id, accept)


@conversations.serve("GET /v1/convai/conversations/{conversation_id}/sip-messages")
async def list_sip_messages(call: Call) -> Answer:
    """Return the SIP messages of a conversation: none, for no call comes in by SIP here."""
    async with call.deps.store.reading() as tx:
        await stored(tx, call.path["conversation_id"])
    return {"sip_messages": [], "next_cursor": None, "has_more": False}


def _shown(call: Call, document: Document) -> Document:
    assert call.operation.answer is not None
    return views.shown(document, call.operation.answer)
