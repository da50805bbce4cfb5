"""What the hosted service keeps for retrieval: indexes of documents, and their chunks.

This server finds chunks by their words (`turnwise.knowledge.lexical`), in an index that it makes
itself when it needs it and that knows no embedding models. So an index that a client asks for is
noted and has `succeeded` at once: from then on, and before, the document can be found.
"""

from collections.abc import Mapping
from typing import Any

from anyio import to_thread

from turnwise.api import listing
from turnwise.api.errors import NotFound, RequestError
from turnwise.api.folders import FOLDER
from turnwise.api.knowledge_base import changing, documents
from turnwise.api.knowledge_base.documents import Object
from turnwise.api.serving import Answer, Call, Slice
from turnwise.knowledge.chunks import chunks
from turnwise.knowledge.library import KNOWLEDGE, SMALL_BYTES, text_of
from turnwise.store import Record, Transaction

searching = Slice()

PREFIX = "ragidx_"
CHARS_A_PAGE = 3_000
"""What the hosted service's prices take for a page is not published."""
MOST_BYTES = 2**40
"""Nothing is limited here; clients want a number to compare with."""


@searching.serve("POST /v1/convai/knowledge-base/{documentation_id}/rag-index")
async def compute_rag_index(call: Call) -> Answer:
    """Note that a document is wanted for retrieval, which it is good for already."""
    async with call.deps.store.writing() as tx:
        return await _made(tx, call.path["documentation_id"], call.body["model"])


@searching.serve("POST /v1/convai/knowledge-base/rag-index")
async def compute_rag_indexes(call: Call) -> Answer:
    """Do so for many documents, each by itself; where `create_if_missing` is false, only look."""
    answers: Object = {}
    for item in call.body["items"]:
        document_id = item["document_id"]
        try:
            async with call.deps.store.writing() as tx:
                data = await _made(tx, document_id, item["model"], create=item["create_if_missing"])
        except RequestError as error:
            answers[document_id] = changing.failure(error)
        else:
            answers[document_id] = {"status": "success", "data": data}
    return answers


@searching.serve("GET /v1/convai/knowledge-base/{documentation_id}/rag-index")
async def get_rag_indexes(call: Call) -> Answer:
    """Return what was noted for a document."""
    async with call.deps.store.reading() as tx:
        record = await documents.found(tx, call.path["documentation_id"])
        indexes = await tx.records.all(changing.RAG_INDEX, parent=record.record_id)
    return {"indexes": [_shown(index, record) for index in indexes]}


@searching.serve("DELETE /v1/convai/knowledge-base/{documentation_id}/rag-index/{rag_index_id}")
async def delete_rag_index(call: Call) -> Answer:
    """Forget what was noted; the document can still be found."""
    index_id = call.path["rag_index_id"]
    async with call.deps.store.writing() as tx:
        record = await documents.found(tx, call.path["documentation_id"])
        index = await tx.records.get(changing.RAG_INDEX, index_id, lock=True)
        if index is None or index.parent != record.record_id:
            raise NotFound(f"RAG index with id {index_id} not found.", code="rag_index_not_found")
        await tx.records.delete(changing.RAG_INDEX, index_id)
    return _shown(index, record)


@searching.serve("GET /v1/convai/knowledge-base/rag-index")
async def get_rag_index_overview(call: Call) -> Answer:
    """Return how much of the knowledge base was wanted for retrieval."""
    async with call.deps.store.reading() as tx:
        indexes = await tx.records.all(changing.RAG_INDEX)
        known = await tx.records.many(KNOWLEDGE, [index.parent or "" for index in indexes])
    used: dict[str, int] = {}
    for index in indexes:
        if record := known.get(index.parent or ""):
            usage = _shown(index, record)["document_model_index_usage"]
            used[index.label] = used.get(index.label, 0) + usage["used_bytes"]
    return {
        "total_used_bytes": sum(used.values()),
        "total_max_bytes": MOST_BYTES,
        "models": [{"model": model, "used_bytes": size} for model, size in used.items()],
    }


@searching.serve("GET /v1/convai/knowledge-base/{documentation_id}/chunks")
async def list_chunks(call: Call) -> Answer:
    """Return a page of the pieces that a document is found by; those of any model are the same."""
    record, pieces = await _pieces(call)
    page, cursor = listing.page_of(
        range(len(pieces)), str, call.query.get("cursor"), call.query["page_size"]
    )
    return {
        "chunks": [_chunk(record, number, pieces[number]) for number in page],
        "next_cursor": cursor,
    }


@searching.serve("GET /v1/convai/knowledge-base/{documentation_id}/chunk/{chunk_id}")
async def get_chunk(call: Call) -> Answer:
    """Return one of the pieces that a document is found by."""
    chunk_id = call.path["chunk_id"]
    record, pieces = await _pieces(call)
    for number, text in enumerate(pieces):
        if _chunk_id(number) == chunk_id:
            return _chunk(record, number, text)
    raise NotFound(f"Chunk with id {chunk_id} not found.", code="chunk_not_found")


@searching.serve("GET /v1/convai/agent/{agent_id}/knowledge-base/size")
async def get_size(call: Call) -> Answer:
    """Return how many pages an agent's documents have, at 3,000 characters a page."""
    agent_id = call.path["agent_id"]
    async with call.deps.store.reading() as tx:
        agent = await tx.agents.get(agent_id)
    if agent is None:
        raise NotFound(f"Agent with id {agent_id} not found.", code="agent_not_found")
    prompt = _inner(agent.document, "conversation_config", "agent", "prompt")
    chars = await call.deps.library.size(call.deps.store, prompt.get("knowledge_base") or [])
    return {"number_of_pages": chars / CHARS_A_PAGE}


async def _made(tx: Transaction, document_id: str, model: str, *, create: bool = True) -> Object:
    record = await documents.found(tx, document_id, lock=True)
    for index in await tx.records.all(changing.RAG_INDEX, parent=document_id, labels=(model,)):
        return _shown(index, record)
    if not create:
        raise NotFound(
            f"Document {document_id} has no RAG index for {model}.", code="rag_index_not_found"
        )
    index = await tx.records.create(
        changing.RAG_INDEX, {}, prefix=PREFIX, parent=document_id, label=model
    )
    return _shown(index, record)


def _shown(index: Record, record: Record) -> Object:
    size = int(record.document.get("size_bytes", 0))
    status = "succeeded"
    if record.label == FOLDER:
        status = "cannot_index_folder"
    elif size < SMALL_BYTES:
        status = "document_too_small"
    done = status == "succeeded"
    return {
        "id": index.record_id,
        "model": index.label,
        "status": status,
        "progress_percentage": 100.0 if done else 0.0,
        "document_model_index_usage": {"used_bytes": size if done else 0},
    }


async def _pieces(call: Call) -> tuple[Record, list[str]]:
    async with call.deps.store.reading() as tx:
        record = await documents.found(tx, call.path["documentation_id"])
        content = await documents.content_of(tx, record.record_id)
    return record, await to_thread.run_sync(chunks, text_of(content))


def _chunk_id(number: int) -> str:
    return f"chunk_{number + 1}"


def _chunk(record: Record, number: int, text: str) -> Object:
    return {"id": _chunk_id(number), "name": f"{record.name} #{number + 1}", "content": text}


def _inner(document: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for key in path:
        value = document.get(key)
        document = value if isinstance(value, Mapping) else {}
    return document
