"""One published shape: whether a value has it, and what it is when filled."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic_core import SchemaValidator, ValidationError

from turnwise.contract.compiling import Compiler, Tolerance
from turnwise.contract.defaults import REF, Json, Schema
from turnwise.contract.problems import ContractError, Place, Problem, problems_of
from turnwise.contract.synonyms import normalised

EMBEDDED = "Body_"
"""Names of shapes whose fields are separate parameters of an operation begin so."""


class Shape:
    """A published shape. Values stay as they are; results share nothing with them."""

    def __init__(
        self, schema: Schema, shapes: Mapping[str, Schema], *, embedded: bool | None = None
    ) -> None:
        """Make a shape; nothing is compiled yet.

        Args:
            schema: Its JSON Schema.
            shapes: All others by name.
            embedded: Whether its fields are separate parameters of an operation; None: its name
                tells.
        """
        self.schema = schema
        """The JSON Schema; it may refer to others by name."""
        self.shapes = shapes
        """Every published schema by its name."""
        named = str(schema.get("$ref", "")).startswith(REF + EMBEDDED)
        self._embedded = named if embedded is None else embedded

    def problems(self, value: Json, at: Place = ("body",)) -> list[Problem]:
        """Return what is wrong with a value, as a 422 answer says it; nothing if it fits.

        Args:
            value: Anything that JSON can say.
            at: What the place of each problem begins with.
        """
        try:
            self._validator.validate_python(value)
        except ValidationError as error:
            return problems_of(error, at, embedded=self._embedded)
        return []

    def read(self, value: Json, at: Place = ("body",)) -> Json:
        """Return a value that fits with a default in every missing place.

        Raises:
            ContractError: If the value does not fit.
        """
        try:
            return self._validator.validate_python(value)
        except ValidationError as error:
            raise ContractError(problems_of(error, at, embedded=self._embedded)) from None

    def filled(self, value: Json) -> Json:
        """Return a value with a default in every missing place, deep.

        Unknown fields stay, and so do nulls where null is a value; elsewhere a null becomes the
        default. Parts that do not fit the shape stay as they are.
        """
        try:
            return self._validator.validate_python(value)
        except ValidationError:
            pass
        try:
            return self._lenient_validator.validate_python(value)
        except RecursionError:  # nested so deep that no one will read it
            return value

    def normalised(self, value: Json) -> Json:
        """Return a value with accepted shorthands and synonyms in their published form."""
        return normalised(value, self.schema, self.shapes)

    def known(self) -> dict[str, Any]:
        """Return the JSON Schema together with every shape it needs: it can be used alone."""
        return {**self.schema, "components": {"schemas": needed(self.schema, self.shapes)}}

    @cached_property
    def _validator(self) -> SchemaValidator:
        return Compiler(self.shapes, Tolerance.NONE).compiled(self.schema)

    @cached_property
    def _lenient_validator(self) -> SchemaValidator:
        return Compiler(self.shapes, Tolerance.BEST_EFFORT).compiled(self.schema)


def needed(start: Json, shapes: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return every shape that a schema, or anything that has schemas in it, refers to."""
    found: dict[str, Schema] = {}
    left = [start]
    while left:
        match left.pop():
            case {"$ref": str(ref)} as schema:
                name = ref.removeprefix(REF)
                if name not in found:
                    found[name] = shapes[name]
                    left.append(shapes[name])
                left += [part for key, part in schema.items() if key != "$ref"]
            case dict() as schema:
                left += schema.values()
            case list() as parts:
                left += parts
            case _:
                pass
    return dict(sorted(found.items()))
