"""`/v1/convai/mcp-servers`, in process, against real MCP servers, and through the official SDK."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from elevenlabs import McpServerConfigInput
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from mcp.server.mcpserver import MCPServer

from api.api_kit import KEY, error_of
from api.conftest import opened
from outgoing.mcp_rig import serving
from turnwise.api import Deps, create_api
from turnwise.outgoing import Outgoing, Policy
from turnwise.outgoing.mcp_servers import Transport

pytestmark = pytest.mark.anyio
SERVERS = "/v1/convai/mcp-servers"
CONFIG = {"name": "Weather", "url": "https://mcp.test/mcp"}
PER_TOOL = "require_approval_per_tool"


@pytest.fixture
async def reaching(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Deps]]:
    """A client of a server that may call servers on loopback."""
    outgoing = Outgoing(Policy(allow_private=True))
    async with opened(tmp_path, outgoing=outgoing) as deps:
        transport = httpx.ASGITransport(create_api(deps))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test.local", headers={"xi-api-key": KEY}
        ) as client:
            yield client, deps
    await outgoing.aclose()


async def made(client: httpx.AsyncClient, **more: object) -> dict[str, Any]:
    answer = await client.post(SERVERS, json={"config": {**CONFIG, **more}})
    assert answer.status_code == 200, answer.text
    server = answer.json()
    assert isinstance(server, dict)
    return server


async def test_create_get_and_list_mcp_servers(client: httpx.AsyncClient, deps: Deps) -> None:
    server = await made(client, mine={"kept": None}, request_headers={"x-a": "b"})
    assert server["config"]["transport"] == "SSE"
    assert server["config"]["response_timeout_secs"] == 30
    assert server["config"]["approval_policy"] == "require_approval_all"
    assert server["config"]["mine"] == {"kept": None}
    assert server["metadata"]["created_at"] > 1_700_000_000
    async with deps.store.writing() as tx:
        await tx.records.set_uses("agent", "a1", [("mcp_server", server["id"])])
    found = (await client.get(f"{SERVERS}/{server['id']}")).json()
    assert found == server | {"dependent_agents": [{"type": "unknown", "id": "a1"}]}
    assert (await client.get(SERVERS)).json()["mcp_servers"] == [found]


async def test_update_mcp_server_replaces_what_is_named_and_null_resets(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    async with deps.store.writing() as tx:
        await tx.records.create("secret", {}, record_id="s1")
    server = await made(
        client, request_headers={"x-a": "b"}, tool_call_sound="typing", response_timeout_secs=99
    )
    url = f"{SERVERS}/{server['id']}"
    body = {
        "request_headers": {"x-c": "d"},
        "tool_call_sound": None,
        "response_timeout_secs": None,
        "secret_token": {"secret_id": "s1"},
        "new_field": [None],
    }
    config = (await client.patch(url, json=body)).json()["config"]
    assert config["request_headers"] == {"x-c": "d"}
    assert config["tool_call_sound"] is None
    assert config["response_timeout_secs"] == 30
    assert config["new_field"] == [None]
    assert config["url"] == CONFIG["url"]
    async with deps.store.reading() as tx:
        assert await tx.records.users_of("secret", "s1") == (("mcp_server", server["id"]),)
    missing = await client.patch(url, json={"secret_token": {"secret_id": "no"}})
    assert error_of(missing)["code"] == "secret_not_found"
    policy = await client.patch(f"{url}/approval-policy", json={"approval_policy": PER_TOOL})
    assert policy.json()["config"]["approval_policy"] == PER_TOOL
    assert policy.json()["config"]["request_headers"] == {"x-c": "d"}
    wrong = await client.patch(f"{url}/approval-policy", json={"approval_policy": "never"})
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    ("config", "loc"),
    [
        ({"name": "n"}, ["body", "config", "url"]),
        ({"name": "n", "url": "http://mcp.test"}, ["body", "config", "url"]),
        ({"name": "n", "url": "mcp.test"}, ["body", "config", "url"]),
        ({**CONFIG, "transport": "PIGEON"}, ["body", "config", "transport"]),
        ({**CONFIG, "response_timeout_secs": 4}, ["body", "config", "response_timeout_secs"]),
    ],
)
async def test_create_mcp_server_refuses_what_cannot_be_reached(
    client: httpx.AsyncClient, config: dict[str, Any], loc: list[str]
) -> None:
    answer = await client.post(SERVERS, json={"config": config})
    assert answer.status_code == 422
    assert [problem["loc"][: len(loc)] for problem in answer.json()["detail"]] == [loc]


async def test_delete_mcp_server_is_refused_while_agents_use_it(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    server = await made(client)
    url = f"{SERVERS}/{server['id']}"
    async with deps.store.writing() as tx:
        await tx.records.set_uses("agent", "a1", [("mcp_server", server["id"])])
    assert error_of(await client.delete(url))["status"] == "mcp_server_in_use"
    async with deps.store.writing() as tx:
        await tx.records.set_uses("agent", "a1", [])
    assert (await client.delete(url)).status_code == 200
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/tools"),
        ("GET", "/tool-configs/t"),
        ("DELETE", "/tool-configs/t"),
        ("DELETE", "/tool-approvals/t"),
    ):
        gone = await client.request(method, url + path)
        assert error_of(gone)["code"] == "mcp_server_not_found", path


async def test_tool_configs_of_an_mcp_server_are_made_changed_and_deleted(
    client: httpx.AsyncClient,
) -> None:
    url = f"{SERVERS}/{(await made(client))['id']}/tool-configs"
    body = {
        "tool_name": "forecast",
        "tool_call_sound": "off",
        "input_overrides": {"city": {"source": "constant", "constant_value": "Bath"}},
        "response_timeout_secs": 7,
    }
    created = await client.post(url, json=body, params={"environment": "staging"})
    assert created.status_code == 200, created.text
    (kept,) = created.json()["config"]["tool_config_overrides"]
    assert kept["tool_call_sound"] == "off"
    found = (await client.get(f"{url}/forecast")).json()
    assert found == kept
    assert found["input_overrides"] == body["input_overrides"]
    assert (await client.post(url, json=body)).status_code == 409
    patch = {"tool_call_sound": None, "execution_mode": "async"}
    assert (await client.patch(f"{url}/forecast", json=patch)).status_code == 200
    changed = (await client.get(f"{url}/forecast")).json()
    assert changed == found | patch
    await client.post(url, json={"tool_name": "with/slash é"})
    assert (await client.get(f"{url}/with%2Fslash%20%C3%A9")).status_code == 200
    left = (await client.delete(f"{url}/forecast")).json()["config"]["tool_config_overrides"]
    assert [each["tool_name"] for each in left] == ["with/slash é"]
    for method in ("GET", "PATCH", "DELETE"):
        gone = await client.request(
            method, f"{url}/forecast", json={} if method == "PATCH" else None
        )
        assert error_of(gone)["code"] == "tool_config_not_found"


async def test_tool_approvals_at_once_lose_nothing(client: httpx.AsyncClient) -> None:
    url = f"{SERVERS}/{(await made(client))['id']}"
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            body = {"tool_name": f"t{number}", "tool_description": "d"}
            group.create_task(client.post(f"{url}/tool-approvals", json=body))
    hashes = (await client.get(url)).json()["config"]["tool_approval_hashes"]
    assert {each["tool_name"] for each in hashes} == {f"t{number}" for number in range(8)}
    left = (await client.delete(f"{url}/tool-approvals/t3")).json()
    assert len(left["config"]["tool_approval_hashes"]) == 7
    gone = await client.delete(f"{url}/tool-approvals/t3")
    assert error_of(gone)["code"] == "tool_approval_not_found"


@pytest.mark.parametrize("transport", ["SSE", "STREAMABLE_HTTP"])
async def test_list_mcp_tools_asks_the_server_and_tells_which_are_approved(
    reaching: tuple[httpx.AsyncClient, Deps], transport: Transport
) -> None:
    client, _ = reaching
    async with serving(transport) as url:
        server = await made(client, url=url, transport=transport, approval_policy=PER_TOOL)
        path = f"{SERVERS}/{server['id']}"

        async def listed() -> tuple[dict[str, Any], dict[str, Any]]:
            answer = (await client.get(f"{path}/tools")).json()
            assert answer["success"] is True, answer
            return answer["tools"][0], answer["tool_approval_statuses"][0]

        tool, status = await listed()
        assert tool["name"] == "forecast"
        assert status == {
            "tool_id": f"mcp:{server['id']}:forecast",
            "state": "not_approved",
            "approval_policy": None,
            "approved_definition": None,
        }
        approval = {
            "tool_name": "forecast",
            "tool_description": tool["description"],
            "input_schema": tool["inputSchema"],
            "approval_policy": "auto_approved",
        }
        approved = await client.post(f"{path}/tool-approvals", json=approval)
        assert len(approved.json()["config"]["tool_approval_hashes"]) == 1
        _, status = await listed()
        assert (status["state"], status["approval_policy"]) == ("up_to_date", "auto_approved")
        older = {"tool_name": "forecast", "tool_description": "Another.", "input_schema": {}}
        await client.post(f"{path}/tool-approvals", json=older)
        _, status = await listed()
        assert status["state"] == "needs_review"
        assert status["approved_definition"] == {"description": "Another.", "input_schema": {}}


async def test_list_mcp_tools_sends_what_the_settings_refer_to(
    reaching: tuple[httpx.AsyncClient, Deps],
) -> None:
    client, _ = reaching

    async def posted(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert isinstance(found, dict)
        return found

    secret = await posted("/v1/convai/secrets", {"type": "new", "name": "k", "value": "s3cret"})
    connection = await posted(
        "/v1/workspace/auth-connections",
        {"auth_type": "bearer_auth", "name": "c", "provider": "p", "token": "t0ken"},
    )
    seen: list[dict[str, str]] = []
    async with serving("STREAMABLE_HTTP", seen=seen) as url:
        values = {"production": "nowhere.test", "local": url.removeprefix("http://")}
        variable = {"type": "string", "label": "host", "values": values}
        await posted("/v1/convai/environment-variables", variable)
        server = await made(
            client,
            url="http://{{system__env_host}}",
            transport="STREAMABLE_HTTP",
            request_headers={
                "x-secret": {"secret_id": secret["secret_id"]},
                "x-host": {"env_var_label": "host"},
                "x-later": {"variable_name": "caller"},
            },
            auth_connection={"auth_connection_id": connection["id"]},
        )
        path = f"{SERVERS}/{server['id']}/tools"
        answer = (await client.get(path, params={"environment": "local"})).json()
        assert answer["success"] is True, answer
        assert answer["tool_approval_statuses"] == []
        sent = next(headers for headers in seen if headers)
        assert sent["x-secret"] == "s3cret"
        assert sent["x-host"] == values["local"]
        assert sent["authorization"] == "Bearer t0ken"
        assert "x-later" not in sent
        elsewhere = (await client.get(path)).json()
        assert elsewhere["success"] is False
        assert "cannot be resolved" in elsewhere["error_message"]


async def test_list_mcp_tools_of_a_server_that_cannot_be_asked_says_why(
    client: httpx.AsyncClient, reaching: tuple[httpx.AsyncClient, Deps]
) -> None:
    open_client, _ = reaching
    server = await made(open_client, url="http://127.0.0.1:9/mcp", response_timeout_secs=5)
    answer = (await open_client.get(f"{SERVERS}/{server['id']}/tools")).json()
    assert (answer["success"], answer["tools"]) == (False, [])
    assert answer["error_message"].startswith("The MCP server's tools cannot be listed: ")
    label = {"env_var_label": "nobody"}
    server = await made(open_client, request_headers={"x": label})
    answer = (await open_client.get(f"{SERVERS}/{server['id']}/tools")).json()
    assert "there is no environment variable 'nobody'" in answer["error_message"]
    shut = await made(client)
    answer = (await client.get(f"{SERVERS}/{shut['id']}/tools")).json()
    assert "reaches no other servers" in answer["error_message"]


async def test_list_mcp_tools_does_not_lead_into_the_servers_own_network(tmp_path: Path) -> None:
    asked: list[dict[str, str]] = []
    outgoing = Outgoing(Policy())
    async with (
        serving("STREAMABLE_HTTP", seen=asked) as url,
        opened(tmp_path, outgoing=outgoing) as deps,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(create_api(deps)),
            base_url="http://test.local",
            headers={"xi-api-key": KEY},
        ) as client,
    ):
        private = url.replace("http://", "https://")
        server = await made(client, url=private, transport="STREAMABLE_HTTP")
        answer = (await client.get(f"{SERVERS}/{server['id']}/tools")).json()
        assert "must not lead into" in answer["error_message"]
    await outgoing.aclose()
    assert [headers for headers in asked if headers] == []


async def test_list_mcp_tools_reads_every_page_and_any_schema(
    reaching: tuple[httpx.AsyncClient, Deps],
) -> None:
    client, _ = reaching
    many = MCPServer("many")
    for number in range(30):

        def tool(text: str = "é", count: int = number) -> str:
            return text * count

        many.add_tool(tool, name=f"tool_{number}", title="Über", description="")
    async with serving("STREAMABLE_HTTP", many) as url:
        server = await made(client, url=url, transport="STREAMABLE_HTTP")
        answer = (await client.get(f"{SERVERS}/{server['id']}/tools")).json()
    assert [each["name"] for each in answer["tools"]] == [f"tool_{n}" for n in range(30)]
    assert answer["tools"][0]["title"] == "Über"


def test_the_sdk_keeps_mcp_servers(sdk: ElevenLabs) -> None:
    servers = sdk.conversational_ai.mcp_servers
    server = servers.create(config=McpServerConfigInput(name="Weather", url="https://mcp.test"))
    assert servers.get(server.id).config.name == "Weather"
    assert [each.id for each in servers.list().mcp_servers] == [server.id]
    assert servers.update(server.id, response_timeout_secs=9).config.response_timeout_secs == 9
    policy = servers.approval_policy.update(server.id, approval_policy=PER_TOOL)
    assert policy.config.approval_policy == PER_TOOL
    approved = servers.tool_approvals.create(server.id, tool_name="t", tool_description="d")
    assert approved.config.tool_approval_hashes is not None
    assert len(approved.config.tool_approval_hashes[0].tool_hash) == 64
    assert servers.tool_approvals.delete(server.id, "t").config.tool_approval_hashes == []
    servers.tool_configs.create(server.id, tool_name="t", tool_call_sound="off")
    assert servers.tool_configs.get(server.id, "t").tool_call_sound == "off"
    servers.tool_configs.update(server.id, "t", execution_mode="async")
    assert servers.tool_configs.get(server.id, "t").execution_mode == "async"
    servers.tool_configs.delete(server.id, "t")
    listed = servers.tools.list(server.id)
    assert (listed.success, listed.tools) == (False, [])
    servers.delete(server.id)
    with pytest.raises(ApiError) as caught:
        servers.get(server.id)
    assert caught.value.status_code == 404
