"""Random documents of a published shape, read from its JSON Schema alone."""

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import strategies as st

from turnwise.contract import Shape

Json = Any
Schema = Mapping[str, Any]
REF = "#/components/schemas/"
DEEP = 4
"""From this depth on, a document has only what it must have."""

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=3,
)


@cache
def documents(shape: Shape) -> st.SearchStrategy[Json]:
    """Draw valid documents: fields left out, fields unknown, and every member of each union."""
    return _Documents(shape.shapes).of(shape.schema, 0)


class _Documents:
    def __init__(self, shapes: Mapping[str, Schema]) -> None:
        self._shapes = shapes
        self._heights: dict[str, float] = {}

    def of(self, schema: Schema, depth: int) -> st.SearchStrategy[Json]:
        if alternatives := schema.get("anyOf") or schema.get("oneOf"):
            return self._one_of(schema, alternatives, depth)
        if "$ref" in schema:
            return self.of(self._shapes[schema["$ref"].removeprefix(REF)], depth)
        if values := schema.get("enum") or [schema[key] for key in ("const",) if key in schema]:
            return st.sampled_from(values)
        if schema.get("type") == "array":
            return self._array(schema, depth)
        if schema.get("type") == "object":
            return st.deferred(lambda: self._object(schema, depth + 1))
        return leaf(schema)

    def _one_of(
        self, schema: Schema, alternatives: list[Schema], depth: int
    ) -> st.SearchStrategy[Json]:
        if depth >= DEEP:
            alternatives = [min(alternatives, key=self._height)]
        if "discriminator" not in schema:
            return st.one_of(*(self.of(member, depth) for member in alternatives))
        refs = {member["$ref"] for member in alternatives}
        return st.one_of(
            *(
                self._tagged(schema["discriminator"]["propertyName"], tag, ref, depth)
                for tag, ref in schema["discriminator"]["mapping"].items()
                if ref in refs
            )
        )

    def _tagged(self, name: str, tag: str, ref: str, depth: int) -> st.SearchStrategy[Json]:
        return self.of({"$ref": ref}, depth).map(lambda found: {**found, name: tag})

    def _array(self, schema: Schema, depth: int) -> st.SearchStrategy[Json]:
        least = schema.get("minItems", 0)
        most = least if depth >= DEEP else min(schema.get("maxItems", 2), max(least, 2))
        items = self.of(schema.get("items", {}), depth)
        return st.lists(items, min_size=least, max_size=most)

    def _object(self, schema: Schema, depth: int) -> st.SearchStrategy[Json]:
        properties = schema.get("properties", {})
        must = {name for name in schema.get("required", ()) if name in properties}
        if not properties:
            return self._map(schema, depth)
        fields = {name: self.of(part, depth) for name, part in properties.items()}
        may = {} if depth >= DEEP else {name: fields[name] for name in fields.keys() - must}
        known = st.fixed_dictionaries({name: fields[name] for name in sorted(must)}, optional=may)
        unknown = st.dictionaries(st.sampled_from(["x_new", "x-other"]), ANYTHING, max_size=1)
        return st.builds(lambda first, second: {**second, **first}, known, unknown)

    def _map(self, schema: Schema, depth: int) -> st.SearchStrategy[Json]:
        values = schema.get("additionalProperties")
        least = schema.get("minProperties", 0)
        return st.dictionaries(
            self.of(schema.get("propertyNames", {"type": "string", "maxLength": 5}), depth),
            self.of(values, depth) if isinstance(values, Mapping) else ANYTHING,
            min_size=least,
            max_size=least if depth >= DEEP else max(least, 2),
        )

    def _height(self, schema: Schema) -> float:
        """Return how many objects must at least be nested in a value."""
        alternatives = schema.get("anyOf") or schema.get("oneOf")
        if alternatives:
            return min(self._height(member) for member in alternatives)
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(REF)
            if name not in self._heights:
                self._heights[name] = float("inf")  # it needs itself
                self._heights[name] = self._height(self._shapes[name])
            return self._heights[name]
        parts = [
            part
            for name, part in schema.get("properties", {}).items()
            if name in schema.get("required", ())
        ]
        if schema.get("minItems"):
            parts.append(schema.get("items", {}))
        return (schema.get("type") == "object") + max(map(self._height, parts), default=0)


def leaf(schema: Schema) -> st.SearchStrategy[Json]:
    """Draw values that have nothing inside."""
    match schema.get("type"):
        case "string":
            return text(schema)
        case "integer":
            low, high = bounds(schema, step=1)
            return st.integers(int(low), int(high))
        case "number":
            low, high = bounds(schema, step=0.0625)
            whole = range(math.ceil(low), math.floor(high) + 1)
            return st.floats(low, high) | st.sampled_from(whole) if whole else st.floats(low, high)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case _:
            return ANYTHING


def bounds(schema: Schema, *, step: float) -> tuple[float, float]:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -step - 1000) + step)
    high = schema.get("maximum", schema.get("exclusiveMaximum", max(low, 0) + 1000) - step)
    return low, high


def text(schema: Schema) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda at: at.isoformat())
    least = schema.get("minLength", 0)
    if "pattern" in schema:
        pattern: str = schema["pattern"]
        return st.from_regex(pattern, fullmatch=True).filter(lambda value: len(value) >= least)
    return st.text(min_size=least, max_size=min(schema.get("maxLength", least + 5), least + 5))
