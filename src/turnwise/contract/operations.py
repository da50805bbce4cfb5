"""One published operation: what it takes and what it answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from turnwise.contract.defaults import Schema, members, resolved
from turnwise.contract.shapes import Shape

Priority = Literal["P0", "P1", "P2"]


@dataclass(frozen=True)
class Parameter:
    """Something a request says outside its body."""

    name: str
    """As the request spells it."""
    place: Literal["query", "path", "header"]
    """Which part of the request."""
    required: bool
    """Whether a request without it is wrong."""
    shape: Shape
    """What it may be."""


@dataclass(frozen=True)
class Operation:
    """One method on one path."""

    key: str
    """`GET /v1/convai/agents/{agent_id}`."""
    operation_id: str
    """The published name."""
    resource: str
    """The part of the API that it belongs to: `agents`."""
    priority: Priority | None
    """How much a user of the hosted service misses it: P0 the most."""
    parameters: tuple[Parameter, ...]
    """What it takes outside the body; the API key is left out."""
    body: Shape | None
    """What the body is; None without a body, or where nothing is known of it."""
    body_media: str | None
    """`application/json` or `multipart/form-data`; None without a body."""
    body_required: bool
    """Whether a request without a body is wrong."""
    answer: Shape | None
    """What it answers; None if that is empty, unknown, or no JSON."""
    answer_media: str | None
    """Media type of the answer; None if it is empty."""
    status: int
    """Status of success: 200, 201, 202 or 204."""
    deprecated: bool
    """Whether the document calls it so."""
    shapes: Mapping[str, Schema]
    """Every published schema by its name."""

    @property
    def method(self) -> str:
        """`GET`, `POST`, `PUT`, `PATCH` or `DELETE`."""
        return self.key.split()[0]

    @property
    def path(self) -> str:
        """The path with its parameters in braces."""
        return self.key.split()[1]

    def read_query(self, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Return the published query parameters of a request, each in its type.

        Args:
            pairs: The query as it was sent, in order. A key may come again: a list takes all of
                its values, everything else the last. Unknown keys are left out.

        Raises:
            ContractError: If a required one is missing, or one is not what it may be.
        """
        return self._in_query.read(_collected(pairs, self._in_query.lists))

    def read_path(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return the parameters in the path of a request, each in its type.

        Args:
            given: What the request has in their places.

        Raises:
            ContractError: If one is not what it may be.
        """
        return self._in_path.read(dict(given))

    def read_form(self, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        """Return the fields of a form, each in its type; files stay as they are.

        Args:
            pairs: The fields as they were sent, in order, as in `read_query`; a list may also
                come whole.

        Raises:
            ContractError: If a required field is missing, or one is not what it may be.
        """
        if self.body is None:
            return {}
        lists = self._form_fields("array")
        fields: dict[str, Any] = self.body.read(_collected(pairs, lists))
        return fields

    @cached_property
    def form_structures(self) -> frozenset[str]:
        """The fields of a form that may be lists or objects: clients write those as JSON."""
        return self._form_fields("array") | self._form_fields("object")

    def _form_fields(self, kind: str) -> frozenset[str]:
        schema = self.body.schema if self.body else {}
        properties = resolved(schema, self.shapes).get("properties", {})
        return frozenset(
            name for name, part in properties.items() if _may_be(kind, part, self.shapes)
        )

    @cached_property
    def _in_query(self) -> "_Asked":
        return _Asked("query", self.parameters, self.shapes)

    @cached_property
    def _in_path(self) -> "_Asked":
        return _Asked("path", self.parameters, self.shapes)


class _Asked:
    """The parameters in one part of a request."""

    def __init__(
        self, place: str, parameters: Iterable[Parameter], shapes: Mapping[str, Schema]
    ) -> None:
        parts = [part for part in parameters if part.place == place]
        self.lists = frozenset(
            part.name for part in parts if _may_be("array", part.shape.schema, shapes)
        )
        self._place = place
        self._names = tuple(part.name for part in parts)
        schema = {
            "type": "object",
            "properties": {part.name: part.shape.schema for part in parts},
            "required": [part.name for part in parts if part.required],
        }
        self._shape = Shape(schema, shapes, embedded=True)

    def read(self, given: dict[str, Any]) -> dict[str, Any]:
        read = self._shape.read(given, (self._place,))
        return {name: read[name] for name in self._names if name in read}


def _collected(pairs: Iterable[tuple[str, Any]], lists: frozenset[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            given.setdefault(name, []).extend(value if isinstance(value, list) else [value])
        else:
            given[name] = value
    return given


def _may_be(kind: str, schema: Schema, shapes: Mapping[str, Schema]) -> bool:
    schema = resolved(schema, shapes)
    return schema.get("type") == kind or any(
        _may_be(kind, member, shapes) for member in members(schema)
    )
