"""Who gives the value of a parameter, where the owner of an agent says otherwise than its schema.

An override names a parameter by the names on the way to it, with dots between: `customer.email`,
`items.*.size`; `$.` before it may be there. What leads to no parameter changes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from turnwise.agents.schemas import is_from_model

Schema = Mapping[str, Any]
Json = dict[str, Any]
Override = Mapping[str, Any]
"""`{"source": "constant", "constant_value": …}`, `dynamic_variable`, `llm` or `omit`."""

_SOURCES = ("constant_value", "dynamic_variable", "is_system_provided", "is_omitted")
_EACH = ("*", "items", "[*]")
_STRUCTURE = ("$defs", "enum", "items", "properties", "required", "required_constraints", "type")
DEEPEST = 30
"""How many levels of a schema are read."""
MOST_REFERENCES = 20
"""How many references are followed from one to the next."""


def overridden(schema: Schema, overrides: Mapping[str, Override | None]) -> Json:
    """Return a schema whose parameters have the sources that the overrides say.

    Args:
        schema: JSON Schema of an object.
        overrides: By the path of the parameter; None changes nothing.
    """
    changed = dict(schema)
    for path, override in overrides.items():
        if override is not None:
            changed = _changed(changed, _steps(path), override, changed)
    return changed


def offered(schema: Schema) -> Json:
    """Return the part of a schema that the language model gives, all else in it as it is."""
    shown = {key: value for key, value in schema.items() if key not in ("$schema", *_SOURCES)}
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        kept = {
            name: offered(leaf) if isinstance(leaf, Mapping) else leaf
            for name, leaf in properties.items()
            if _asks(leaf)
        }
        shown["properties"] = kept
        required = _names(schema.get("required"))
        shown = {key: value for key, value in shown.items() if key != "required"}
        if left := [name for name in required if name in kept]:
            shown["required"] = left
    if isinstance(items := schema.get("items"), Mapping):
        shown["items"] = offered(items)
    return shown


def readable(schema: object, depth: int = DEEPEST) -> Json:
    """Return what can be read of a schema that somebody else wrote, without the rest.

    Args:
        schema: Should be JSON Schema, and may be anything.
        depth: How many levels are read.
    """
    if not isinstance(schema, Mapping) or depth == 0:
        return {}
    kept: Json = {str(key): value for key, value in schema.items() if key not in _STRUCTURE}
    if isinstance(properties := schema.get("properties"), Mapping):
        kept["properties"] = {str(k): readable(leaf, depth - 1) for k, leaf in properties.items()}
    if isinstance(items := schema.get("items"), Mapping):
        kept["items"] = readable(items, depth - 1)
    if isinstance(definitions := schema.get("$defs"), Mapping):
        kept["$defs"] = {str(k): readable(leaf, depth - 1) for k, leaf in definitions.items()}
    if required := _names(schema.get("required")):
        kept["required"] = required
    kinds = schema.get("type")
    if isinstance(kinds, str) or (kinds and _names(kinds) == kinds):
        kept["type"] = kinds
    if isinstance(choice := schema.get("enum"), list):
        kept["enum"] = choice
    return kept


def _names(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _asks(leaf: object) -> bool:
    if not isinstance(leaf, Mapping):
        return True
    inner = leaf.get("properties")
    leaves = inner.values() if isinstance(inner, Mapping) else ()
    return is_from_model(leaf) and (not leaves or any(_asks(each) for each in leaves))


def _steps(path: str) -> list[str]:
    named = path.replace("[", ".[").removeprefix("$")
    return [step for step in named.split(".") if step]


def _changed(schema: Schema, steps: Sequence[str], override: Override, root: Schema) -> Json:
    schema = _resolved(schema, root)
    if not steps:
        return _sourced(schema, override)
    step, rest = steps[0], steps[1:]
    properties, items = schema.get("properties"), schema.get("items")
    if isinstance(properties, Mapping) and isinstance(leaf := properties.get(step), Mapping):
        inner = {**properties, step: _changed(leaf, rest, override, root)}
        return {**schema, "properties": inner}
    if isinstance(items, Mapping) and (step in _EACH or step.strip("[]").isdecimal()):
        return {**schema, "items": _changed(items, rest, override, root)}
    if step == "properties":
        return _changed(schema, rest, override, root)
    return dict(schema)


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Return what a reference within the schema refers to."""
    for _ in range(MOST_REFERENCES):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        found: object = root
        for name in reference.removeprefix("#/").split("/"):
            found = found.get(name) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping):
            break
        schema = {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _sourced(leaf: Schema, override: Override) -> Json:
    bare = {key: value for key, value in leaf.items() if key not in _SOURCES}
    match override.get("source"):
        case "constant" if override.get("constant_value") in (None, ""):
            return {**bare, "is_omitted": True}
        case "constant":
            return {**bare, "constant_value": override["constant_value"]}
        case "dynamic_variable":
            return {**bare, "dynamic_variable": override.get("dynamic_variable")}
        case "omit":
            return {**bare, "is_omitted": True}
        case _:
            told = override.get("prompt")
            return {**bare, "description": told} if told else bare
