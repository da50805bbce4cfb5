"""Events, commands and policies as plain data (dicts, lists, strings, numbers) and back, strictly.

The shapes are the dataclasses themselves. A member of a union (an event, a command, an entry) says
its class under `TAG` and leaves out what has its default; everything else is written in full, so
that a stored policy does not change when a default does.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from math import isfinite
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from turnwise.base.errors import ShapeError

TAG = "type"
"""Key of the class name of a union's member."""

Shape = Any
"""A type as written in a declaration: a class, a union, a tuple of something."""

T = TypeVar("T")
Encode = Callable[[Any], Any]
Decode = Callable[[Any, str], Any]


def to_plain(shape: Shape, value: object) -> Any:
    """Return the value as plain data.

    Args:
        shape: What the value is declared as: a dataclass, or a union of dataclasses.
        value: Any value of that shape.
    """
    return _encoder(shape)(value)


def from_plain(shape: type[T], data: object, where: str = "") -> T:
    """Return the value that plain data describes.

    Args:
        shape: What it should be: a dataclass.
        data: Plain data, as read from JSON.
        where: Path of `data` in a larger whole, for the error.

    Raises:
        ShapeError: If anything is missing, unknown or of another type.
    """
    any_shape: Shape = shape
    value: T = _decoder(any_shape)(data, where)
    return value


def member_from_plain(union: Shape, data: object, where: str = "") -> Any:
    """Return the member of a union of dataclasses that plain data describes.

    Raises:
        ShapeError: As `from_plain`, or if the class named under `TAG` is not in the union.
    """
    return _decoder(union)(data, where)


@lru_cache(maxsize=256)
def _encoder(shape: Shape) -> Encode:
    shape = _bare(shape)
    if _is_tuple(shape):
        item = _encoder(get_args(shape)[0])
        return lambda value: [item(each) for each in value]
    members = _members(shape)
    if len(members) > 1:
        by_class = {member: _record_encoder(member) for member in members}
        return lambda value: by_class[type(value)](value)
    if members != (shape,):
        inner = _encoder(members[0])
        return lambda value: None if value is None else inner(value)
    if is_dataclass(shape):
        parts = [(name, encode) for name, encode, _ in _fields(shape)]
        return lambda value: {name: encode(getattr(value, name)) for name, encode in parts}
    if issubclass(shape, Enum):
        return lambda value: value.value
    return lambda value: value


def _record_encoder(shape: Shape) -> Encode:
    name, parts = shape.__name__, _fields(shape)

    def encode(value: object) -> dict[str, object]:
        plain: dict[str, object] = {TAG: name}
        for field_name, encode_field, default in parts:
            held = getattr(value, field_name)
            if held != default or default is MISSING:
                plain[field_name] = encode_field(held)
        return plain

    return encode


def _fields(shape: Shape) -> list[tuple[str, Encode, object]]:
    hints = get_type_hints(shape)
    return [
        (
            f.name,
            len if f.metadata.get("journal") == "count" else _encoder(hints[f.name]),
            f.default,
        )
        for f in fields(shape)
    ]


@lru_cache(maxsize=256)
def _decoder(shape: Shape) -> Decode:
    shape = _bare(shape)
    if _is_tuple(shape):
        return _list_decoder(_decoder(get_args(shape)[0]))
    members = _members(shape)
    if len(members) > 1:
        return _union_decoder({member.__name__: _decoder(member) for member in members})
    if members != (shape,):
        inner = _decoder(members[0])
        return lambda data, where: None if data is None else inner(data, where)
    if is_dataclass(shape):
        return _dataclass_decoder(shape)
    if issubclass(shape, Enum):
        return _enum_decoder(shape)
    return _value_decoder(shape)


def _is_tuple(shape: Shape) -> bool:
    origin: Shape = get_origin(shape)
    return origin is tuple


def _bare(shape: Shape) -> Any:
    """Return what a NewType stands for."""
    return getattr(shape, "__supertype__", shape)


def _members(shape: Shape) -> tuple[Any, ...]:
    """Return what a union may be, None left out; the shape itself if it is no union."""
    if get_origin(shape) not in {Union, UnionType}:
        return (shape,)
    return tuple(member for member in get_args(shape) if member is not NoneType)


def _list_decoder(item: Decode) -> Decode:
    def decode(data: object, where: str) -> tuple[Any, ...]:
        if not isinstance(data, list):
            raise ShapeError(where, f"{data!r} should be a list")
        return tuple(item(each, f"{where}[{index}]") for index, each in enumerate(data))

    return decode


def _union_decoder(by_name: dict[str, Decode]) -> Decode:
    def decode(data: object, where: str) -> Any:
        fields_only = dict(data) if isinstance(data, dict) else {}
        name = fields_only.pop(TAG, None)
        if not isinstance(name, str) or name not in by_name:
            raise ShapeError(where, f"{TAG} {name!r} should be one of {', '.join(sorted(by_name))}")
        return by_name[name](fields_only, where)

    return decode


def _dataclass_decoder(shape: Shape) -> Decode:
    hints = get_type_hints(shape)
    parts = {f.name: (_decoder(hints[f.name]), _is_required(f)) for f in fields(shape)}

    def decode(data: object, where: str) -> Any:
        if not isinstance(data, dict):
            raise ShapeError(where, f"{data!r} should be an object ({shape.__name__})")
        unknown = data.keys() - parts.keys()
        if unknown:
            raise ShapeError(where, f"{shape.__name__} has no field {min(unknown)!r}")
        values = {}
        for name, (decode_field, required) in parts.items():
            if name in data:
                values[name] = decode_field(data[name], f"{where}.{name}" if where else name)
            elif required:
                raise ShapeError(where, f"{shape.__name__} needs the field {name!r}")
        return shape(**values)

    return decode


def _is_required(f: Field[Any]) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def _enum_decoder(shape: type[Enum]) -> Decode:
    values = [member.value for member in shape]

    def decode(data: object, where: str) -> Enum:
        if data not in values:
            raise ShapeError(where, f"{data!r} should be one of {', '.join(map(repr, values))}")
        return shape(data)

    return decode


def _value_decoder(shape: type) -> Decode:
    # a bool is an int to Python and a whole number a float to JSON
    accepted: tuple[type, ...] = (int, float) if shape is float else (shape,)

    def decode(data: object, where: str) -> object:
        if not isinstance(data, accepted) or (isinstance(data, bool) and shape is not bool):
            raise ShapeError(where, f"{data!r} should be of type {shape.__name__}")
        if isinstance(data, float) and not isfinite(data):
            raise ShapeError(where, f"{data!r} should be a finite number")
        return float(data) if shape is float and isinstance(data, int) else data

    return decode
