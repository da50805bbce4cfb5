"""What the hosted service calls a member of a union, in the place of an error."""

from collections.abc import Callable, Mapping
from typing import Final

from turnwise.contract.defaults import REF, Schema, members

LENGTHS: Final = {"minLength", "maxLength", "pattern"}
RANGES: Final = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}


def label(schema: Schema, shapes: Mapping[str, Schema]) -> str:
    """Return the name that pydantic gives to the validator of a schema: `str`, `list[int]`."""
    if "$ref" in schema:
        name: str = schema["$ref"].removeprefix(REF)
        return "enum" if "enum" in shapes[name] else _model(name)
    if members(schema):
        inner = ",".join(label(member, shapes) for member in members(schema))
        return f"union[{inner}]"
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return f"literal[{','.join(repr(value) for value in values)}]"
    if schema.get("type") == "array":
        return f"list[{label(schema.get('items', {}), shapes)}]"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"dict[str,{label(values, shapes) if isinstance(values, Mapping) else 'any'}]"
    named = _PLAIN.get(schema.get("type", ""))
    return named(schema) if named else "any"


def _model(name: str) -> str:
    return name.removesuffix("-Input").removesuffix("-Output")


_PLAIN: Final[Mapping[str, Callable[[Schema], str]]] = {
    "string": lambda schema: "constrained-str" if schema.keys() & LENGTHS else "str",
    "integer": lambda schema: "constrained-int" if schema.keys() & RANGES else "int",
    "number": lambda schema: "constrained-float" if schema.keys() & RANGES else "float",
    "boolean": lambda _: "bool",
    "null": lambda _: "none",
}
