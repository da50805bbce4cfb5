"""The document that tells clients which operations this server has."""

from collections.abc import Collection
from typing import Any

from turnwise.contract.catalogue import Contract
from turnwise.contract.operations import Operation, Parameter
from turnwise.contract.shapes import needed

PROBLEM = {
    "type": "object",
    "properties": {
        "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
        "msg": {"type": "string"},
        "type": {"type": "string"},
    },
    "required": ["loc", "msg", "type"],
}
INVALID = {
    "description": "The request is not in the published shape",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"detail": {"type": "array", "items": PROBLEM}},
            }
        }
    },
}


def document(
    contract: Contract, keys: Collection[str], *, title: str, version: str
) -> dict[str, Any]:
    """Return an OpenAPI 3.1 document of some operations and the shapes they need.

    Args:
        contract: Where the operations are published.
        keys: Which of them: `GET /v1/convai/agents/{agent_id}`.
        title: What the server calls itself.
        version: Its version.

    Raises:
        KeyError: If a key names no published operation.
    """
    paths: dict[str, Any] = {}
    for key in sorted(keys):
        operation = contract.operations[key]
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": needed(paths, contract.shapes),
            "securitySchemes": {
                "api_key": {"type": "apiKey", "in": "header", "name": "xi-api-key"}
            },
        },
        "security": [{"api_key": []}],
    }


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.operation_id,
        "tags": [operation.resource],
        "parameters": [_parameter(part) for part in operation.parameters],
        "responses": {str(operation.status): _answer(operation), "422": INVALID},
    }
    if operation.deprecated:
        described["deprecated"] = True
    if operation.body is not None:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {
                operation.body_media or "application/json": {"schema": operation.body.schema}
            },
        }
    return described


def _parameter(part: Parameter) -> dict[str, Any]:
    return {
        "name": part.name,
        "in": part.place,
        "required": part.required,
        "schema": part.shape.schema,
    }


def _answer(operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Success"}
    if operation.answer_media:
        schema = operation.answer.schema if operation.answer else {}
        answer["content"] = {operation.answer_media: {"schema": schema}}
    return answer
