"""Parameters of tools: what a language model is asked for, and what is filled in without it.

Each leaf of a parameter schema has one source: the model (`description`, or nothing said), a
dynamic variable, a constant, the system, or none (omitted). Only the model's leaves are advertised.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from turnwise.agents.variables import SECRET, Variables, coerced

Schema = Mapping[str, Any]
Json = dict[str, Any]

_KEPT = ("description", "enum", "format", "minimum", "maximum", "additionalProperties")


def as_object(schema: object) -> Json:
    """Return parameters as the schema of an object, whatever notation they were stored in.

    Accepted beside the published one: nothing at all, and the older list of parameters with `id`
    and `value_type`.
    """  # spec/semantics.md, 44 no. 6
    if isinstance(schema, Mapping):
        return {"type": "object", **schema}
    if not isinstance(schema, Sequence) or isinstance(schema, str):
        return {"type": "object", "properties": {}}
    known = [each for each in schema if isinstance(each, Mapping)]
    properties = {name: _of_list(each) for each in known if (name := _list_name(each))}
    required = [_list_name(each) for each in known if each.get("required") is True]
    return {"type": "object", "properties": properties, "required": [r for r in required if r]}


def of_literals(schema: object) -> Json:
    """Return query or path parameters as the schema of an object.

    Args:
        schema: A map of name to leaf, an object with `properties`, or the older list.
    """
    if isinstance(schema, Mapping) and not isinstance(schema.get("properties"), Mapping):
        return {"type": "object", "properties": dict(schema), "required": list(schema)}
    return as_object(schema)


def _list_name(entry: Schema) -> str:
    return str(entry.get("id") or entry.get("name") or "")


def _of_list(entry: Schema) -> Json:
    leaf = {key: value for key, value in entry.items() if key not in {"id", "name", "required"}}
    kind = leaf.pop("value_type", "llm_prompt")
    told = leaf.get("description") or ""
    if kind == "constant":
        leaf.setdefault("constant_value", told)
    elif kind == "dynamic_variable":
        leaf["dynamic_variable"] = leaf.get("dynamic_variable") or told
    if isinstance(leaf.get("properties"), Sequence):
        leaf = {**leaf, **as_object(leaf["properties"])}
    return leaf


def is_from_model(leaf: Schema) -> bool:
    """Return whether the language model gives the value, and no variable, constant or system."""
    filled = leaf.get("dynamic_variable") or leaf.get("is_system_provided")
    return not filled and not _has_constant(leaf) and not leaf.get("is_omitted")


def _has_constant(leaf: Schema) -> bool:
    # the published default of a leaf that has no constant is ""
    return leaf.get("constant_value") not in (None, "")


def advertised(schema: Schema) -> Json:
    """Return the JSON Schema that a language model is shown: its own leaves only.

    `tool_call_id` is left out: clients put one of their own among the parameters.
    """  # spec/semantics.md, 17
    properties = {
        name: _shown(leaf)
        for name, leaf in _properties(schema).items()
        if _asks(leaf) and name != "tool_call_id"
    }
    shown: Json = {"type": "object", "properties": properties}
    if schema.get("description"):
        shown["description"] = schema["description"]
    if required := [name for name in schema.get("required") or () if name in properties]:
        shown["required"] = required
    return shown


def _asks(leaf: Schema) -> bool:
    """Return whether the model has anything to say in it."""
    inner = _properties(leaf)
    return is_from_model(leaf) and (not inner or any(_asks(each) for each in inner.values()))


def _shown(leaf: Schema) -> Json:
    kind = leaf.get("type") or ("object" if "properties" in leaf else "string")
    if kind == "object":
        return advertised(leaf)
    shown = {key: leaf[key] for key in _KEPT if leaf.get(key)}
    if kind == "array":
        shown["items"] = _shown(leaf.get("items") or {"type": "string"})
    return {"type": kind, **shown}


def _properties(schema: Schema) -> dict[str, Schema]:
    found = schema.get("properties")
    if not isinstance(found, Mapping):
        return {}
    return {str(name): leaf for name, leaf in found.items() if isinstance(leaf, Mapping)}


def complete(schema: Schema, given: Mapping[str, Any], variables: Variables) -> Json:
    """Return the arguments of a call: what the model gave and all that is filled in without it.

    What the model gave for a leaf that is not its own is dropped; a name that the schema does not
    know stays, for the tool to judge.

    Args:
        schema: Parameters as stored, an object.
        given: The model's arguments.
        variables: Values for leaves with a `dynamic_variable`; one without a value is left out,
            and so is a secret.
    """
    properties = _properties(schema)
    filled = {name: value for name, value in given.items() if name not in properties}
    for name, leaf in properties.items():
        value = _value(leaf, given.get(name), variables)
        if value is not None or (is_from_model(leaf) and name in given):
            filled[name] = value
    return filled


def _value(leaf: Schema, given: object, variables: Variables) -> object:
    if leaf.get("is_omitted") or leaf.get("is_system_provided"):
        return None
    if name := leaf.get("dynamic_variable"):
        return _of_variable(leaf, str(name), variables)
    if _has_constant(leaf):
        return leaf["constant_value"]
    if "properties" in leaf:
        return _of_object(leaf, given, variables)
    items = leaf.get("items")
    if isinstance(items, Mapping) and "properties" in items and isinstance(given, list):
        return [_value(items, each, variables) for each in given]
    return given


def _of_variable(leaf: Schema, name: str, variables: Variables) -> object:
    value = variables.values.get(name)
    if value is None or name.startswith(SECRET):  # secrets are for headers
        return None
    return coerced(value, str(leaf.get("type") or "string"))


def _of_object(leaf: Schema, given: object, variables: Variables) -> object:
    if given is None and _needs_model(leaf):
        return None  # half of it would be worse than nothing
    inner = complete(leaf, given if isinstance(given, Mapping) else {}, variables)
    return inner or given


def _needs_model(schema: Schema) -> bool:
    """Return whether an object lacks something without the model."""
    required = schema.get("required") or ()
    return any(
        name in required
        and is_from_model(leaf)
        and ("properties" not in leaf or _needs_model(leaf))
        for name, leaf in _properties(schema).items()
    )


def variables_of(schema: Schema) -> Iterator[str]:
    """Yield the dynamic variables that leaves are filled from."""
    for leaf in _properties(schema).values():
        if leaf.get("is_omitted"):
            continue
        if name := leaf.get("dynamic_variable"):
            yield str(name)
        else:
            yield from variables_of(leaf)
