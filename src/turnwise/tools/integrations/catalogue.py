"""All integrations, and how the tool of an agent becomes a request to one."""

import re
from collections.abc import Mapping
from typing import Any

from turnwise.tools.integrations.calcom import CALCOM
from turnwise.tools.integrations.definition import Credential, Integration
from turnwise.tools.integrations.hubspot import HUBSPOT
from turnwise.tools.integrations.salesforce import SALESFORCE
from turnwise.tools.integrations.zendesk import ZENDESK
from turnwise.tools.schema_overrides import overridden

Json = dict[str, Any]

KIND = "api_integration_webhook"
"""The wire's `tool_type`."""
CONNECTION = "integration_connection"
"""Kind of the records of connections."""
CONNECTION_ID = "integration_connection_id"
"""By it the settings of a connection are found, in the place of an auth connection's."""

INTEGRATIONS: Mapping[str, Integration] = {
    each.integration_id: each for each in (CALCOM, HUBSPOT, SALESFORCE, ZENDESK)
}
"""By their published ids."""

_SECTIONS = {
    "path_params": "path_params",
    "path_params_schema": "path_params",
    "query_params": "query_params",
    "query_params_schema": "query_params",
    "request_body": "request_body",
    "request_body_schema": "request_body",
}
"""What the path of an override may begin with."""
_FIELD = re.compile(r"\{(\w+)\}")


def filled(credential: Credential, given: Mapping[str, object]) -> dict[str, str]:
    """Return the values of all fields of a credential, defaults included."""
    values = {
        each.name: str(given.get(each.name) or "").strip() or each.default
        for each in credential.fields
    }
    return {
        name: _FIELD.sub(lambda match: values.get(match[1], ""), value)
        if value == _default(credential, name)
        else value
        for name, value in values.items()
    }


def lacking(credential: Credential, given: Mapping[str, object]) -> list[str]:
    """Return the fields without which there is no connection, and which nobody gave."""
    needed = [each.name for each in credential.fields if each.required]
    url = _default(credential, "base_url")
    if not given.get("base_url"):
        needed += _FIELD.findall(url)
    return [name for name in needed if not str(given.get(name) or "").strip()]


def _default(credential: Credential, name: str) -> str:
    return next((each.default for each in credential.fields if each.name == name), "")


def expanded(config: Mapping[str, Any], connection: Mapping[str, Any] | None) -> Json:
    """Return the settings of an integration's tool with the request that it makes.

    Args:
        config: The tool, as stored.
        connection: The document of its connection; None: it is gone. Then, as for a tool that
            is not in the catalogue, there is no URL to call.
    """
    integration_id = str(config.get("api_integration_id"))
    integration = INTEGRATIONS.get(integration_id)
    tool = integration.tool(str(config.get("name"))) if integration is not None else None
    if tool is None or connection is None or connection.get("integration_id") != integration_id:
        return {**config, "api_schema": {}}
    api = tool.api_schema(str(connection.get("base_url")))
    api["auth_connection"] = {CONNECTION_ID: config.get("api_integration_connection_id")}
    return {
        **config,
        "description": config.get("description") or tool.description,
        "api_schema": _changed(api, config.get("api_schema_overrides") or {}),
        "api_integration_credential_id": connection.get("credential_id"),
    }


def _changed(api: Json, overrides: Mapping[str, Any]) -> Json:
    """Return a request with what the owner of the agent wants otherwise."""
    sections = {
        "path_params": {"properties": api["path_params_schema"]},
        "query_params": api["query_params_schema"] or {},
        "request_body": api["request_body_schema"] or {},
    }
    for path, override in (overrides.get("schema_overrides") or {}).items():
        head, _, rest = path.removeprefix("$.").partition(".")
        if rest and (name := _SECTIONS.get(head)):
            sections[name] = overridden(sections[name], {rest: override})
    changed = {
        **api,
        "path_params_schema": sections["path_params"]["properties"],
        "query_params_schema": sections["query_params"] or None,
        "request_headers": {**api["request_headers"], **(overrides.get("request_headers") or {})},
    }
    if api["request_body_schema"] is not None:
        changed["request_body_schema"] = sections["request_body"]
    if mode := overrides.get("response_filter_mode"):
        filters = overrides.get("response_filters") or []
        changed["response_filter"] = {"mode": mode, "filters": filters}
    return changed
