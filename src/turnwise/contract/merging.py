"""How a patch changes a stored document. Pure, and arguments stay as they are.

- Objects are merged, deep; everything else is replaced as a whole, lists too.
- Maps, whose keys clients choose, are merged by key: the service cannot tell them from objects.
- A null where null is no value takes the field away, so that it gets its default again; in a map it
  takes the entry away. Where null is a value, or nothing is known of the field, it is stored.
- A workflow is replaced as a whole: a node or edge that is not sent is gone.
- So is a member of a union, unless both are plainly the same member: else what is left of the
  former one would stay in the new one.

What the official plugin for agents says of workflows, and "objects merge, lists replace, null
resets", are facts of the hosted service; the rest is what follows from its published shapes.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from turnwise.contract.defaults import REF, Schema, members, nullable, resolved
from turnwise.contract.shapes import Shape

Object = dict[str, Any]

REPLACED: Final = frozenset({"AgentWorkflowRequestModel"})
"""Names of shapes that a patch has as a whole."""


def merged(stored: Object, patch: Object, shape: Shape) -> Object:
    """Return a document after a patch; `Shape.filled` gives what is missing its defaults.

    Args:
        stored: The document before.
        patch: What a client wants to change.
        shape: The shape of the whole document, not of the patch.
    """
    return _objects(stored, patch, resolved(shape.schema, shape.shapes), shape.shapes)


def _objects(stored: Object, patch: Object, schema: Schema, shapes: Mapping[str, Schema]) -> Object:
    result = dict(stored)
    for key, value in patch.items():
        part = _part(schema, key)
        before = result.get(key)
        if value is None and not nullable(part):
            result.pop(key, None)
        elif isinstance(before, dict) and isinstance(value, dict):
            common = _common(before, value, part, shapes)
            result[key] = (
                deepcopy(value) if common is None else _objects(before, value, common, shapes)
            )
        else:
            result[key] = deepcopy(value)
    return result


def _part(schema: Schema, key: str) -> Schema:
    """Return the schema of a field or entry; empty if nothing is known of it."""
    part = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
    return part if isinstance(part, Mapping) else {}


def _common(
    before: Object, after: Object, schema: Schema, shapes: Mapping[str, Schema]
) -> Schema | None:
    """Return the schema by which two objects merge; None if the second replaces the first."""
    if "$ref" in schema and schema["$ref"].removeprefix(REF) in REPLACED:
        return None
    schema = resolved(schema, shapes)
    if discriminator := schema.get("discriminator"):
        name = discriminator["propertyName"]
        tag = before.get(name)
        same = isinstance(tag, str) and after.get(name, tag) == tag
        ref = discriminator["mapping"].get(tag) if same else None
        return shapes[ref.removeprefix(REF)] if ref else None
    alternatives = [
        member
        for member in members(schema)
        if members(member) or resolved(member, shapes).get("type") == "object"
    ]
    if not members(schema):
        return schema
    return _common(before, after, alternatives[0], shapes) if len(alternatives) == 1 else None
