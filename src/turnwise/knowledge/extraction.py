"""From the bytes of a file to its text."""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import PurePosixPath
from typing import Final, Literal

import anyio
import anyio.to_process
import anyio.to_thread

from turnwise.base.errors import Error
from turnwise.knowledge import epub
from turnwise.knowledge.markup import cleaned, declared_charset, plain_lines

Kind = Literal["pdf", "docx", "epub", "html", "markdown", "text"]

KINDS: Final[Mapping[str, Kind]] = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".epub": "epub",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
}
"""By the ending of the file's name."""

_MEDIA: Final[Mapping[str, Kind]] = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/epub+zip": "epub",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/plain": "text",
}
PATIENCE_S = 60.0
"""How long one file may take; a file can be made to take forever."""
MOST_UNPACKED = 200 * 1_048_576
"""Bytes in an archive: a small file can hold a large one."""


class Unreadable(Error):
    """A document has no text that can be had."""

    code = "unreadable_document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a document says."""

    markup: str
    """As people see it: HTML, or Markdown."""
    text: str
    """Plain, for models and for searching."""
    format: Literal["html", "markdown"] = "html"
    """Of the markup."""
    title: str = ""
    """What it calls itself; empty: nothing."""


def kind_of(filename: str, media_type: str = "") -> Kind:
    """Return what a file is, by its name and, where that does not tell, by its media type.

    Raises:
        Unreadable: If it is nothing that can be read.
    """
    ending = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    kind = KINDS.get(ending) or _MEDIA.get(media_type.partition(";")[0].strip().lower())
    if kind is None:
        raise Unreadable(
            f"the file type {ending or media_type or 'of a name without ending'!r} cannot be read;"
            f" it should be one of {', '.join(KINDS)}"
        )
    return kind


async def extract(data: bytes, kind: Kind, charset: str | None = None) -> Content:
    """Return what a file says; the event loop goes on meanwhile.

    Args:
        data: The file.
        kind: Of `kind_of`.
        charset: Character encoding that it was said to have; None: nothing was said.

    Raises:
        Unreadable: If it is damaged, encrypted, empty, or takes too long.
    """
    if kind in _IN_A_PROCESS:
        content = await _in_a_process(data, kind)
    else:
        content = await anyio.to_thread.run_sync(_of_text, data, kind, charset)
    if not content.text:
        raise Unreadable(f"there is no text in this {kind} document")
    return content


def of_html(html: str) -> Content:
    """Return what a page says."""
    markup, text, title = cleaned(html.replace("\0", ""))
    return Content(markup=markup, text=text, title=title)


def of_text(text: str) -> Content:
    """Return a text as content: its markup is what was written."""
    return Content(markup=text, text=plain_lines(text.replace("\0", "")))


async def _in_a_process(data: bytes, kind: Kind) -> Content:
    # a process can be ended, and keeps its mistakes and its use of the interpreter to itself
    try:
        with anyio.fail_after(PATIENCE_S):
            return await anyio.to_process.run_sync(_of_archive, data, kind, cancellable=True)
    except TimeoutError as error:
        raise Unreadable(f"the {kind} document took longer than {PATIENCE_S:g} s") from error
    except anyio.BrokenWorkerProcess as error:
        raise Unreadable(f"the {kind} document cannot be read") from error


def _of_text(data: bytes, kind: Kind, charset: str | None) -> Content:
    if kind == "html":
        return of_html(_decoded(data, charset or declared_charset(data)))
    text = _decoded(data, charset)
    if kind == "markdown":
        return Content(markup=text, text=plain_lines(text), format="markdown")
    paragraphs = "\n".join(f"<p>{escape(part)}</p>" for part in text.split("\n\n") if part.strip())
    return Content(markup=paragraphs, text=plain_lines(text))


def _decoded(data: bytes, charset: str | None) -> str:
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    marked = next((name for mark, name in marks if data.startswith(mark)), None)
    for name in filter(None, (marked, charset, "utf-8", "cp1252")):
        try:
            return data.decode(name).replace("\0", "")
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("latin-1").replace("\0", "")


def _of_archive(data: bytes, kind: Kind) -> Content:
    """Read a file of a complicated kind; runs in a process of its own."""
    try:
        return _IN_A_PROCESS[kind](data)
    except Unreadable:
        raise
    except Exception as error:  # noqa: BLE001 - libraries fail on damaged files in countless ways
        # the text of the error may hold words of the document
        raise Unreadable(f"the {kind} document is damaged ({type(error).__name__})") from None


def _of_pdf(data: bytes) -> Content:
    from pypdf import PdfReader  # noqa: PLC0415 - only the worker process needs it

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("the pdf document is encrypted; store it without a password")
    pages = [plain_lines(page.extract_text()) for page in reader.pages]
    title = (reader.metadata.title if reader.metadata else None) or ""
    markup = "\n".join(f"<p>{escape(page)}</p>" for page in pages if page)
    return Content(markup=markup, text="\n\n".join(filter(None, pages)), title=title.strip())


def _of_docx(data: bytes) -> Content:
    import mammoth  # noqa: PLC0415 - only the worker process needs it

    _check_size(data)
    return of_html(mammoth.convert_to_html(io.BytesIO(data), external_file_access=False).value)


def _of_epub(data: bytes) -> Content:
    _check_size(data)
    title, chapters = epub.chapters(data)
    contents = [of_html(chapter) for chapter in chapters]
    return Content(
        markup="\n".join(content.markup for content in contents),
        text="\n\n".join(content.text for content in contents if content.text),
        title=title,
    )


def _check_size(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
            raise Unreadable("the document is too large when unpacked")


_IN_A_PROCESS: Final[Mapping[Kind, Callable[[bytes], Content]]] = {
    "pdf": _of_pdf,
    "docx": _of_docx,
    "epub": _of_epub,
}
