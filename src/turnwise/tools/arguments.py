"""What the language model must give a tool, and what is said when it does not.

An error here is for the model: it names the argument and what would be right, so that the next
attempt can be better.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from turnwise.agents.schemas import complete, is_from_model
from turnwise.agents.tools import Tool
from turnwise.agents.variables import Variables, coerced

Schema = Mapping[str, Any]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
_ARTICLES = {"integer": "an integer", "object": "an object", "array": "an array"}


def parsed(text: str) -> dict[str, Any] | None:
    """Return the arguments that a model wrote as JSON text; None: they are no object."""
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None


def fitted(tool: Tool, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call with numbers, truth values and texts of the types asked for.

    Models write "5" for 5 and 5 for "5"; what can be no such value stays as it is.
    """
    return _fitted(tool.schema, given)


def _fitted(schema: Schema, given: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    leaves = properties if isinstance(properties, Mapping) else {}
    return {name: _fitted_to(leaves.get(name), value) for name, value in given.items()}


def _fitted_to(leaf: object, value: object) -> object:
    if not isinstance(leaf, Mapping) or value is None:
        return value
    if isinstance(value, Mapping):
        return _fitted(leaf, value)
    if isinstance(value, list):
        return [_fitted_to(leaf.get("items"), each) for each in value]
    kinds = leaf.get("type")
    if isinstance(kinds, str):
        return coerced(value, kinds)
    return value


def problems_of(tool: Tool, given: Mapping[str, Any], variables: Variables) -> list[str]:
    """Return what is wrong with the arguments of a call, in sentences; empty: nothing.

    Args:
        tool: Whose arguments they are.
        given: By the language model.
        variables: Fill what the model does not, and hold the lists of `allowed_values`.
    """
    filled = complete(tool.schema, given, variables)
    return list(_of_object(tool.schema, filled, variables, ""))


def _of_object(
    schema: Schema, given: Mapping[str, Any], variables: Variables, under: str
) -> Iterator[str]:
    properties = schema.get("properties")
    leaves = properties if isinstance(properties, Mapping) else {}
    required = set(schema.get("required") or ())
    for name, leaf in leaves.items():
        if not isinstance(leaf, Mapping) or not is_from_model(leaf):
            continue
        if given.get(name) is None:
            if name in required and not _fills_itself(leaf):
                yield f"{under}{name} is missing."
        else:
            yield from _of_leaf(leaf, given[name], variables, under + str(name))
    yield from _of_constraints(schema, given, under)


def _fills_itself(leaf: Schema) -> bool:
    """Return whether the model has nothing to say in an object: all of it is filled in."""
    inner = leaf.get("properties")
    if not isinstance(inner, Mapping) or not inner:
        return False
    leaves = [each for each in inner.values() if isinstance(each, Mapping)]
    return all(not is_from_model(each) or _fills_itself(each) for each in leaves)


def _of_leaf(leaf: Schema, value: object, variables: Variables, name: str) -> Iterator[str]:
    kinds = leaf.get("type")
    allowed = [kinds] if isinstance(kinds, str) else list(kinds or ())
    if allowed and not any(_is(value, kind) for kind in allowed):
        yield f"{name} should be {' or '.join(_ARTICLES.get(k, f'a {k}') for k in allowed)}."
        return
    choice = leaf.get("enum")
    if choice and value not in choice:
        yield f"{name} should be one of {', '.join(map(str, choice))}; it is {value!r}."
    yield from _of_permitted(leaf, value, variables, name)
    if isinstance(value, Mapping):
        yield from _of_object(leaf, value, variables, f"{name}.")
    items = leaf.get("items")
    if isinstance(value, list) and isinstance(items, Mapping):
        for index, each in enumerate(value):
            yield from _of_leaf(items, each, variables, f"{name}[{index}]")


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(kind, (object,)))


def _of_permitted(leaf: Schema, value: object, variables: Variables, name: str) -> Iterator[str]:
    """Check a value against a list that the model is not shown."""
    guard = leaf.get("allowed_values")
    named = guard.get("dynamic_variable") if isinstance(guard, Mapping) else None
    variable = named or leaf.get("allowed_values_dynamic_variable")
    if not variable:
        return
    permitted = _list_in(variables.values.get(str(variable)))
    if permitted is None:
        yield f"{name} cannot be used now: what it may be is not known."
    elif value not in permitted and str(value) not in map(str, permitted):
        yield f"{name} is not one of the values that are permitted here."


def _list_in(value: object) -> Sequence[object] | None:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, list | tuple) else None


def _of_constraints(schema: Schema, given: Mapping[str, Any], under: str) -> Iterator[str]:
    constraints = schema.get("required_constraints")
    if not isinstance(constraints, Mapping):
        return
    missing = [_missing(each, given) for each in constraints.get("any_of") or ()]
    if missing and all(missing):
        ways = " or ".join(_listed(_names(each), under) for each in constraints["any_of"])
        yield f"One of these is needed: {ways}."
    for each in constraints.get("all_of") or ():
        if lacking := _missing(each, given):
            yield f"{_listed(lacking, under)} is missing."


def _names(constraint: object) -> list[str]:
    return list(constraint.get("required") or ()) if isinstance(constraint, Mapping) else []


def _missing(constraint: object, given: Mapping[str, Any]) -> list[str]:
    return [name for name in _names(constraint) if given.get(name) is None]


def _listed(names: Sequence[str], under: str) -> str:
    return " and ".join(under + name for name in names)
