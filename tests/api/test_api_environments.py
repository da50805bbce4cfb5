"""`/v1/convai/environments` and `/v1/convai/environment-variables`."""

import asyncio
from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.environment_variables import EnvironmentVariablesCreateRequestBody_String

from api.api_kit import error_of
from turnwise.api import Deps
from turnwise.runtime.configured import variable_id

pytestmark = pytest.mark.anyio
ENVIRONMENTS = "/v1/convai/environments"
VARIABLES = "/v1/convai/environment-variables"


async def made(
    client: httpx.AsyncClient, label: str, values: dict[str, Any], kind: str = "string"
) -> dict[str, Any]:
    answer = await client.post(VARIABLES, json={"type": kind, "label": label, "values": values})
    assert answer.status_code == 200, answer.text
    variable = answer.json()
    assert isinstance(variable, dict)
    return variable


async def names(client: httpx.AsyncClient) -> list[str]:
    return [each["name"] for each in (await client.get(ENVIRONMENTS)).json()["environments"]]


async def test_environments_are_made_listed_and_deleted(client: httpx.AsyncClient) -> None:
    (production,) = (await client.get(ENVIRONMENTS)).json()["environments"]
    assert production["name"] == "production"
    assert production["updated_at_unix_secs"] is None
    assert production["created_by_user_id"] is None
    created = await client.post(ENVIRONMENTS, json={"name": "staging"})
    assert created.json()["name"] == "staging"
    assert created.json()["updated_at_unix_secs"] > 1_700_000_000
    assert await names(client) == ["production", "staging"]
    for name in ("staging", "production"):
        again = await client.post(ENVIRONMENTS, json={"name": name})
        assert again.status_code == 409
        assert error_of(again)["type"] == "conflict"
    gone = await client.delete(f"{ENVIRONMENTS}/staging")
    assert (gone.status_code, gone.content) == (204, b"")
    assert await names(client) == ["production"]
    assert (await client.delete(f"{ENVIRONMENTS}/staging")).status_code == 404
    assert (await client.delete(f"{ENVIRONMENTS}/production")).status_code == 400


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 65, "é", "line\n"])
async def test_create_environment_refuses_names_that_urls_cannot_carry(
    client: httpx.AsyncClient, name: str
) -> None:
    assert (await client.post(ENVIRONMENTS, json={"name": name})).status_code == 400
    assert await names(client) == ["production"]


async def test_create_and_get_environment_variable(client: httpx.AsyncClient) -> None:
    variable = await made(client, "api_host", {"production": "api", "staging": "api.staging"})
    assert variable["id"].startswith("envvar_")
    assert variable["values"] == {"production": "api", "staging": "api.staging"}
    assert (await client.get(f"{VARIABLES}/{variable['id']}")).json() == variable
    assert await names(client) == ["production", "staging"]
    body = {"type": "string", "label": "api_host", "values": {"production": "x"}}
    again = await client.post(VARIABLES, json=body)
    assert again.status_code == 409
    assert (await client.get(f"{VARIABLES}/{variable['id']}")).json() == variable


async def test_update_environment_variable_merges_and_null_takes_a_value_away(
    client: httpx.AsyncClient,
) -> None:
    variable = await made(client, "host", {"production": "p", "staging": "s"})
    url = f"{VARIABLES}/{variable['id']}"
    changed = await client.patch(url, json={"values": {"staging": None, "dev": "d"}})
    assert changed.json()["values"] == {"production": "p", "dev": "d"}
    for values in ({"production": None}, {"dev": {"secret_id": "s"}}, {"a b": "x"}):
        refused = await client.patch(url, json={"values": values})
        assert refused.status_code == 400, refused.text
        assert error_of(refused)["type"] == "invalid_request"
    assert (await client.get(url)).json()["values"] == {"production": "p", "dev": "d"}
    assert await names(client) == ["production", "staging", "dev"]


