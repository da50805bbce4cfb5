"""From published schema to validator.

The hosted service validates with pydantic, and its document is what pydantic made of its models. So
the way back is short: each schema becomes the core schema that such a model has, and the errors,
their places and their words come out as the service has them.

Differing from a plain model:
- A null where null is no value and there is a default means the default: so clients reset fields.
- Unknown fields are kept everywhere, and so are numbers as they were written.
- A `Tolerance.BEST_EFFORT` validator keeps what does not fit as it is, and fills the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from enum import Enum
from typing import Any, Final, cast

from pydantic_core import (
    CoreSchema,
    PydanticKnownError,
    PydanticOmit,
    PydanticUseDefault,
    SchemaValidator,
    ValidationError,
    core_schema,
)

from turnwise.contract.defaults import (
    REF,
    UNKNOWN,
    Json,
    Schema,
    default_of,
    members,
    nullable,
)
from turnwise.contract.labels import label

OPEN: Final = "x-open"
"""Key of a shape whose listed values are not the only ones that this server knows."""

Handler = core_schema.ValidatorFunctionWrapHandler


class Tolerance(Enum):
    """What becomes of a value that does not fit."""

    NONE = "none"
    """It is an error."""
    BEST_EFFORT = "best effort"
    """It stays as it is."""


class Compiler:
    """Makes one validator; shapes that refer to each other are compiled once in it."""

    def __init__(
        self,
        shapes: Mapping[str, Schema],
        tolerance: Tolerance,
        complete: dict[int, Json] | None = None,
    ) -> None:
        """Make a compiler for one validator.

        Args:
            shapes: Every schema by its name.
            tolerance: What the validator does with what does not fit.
            complete: Defaults that are filled already, by the identity of the schema; None at
                first. They are found when they are first used.
        """
        self._shapes = shapes
        self._tolerance = tolerance
        self._complete: dict[int, Json] = {} if complete is None else complete
        self._strict = 0
        self._definitions: dict[str, CoreSchema | None] = {}

    def compiled(self, schema: Schema) -> SchemaValidator:
        """Return the validator of a schema."""
        core = self._kept(self._core(schema))
        definitions = [core for core in self._definitions.values() if core is not None]
        if definitions:
            core = core_schema.definitions_schema(core, definitions)
        return SchemaValidator(core)

    def _core(self, schema: Schema) -> CoreSchema:
        if alternatives := members(schema):
            return self._union(schema, alternatives)
        if "$ref" in schema:
            return self._reference(schema["$ref"].removeprefix(REF))
        if "const" in schema:
            return core_schema.literal_schema([schema["const"]])
        if "enum" in schema:
            return core_schema.literal_schema(schema["enum"])
        return self._by_type(schema)

    def _reference(self, name: str) -> CoreSchema:
        target = self._shapes[name]
        if target.get(OPEN):
            return _string({})
        if "enum" in target:
            return _enum(target["enum"])
        if target.get("type") != "object":
            return self._core(target)
        ref = f"{name}~" if self._lenient else name
        if ref not in self._definitions:
            self._definitions[ref] = None  # it is on its way: shapes refer to themselves
            core: dict[str, Any] = {**self._by_type(target), "ref": ref}
            self._definitions[ref] = cast("CoreSchema", core)
        return core_schema.definition_reference_schema(ref)

    @property
    def _lenient(self) -> bool:
        return self._tolerance is Tolerance.BEST_EFFORT and not self._strict

    def _by_type(self, schema: Schema) -> CoreSchema:
        kind = schema.get("type")
        if kind == "array":
            return core_schema.list_schema(
                self._kept(self._core(schema.get("items", {}))),
                min_length=schema.get("minItems"),
                max_length=schema.get("maxItems"),
            )
        if kind == "object":
            return self._model(schema) if schema.get("properties") else self._map(schema)
        return _LEAVES[kind](schema) if kind else core_schema.any_schema()

    def _map(self, schema: Schema) -> CoreSchema:
        values = schema.get("additionalProperties")
        return core_schema.dict_schema(
            self._core(schema.get("propertyNames", {"type": "string"})),
            self._kept(self._core(values)) if isinstance(values, Mapping) else None,
            min_length=schema.get("minProperties"),
            max_length=schema.get("maxProperties"),
        )

    def _model(self, schema: Schema) -> CoreSchema:
        required = schema.get("required", ())
        fields = {
            name: self._field(part, required=name in required)
            for name, part in schema.get("properties", {}).items()
        }
        model = core_schema.typed_dict_schema(fields, extra_behavior="allow")
        return core_schema.no_info_before_validator_function(_an_object, model)

    def _field(self, schema: Schema, *, required: bool) -> core_schema.TypedDictField:
        core = self._kept(self._core(schema))
        default = UNKNOWN if required else default_of(schema, self._shapes)
        # a null is looked at before anything is kept: what keeps values lets no default through
        if not required and not nullable(schema):
            reset = _omitted if default is UNKNOWN else _reset
            core = core_schema.no_info_before_validator_function(reset, core)
        if default is not UNKNOWN:
            core = self._defaulted(core, schema, default)
        return core_schema.typed_dict_field(core, required=required and not self._lenient)

    def _defaulted(self, core: CoreSchema, schema: Schema, default: Json) -> CoreSchema:
        if default == []:
            return core_schema.with_default_schema(core, default_factory=list)
        if default == {}:
            return core_schema.with_default_schema(
                core, default_factory=dict, validate_default=True
            )
        if not isinstance(default, dict | list):
            return core_schema.with_default_schema(core, default=default)
        return core_schema.with_default_schema(
            core, default_factory=lambda: deepcopy(self._completed(schema, default))
        )

    def _completed(self, schema: Schema, default: Json) -> Json:
        """Return a published default with the defaults inside it; not to be changed."""
        key = id(schema)
        if key not in self._complete:
            self._complete[key] = default  # for shapes whose defaults have such shapes in them
            plain = {name: part for name, part in schema.items() if name != "default"}
            compiler = Compiler(self._shapes, Tolerance.NONE, self._complete)
            self._complete[key] = compiler.compiled(plain).validate_python(default)
        return self._complete[key]

    def _kept(self, core: CoreSchema) -> CoreSchema:
        if not self._lenient:
            return core
        return core_schema.no_info_wrap_validator_function(_as_it_is, core)

    def _union(self, schema: Schema, alternatives: tuple[Schema, ...]) -> CoreSchema:
        real = [member for member in alternatives if member.get("type") != "null"]
        if len(real) == 1:
            core = self._core(real[0])
        elif "discriminator" in schema:
            core = self._tagged(schema["discriminator"], real)
        else:
            self._strict += 1  # else anything would fit the first member
            core = core_schema.union_schema(
                [(self._core(member), label(member, self._shapes)) for member in real]
            )
            self._strict -= 1
        return core_schema.nullable_schema(core) if len(real) < len(alternatives) else core

    def _tagged(self, discriminator: Schema, alternatives: Sequence[Schema]) -> CoreSchema:
        order = [member.get("$ref") for member in alternatives]
        tags = sorted(discriminator["mapping"].items(), key=lambda item: order.index(item[1]))
        choices = {tag: self._reference(ref.removeprefix(REF)) for tag, ref in tags}
        return core_schema.tagged_union_schema(
            choices, discriminator["propertyName"], from_attributes=True
        )


_BOUNDS: Final = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
}


def _bounds(schema: Schema) -> dict[str, Any]:
    return {ours: schema[theirs] for theirs, ours in _BOUNDS.items() if theirs in schema}


def _string(schema: Schema) -> CoreSchema:
    if schema.get("format") == "binary":
        return core_schema.any_schema()  # a file of a form
    if schema.get("format") == "date-time":
        return core_schema.no_info_wrap_validator_function(
            _text_as_written, core_schema.datetime_schema()
        )
    return core_schema.str_schema(
        min_length=schema.get("minLength"),
        max_length=schema.get("maxLength"),
        pattern=schema.get("pattern"),
        regex_engine="python-re",
    )


def _number(schema: Schema) -> CoreSchema:
    number = core_schema.float_schema(**_bounds(schema))
    return core_schema.no_info_wrap_validator_function(_number_as_written, number)


_LEAVES: Final[Mapping[str, Callable[[Schema], CoreSchema]]] = {
    "string": _string,
    "integer": lambda schema: core_schema.int_schema(**_bounds(schema)),
    "number": _number,
    "boolean": lambda _: core_schema.bool_schema(),
    "null": lambda _: core_schema.none_schema(),
}


def _enum(values: list[Any]) -> CoreSchema:
    shown = [repr(value) for value in values]
    expected = " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
    return core_schema.custom_error_schema(
        core_schema.literal_schema(values), "enum", custom_error_context={"expected": expected}
    )


def _an_object(value: Json) -> Json:
    if not isinstance(value, dict):
        raise PydanticKnownError("model_attributes_type")
    return value


def _reset(value: Json) -> Json:
    if value is None:
        raise PydanticUseDefault
    return value


def _omitted(value: Json) -> Json:
    if value is None:
        raise PydanticOmit
    return value


def _number_as_written(value: Json, handler: Handler) -> Json:
    read = handler(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else read


def _text_as_written(value: Json, handler: Handler) -> Json:
    handler(value)
    return value


def _as_it_is(value: Json, handler: Handler) -> Json:
    try:
        return handler(value)
    except ValidationError:
        return value
