"""The files that documents were made from, for whoever was given a signed URL of one."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from turnwise.api.deps import deps_of
from turnwise.api.errors import Forbidden, NotFound
from turnwise.api.knowledge_base import documents
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import Grant, SignatureRejected

source_files = Slice()

_FOLDER = "/files/knowledge"
_SAFE_HEADERS = {
    # a stored page must not act as one of this server
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
}


@source_files.serve("GET /v1/convai/knowledge-base/{documentation_id}/source-file-url")
async def get_source_file_url(call: Call) -> Answer:
    """Return where the file of a document can be had in the next 15 minutes, without a key."""
    async with call.deps.store.reading() as tx:
        record = await documents.found(tx, call.path["documentation_id"])
    if await call.deps.blobs.size(documents.source_key(record.record_id)) is None:
        raise NotFound(
            f"Document {record.record_id} was not made from a file.", code="file_not_found"
        )
    grant = Grant(agent_id=_subject(record.record_id))
    base = call.deps.public_url.rstrip("/") or str(call.request.base_url).rstrip("/")
    query = urlencode({"signature": call.deps.signer.sign(grant)})
    return {"signed_url": f"{base}{_FOLDER}/{record.record_id}?{query}"}


async def get_source_file(request: Request) -> Response:
    """Return the file of a document to whoever has a signed URL of it."""
    deps, document_id = deps_of(request), request.path_params["document_id"]
    try:
        deps.signer.verify(request.query_params.get("signature", ""), _subject(document_id))
    except (SignatureRejected, ValueError) as error:
        raise Forbidden("The URL is not valid, or not valid any more.") from error
    async with deps.store.reading() as tx:
        record = await documents.found(tx, document_id)
    stream = await deps.blobs.stream(documents.source_key(document_id))
    if stream is None:
        raise NotFound(f"Document {document_id} was not made from a file.", code="file_not_found")
    media = record.document.get("media_type") or "application/octet-stream"
    return StreamingResponse(
        stream, media_type=media, headers={**_SAFE_HEADERS, **_attachment(record.document)}
    )


ROUTES = [Route(f"{_FOLDER}/{{document_id}}", get_source_file)]


def _subject(document_id: str) -> str:
    """Return what a signature is for; no agent's id looks like this."""
    return f"knowledge/{document_id}"


def _attachment(document: documents.Object) -> dict[str, str]:
    name = urlencode({"": str(document.get("filename") or "document")})[1:].replace("+", "%20")
    return {"content-disposition": f"attachment; filename*=utf-8''{name}"}
