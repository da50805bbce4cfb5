"""MCP tools of a real server: a scripted model calls them, the official SDK's servers run them."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from starlette.responses import JSONResponse, Response

from acceptance.brain import Brain, Call, Step
from acceptance.callers import AS_TEXT, Caller
from acceptance.conftest import MakeHouse
from acceptance.house import KEY, House, agent, wait_until
from acceptance.js_client import HANG_UP, happened, talk, write
from acceptance.mcp_service import McpService
from acceptance.pages import Browser
from acceptance.test_tools import asked_once, calling, calls_in, post, results_in
from acceptance.tool_service import Got, ToolService

pytestmark = pytest.mark.acceptance

Json = dict[str, Any]
EVENTS = ["agent_response", "mcp_tool_call", "mcp_connection_status", "agent_tool_response"]
FIND = Call("find_order", {"number": 7})


@pytest.fixture(scope="module")
def _mcp_house(make_house: MakeHouse, brain: Brain) -> House:
    house = make_house(
        LLM="openai",
        LLM_BASE_URL=brain.base_url,
        LLM_API_KEY="none",
        LLM_MODEL="scripted",
        ALLOW_PRIVATE_NETWORK="true",
    )
    # the first use of all loads the SDK, which takes longer than a reply waits on a busy machine
    with McpService().serve() as service:
        assert house.ask(f"/v1/convai/mcp-servers/{connected(house, service)}/tools")["success"]
    return house


def allow(house: House, *, allowed: bool) -> None:
    body = {"can_use_mcp_servers": allowed}
    headers = {"xi-api-key": KEY}
    answer = httpx.patch(f"{house.url}/v1/convai/settings", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.fixture
def mcp_house(_mcp_house: House) -> Iterator[House]:
    """A server whose workspace may use MCP servers, on this machine too."""
    allow(_mcp_house, allowed=True)
    before = _mcp_house.faults()
    yield _mcp_house
    assert _mcp_house.faults() == before


@pytest.fixture
def mcp_sdk(mcp_house: House) -> Iterator[ElevenLabs]:
    with httpx.Client() as http:
        yield ElevenLabs(api_key=KEY, base_url=mcp_house.url, httpx_client=http)


@pytest.fixture
def service() -> Iterator[McpService]:
    with McpService().serve() as serving:
        yield serving


def connected(house: House, service: McpService, **config: object) -> str:
    """Store an MCP server; return its id."""
    settings: Json = {
        "name": "Shop",
        "url": service.url,
        "transport": service.transport,
        "approval_policy": "auto_approve_all",
        **config,
    }
    return str(post(house, "/v1/convai/mcp-servers", {"config": settings})["id"])


def with_servers(prompt: str, *ids: str, tools: list[Json] | None = None) -> Json:
    document = agent(prompt, tools=tools)
    document["conversation_config"]["agent"]["prompt"]["mcp_server_ids"] = list(ids)
    document["conversation_config"]["conversation"] = {"client_events": EVENTS}
    return document


def offered(brain: Brain, prompt: str) -> Json:
    """The tools of the first request, by name."""
    tools = brain.heard(prompt)[0].get("tools") or []
    return {each["function"]["name"]: each["function"] for each in tools}


def states(caller: Caller) -> list[Json]:
    return [got.message["mcp_tool_call"] for got in caller.of("mcp_tool_call")]


@pytest.mark.parametrize("transport", ["STREAMABLE_HTTP", "SSE"])
def test_an_agent_uses_the_tools_of_its_server(
    mcp_house: House, mcp_sdk: ElevenLabs, brain: Brain, transport: str
) -> None:
    secret = post(mcp_house, "/v1/convai/secrets", {"type": "new", "name": "k", "value": "hush"})
    with McpService(transport=transport).serve() as service:
        server = connected(
            mcp_house,
            service,
            secret_token={"secret_id": secret["secret_id"]},
            request_headers={"X-Conversation": "{{system__conversation_id}}"},
            request_meta={"caller": {"variable_name": "who"}, "tries": 3},
        )
        prompt = brain.learn(calling(FIND))
        document = with_servers(prompt, server)
        variables = {"who": "Ada"}
        reply, record = asked_once(mcp_house, mcp_sdk, document, dynamic_variables=variables)
    assert reply == "Done: Order 7 is on its way."
    [run] = service.called
    assert (run["number"], run["detail"]) == (7, None)
    assert (run["meta"]["caller"], run["meta"]["tries"]) == ("Ada", 3)
    assert {each["authorization"] for each in service.headers} == {"hush"}
    assert {each["x-conversation"] for each in service.headers} == {record["conversation_id"]}
    tools = offered(brain, prompt)
    assert list(tools) == ["find_order", "shop_refund", "ponder"]
    # as the server wrote it: an optional text, which no simpler notation has
    detail = tools["find_order"]["parameters"]["properties"]["detail"]
    assert detail["anyOf"] == [{"type": "string"}, {"type": "null"}]
    [call], [result] = calls_in(record), results_in(record)
    assert (call["type"], call["tool_id"]) == ("mcp", f"mcp:{server}:find_order")
    assert call["tool_details"] == {
        "type": "mcp",
        "mcp_server_id": server,
        "mcp_server_name": "Shop",
        "integration_type": "mcp_server",
        "parameters": {"number": "7"},
        "approval_policy": "auto_approve_all",
        "requires_approval": False,
        "mcp_tool_name": "find_order",
        "mcp_tool_description": "Finds an order.",
    }
    assert (result["type"], result["is_error"]) == ("mcp", False)
    assert result["result_value"] == "Order 7 is on its way."
    assert record["metadata"]["warnings"] == []
    assert "hush" not in json.dumps(record)


def test_the_client_is_told_of_servers_and_calls(
    mcp_house: House, brain: Brain, service: McpService
) -> None:
    server = connected(mcp_house, service)
    nowhere = connected(mcp_house, McpService())
    agent_id = mcp_house.create(with_servers(brain.learn(calling(FIND)), server, nowhere))
    with Caller(mcp_house.socket_url(agent_id), AS_TEXT) as caller:
        status = caller.wait("mcp_connection_status")["mcp_connection_status"]
        assert status["integrations"] == [
            {
                "integration_id": server,
                "integration_type": "mcp_server",
                "is_connected": True,
                "tool_count": 3,
            },
            {
                "integration_id": nowhere,
                "integration_type": "mcp_server",
                "is_connected": False,
                "tool_count": 0,
            },
        ]
        caller.write("go")
        caller.wait("agent_response")
        news = states(caller)
        conversation_id = caller.conversation_id
    assert [each["state"] for each in news] == ["loading", "success"]
    assert news[1]["result"] == [{"type": "text", "text": "Order 7 is on its way."}]
    for each in news:
        assert each["service_id"] == server
        assert each["tool_name"] == "find_order"
        assert each["tool_description"] == "Finds an order."
        assert each["parameters"] == {"number": 7}
        assert each["timestamp"][:2] == "20"
    [result] = results_in(mcp_house.ended(conversation_id))
    assert result["request_id"] == news[0]["tool_call_id"]
    warnings = mcp_house.conversation(conversation_id)["metadata"]["warnings"]
    assert [each for each in warnings if each.startswith(f"MCP server {nowhere}: ")]


@pytest.mark.parametrize(
    ("approved", "told", "end"),
    [
        (True, "Order 7 is on its way.", "success"),
        (False, "The user did not approve of this call.", "failure"),
    ],
)
def test_the_user_is_asked_before_a_tool_runs(
    mcp_house: House,
    brain: Brain,
    service: McpService,
    *,
    approved: bool,
    told: str,
    end: str,
) -> None:
    server = connected(mcp_house, service, approval_policy="require_approval_all")
    agent_id = mcp_house.create(with_servers(brain.learn(calling(FIND)), server))
    with Caller(mcp_house.socket_url(agent_id), AS_TEXT) as caller:
        caller.write("go")
        asked = caller.wait("mcp_tool_call", 2)["mcp_tool_call"]
        assert (asked["state"], asked["approval_timeout_secs"]) == ("awaiting_approval", 300)
        result = {"type": "mcp_tool_approval_result", "is_approved": approved}
        caller.send({**result, "tool_call_id": "of_nobody"})
        time.sleep(0.5)
        assert service.called == []
        caller.send({**result, "tool_call_id": asked["tool_call_id"]})
        reply = caller.wait("agent_response")["agent_response_event"]["agent_response"]
        news = states(caller)
        conversation_id = caller.conversation_id
    assert reply == f"Done: {told}"
    assert [each["state"] for each in news] == ["loading", "awaiting_approval", end]
    assert len(service.called) == approved
    record = mcp_house.ended(conversation_id)
    [call], [answer] = calls_in(record), results_in(record)
    assert call["tool_details"]["requires_approval"] is True
    assert answer["is_error"] is not approved
    if not approved:
        assert news[2]["error_message"] == told
        assert answer["error_type"] == "external_client"


def test_a_client_that_cannot_ask_is_not_waited_for(
    mcp_house: House, brain: Brain, service: McpService
) -> None:
    server = connected(mcp_house, service, approval_policy="require_approval_all")
    document = with_servers(brain.learn(calling(FIND)), server)
    document["conversation_config"]["conversation"]["client_events"] = ["agent_response"]
    with Caller(mcp_house.socket_url(mcp_house.create(document)), AS_TEXT) as caller:
        caller.write("go")
        reply = caller.wait("agent_response")["agent_response_event"]["agent_response"]
    assert "needs the user's approval" in reply
    assert service.called == []


def test_a_conversation_that_ends_while_the_user_is_asked_is_over_at_once(
    mcp_house: House, brain: Brain, service: McpService
) -> None:
    server = connected(mcp_house, service, approval_policy="require_approval_all")
    agent_id = mcp_house.create(with_servers(brain.learn(calling(FIND)), server))
    with Caller(mcp_house.socket_url(agent_id), AS_TEXT) as caller:
        caller.write("go")
        caller.wait("mcp_tool_call", 2)
        conversation_id = caller.conversation_id
    began = time.monotonic()
    assert mcp_house.ended(conversation_id)["status"] == "done"
    assert time.monotonic() - began < 10
    assert service.called == []


def test_single_tools_are_approved_as_they_are(
    mcp_house: House, brain: Brain, service: McpService
) -> None:
    server = connected(mcp_house, service, approval_policy="require_approval_per_tool")
    path = f"/v1/convai/mcp-servers/{server}"
    listed = mcp_house.ask(f"{path}/tools")["tools"]
    found = next(each for each in listed if each["name"] == "find_order")
    approval = {
        "tool_name": "find_order",
        "tool_description": found["description"],
        "input_schema": found["inputSchema"],
        "approval_policy": "auto_approved",
    }
    prompt = brain.learn(calling(FIND))
    agent_id = mcp_house.create(with_servers(prompt, server))

    def needs() -> bool:
        with Caller(mcp_house.socket_url(agent_id), AS_TEXT) as caller:
            caller.write("go")
            return bool(caller.wait("mcp_tool_call", 2)["mcp_tool_call"]["state"] != "success")

    assert needs()
    post(mcp_house, f"{path}/tool-approvals", approval)
    assert not needs()
    post(mcp_house, f"{path}/tool-approvals", {**approval, "tool_description": "It was other."})
    assert needs()


def test_a_tool_that_fails_tells_the_model_why(
    mcp_house: House, mcp_sdk: ElevenLabs, brain: Brain, service: McpService
) -> None:
    server = connected(mcp_house, service)
    prompt = brain.learn(calling(Call("shop_refund", {"number": 1})))
    reply, record = asked_once(mcp_house, mcp_sdk, with_servers(prompt, server))
    assert "order 1 is too old" in reply
    [call], [result] = calls_in(record), results_in(record)
    assert call["tool_details"]["mcp_tool_name"] == "shop.refund"
    assert (result["is_error"], result["error_type"]) == (True, "external_server")


def test_a_tool_that_is_too_slow_is_given_up(
    mcp_house: House, brain: Brain, service: McpService
) -> None:
    server = connected(mcp_house, service, response_timeout_secs=5)
    script = calling(Call("ponder", {"seconds": 9}), FIND)
    agent_id = mcp_house.create(with_servers(brain.learn(script), server))
    with Caller(mcp_house.socket_url(agent_id), AS_TEXT) as caller:
        caller.write("go")
        caller.wait("agent_response")
        wait_until(lambda: states(caller)[-1]["state"] == "failure", "the failure")
        assert states(caller)[-1]["error_message"] == "there was no answer within 5 s"
        caller.write("go on")
        reply = caller.wait("agent_response", 2)["agent_response_event"]["agent_response"]
    assert reply == "Done: Order 7 is on its way."


# the SDK's own server leaves streams open when it is torn down
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("transport", ["STREAMABLE_HTTP", "SSE"])
def test_a_server_that_dies_is_survived_and_found_again(
    mcp_house: House, brain: Brain, transport: str
) -> None:
    service = McpService(transport=transport)
    server = connected(mcp_house, service)
    ponder = Call("ponder", {"seconds": 2})
    agent_id = mcp_house.create(with_servers(brain.learn(calling(ponder, FIND, FIND)), server))
    life = ExitStack()
    life.enter_context(service.serve())
    with life, Caller(mcp_house.socket_url(agent_id), AS_TEXT) as caller:
        caller.write("go")
        wait_until(lambda: service.called, "the call")
        life.close()  # while it ponders
        caller.wait("agent_response")
        assert states(caller)[-1]["state"] == "failure"
        caller.write("again")
        caller.wait("agent_response", 2)
        assert states(caller)[-1]["state"] == "failure"
        life.enter_context(service.serve())
        caller.write("once more")
        reply = caller.wait("agent_response", 3)["agent_response_event"]["agent_response"]
        conversation_id = caller.conversation_id
    assert reply == "Done: Order 7 is on its way."
    record = mcp_house.ended(conversation_id)
    assert record["status"] == "done"
    assert [each["is_error"] for each in results_in(record)] == [True, True, False]


def test_settings_of_single_tools(
    mcp_house: House, mcp_sdk: ElevenLabs, brain: Brain, service: McpService
) -> None:
    server = connected(mcp_house, service)
    post(
        mcp_house,
        f"/v1/convai/mcp-servers/{server}/tool-configs",
        {
            "tool_name": "find_order",
            "execution_mode": "immediate",
            "response_timeout_secs": 11,
            "input_overrides": {
                "$.number": {"source": "dynamic_variable", "dynamic_variable": "order"},
                "detail": {"source": "constant", "constant_value": "full"},
            },
            "assignments": [{"dynamic_variable": "found", "value_path": "nothing"}],
        },
    )
    forged = Call("find_order", {"number": 1, "detail": "forged"})
    prompt = brain.learn(calling(forged))
    document = with_servers(prompt, server)
    reply, _ = asked_once(mcp_house, mcp_sdk, document, dynamic_variables={"order": "12"})
    assert reply == "Done: Order 12 is on its way."
    assert (service.called[0]["number"], service.called[0]["detail"]) == (12, "full")
    assert offered(brain, prompt)["find_order"]["parameters"]["properties"] == {}


def test_a_stored_tool_of_a_server_has_settings_of_its_own(
    mcp_house: House, mcp_sdk: ElevenLabs, brain: Brain, service: McpService
) -> None:
    numbers = {"type": "integer", "description": "of the order"}
    config = {
        "type": "mcp",
        "name": "find_order",
        "description": "Finds an order.",
        "integration_type": "mcp_server",
        "parameters": {"type": "object", "properties": {"number": numbers}},
        "mcp_tool_name": "find_order",
        "mcp_tool_description": "Finds an order.",
        "mcp_server_id": connected(mcp_house, service),
        "mcp_server_name": "Shop",
        "approval_policy": "auto_approve_all",
        "input_overrides": {
            "number": {"source": "dynamic_variable", "dynamic_variable": "order"},
        },
    }
    tool = post(mcp_house, "/v1/convai/tools", {"tool_config": config})["id"]
    prompt = brain.learn(calling(Call("find_order", {"number": 1})))
    document = agent(prompt)
    document["conversation_config"]["agent"]["prompt"]["tool_ids"] = [tool]
    reply, _ = asked_once(mcp_house, mcp_sdk, document, dynamic_variables={"order": "12"})
    assert reply == "Done: Order 12 is on its way."
    assert offered(brain, prompt)["find_order"]["parameters"]["properties"] == {}


def test_a_remembered_token_that_is_refused_is_fetched_anew(
    mcp_house: House, mcp_sdk: ElevenLabs, brain: Brain, service: McpService
) -> None:
    with ToolService().serve() as provider:
        tokens = ["t1", "t2"]

        def grant(_: Got) -> Response:
            return JSONResponse({"access_token": tokens.pop(0), "expires_in": 3600})

        connection = {
            "auth_type": "oauth2_client_credentials",
            "name": "shop",
            "provider": "shop",
            "client_id": "me",
            "client_secret": "hush",
            "token_url": provider.on("/token", grant),
            "scopes": [],
        }
        made = post(mcp_house, "/v1/workspace/auth-connections", connection)
        auth = {"auth_connection_id": made["id"]}
        server = connected(mcp_house, service, auth_connection=auth)
        for token in ("t1", "t1", "t2"):
            service.token = token
            reply, _ = asked_once(
                mcp_house, mcp_sdk, with_servers(brain.learn(calling(FIND)), server)
            )
            assert reply == "Done: Order 7 is on its way."
        assert len(provider.at("/token")) == 2


def test_an_agent_that_takes_over_has_its_own_servers(
    mcp_house: House, mcp_sdk: ElevenLabs, brain: Brain, service: McpService
) -> None:
    server = connected(mcp_house, service)
    heir_prompt = brain.learn(calling(FIND))
    heir = mcp_house.create(with_servers(heir_prompt, server))
    transfer = {
        "type": "system",
        "name": "transfer_to_agent",
        "description": "",
        "params": {
            "system_tool_type": "transfer_to_agent",
            "transfers": [{"agent_id": heir, "condition": "always"}],
        },
    }
    hand_over = Call("transfer_to_agent", {"agent_number": 0, "reason": "x"})
    first_prompt = brain.learn(calling(hand_over))
    document = with_servers(first_prompt, tools=[transfer])
    reply, record = asked_once(mcp_house, mcp_sdk, document)
    assert reply == "Done: Order 7 is on its way."
    assert "find_order" not in offered(brain, first_prompt)
    assert "find_order" in offered(brain, heir_prompt)
    assert calls_in(record)[-1]["tool_id"] == f"mcp:{server}:find_order"


def test_names_of_tools_are_unique(
    mcp_house: House, mcp_sdk: ElevenLabs, brain: Brain, service: McpService
) -> None:
    server = connected(mcp_house, service)
    own = {"type": "client", "name": "find_order", "description": "The client's own."}
    prompt = brain.learn(calling(Call("Shop_find_order", {"number": 3})))
    reply, _ = asked_once(mcp_house, mcp_sdk, with_servers(prompt, server, tools=[own]))
    assert reply == "Done: Order 3 is on its way."
    assert list(offered(brain, prompt)) == [
        "find_order",
        "Shop_find_order",
        "shop_refund",
        "ponder",
    ]


def test_a_slow_server_delays_neither_the_first_message_nor_a_reply_for_long(
    mcp_house: House, brain: Brain
) -> None:
    def script(messages: list[Json]) -> list[Step]:
        return ["Later." if len(messages) < 6 else "Now."]

    with McpService(delay_s=1.8).serve() as service:
        server = connected(mcp_house, service)
        prompt = brain.learn(script)
        document = with_servers(prompt, server)
        document["conversation_config"]["agent"]["first_message"] = "Hello!"
        began = time.monotonic()
        with Caller(mcp_house.socket_url(mcp_house.create(document)), AS_TEXT) as caller:
            caller.wait("agent_response")
            assert time.monotonic() - began < 1.5
            caller.write("go")
            caller.wait("agent_response", 2)
            assert time.monotonic() - began < 4.5
            caller.wait("mcp_connection_status")
            caller.write("now")
            caller.wait("agent_response", 3)
    first, second = brain.heard(prompt)
    assert not first.get("tools")
    assert second["tools"][0]["function"]["name"] == "find_order"


def test_the_workspace_must_allow_mcp_servers(
    mcp_house: House, mcp_sdk: ElevenLabs, brain: Brain, service: McpService
) -> None:
    server = connected(mcp_house, service)
    allow(mcp_house, allowed=False)
    prompt = brain.learn(["Without."])
    _, record = asked_once(mcp_house, mcp_sdk, with_servers(prompt, server))
    assert service.headers == []
    [warning] = record["metadata"]["warnings"]
    assert "can_use_mcp_servers" in warning
    assert not brain.heard(prompt)[0].get("tools")


# --- `@elevenlabs/client` in a browser --------------------------------------------------------


@pytest.mark.parametrize(("approves", "end"), [(True, "success"), (False, "failure")])
def test_a_page_is_asked_for_approval(
    mcp_house: House,
    brain: Brain,
    service: McpService,
    browser: Browser,
    *,
    approves: bool,
    end: str,
) -> None:
    server = connected(mcp_house, service, approval_policy="require_approval_all")
    agent_id = mcp_house.create(with_servers(brain.learn(calling(FIND)), server))
    options = {"agentId": agent_id, "textOnly": True, "origin": mcp_house.url}
    talked = talk(
        browser,
        {**options, "approves": approves},
        happened("servers"),
        write("go"),
        happened("approval"),
        happened("message", 1, "ai"),
        *HANG_UP,
    )
    talked.went_well()
    assert [each["state"] for each in talked.of("mcp")] == ["loading", "awaiting_approval", end]
    assert talked.of("approval") == ["find_order"]
    [status] = talked.of("servers")
    assert status["integrations"][0]["is_connected"] is True
    assert len(service.called) == approves
