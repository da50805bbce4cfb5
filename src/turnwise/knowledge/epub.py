"""The chapters of an EPUB: an archive of pages and of a list that says their order."""

import io
import posixpath
import zipfile
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser

_CONTAINER = "META-INF/container.xml"


def chapters(data: bytes) -> tuple[str, list[str]]:
    """Return the title of a book, and its pages as HTML in the order of reading.

    Raises:
        KeyError, ValueError, zipfile.BadZipFile: If it is no such book.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # an HTML parser reads these lists as well, and knows no entities that explode
        container = LexborHTMLParser(archive.read(_CONTAINER))
        root = container.css_first("rootfile")
        place = root.attributes.get("full-path") if root else None
        if not place:
            raise ValueError("the container names no package")
        package = LexborHTMLParser(archive.read(place))
        pages = {
            item.attributes.get("id"): item.attributes.get("href") or ""
            for item in package.css("manifest item")
        }
        order = [pages.get(entry.attributes.get("idref")) for entry in package.css("spine itemref")]
        folder = posixpath.dirname(place)
        names = [
            posixpath.normpath(posixpath.join(folder, unquote(page))) for page in order if page
        ]
        title = package.css_first("dc\\:title")
        texts = [archive.read(name).decode("utf-8", errors="replace") for name in names]
        return (title.text().strip() if title else ""), texts
