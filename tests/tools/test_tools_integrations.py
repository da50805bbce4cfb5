"""What the catalogue of integrations says, and the requests that come of it."""

from typing import Any

import pytest

from turnwise.agents.tools import normalise
from turnwise.contract import load
from turnwise.tools.integrations.catalogue import INTEGRATIONS, expanded, filled, lacking
from turnwise.tools.integrations.definition import Integration, IntegrationTool

Json = dict[str, Any]

TOOLS = [(each, tool) for each in INTEGRATIONS.values() for tool in each.tools]
CONFIG: Json = {
    "type": "api_integration_webhook",
    "name": "zendesk_update_ticket",
    "description": "Updates.",
    "api_integration_id": "zendesk",
    "api_integration_connection_id": "icxn_1",
}
CONNECTION: Json = {
    "integration_id": "zendesk",
    "credential_id": "zendesk_api_token",
    "base_url": "https://acme.test/",
}


@pytest.mark.parametrize(("integration", "tool"), TOOLS, ids=lambda each: getattr(each, "name", ""))
def test_each_tool_is_a_webhook_as_published(
    integration: Integration, tool: IntegrationTool
) -> None:
    config = {
        "type": "webhook",
        "name": tool.name,
        "description": tool.description,
        "api_schema": tool.api_schema("https://service.test"),
    }
    assert load().shape("WebhookToolConfig-Input").problems(config) == []
    assert tool.name.startswith(f"{integration.integration_id}_")
    for name in tool.path_params:
        assert f"{{{name}}}" in tool.path
    made = normalise(config)
    assert made.parameters["properties"]  # each needs something of the user


@pytest.mark.parametrize("integration", INTEGRATIONS.values(), ids=lambda each: each.name)
def test_each_credential_says_where_the_service_is(integration: Integration) -> None:
    for credential in integration.credentials:
        names = {each.name for each in credential.fields}
        assert "base_url" in names
        values = {name: "https://x.test" if name == "base_url" else name for name in names}
        settings = credential.authorise(filled(credential, values))
        assert settings["auth_type"] in {"bearer_auth", "basic_auth", "oauth2_client_credentials"}


@pytest.mark.parametrize(
    ("given", "missing", "url"),
    [
        ({}, ["email", "api_token", "subdomain"], "https://.zendesk.com"),
        ({"subdomain": "acme"}, ["email", "api_token"], "https://acme.zendesk.com"),
        ({"base_url": "https://{x}.test"}, ["email", "api_token"], "https://{x}.test"),
    ],
)
def test_a_field_may_make_up_the_url(given: Json, missing: list[str], url: str) -> None:
    [credential] = INTEGRATIONS["zendesk"].credentials
    assert lacking(credential, given) == missing
    assert filled(credential, given)["base_url"] == url


def test_a_tool_becomes_a_request_by_its_connection() -> None:
    api = expanded(CONFIG, CONNECTION)["api_schema"]
    assert api["url"] == "https://acme.test/api/v2/tickets/{ticket_id}.json"
    assert api["auth_connection"] == {"integration_connection_id": "icxn_1"}


@pytest.mark.parametrize(
    ("config", "connection"),
    [
        ({}, None),
        ({"name": "zendesk_dance"}, CONNECTION),
        ({"api_integration_id": "nobody"}, CONNECTION),
        ({}, {**CONNECTION, "integration_id": "hubspot"}),
    ],
)
def test_what_leads_nowhere_has_no_request(config: Json, connection: Json | None) -> None:
    assert expanded({**CONFIG, **config}, connection)["api_schema"] == {}


@pytest.mark.parametrize("prefix", ["path_params.", "$.path_params_schema."])
def test_the_owner_of_the_agent_may_want_it_otherwise(prefix: str) -> None:
    overrides = {
        "schema_overrides": {
            f"{prefix}ticket_id": {"source": "dynamic_variable", "dynamic_variable": "ticket"},
            "request_body.ticket.comment.public": {"source": "constant", "constant_value": True},
            "elsewhere.x": {"source": "omit"},
            "request_body": {"source": "omit"},
        },
        "request_headers": {"X-A": "b"},
        "response_filter_mode": "allow",
        "response_filters": ["ticket.id"],
    }
    api = expanded({**CONFIG, "api_schema_overrides": overrides}, CONNECTION)["api_schema"]
    assert api["path_params_schema"]["ticket_id"]["dynamic_variable"] == "ticket"
    ticket = api["request_body_schema"]["properties"]["ticket"]
    assert ticket["properties"]["comment"]["properties"]["public"]["constant_value"] is True
    assert api["request_headers"] == {"X-A": "b"}
    assert api["response_filter"] == {"mode": "allow", "filters": ["ticket.id"]}
