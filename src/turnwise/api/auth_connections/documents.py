"""An auth connection's document: its settings, those that are secret sealed."""

from collections.abc import Mapping, Sequence
from typing import Any

from turnwise.api import dependents
from turnwise.contract import Shape, load
from turnwise.store import Record, Reference, Transaction, Vault

Object = dict[str, Any]

KIND = "auth_connection"
SECRETS = frozenset(
    {
        "client_secret",
        "password",
        "token",
        "secret_key",
        "client_certificate",
        "client_key",
        "ca_certificate",
        "key_passphrase",
    }
)
"""Settings that are never answered."""
SEALED = "sealed"
"""Where the secrets are in the document."""
ANSWER_ONLY = frozenset({"id", "used_by", "status", "status_detail", "status_updated_at", SEALED})

CREATED_BY = {
    "oauth2_client_credentials": "CreateOAuth2ClientCredsRequest",
    "custom_header_auth": "CreateCustomHeaderAuthRequest",
    "basic_auth": "CreateBasicAuthRequest",
    "bearer_auth": "CreateBearerAuthRequest",
    "oauth2_jwt": "CreateOAuth2JWTRequest",
    "private_key_jwt": "CreatePrivateKeyJWTRequest",
    "mtls": "CreateMTLSAuthRequest",
}
"""The shape of a new connection of each type."""
CHANGED_BY = {
    "oauth2_client_credentials": "UpdateOAuth2ClientCredsRequest",
    "basic_auth": "UpdateBasicAuthRequest",
    "bearer_auth": "UpdateBearerAuthRequest",
    "oauth2_jwt": "UpdateOAuth2JWTRequest",
}
"""The shape of a change of each type that can be changed."""


def shape_of(names: Mapping[str, str], kind: str) -> Shape:
    """Return the published shape for connections of a type."""
    return load().shape(names[kind])


def stored(settings: Mapping[str, Any], vault: Vault) -> Object:
    """Return the document of settings, some of them sealed, over what is sealed already."""
    open_part = {
        key: value
        for key, value in settings.items()
        if key not in SECRETS and key not in ANSWER_ONLY
    }
    sealed = {
        key: vault.seal(value)
        for key, value in settings.items()
        if key in SECRETS and isinstance(value, str)
    }
    return {**open_part, SEALED: {**(settings.get(SEALED) or {}), **sealed}}


def changed(document: Mapping[str, Any], patch: Mapping[str, Any], vault: Vault) -> Object:
    """Return the document after a change: maps are merged, a null leaves a setting as it is.

    In a map a null takes the entry away.
    """
    settings = dict(document)
    for key, value in patch.items():
        before = settings.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            merged = {**before, **value}
            settings[key] = {name: each for name, each in merged.items() if each is not None}
        elif value is not None:
            settings[key] = value
    return stored(settings, vault)


def urls(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the settings that are URLs, by name."""
    return [("token_url", settings["token_url"])] if settings.get("token_url") else []


async def shown(tx: Transaction, record: Record, users: Sequence[Reference]) -> Object:
    """Return a connection as clients read it, without its secrets."""
    document = {key: value for key, value in record.document.items() if key != SEALED}
    tools = dependents.ids_of(users, "tool")
    servers = dependents.ids_of(users, "mcp_server")
    connections = dependents.ids_of(users, "integration_connection")
    known = await tx.records.many("integration_connection", connections)
    return {
        **document,
        "id": record.record_id,
        "used_by": {
            "tools": await dependents.records(tx, "tool", tools),
            "mcp_servers": await dependents.records(tx, "mcp_server", servers),
            "integration_connections": [
                {"id": each, "name": known[each].name} for each in connections if each in known
            ],
        },
        "status": "active",
        "status_detail": None,
        "status_updated_at": None,
    }
