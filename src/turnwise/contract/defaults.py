"""What stands in a place that a client left out.

The published document has the defaults of plain values. Those of lists, maps and objects it leaves
out: they are empty lists and maps, and objects that are filled from their own fields' defaults.
"""

from collections.abc import Mapping
from typing import Any, Final

Json = Any
"""Anything that JSON can say."""

Schema = Mapping[str, Any]
"""A JSON Schema."""

REF: Final = "#/components/schemas/"


class _Unknown:
    """The default that a place has when nothing is known of it: it stays missing."""


UNKNOWN: Final = _Unknown()


def resolved(schema: Schema, shapes: Mapping[str, Schema]) -> Schema:
    """Return a schema, or the one it refers to."""
    while "$ref" in schema and "anyOf" not in schema:
        schema = shapes[schema["$ref"].removeprefix(REF)]
    return schema


def default_of(schema: Schema, shapes: Mapping[str, Schema]) -> Json:
    """Return what to put where nothing was given, not to be changed; `UNKNOWN` if nothing.

    A default that is an object may lack its own defaults: validating it fills it.
    """
    if "default" in schema:
        return schema["default"]
    if nullable(schema):
        return None
    schema = resolved(schema, shapes)
    if "const" in schema:
        return UNKNOWN
    kind = schema.get("type")
    if kind == "array":
        return UNKNOWN if schema.get("minItems") else []
    if kind == "object":
        return UNKNOWN if schema.get("required") or schema.get("minProperties") else {}
    return UNKNOWN


def nullable(schema: Schema) -> bool:
    """Return whether null is a value here, as it is where anything is."""
    if alternatives := members(schema):
        return any(nullable(member) for member in alternatives)
    return schema.get("type") == "null" or not schema.keys() & {"type", "$ref", "enum", "const"}


def members(schema: Schema) -> tuple[Schema, ...]:
    """Return the alternatives of a schema; none if it is not a union."""
    return tuple(schema.get("anyOf") or schema.get("oneOf") or ())
