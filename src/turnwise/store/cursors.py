"""Cursors: where a list goes on. The last row's place, and the order it was a place in."""

import base64
import json
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_

from turnwise.store.errors import CursorRejected
from turnwise.store.hot import LARGEST, storable

Place = tuple[str | int, str | int]
"""A row's value in the column that the list is sorted by, and its id or number."""


def encode(order: str, place: Place) -> str:
    """Return the cursor behind a row.

    Args:
        order: Names the list and its order.
        place: Of the last row that was given.
    """
    text = json.dumps([order, *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode(
    order: str,
    cursor: str,
    kind: type[str] | type[int],
    id_kind: type[str] | type[int] = str,
) -> Place:
    """Return the place that a cursor stands for.

    Args:
        order: As it was encoded.
        cursor: What a client sent.
        kind: Of the values in the column that the list is sorted by.
        id_kind: Of the ids of the rows.

    Raises:
        CursorRejected: If the cursor was not made for this list and order.
    """
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        made_for, value, row_id = json.loads(text)
    except (ValueError, TypeError, RecursionError) as exc:
        raise CursorRejected("the cursor is not one that this list gave") from exc
    if made_for != order:
        raise CursorRejected("the cursor was given for another list or another order")
    fits = type(value) is kind and type(row_id) is id_kind
    large = any(type(one) is int and abs(one) > LARGEST for one in (value, row_id))
    words = f"{value}{row_id}"
    if not fits or large or storable(words) != words:
        raise CursorRejected("the cursor is not one that this list gave")
    return value, row_id


def page_of(
    query: Select[Any],
    by: tuple[ColumnElement[Any], ColumnElement[Any]],
    after: Place | None,
    *,
    descending: bool,
) -> Select[Any]:
    """Return a query for the rows after a place, in order.

    Args:
        query: For all rows.
        by: The columns to sort by: a value, then the id or number.
        after: Place of the last row that was given; None: from the first.
        descending: Whether the largest value comes first.
    """
    value, row_id = by
    if after is not None:
        # spelled out, for SQLite finds its index in this form and not in a comparison of pairs
        if descending:
            query = query.where(value <= after[0])
            query = query.where(or_(value < after[0], and_(value == after[0], row_id < after[1])))
        else:
            query = query.where(value >= after[0])
            query = query.where(or_(value > after[0], and_(value == after[0], row_id > after[1])))
    return query.order_by(*((c.desc() for c in by) if descending else (c.asc() for c in by)))
