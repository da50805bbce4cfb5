"""`/v1/workspace/auth-connections`, in process and through the official SDK."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.workspace.auth_connections import (
    AuthConnectionsCreateRequestBody_BasicAuth,
    AuthConnectionsUpdateRequestBody_BasicAuth,
)

from api.api_kit import error_of
from turnwise.api import Deps

pytestmark = pytest.mark.anyio
CONNECTIONS = "/v1/workspace/auth-connections"
HIDDEN = "n0body-reads-this"
COMMON = {"name": "CRM", "provider": "acme"}
JWT = {"issuer": "i", "audience": "a", "subject": "s", "secret_key": HIDDEN}
KINDS: dict[str, dict[str, Any]] = {
    "basic_auth": {"username": "u", "password": HIDDEN},
    "bearer_auth": {"token": HIDDEN},
    "custom_header_auth": {"header_name": "X-Key", "token": HIDDEN},
    "oauth2_client_credentials": {
        "client_id": "c",
        "client_secret": HIDDEN,
        "token_url": "https://a.test/token",
        "scopes": ["read"],
        "extra_params": {"resource": "r"},
        "custom_headers": {"x-tenant": "t"},
    },
    "oauth2_jwt": {**JWT, "token_url": "https://a.test/token"},
    "private_key_jwt": JWT,
    "mtls": {"client_certificate": HIDDEN, "client_key": HIDDEN, "key_passphrase": HIDDEN},
}


async def made(client: httpx.AsyncClient, kind: str, **more: object) -> dict[str, Any]:
    body = {**COMMON, "auth_type": kind, **KINDS[kind], **more}
    answer = await client.post(CONNECTIONS, json=body)
    assert answer.status_code == 200, answer.text
    connection = answer.json()
    assert isinstance(connection, dict)
    return connection


@pytest.mark.parametrize("kind", KINDS)
async def test_create_and_list_auth_connections_of_every_type_without_their_secrets(
    client: httpx.AsyncClient, deps: Deps, kind: str
) -> None:
    connection = await made(client, kind, mine={"kept": None})
    assert connection["auth_type"] == kind
    assert connection["status"] == "active"
    assert connection["mine"] == {"kept": None}
    for name, value in {**COMMON, **KINDS[kind]}.items():
        assert connection.get(name, value) == value
        assert (name in connection) is (value != HIDDEN)
    listed = await client.get(CONNECTIONS)
    assert HIDDEN not in listed.text
    assert listed.json()["auth_connections"] == [connection]
    async with deps.store.reading() as tx:
        record = await tx.records.get("auth_connection", connection["id"])
    assert record is not None
    assert HIDDEN not in str(record.document)
    assert deps.vault is not None
    opened = {deps.vault.open(sealed) for sealed in record.document["sealed"].values()}
    assert opened == {HIDDEN}


async def test_update_auth_connection_changes_what_is_named(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    connection = await made(client, "oauth2_client_credentials")
    url = f"{CONNECTIONS}/{connection['id']}"
    body = {
        "auth_type": "oauth2_client_credentials",
        "client_id": "other",
        "scopes": ["write"],
        "provider": None,
        "custom_headers": {"x-more": "m"},
    }
    changed = (await client.patch(url, json=body)).json()
    assert changed["client_id"] == "other"
    assert changed["scopes"] == ["write"]
    assert changed["provider"] == "acme"
    assert changed["custom_headers"] == {"x-tenant": "t", "x-more": "m"}
    await client.patch(url, json={"client_secret": "new"})
    async with deps.store.reading() as tx:
        record = await tx.records.get("auth_connection", connection["id"])
    assert record is not None
    assert deps.vault is not None
    assert deps.vault.open(record.document["sealed"]["client_secret"]) == "new"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("basic_auth", {"auth_type": "bearer_auth", "token": "t"}, 400),
        ("mtls", {"auth_type": "basic_auth"}, 400),
        ("mtls", {}, 400),
        ("basic_auth", {"auth_type": "basic_auth", "username": 5}, 422),
        ("oauth2_jwt", {"auth_type": "oauth2_jwt", "expiration_seconds": 1}, 422),
    ],
)
async def test_update_auth_connection_refuses_what_does_not_fit_its_type(
    client: httpx.AsyncClient, kind: str, body: dict[str, Any], status: int
) -> None:
    connection = await made(client, kind)
    answer = await client.patch(f"{CONNECTIONS}/{connection['id']}", json=body)
    assert answer.status_code == status, answer.text
    assert (await client.get(CONNECTIONS)).json()["auth_connections"] == [connection]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**COMMON, "auth_type": "magic", "token": "t"},
        {**COMMON, "auth_type": "basic_auth", "username": "u"},
        {**COMMON, "auth_type": "oauth2_jwt", **JWT, "token_url": "http://plain.test"},
        {**COMMON, "auth_type": "private_key_jwt", **JWT, "algorithm": "none"},
        {"auth_type": "bearer_auth", "token": "t"},
    ],
)
async def test_create_auth_connection_refuses_what_is_none(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await client.post(CONNECTIONS, json=body)
    assert answer.status_code == 422, answer.text
    assert (await client.get(CONNECTIONS)).json()["auth_connections"] == []


async def test_create_auth_connection_knows_its_type_by_its_fields(
    client: httpx.AsyncClient,
) -> None:
    for kind, fields in KINDS.items():
        answer = await client.post(CONNECTIONS, json={**COMMON, **fields})
        assert answer.json()["auth_type"] == kind


async def test_delete_auth_connection_is_refused_while_it_is_used(
    client: httpx.AsyncClient,
) -> None:
    connection = await made(client, "bearer_auth")
    schema = {
        "url": "https://a.test",
        "auth_connection": {"auth_connection_id": connection["id"]},
    }
    config = {"type": "webhook", "name": "t", "description": "d", "api_schema": schema}
    tool = (await client.post("/v1/convai/tools", json={"tool_config": config})).json()
    (row,) = (await client.get(CONNECTIONS)).json()["auth_connections"]
    assert [each["id"] for each in row["used_by"]["tools"]] == [tool["id"]]
    url = f"{CONNECTIONS}/{connection['id']}"
    refused = await client.delete(url)
    assert refused.status_code == 409
    assert error_of(refused)["status"] == "auth_connection_in_use"
    await client.delete(f"/v1/convai/tools/{tool['id']}")
    assert (await client.delete(url)).status_code == 200
    for method in ("DELETE", "PATCH"):
        gone = await client.request(
            method, url, json={"auth_type": "bearer_auth"} if method == "PATCH" else None
        )
        assert error_of(gone)["code"] == "auth_connection_not_found"


async def test_update_auth_connection_at_once_loses_nothing(client: httpx.AsyncClient) -> None:
    connection = await made(client, "oauth2_client_credentials")
    url = f"{CONNECTIONS}/{connection['id']}"
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            body = {"extra_params": {f"p{number}": str(number)}}
            group.create_task(client.patch(url, json=body))
    (row,) = (await client.get(CONNECTIONS)).json()["auth_connections"]
    expected = {"resource": "r"} | {f"p{number}": str(number) for number in range(8)}
    assert row["extra_params"] == expected


def test_the_sdk_keeps_auth_connections(sdk: ElevenLabs, tmp_path: Path) -> None:
    connections = sdk.workspace.auth_connections
    made_one = connections.create(
        request=AuthConnectionsCreateRequestBody_BasicAuth(
            name="CRM", provider="acme", username="u", password=HIDDEN
        )
    )
    assert made_one.auth_type == "basic_auth"
    assert [each.id for each in connections.list().auth_connections] == [made_one.id]
    changed = connections.update(
        made_one.id, request=AuthConnectionsUpdateRequestBody_BasicAuth(username="v")
    )
    assert changed.auth_type == "basic_auth"
    assert changed.username == "v"
    connections.delete(made_one.id)
    assert connections.list().auth_connections == []
