"""All published operations and shapes, read from the package's data."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from turnwise.contract.defaults import REF, Schema
from turnwise.contract.operations import Operation, Parameter
from turnwise.contract.shapes import Shape


class Contract:
    """The published contract. Validators are made when they are first needed."""

    def __init__(self, operations: Mapping[str, Operation], shapes: Mapping[str, Schema]) -> None:
        self.operations = operations
        """Every operation by its key: `GET /v1/convai/agents/{agent_id}`."""
        self.shapes = shapes
        """The JSON Schema of every shape by its name."""
        self._made: dict[str, Shape] = {}

    def shape(self, name: str) -> Shape:
        """Return a shape by its published name: `ConversationalConfigAPIModel-Input`.

        Raises:
            KeyError: If there is none of that name.
        """
        if name not in self._made:
            if name not in self.shapes:
                raise KeyError(name)
            self._made[name] = Shape({"$ref": REF + name}, self.shapes)
        return self._made[name]


@cache
def load() -> Contract:
    """Return the contract; reads the package's data once."""
    found: dict[str, tuple[str, Any]] = {}
    shapes: dict[str, Schema] = {}
    for file in files("turnwise.contract").joinpath("data").iterdir():
        if file.name.endswith(".json"):
            part = orjson.loads(file.read_bytes())
            resource = file.name.removesuffix(".json")
            shapes |= part["shapes"]
            found |= {key: (resource, entry) for key, entry in part["operations"].items()}
    contract_operations: dict[str, Operation] = {}
    contract = Contract(contract_operations, shapes)
    for key, (resource, entry) in sorted(found.items()):
        contract_operations[key] = _operation(key, resource, entry, contract)
    return contract


def _operation(key: str, resource: str, entry: Mapping[str, Any], contract: Contract) -> Operation:
    body = entry.get("body", {})
    answer = entry["answer"]
    return Operation(
        key=key,
        operation_id=entry["id"],
        resource=resource,
        priority=entry.get("priority"),
        parameters=tuple(
            Parameter(
                part["name"],
                part["place"],
                part["required"],
                _shape(part["schema"], contract),
            )
            for part in entry["parameters"]
        ),
        body=_shape(body["schema"], contract) if body else None,
        body_media=body.get("media"),
        body_required=body.get("required", False),
        answer=_shape(answer["schema"], contract) if answer.get("schema") else None,
        answer_media=answer.get("media"),
        status=answer["status"],
        deprecated=entry.get("deprecated", False),
        shapes=contract.shapes,
    )


def _shape(schema: Schema, contract: Contract) -> Shape:
    if schema.keys() == {"$ref"}:
        return contract.shape(schema["$ref"].removeprefix(REF))
    return Shape(schema, contract.shapes)
