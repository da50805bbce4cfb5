"""What all repositories speak in: documents and pages."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Document = dict[str, Any]
"""A JSON object. What is stored comes back deep-equal."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A piece of a list."""

    items: tuple[T, ...]

    next_cursor: str | None
    """Where the next page begins; None: this was the last one."""
