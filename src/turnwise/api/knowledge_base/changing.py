"""One document or folder: read, changed, moved, refreshed, deleted."""

from html import escape

from starlette.responses import HTMLResponse, Response

from turnwise.api import folders
from turnwise.api.errors import Conflict, Malformed, RequestError
from turnwise.api.folders import FOLDER, Folders
from turnwise.api.knowledge_base import creating, dependency, documents
from turnwise.api.knowledge_base.documents import Object
from turnwise.api.problems import TABLE
from turnwise.api.serving import Answer, Call, Slice
from turnwise.knowledge.extraction import Content, of_html, of_text
from turnwise.knowledge.library import KNOWLEDGE, TEXT
from turnwise.knowledge.markup import plain_lines
from turnwise.store import Record, Transaction

changing = Slice()

RAG_INDEX = "rag_index"


@changing.serve("GET /v1/convai/knowledge-base/{documentation_id}")
async def get_document(call: Call) -> Answer:
    """Return a document with what it says, or a folder."""
    async with call.deps.store.reading() as tx:
        return await _shown(tx, await documents.found(tx, call.path["documentation_id"]))


@changing.serve("PATCH /v1/convai/knowledge-base/{documentation_id}")
async def change_document(call: Call) -> Answer:
    """Rename a document or folder, or write what a document says."""
    body: Object = call.body or {}
    creating.refuse_auto_sync(body)
    async with call.deps.store.writing() as tx:
        before = await documents.found(tx, call.path["documentation_id"], lock=True)
        document = before.document
        if (written := body.get("content")) is not None:
            content = _written(before, written)
            await documents.store_content(tx, before.record_id, content)
            size = len(written.encode(errors="replace"))
            document = {**document, "size_bytes": size, "chars": len(content.text)}
        record = await tx.records.replace(
            KNOWLEDGE, before.record_id, document, name=body.get("name")
        )
        assert record is not None  # it is locked
        return await _shown(tx, record)


@changing.serve("DELETE /v1/convai/knowledge-base/{documentation_id}")
async def delete_document(call: Call) -> Answer:
    """Forget a document or folder; what is in use or not empty only with `force`."""
    gone = await _delete(call, call.path["documentation_id"], force=call.query["force"])
    await call.deps.blobs.delete([documents.source_key(each) for each in gone])
    return {}


@changing.serve("POST /v1/convai/knowledge-base/bulk-delete")
async def delete_documents(call: Call) -> Answer:
    """Forget documents and folders, each by itself: one failing keeps none of the others."""
    answers: Object = {}
    gone: list[str] = []
    for document_id in call.body["document_ids"]:
        if document_id in gone:  # with a folder before it
            answers[document_id] = {"status": "success", "data": {"id": document_id}}
            continue
        try:
            gone += await _delete(call, document_id, force=bool(call.body.get("force")))
        except RequestError as error:
            answers[document_id] = failure(error)
        else:
            answers[document_id] = {"status": "success", "data": {"id": document_id}}
    await call.deps.blobs.delete([documents.source_key(each) for each in gone])
    return answers


@changing.serve("POST /v1/convai/knowledge-base/{document_id}/move")
async def move_document(call: Call) -> Answer:
    """Put a document or folder into another folder, or on the top level."""
    await _move(call, [call.path["document_id"]])
    return Response()


@changing.serve("POST /v1/convai/knowledge-base/bulk-move")
async def move_documents(call: Call) -> Answer:
    """Put documents and folders into another folder: all of them or none."""
    await _move(call, call.body["document_ids"])
    return Response()


@changing.serve("GET /v1/convai/knowledge-base/{documentation_id}/content")
async def get_content(call: Call) -> Answer:
    """Return what a document says."""
    async with call.deps.store.reading() as tx:
        record = await _document(tx, call.path["documentation_id"])
        content = await documents.content_of(tx, record.record_id)
    # what somebody stored must not act as a page of this server
    return HTMLResponse(
        content["markup"], headers={"content-security-policy": "sandbox; default-src 'none'"}
    )


@changing.serve("PATCH /v1/convai/knowledge-base/{documentation_id}/update-file")
async def update_file(call: Call) -> Answer:
    """Put another file in place of the one that a document was made from."""
    document_id = call.path["documentation_id"]
    async with call.deps.store.reading() as tx:
        _require(await documents.found(tx, document_id), "file")
    data, about, content = await creating.read_upload(call)
    async with call.deps.store.writing() as tx:
        before = _require(await documents.found(tx, document_id, lock=True), "file")
        await documents.store_content(tx, document_id, content)
        record = await tx.records.replace(KNOWLEDGE, document_id, {**before.document, **about})
        assert record is not None  # it is locked
        await call.deps.blobs.put(documents.source_key(document_id), data)
        return await _shown(tx, record)