async def test_delete_environment_takes_its_values_away(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    async with deps.store.writing() as tx:
        for secret_id in ("s1", "s2"):
            await tx.records.create("secret", {}, record_id=secret_id)
    values = {"production": {"secret_id": "s1"}, "staging": {"secret_id": "s2"}}
    variable = await made(client, "key", values, "secret")
    other = await made(client, "host", {"production": "p"})
    async with deps.store.reading() as tx:
        users = await tx.records.users_of("secret", "s2")
    assert users == (("environment_variable", variable["id"]),)
    await client.delete(f"{ENVIRONMENTS}/staging")
    found = (await client.get(f"{VARIABLES}/{variable['id']}")).json()
    assert found["values"] == {"production": {"secret_id": "s1"}}
    assert (await client.get(f"{VARIABLES}/{other['id']}")).json() == other
    async with deps.store.reading() as tx:
        assert await tx.records.users_of("secret", "s2") == ()


async def test_list_environment_variables_filters_and_pages(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    async with deps.store.writing() as tx:
        await tx.records.create("auth_connection", {}, record_id="c1")
    await made(client, "one", {"production": "1", "staging": "2"})
    await made(client, "two", {"production": "1"})
    await made(client, "auth", {"production": {"auth_connection_id": "c1"}}, "auth_connection")

    async def labels(**asked: str) -> list[str]:
        found = (await client.get(VARIABLES, params=asked)).json()["environment_variables"]
        return [each["label"] for each in found]

    assert await labels() == ["auth", "two", "one"]
    assert await labels(label="two") == ["two"]
    assert await labels(label="tw") == []
    assert await labels(type="auth_connection") == ["auth"]
    (row,) = (await client.get(VARIABLES, params={"environment": "staging"})).json()[
        "environment_variables"
    ]
    assert row["values"] == {"staging": "2"}
    first = (await client.get(VARIABLES, params={"page_size": 2})).json()
    assert first["has_more"] is True
    assert await labels(page_size="2", cursor=first["next_cursor"]) == ["one"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"type": "string", "label": "a", "values": {"staging": "x"}}, 400),
        ({"type": "string", "label": "a b", "values": {"production": "x"}}, 400),
        ({"type": "string", "label": "", "values": {"production": "x"}}, 400),
        ({"type": "string", "label": "a", "values": {"production": ""}}, 422),
        ({"type": "string", "label": "a", "values": {"production": {"secret_id": "s"}}}, 422),
        ({"type": "secret", "label": "a", "values": {"production": "x"}}, 422),
        ({"type": "number", "label": "a", "values": {"production": "x"}}, 422),
        ({"type": "secret", "label": "a", "values": {"production": {"secret_id": "no"}}}, 404),
        (
            {
                "type": "auth_connection",
                "label": "a",
                "values": {"production": {"auth_connection_id": "no"}},
            },
            404,
        ),
    ],
)
async def test_create_environment_variable_refuses_what_cannot_be_resolved(
    client: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    answer = await client.post(VARIABLES, json=body)
    assert answer.status_code == status, answer.text
    assert (await client.get(VARIABLES)).json()["environment_variables"] == []


async def test_delete_environment_variable_is_refused_while_tools_use_it(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    variable = await made(client, "host", {"production": "p"})
    url = f"{VARIABLES}/{variable['id']}"
    schema = {"url": "https://{{system__env_host}}.test"}
    tool = {"type": "webhook", "name": "t", "description": "d", "api_schema": schema}
    made_tool = await client.post("/v1/convai/tools", json={"tool_config": tool})
    refused = await client.delete(url)
    assert refused.status_code == 409
    assert "tools" in error_of(refused)["message"]
    await client.delete(f"/v1/convai/tools/{made_tool.json()['id']}")
    async with deps.store.writing() as tx:
        await tx.records.set_uses("agent", "a1", [("environment_variable", variable["id"])])
    assert (await client.delete(url)).status_code == 204
    assert (await client.get(url)).status_code == 404
    assert (await client.delete(url)).status_code == 404


async def test_agents_are_known_to_use_a_variable_and_do_not_keep_it(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    host, key = await made(client, "host", {"production": "h"}), variable_id("key")
    prompt = {
        "prompt": "Ask {{system__env_host}}.",
        "llm": "custom-llm",
        "custom_llm": {"url": "https://x.test", "api_key": {"env_var_label": "key"}},
    }
    body = {"name": "A", "conversation_config": {"agent": {"prompt": prompt}}}
    answer = await client.post("/v1/convai/agents/create", json=body)
    agent_id = answer.json()["agent_id"]
    async with deps.store.reading() as tx:
        for used in (host["id"], key):
            users = await tx.records.users_of("environment_variable", used)
            assert users == (("agent", agent_id),)
    assert (await client.delete(f"{VARIABLES}/{host['id']}")).status_code == 204
    plain = {"conversation_config": {"agent": {"prompt": {"prompt": "Ask nobody."}}}}
    await client.patch(f"/v1/convai/agents/{agent_id}", json=plain)
    async with deps.store.reading() as tx:
        assert await tx.records.users_of("environment_variable", host["id"]) == ()


async def test_update_environment_variable_at_once_loses_nothing(client: httpx.AsyncClient) -> None:
    variable = await made(client, "host", {"production": "p"})
    url = f"{VARIABLES}/{variable['id']}"
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            body = {"values": {f"env{number}": str(number)}}
            group.create_task(client.patch(url, json=body))
    values = (await client.get(url)).json()["values"]
    assert values == {"production": "p"} | {f"env{number}": str(number) for number in range(8)}
    assert len(await names(client)) == 9


def test_the_sdk_keeps_environments_and_their_variables(sdk: ElevenLabs) -> None:
    assert sdk.environments.create(name="staging").name == "staging"
    request = EnvironmentVariablesCreateRequestBody_String(
        label="host", values={"production": "p", "staging": "s"}
    )
    variable = sdk.environment_variables.create(request=request)
    assert variable.type == "string"
    assert sdk.environment_variables.get(variable.id).values == variable.values
    page = sdk.environment_variables.list(label="host", environment="staging")
    assert page.environment_variables[0].values == {"staging": "s"}
    changed = sdk.environment_variables.update(variable.id, values={"staging": None})
    assert changed.values == {"production": "p"}
    assert [each.name for each in sdk.environments.list().environments] == ["production", "staging"]
    sdk.environments.delete("staging")
    sdk.environment_variables.delete(variable.id)
    with pytest.raises(ApiError) as caught:
        sdk.environment_variables.get(variable.id)
    assert caught.value.status_code == 404
