"""`/v1/convai/api-integrations`, in process."""

from typing import Any

import httpx
import pytest

from api.api_kit import error_of
from turnwise.api import Deps
from turnwise.tools.integrations.catalogue import INTEGRATIONS

pytestmark = pytest.mark.anyio
PATH = "/v1/convai/api-integrations"
TOOLS = "/v1/convai/tools"


def connection(credential: str = "calcom_api_key", **values: object) -> dict[str, Any]:
    return {"name": "Ours", "credential_id": credential, "user_config_values": values}


@pytest.mark.parametrize("name", sorted(INTEGRATIONS))
async def test_an_integration_says_how_to_connect_and_what_it_can_do(
    client: httpx.AsyncClient, name: str
) -> None:
    shown = (await client.get(f"{PATH}/{name}")).json()
    assert shown["id"] == name
    assert all(each["fields"] for each in shown["credentials"])
    tools = (await client.get(f"{PATH}/{name}/tools")).json()["tools"]
    assert tools == shown["tool_provider"]["tools"]
    assert {each["tool_version"] for each in tools} == {"1.0.0"}


async def test_an_unknown_integration_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{PATH}/nobody/tools")
    assert answer.status_code == 404
    assert "calcom, hubspot, salesforce, zendesk" in answer.text


@pytest.mark.parametrize(
    ("name", "body", "place"),
    [
        ("calcom", connection("pigeon"), ["credential_id"]),
        ("calcom", connection(), ["user_config_values", "api_key"]),
        (
            "calcom",
            connection(api_key="k", base_url="http://x.test"),
            ["user_config_values", "base_url"],
        ),
        (
            "zendesk",
            connection("zendesk_api_token", email="a@b.c", api_token="t"),  # noqa: S106
            ["user_config_values", "subdomain"],
        ),
        (
            "salesforce",
            connection("salesforce_access_token", access_token="t"),  # noqa: S106
            ["user_config_values", "base_url"],
        ),
    ],
)
async def test_what_a_connection_lacks_is_named(
    client: httpx.AsyncClient, name: str, body: dict[str, Any], place: list[str]
) -> None:
    answer = await client.post(f"{PATH}/{name}/connections", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", *place]


async def test_what_is_secret_is_sealed(client: httpx.AsyncClient, deps: Deps) -> None:
    body = connection("zendesk_api_token", email="a@b.c", api_token="hush", subdomain="acme")  # noqa: S106
    made = (await client.post(f"{PATH}/zendesk/connections", json=body)).json()
    assert made["connection_id"].startswith("icxn_")
    async with deps.store.reading() as tx:
        record = await tx.records.get("integration_connection", made["connection_id"])
    assert record is not None
    assert "hush" not in str(record.document)
    assert record.document["base_url"] == "https://acme.zendesk.com"
    assert record.document["username"] == "a@b.c/token"


async def test_a_tool_needs_a_connection_and_a_known_name(client: httpx.AsyncClient) -> None:
    made = await client.post(f"{PATH}/calcom/connections", json=connection(api_key="k"))
    config = {
        "type": "api_integration_webhook",
        "name": "calcom_cancel_booking",
        "description": "Cancels.",
        "api_integration_id": "calcom",
        "api_integration_connection_id": made.json()["connection_id"],
    }
    stored = await client.post(TOOLS, json={"tool_config": config})
    assert stored.status_code == 200, stored.text
    tool = stored.json()["tool_config"]
    assert tool["tool_version"] == "1.0.0"
    assert tool["response_timeout_secs"] == 20
    listed = (await client.get(TOOLS, params={"types": "api_integration_webhook"})).json()["tools"]
    assert [each["id"] for each in listed] == [stored.json()["id"]]

    unknown = await client.post(TOOLS, json={"tool_config": {**config, "name": "calcom_dance"}})
    assert unknown.status_code == 422
    assert "calcom_cancel_booking" in unknown.text
    gone = {**config, "api_integration_connection_id": "icxn_gone"}
    missing = await client.post(TOOLS, json={"tool_config": gone})
    assert missing.status_code == 404
    assert error_of(missing)["code"] == "integration_connection_not_found"


async def test_delete_connection_forgets_it(client: httpx.AsyncClient) -> None:
    body = connection(api_key="k")
    made = (await client.post(f"{PATH}/calcom/connections", json=body)).json()
    here = f"{PATH}/calcom/connections/{made['connection_id']}"
    wrong = await client.delete(here.replace("calcom", "zendesk"))
    assert error_of(wrong)["code"] == "integration_connection_not_found"
    assert (await client.delete(here)).json() == {}
    assert (await client.delete(here)).status_code == 404
