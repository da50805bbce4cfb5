"""What lies in folders: the documents of the knowledge base, and the tests of agents."""

from functools import partial
from typing import Final

from turnwise.api import folders
from turnwise.api.agent_testing.views import FOLDER_PREFIX as TEST_FOLDER
from turnwise.api.agent_testing.views import PREFIX as TEST_PREFIX
from turnwise.api.agent_testing.views import TEST
from turnwise.api.folders import FOLDER
from turnwise.api.knowledge_base import documents
from turnwise.knowledge.extraction import Content, of_html, of_text
from turnwise.knowledge.library import KNOWLEDGE
from turnwise.knowledge.markup import plain_lines
from turnwise.moving.resources import without
from turnwise.moving.source import PAGE_SIZE, Json, SourceError
from turnwise.moving.target import Refused
from turnwise.moving.transfer import Row, Transfer, listed, parents_first

_BASE: Final = "/v1/convai/knowledge-base"
_TESTS: Final = "/v1/convai/agent-testing"
_NO_FILE: Final = frozenset({400, 404, 501})
"""What is answered where a document was not made from a file, or gives none out."""
_PARENT: Final = "folder_parent_id"


async def move_knowledge(transfer: Transfer) -> None:
    """Move folders, then documents with what they say and the files they were made from."""
    query = {"page_size": PAGE_SIZE, "sort_direction": "asc", "sort_by": "created_at"}
    rows = await transfer.rows("documents", _BASE, "documents", query)
    boxes = [row for row in rows if row.listed.get("type") == FOLDER]
    make = partial(_keep_folder, transfer, f"{_BASE}/folder", documents.FOLDER_PREFIX)
    there = await transfer.records(KNOWLEDGE, [row.id for row in rows])
    kind = "knowledge folders"
    await transfer.each(kind, transfer.new(kind, parents_first(boxes), there), listed, make)

    async def fetch(row: Row) -> Json:
        return await transfer.source.ask(f"{_BASE}/{row.id}")

    kind, keep = "documents", partial(_keep_document, transfer)
    papers = [row for row in rows if row.listed.get("type") != FOLDER]
    await transfer.each(kind, transfer.new(kind, papers, there), fetch, keep)


async def move_tests(transfer: Transfer) -> None:
    """Move folders of tests, then tests."""
    query = {"page_size": PAGE_SIZE, "include_folders": True}
    rows = (await transfer.rows("tests", _TESTS, "tests", query))[::-1]  # the newest came first
    boxes = [row for row in rows if _is_folder(row)]
    make = partial(_keep_folder, transfer, f"{_TESTS}/folders", TEST_FOLDER)
    there = await transfer.records(TEST, [row.id for row in rows])
    kind = "test folders"
    await transfer.each(kind, transfer.new(kind, parents_first(boxes), there), listed, make)

    async def fetch(row: Row) -> Json:
        return await transfer.source.ask(f"{_TESTS}/{row.id}")

    kind, keep = "tests", partial(_keep_test, transfer)
    tests = [row for row in rows if not _is_folder(row)]
    await transfer.each(kind, transfer.new(kind, tests, there), fetch, keep)


def _is_folder(row: Row) -> bool:
    return FOLDER in {row.listed.get("type"), row.listed.get("entity_type")}


async def _keep_folder(transfer: Transfer, path: str, prefix: str, row: Row, folder: Json) -> None:
    body = {"name": folder.get("name"), "parent_folder_id": folder.get(_PARENT)}
    await transfer.target.make(path, body, {prefix: row.id}, at=row.at, shown=("id", row.id))


async def _keep_test(transfer: Transfer, row: Row, test: Json) -> None:
    body = _BARE_TEST(test) | {"parent_folder_id": row.listed.get(_PARENT)}
    await transfer.target.make(
        f"{_TESTS}/create", body, {TEST_PREFIX: row.id}, at=row.at, shown=("id", row.id)
    )


_BARE_TEST = without(
    "id", "access_info", "created_at_unix_secs", "last_updated_at_unix_secs", "folder_path", _PARENT
)


async def _keep_document(transfer: Transfer, row: Row, document: Json) -> None:
    """Store a document as it is there: a page is not fetched again, a file not read again."""
    kind, markup = document.get("type"), document.get("extracted_inner_html")
    if kind not in {"text", "url", "file"} or not isinstance(markup, str):
        raise Refused(f"a document of the type {kind!r} is not known here, or has no content")
    about = {key: document[key] for key in ("url", "filename") if document.get(key)}
    file = await _source_file(transfer, row) if kind == "file" else None
    if file is not None:
        about["media_type"] = file[1]
    content = content_of(document)
    metadata = document.get("metadata")
    size = metadata.get("size_bytes") if isinstance(metadata, dict) else None
    size = size if isinstance(size, int) else len(markup.encode(errors="replace"))
    parent, deps = document.get(_PARENT), transfer.target.deps
    if file is not None:
        await _keep_file(transfer, row, file[0])
    with transfer.target.origins.known({}, row.at):
        async with deps.store.writing() as tx:
            await folders.required(tx, KNOWLEDGE, parent)
            await tx.records.create(
                KNOWLEDGE,
                documents.about(kind, content, size, **about),
                record_id=row.id,
                name=str(document.get("name") or row.id),
                parent=parent,
                label=kind,
            )
            await documents.store_content(tx, row.id, content)
    if document.get("auto_sync_info"):
        transfer.report.by_hand.append(
            f"documents: {row.title} was refreshed by itself; here, call the operation refresh"
        )


def content_of(document: Json) -> Content:
    """Return what a document says, from what the API answers."""
    markup: str = document["extracted_inner_html"]
    if document.get("content_format") == "markdown":
        return Content(markup=markup, text=plain_lines(markup), format="markdown")
    is_page = markup.lstrip().startswith("<") and "</" in markup
    if document["type"] == "text" and not is_page:
        return of_text(markup)
    return Content(markup=markup, text=of_html(markup).text)


async def _keep_file(transfer: Transfer, row: Row, data: bytes) -> None:
    try:
        await transfer.target.deps.blobs.put(documents.source_key(row.id), data)
    except ValueError:  # what the document says is kept all the same
        transfer.report.skip("files of documents whose ids cannot name a file here")


async def _source_file(transfer: Transfer, row: Row) -> tuple[bytes, str] | None:
    """Return the file that a document was made from, and its media type; None: it is not given."""
    try:
        answer = await transfer.source.ask(f"{_BASE}/{row.id}/source-file-url")
    except SourceError as error:
        if error.status in _NO_FILE:
            return None
        raise
    return await transfer.source.download(str(answer.get("signed_url")))
