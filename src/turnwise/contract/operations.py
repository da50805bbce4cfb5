"""One published operation: what it takes and what it answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from turnwise.contract.defaults import Schema, resolved
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
        given = _collected(pairs, self._query_lists)
        read = self._query.read(given, ("query",))
        return {name: read[name] for name in self._query_names if name in read}

    def read_form(self, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        """Return the fields of a form, each in its type; files stay as they are.

        Args:
            pairs: The fields as they were sent, in order, as in `read_query`.

        Raises:
            ContractError: If a required field is missing, or one is not what it may be.
        """
        if self.body is None:
            return {}
        properties = resolved(self.body.schema, self.shapes).get("properties", {})
        lists = frozenset(
            name for name, schema in properties.items() if _is_list(schema, self.shapes)
        )
        fields: dict[str, Any] = self.body.read(_collected(pairs, lists))
        return fields

    @cached_property
    def _query_names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parameters if part.place == "query")

    @cached_property
    def _query_lists(self) -> frozenset[str]:
        return frozenset(
            part.name
            for part in self.parameters
            if part.place == "query" and _is_list(part.shape.schema, self.shapes)
        )

    @cached_property
    def _query(self) -> Shape:
        asked = [part for part in self.parameters if part.place == "query"]
        schema = {
            "type": "object",
            "properties": {part.name: part.shape.schema for part in asked},
            "required": [part.name for part in asked if part.required],
        }
        return Shape(schema, self.shapes, embedded=True)


def _collected(pairs: Iterable[tuple[str, Any]], lists: frozenset[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    return given


def _is_list(schema: Schema, shapes: Mapping[str, Schema]) -> bool:
    schema = resolved(schema, shapes)
    if schema.get("type") == "array":
        return True
    alternatives = schema.get("anyOf", ())
    return any(resolved(member, shapes).get("type") == "array" for member in alternatives)
