"""HTML as a document: without what is no text, and as plain lines."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

_SILENT = [
    "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas",
    "audio", "video", "img", "picture", "head", "form", "nav", "dialog",
]  # fmt: skip
"""Elements that say nothing, or nothing about their page's subject."""

_BLOCK_NAMES = """
address article aside blockquote br caption dd details div dl dt fieldset figcaption figure
footer h1 h2 h3 h4 h5 h6 header hr li main ol p pre section summary table tbody tfoot thead
tr ul
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_BEFORE = {**{f"h{level}": "#" * level + " " for level in range(1, 7)}, "li": "- "}
_CELLS = frozenset({"td", "th"})
_GAP = re.compile(r"\n{3,}")
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_DECLARED_WITHIN = 2_048


def cleaned(html: str) -> tuple[str, str, str]:
    """Return the inner HTML, the plain text and the title of a page.

    The text keeps headings (`# …`), list entries (`- …`) and lines of tables (`a | b`).
    """
    page = LexborHTMLParser(html)
    found = page.css_first("title")
    title = " ".join(found.text().split()) if found else ""
    page.strip_tags(_SILENT)
    body = page.body
    if body is None:
        return "", "", title
    return (body.inner_html or "").strip(), plain_lines("".join(_words(body))), title


def plain_lines(text: str) -> str:
    """Return a text without idle space: at most one empty line between two others."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return _GAP.sub("\n\n", "\n".join(lines)).strip()


def declared_charset(data: bytes) -> str | None:
    """Return the character encoding that a page says it has."""
    found = _CHARSET.search(data[:_DECLARED_WITHIN])
    return found[1].decode("ascii") if found else None


def _words(root: LexborNode) -> Iterator[str]:
    """Yield text and line breaks. A loop, for pages may nest deeper than Python calls."""
    left: list[LexborNode | str] = [root]
    while left:
        node = left.pop()
        if isinstance(node, str):
            yield node
            continue
        tag = node.tag or ""
        if tag == "-text":
            yield (node.text(deep=False) or "").replace("\n", " ")
            continue
        if tag in _BLOCKS:
            yield "\n" + _BEFORE.get(tag, "")
            left.append("\n")
        elif tag in _CELLS and _follows_a_cell(node):
            yield " | "
        left += reversed(list(node.iter(include_text=True)))


def _follows_a_cell(node: LexborNode) -> bool:
    before = node.prev
    while before is not None and before.tag not in _CELLS:
        before = before.prev
    return before is not None
