"""Integrations as clients read them, and a connection's document, its secrets sealed."""

from collections.abc import Mapping
from typing import Any

from turnwise.store import Vault
from turnwise.tools.integrations.catalogue import KIND, filled
from turnwise.tools.integrations.definition import VERSION, Credential, Integration, IntegrationTool

Object = dict[str, Any]

SECRETS = frozenset({"client_secret", "password", "token"})
"""Settings that are never answered."""


def shown(integration: Integration) -> Object:
    """Return an integration as clients read it."""
    return {
        "id": integration.integration_id,
        "name": integration.name,
        "description": integration.description,
        "credentials": [_credential(each) for each in integration.credentials],
        "tool_provider": {"tools": tools(integration)},
    }


def tools(integration: Integration) -> list[Object]:
    """Return what an integration can do."""
    return [_tool(integration, each) for each in integration.tools]


def stored(
    integration: Integration, credential: Credential, body: Mapping[str, Any], vault: Vault
) -> Object:
    """Return the document of a new connection: settings as an auth connection has them."""
    values = filled(credential, body.get("user_config_values") or {})
    settings = credential.authorise(values)
    return {
        "name": body["name"],
        "integration_id": integration.integration_id,
        "credential_id": credential.credential_id,
        "base_url": values["base_url"].rstrip("/"),
        **{name: value for name, value in settings.items() if name not in SECRETS},
        "sealed": {name: vault.seal(settings[name]) for name in SECRETS if name in settings},
    }


def _credential(credential: Credential) -> Object:
    return {
        "credential_id": credential.credential_id,
        "name": credential.name,
        "fields": [
            {
                "name": each.name,
                "description": each.description,
                "is_secret": each.secret,
                "is_required": each.required,
                "default": each.default or None,
            }
            for each in credential.fields
        ],
    }


def _tool(integration: Integration, tool: IntegrationTool) -> Object:
    schema = tool.api_schema("")
    return {
        "type": KIND,
        "api_integration_id": integration.integration_id,
        "name": tool.name,
        "description": tool.description,
        "tool_version": VERSION,
        "api_schema": {**schema, "url": tool.path},
    }