@changing.serve("POST /v1/convai/knowledge-base/{documentation_id}/refresh")
async def refresh_document(call: Call) -> Answer:
    """Fetch the page of a document again."""
    document_id = call.path["documentation_id"]
    async with call.deps.store.reading() as tx:
        url = _require(await documents.found(tx, document_id), "url").document["url"]
    size, content = await creating.fetched(call.deps, url)
    async with call.deps.store.writing() as tx:
        before = _require(await documents.found(tx, document_id, lock=True), "url")
        await documents.store_content(tx, document_id, content)
        about = documents.about("url", content, size, url=url)
        record = await tx.records.replace(KNOWLEDGE, document_id, {**before.document, **about})
        assert record is not None  # it is locked
        return await _shown(tx, record)


def failure(error: RequestError) -> Object:
    """Return one error among the answers to many questions."""
    status = next(TABLE[cls][0] for cls in type(error).__mro__ if cls in TABLE)
    return {
        "status": "failure",
        "error_code": status,
        "error_status": error.code,
        "error_message": str(error),
    }


async def _document(tx: Transaction, document_id: str) -> Record:
    record = await documents.found(tx, document_id)
    if record.label == FOLDER:
        raise Malformed(f"{document_id} is a folder: it says nothing.", code="not_a_document")
    return record


def _require(record: Record, kind: str) -> Record:
    if record.label != kind:
        raise Malformed(
            f"{record.record_id} is a document of the type {record.label};"
            f" this works for the type {kind}.",
            code="invalid_document_type",
        )
    return record


def _written(record: Record, written: str) -> Content:
    if record.label == FOLDER:
        raise Malformed("A folder has no content.", code="not_a_document")
    if record.label == "text":
        return of_text(written)
    if record.document.get("content_format") == "markdown":
        return Content(markup=written, text=plain_lines(written), format="markdown")
    # a client may write plain text where HTML was: its angle brackets are then its own
    content = of_html(written if "</" in written else escape(written, quote=False))
    return Content(markup=written, text=content.text)


async def _shown(tx: Transaction, record: Record) -> Object:
    tree = await Folders.read(tx, KNOWLEDGE)
    path = tree.path(record.parent)
    if record.label == FOLDER:
        return documents.shown_folder(record, path, await tree.counts(tx, record.record_id))
    return documents.shown(record, path, await documents.content_of(tx, record.record_id))


async def _move(call: Call, document_ids: list[str]) -> None:
    to = (call.body or {}).get("move_to")
    async with call.deps.store.writing() as tx:
        await folders.required(tx, KNOWLEDGE, to)
        for document_id in document_ids:
            record = await documents.found(tx, document_id, lock=True)
            await folders.move(tx, record, to)


async def _delete(call: Call, document_id: str, *, force: bool) -> list[str]:
    """Forget a document or a folder with all that is in it; return the ids of all that is gone."""
    async with call.deps.store.writing() as tx:
        record = await documents.found(tx, document_id, lock=True)
        gone = [document_id]
        if record.label == FOLDER:
            for folder_id in (await Folders.read(tx, KNOWLEDGE)).within(document_id):
                inside = await tx.records.all(KNOWLEDGE, parent=folder_id)
                gone += [each.record_id for each in inside]
        if len(gone) > 1 and not force:
            raise Conflict(
                f"Folder {document_id} is not empty; delete it with force=true,"
                " and all that is in it is deleted as well.",
                code="folder_not_empty",
            )
        users = await dependency.agents_of(tx, dict.fromkeys(gone, ()), "direct")
        agents = {agent_id for named in users.values() for agent_id in named}
        if agents and not force:
            raise Conflict(
                f"Document {document_id} is used by {len(agents)} agent(s); delete it with"
                " force=true, and they know it no more.",
                code="document_in_use",
            )
        await dependency.forget(tx, agents, set(gone))
        for each in gone:
            await tx.records.delete(KNOWLEDGE, each)
            await tx.records.delete(TEXT, each)
            await tx.records.delete_children(RAG_INDEX, each)
    return gone
