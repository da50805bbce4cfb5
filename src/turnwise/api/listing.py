"""Pages of what the store cannot list by itself."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from turnwise.store import CursorRejected, Record, RecordQuery, Transaction

T = TypeVar("T")


def page_of(
    items: Sequence[T], key: Callable[[T], str], cursor: str | None, page_size: int
) -> tuple[Sequence[T], str | None]:
    """Return a page of a sequence and the cursor to the next one; None: there is none.

    Args:
        items: All of them, in an order that does not change.
        key: What is different for each; it becomes the cursor.
        cursor: What an earlier page ended with; None: from the first.
        page_size: How many at most, from 1.

    Raises:
        CursorRejected: If the cursor stands for none of these.
    """
    start = 0
    if cursor:
        last = opened(cursor)
        places = [place for place, item in enumerate(items) if key(item) == last]
        if not places:
            raise CursorRejected("the cursor is not one that this list gave")
        start = places[0] + 1
    page = items[start : start + page_size]
    more = start + page_size < len(items)
    return page, sealed(key(page[-1])) if more else None


def sealed(place: str) -> str:
    """Return a place in a list as clients get it."""
    return base64.urlsafe_b64encode(place.encode()).rstrip(b"=").decode()


def opened(cursor: str) -> str:
    """Return the place that a cursor stands for.

    Raises:
        CursorRejected: If it is no cursor.
    """
    try:
        return base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeError) as exc:
        raise CursorRejected("the cursor is not one that this list gave") from exc


async def beginning_with(
    tx: Transaction, query: RecordQuery
) -> tuple[tuple[Record, ...], str | None]:
    """Return a page of the records whose names begin with `query.search`, and the next cursor."""
    start = query.search.casefold()
    # the store finds a text anywhere in a name
    return await keeping(tx, query, lambda record: record.name.casefold().startswith(start))


async def keeping(
    tx: Transaction, query: RecordQuery, keep: Callable[[Record], bool]
) -> tuple[tuple[Record, ...], str | None]:
    """Return a page of the records for which a test holds, and the next cursor.

    The page is full unless there are no more.
    """
    cursor = query.cursor
    found: list[Record] = []
    while len(found) < query.page_size:
        left = query.page_size - len(found)
        page = await tx.records.list(replace(query, cursor=cursor, page_size=left))
        found += filter(keep, page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
    return tuple(found), cursor
