"""Query parameters that lists share, and those that nobody serves yet."""

from collections.abc import Collection
from typing import Annotated, Literal

from fastapi import Query, Request

from turnwise.api.errors import NotOffered

PageSize = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=4_096)]
SortDirection = Literal["asc", "desc"]
Whole = Annotated[int | None, Query(ge=0, le=2**53)]
"""A whole number that every database can compare."""


def refuse(request: Request, names: Collection[str]) -> None:
    """Answer 501 rather than act as if a parameter were not there.

    Args:
        request: May have query parameters.
        names: Published parameters that would change the answer and that we do not serve.

    Raises:
        NotOffered: If one of them is there.
    """
    for name in names:
        if request.query_params.get(name):
            raise NotOffered(
                f"This server does not offer the parameter {name} of"
                f" {request.method} {request.url.path} yet; leave it out."
            )
