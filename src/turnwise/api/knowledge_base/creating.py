"""New documents: from text, a file, or a page."""

from email.message import Message
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.datastructures import UploadFile

from turnwise.api import folders
from turnwise.api.deps import MEBIBYTE, Deps
from turnwise.api.errors import Invalid, Malformed, NotOffered, problem
from turnwise.api.folders import FOLDER
from turnwise.api.knowledge_base import documents
from turnwise.api.knowledge_base.documents import Object
from turnwise.api.queries import refuse
from turnwise.api.serving import Answer, Call, Slice
from turnwise.knowledge.extraction import Content, Unreadable, extract, kind_of, of_text
from turnwise.knowledge.library import KNOWLEDGE
from turnwise.outgoing import Answer as Page
from turnwise.outgoing import Limits, OutgoingError

creating = Slice()

_OF_A_PAGE = Limits(seconds=30.0, answer_bytes=16 * MEBIBYTE, redirects=5)


@creating.serve("POST /v1/convai/knowledge-base/text")
async def create_text(call: Call) -> Answer:
    """Store a text."""
    text: str = call.body["text"]
    if not text.strip():
        raise Invalid([problem("string_too_short", ["body", "text"], "The text is empty")])
    content = await to_thread.run_sync(of_text, text)
    about = documents.about("text", content, len(text.encode(errors="replace")))
    return await _store(call, about, content, _name(call, _first_line(content.text)))


@creating.serve("POST /v1/convai/knowledge-base/file")
async def create_file(call: Call) -> Answer:
    """Store a file: PDF, DOCX, EPUB, HTML, Markdown or plain text."""
    data, about, content = await read_upload(call)
    return await _store(call, about, content, _name(call, about["filename"]), data)


@creating.serve("POST /v1/convai/knowledge-base/url")
async def create_url(call: Call) -> Answer:
    """Fetch a page and store it."""
    refuse_auto_sync(call.body)
    return await _from_url(call)


@creating.serve("POST /v1/convai/knowledge-base")
async def add_to_knowledge_base(call: Call) -> Answer:
    """Store a file or a page: the older way."""
    refuse(call.request, ["agent_id"])
    body: Object = call.body or {}
    if (body.get("url") is None) == (body.get("file") is None):
        raise Invalid([problem("value_error", ["body"], "Either url or file is needed")])
    return await (create_file(call) if body.get("file") is not None else _from_url(call))


@creating.serve("POST /v1/convai/knowledge-base/folder")
async def create_folder(call: Call) -> Answer:
    """Make a folder."""
    refuse_auto_sync(call.body)
    about = {"type": FOLDER, "size_bytes": 0}
    return await _store(call, about, None, call.body["name"])


async def _from_url(call: Call) -> Answer:
    url: str = call.body["url"]
    size, content = await fetched(call.deps, url)
    about = documents.about("url", content, size, url=url)
    return await _store(call, about, content, _name(call, content.title or url))


async def fetched(deps: Deps, url: str) -> tuple[int, Content]:
    """Return the size of a page in bytes, and what it says.

    Raises:
        Invalid: If it is no address of a page.
        Malformed: If the page cannot be had or read.
        NotOffered: If this server fetches no pages.
    """
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        message = "Value error, it should be an address that begins with http:// or https://"
        raise Invalid([problem("value_error", ["body", "url"], message)])
    if deps.outgoing is None:
        raise NotOffered("This server fetches no pages; store it as a file or a text instead.")
    try:
        answer = await deps.outgoing.request("GET", url, limits=_OF_A_PAGE)
        content = await _content_of(answer)
    except (OutgoingError, Unreadable) as error:
        raise Malformed(f"The page cannot be stored: {error}.", code=error.code) from error
    return len(answer.body), content


async def _content_of(page: Page) -> Content:
    if page.status >= HTTPStatus.BAD_REQUEST:
        raise Unreadable(f"its server answered {page.status}")
    headers = Message()
    headers["content-type"] = page.headers.get("content-type") or "text/html"
    kind = kind_of("", headers.get_content_type())
    return await extract(page.body, kind, headers.get_content_charset())


async def read_upload(call: Call) -> tuple[bytes, Object, Content]:
    """Return the file of a form: its bytes, what is stored of it, and what it says.

    Raises:
        Invalid: If there is none.
        Malformed: If it cannot be read.
    """
    file: Any = call.body.get("file")
    if not isinstance(file, UploadFile):
        raise Invalid([problem("value_error", ["body", "file"], "Expected UploadFile")])
    data, name, media = await file.read(), file.filename or "", file.content_type or ""
    try:
        content = await extract(data, kind_of(name, media))
    except Unreadable as error:
        raise Malformed(f"The file cannot be stored: {error}.", code=error.code) from error
    about = documents.about("file", content, len(data), filename=name, media_type=media)
    return data, about, content


def refuse_auto_sync(body: Object) -> None:
    """Refuse to promise what nobody would do.

    Raises:
        NotOffered: If documents should be refreshed by themselves.
    """
    if body.get("enable_auto_sync"):
        raise NotOffered(
            "This server does not refresh documents by itself yet: leave out enable_auto_sync,"
            " and call the operation refresh when a page has changed."
        )


async def _store(
    call: Call, about: Object, content: Content | None, name: str, source: bytes | None = None
) -> Answer:
    parent = (call.body or {}).get("parent_folder_id")
    store = call.deps.store
    document_id = store.new_id(
        documents.FOLDER_PREFIX if about["type"] == FOLDER else documents.PREFIX
    )
    if source is not None:
        await call.deps.blobs.put(documents.source_key(document_id), source)
    async with store.writing() as tx:
        await folders.required(tx, KNOWLEDGE, parent)
        await tx.records.create(
            KNOWLEDGE, about, record_id=document_id, name=name, parent=parent, label=about["type"]
        )
        if content is not None:
            await documents.store_content(tx, document_id, content)
        path = (await folders.Folders.read(tx, KNOWLEDGE)).path(parent)
    return {
        "id": document_id,
        "name": name,
        "folder_path": [{"id": each.record_id} for each in path],
    }


def _name(call: Call, otherwise: str) -> str:
    return (call.body or {}).get("name") or otherwise or "Document"


def _first_line(text: str) -> str:
    return text.partition("\n")[0].lstrip("# ")[:60].strip()
