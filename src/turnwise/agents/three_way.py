"""Three-way merge of documents: what each side changed since their common base.

Objects are merged field by field, deeply; lists and plain values are taken as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Document = Mapping[str, Any]
Side = Literal["source", "target"]


class _Missing:
    """What stands where there is no field."""


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that both sides changed, each in its own way."""

    path: tuple[str, ...]
    base: Any
    """`MISSING`, as `source` and `target`: the field is not there."""
    source: Any
    target: Any


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome of a merge."""

    document: dict[str, Any]
    conflicts: tuple[Conflict, ...]


def merge(base: Document, source: Document, target: Document, *, winner: Side) -> Merged:
    """Return a target with the changes of a source; arguments stay as they are.

    Args:
        base: What both began with.
        source: Where changes come from.
        target: Where they go.
        winner: Whose value stands where both changed a field.
    """
    conflicts: list[Conflict] = []
    document = _objects((base, source, target), winner, (), conflicts)
    return Merged(document, tuple(conflicts))


def same(left: object, right: object) -> bool:
    """Return whether two values are the same JSON: true is not 1."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _objects(
    three: tuple[Document, Document, Document],
    winner: Side,
    at: tuple[str, ...],
    conflicts: list[Conflict],
) -> dict[str, Any]:
    base, source, target = three
    result: dict[str, Any] = {}
    for key in {**target, **source}:
        values = tuple(side.get(key, MISSING) for side in (base, source, target))
        value = _values(values, winner, (*at, key), conflicts)
        if value is not MISSING:
            result[key] = value
    return result


def _values(
    values: tuple[Any, ...], winner: Side, at: tuple[str, ...], conflicts: list[Conflict]
) -> Any:  # noqa: ANN401 - any JSON, or MISSING
    base, source, target = values
    if isinstance(source, Mapping) and isinstance(target, Mapping):
        known = base if isinstance(base, Mapping) else {}
        return _objects((known, source, target), winner, at, conflicts)
    if same(source, target) or same(source, base):
        return target
    if not same(target, base):
        conflicts.append(Conflict(at, base, source, target))
        return source if winner == "source" else target
    return source
