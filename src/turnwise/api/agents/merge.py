"""How what a client sends becomes what is stored. Pure, and arguments stay as they are.

Objects are merged deeply, everything else is replaced. A null resets a field to its default; where
the published shape lets a field be null, or nothing is known about it, null is a value like others.
"""

from collections.abc import Collection
from copy import deepcopy
from typing import Any

Object = dict[str, Any]
Path = tuple[str, ...]


def merged(stored: Object, patch: Object) -> Object:
    """Return a document after a patch; its nulls are still to be resolved by `filled`."""
    result = dict(stored)
    for key, value in patch.items():
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            result[key] = merged(before, value)
        else:
            result[key] = deepcopy(value)
    return result


def filled(
    document: Object, defaults: Object, nullable: Collection[Path] = (), at: Path = ()
) -> Object:
    """Return a document with a default in each place that is missing or must not be null.

    Args:
        document: May lack anything, and have anything more.
        defaults: The value of each known place.
        nullable: Places whose default is something and where null is a value all the same.
        at: Where in the whole this document is.
    """
    result = dict(document)
    for key, default in defaults.items():
        place = (*at, key)
        value = result.get(key)
        if key not in result or (value is None and place not in nullable):
            result[key] = deepcopy(default)
        elif isinstance(value, dict) and isinstance(default, dict):
            result[key] = filled(value, default, nullable, place)
    return result


def misplaced(document: Object, defaults: Object, at: Path = ()) -> list[Path]:
    """Return the places where an object belongs and something else is."""
    found: list[Path] = []
    for key, default in defaults.items():
        value = document.get(key)
        if not isinstance(default, dict) or value is None:
            continue
        if isinstance(value, dict):
            found += misplaced(value, default, (*at, key))
        else:
            found.append((*at, key))
    return found
