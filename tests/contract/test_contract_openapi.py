"""The document that a server of some operations shows."""

import json

import pytest

from turnwise.contract import document, load

KEYS = {
    "GET /v1/convai/agents/{agent_id}",
    "PATCH /v1/convai/agents/{agent_id}",
    "DELETE /v1/convai/secrets/{secret_id}",
    "POST /v1/convai/knowledge-base/file",
}


def test_the_document_has_the_operations_and_only_the_shapes_they_need() -> None:
    made = document(load(), KEYS, title="Turnwise", version="1.2")
    assert made["info"] == {"title": "Turnwise", "version": "1.2"}
    assert set(made["paths"]["/v1/convai/agents/{agent_id}"]) == {"get", "patch"}
    assert len(made["paths"]) == 3
    schemas = made["components"]["schemas"]
    assert "GetAgentResponseModel" in schemas
    assert "GetConversationResponseModel" not in schemas
    text = json.dumps(made)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named == set(schemas)


def test_bodies_answers_and_parameters_are_described() -> None:
    paths = document(load(), KEYS, title="", version="")["paths"]
    upload = paths["/v1/convai/knowledge-base/file"]["post"]
    assert upload["requestBody"]["required"] is True
    assert list(upload["requestBody"]["content"]) == ["multipart/form-data"]
    deletion = paths["/v1/convai/secrets/{secret_id}"]["delete"]
    assert deletion["responses"]["204"] == {"description": "Success"}
    assert [part["name"] for part in deletion["parameters"]] == ["secret_id"]


def test_what_is_not_published_cannot_be_shown() -> None:
    with pytest.raises(KeyError):
        document(load(), ["GET /nothing"], title="", version="")
