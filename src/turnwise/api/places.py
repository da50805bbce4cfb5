"""Cursors of lists that are made anew for each page: the number of the next row."""

from typing import TypeVar

from turnwise.api.errors import Malformed

T = TypeVar("T")

_LONGEST = 9
"""Digits of a cursor."""


def page_of(found: list[T], size: int, cursor: str | None) -> tuple[list[T], str | None]:
    """Return a page of a list, and the cursor of the next one; None: this was the last one.

    Args:
        found: The whole list.
        size: Of a page.
        cursor: As it was given with the page before; None or empty: the first page.

    Raises:
        Malformed: If the cursor is not one that such a list gives.
    """
    first = 0
    if cursor:
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _LONGEST):
            raise Malformed("The cursor is not one that this list gave.", code="invalid_cursor")
        first = int(cursor)
    after = first + size
    return found[first:after], str(after) if after < len(found) else None
