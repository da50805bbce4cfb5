"""Tools of a real server: a scripted model calls them, a real service answers, the SDK looks on."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai.conversation import ConversationInitiationData
from starlette.responses import JSONResponse, Response

from acceptance.brain import Brain, Call, Step, last_said
from acceptance.callers import AS_TEXT, Caller
from acceptance.house import KEY, House, agent, client_tool, said
from acceptance.test_sdk_text import chat
from acceptance.tool_service import Got, ToolService

pytestmark = pytest.mark.acceptance

Json = dict[str, Any]


@pytest.fixture(scope="module")
def service() -> Iterator[ToolService]:
    """What the tools call."""
    with ToolService().serve() as serving:
        yield serving


def webhook(
    name: str, url: str, method: str = "POST", *, more: Json | None = None, **api: object
) -> Json:
    schema = {"url": url, "method": method, **api}
    told = {"name": name, "description": f"The tool {name}."}
    return {"type": "webhook", **told, "api_schema": schema, **(more or {})}


def leaf(**source: object) -> Json:
    return {"type": "string", **source}


def post(house: House, path: str, body: Json) -> Json:
    headers = {"xi-api-key": KEY}
    answer = httpx.post(house.url + path, json=body, headers=headers, timeout=30)
    assert answer.status_code < 300, answer.text
    found: Json = answer.json()
    return found


def calling(*calls: Call, then: str = "Done: {}") -> Any:  # noqa: ANN401
    """A script: call, once for each turn of the user, then say what the last tool answered."""

    def script(messages: list[Json]) -> list[Step]:
        last = messages[-1]
        if last["role"] == "tool":
            return [then.format(last["content"])]
        turns = sum(m["role"] == "user" for m in messages)
        return [calls[min(turns, len(calls)) - 1]]

    return script


def calls_in(record: Json) -> list[Json]:
    return [call for turn in record["transcript"] for call in turn["tool_calls"]]


def results_in(record: Json) -> list[Json]:
    return [each for turn in record["transcript"] for each in turn["tool_results"]]


def asked_once(
    house: House,
    sdk: ElevenLabs,
    document: Json,
    words: str = "go",
    **config: Any,  # noqa: ANN401
) -> tuple[str, Json]:
    """Ask an agent once; return its answer and the record."""
    data = ConversationInitiationData(**config)
    with chat(sdk, house.create(document), config=data) as talk:
        reply = talk.ask(words, 1)
    return reply, house.ended(talk.call.wait_for_session_end() or "")


# --- webhooks -----------------------------------------------------------------------------------


def test_a_stored_webhook_is_called_exactly_as_it_is_described(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain, service: ToolService
) -> None:
    secret = post(tool_house, "/v1/convai/secrets", {"type": "new", "name": "key", "value": "hush"})
    post(
        tool_house,
        "/v1/convai/environment-variables",
        {"type": "string", "label": "region", "values": {"production": "north"}},
    )
    url = service.on("/north/orders/a b", {"id": 7}).replace("north", "{{system__env_region}}")
    config = webhook(
        "book",
        url.replace("a b", "{order}"),
        path_params_schema={"order": leaf(description="which")},
        query_params_schema={"properties": {"fast": {"type": "boolean", "description": "?"}}},
        request_body_schema={
            "type": "object",
            "properties": {
                "size": leaf(description="how large"),
                "user": leaf(dynamic_variable="user_name"),
                "shop": leaf(constant_value="harbour"),
                "note": leaf(is_omitted=True),
            },
            "required": ["size"],
        },
        request_headers={
            "X-Key": {"secret_id": secret["secret_id"]},
            "X-Token": "Token {{secret__token}}",
            "X-Conversation": "{{system__conversation_id}}",
        },
        more={"turnwise_read_only": True},
    )
    tool_id = post(tool_house, "/v1/convai/tools", {"tool_config": config})["id"]
    given = {"order": "a b", "fast": True, "size": "large", "user": "forged", "more": "x"}
    prompt = brain.learn(calling(Call("book", given)))
    document = agent(prompt)
    document["conversation_config"]["agent"]["prompt"] |= {"tool_ids": [tool_id]}
    variables = {"user_name": "Ada", "secret__token": "t1"}
    reply, record = asked_once(tool_house, tool_sdk, document, dynamic_variables=variables)

    assert reply == 'Done: {"id":7}'
    [got] = service.at("/north/orders/a b")
    assert (got.method, got.query) == ("POST", {"fast": "true"})
    assert json.loads(got.body) == {"size": "large", "user": "Ada", "shop": "harbour"}
    assert got.headers["x-key"] == "hush"
    assert got.headers["x-token"] == "Token t1"
    assert got.headers["x-conversation"] == record["conversation_id"]
    [call], [result] = calls_in(record), results_in(record)
    assert got.headers["idempotency-key"].startswith(record["conversation_id"])
    assert got.headers["idempotency-key"].endswith(call["request_id"])
    assert (call["type"], call["tool_id"], call["tool_has_been_called"]) == (
        "webhook",
        tool_id,
        True,
    )
    details = call["tool_details"]
    assert (details["method"], json.loads(details["body"])["size"]) == ("POST", "large")
    assert details["path_params"] == {"order": "a b"}
    assert details["query_params"] == {"fast": "true"}
    assert (result["result_value"], result["is_error"]) == ('{"id":7}', False)
    assert result["tool_latency_secs"] < 5
    everything = json.dumps(record) + json.dumps(brain.heard(prompt))
    assert "hush" not in everything
    assert "t1" not in everything.replace(call["request_id"], "")
    offered = brain.heard(prompt)[0]["tools"][0]["function"]["parameters"]
    assert set(offered["properties"]) == {"order", "fast", "size"}

    runs = tool_house.ask(f"/v1/convai/tools/{tool_id}/executions")
    [run] = next(value for value in runs.values() if isinstance(value, list))
    assert run["conversation_id"] == record["conversation_id"]
    assert run["tool_call_details"]["type"] == "webhook"
    stored = tool_sdk.conversational_ai.tools.get(tool_id)
    assert stored.usage_stats.total_calls == 1
    kept = tool_house.ask(f"/v1/convai/tools/{tool_id}")["tool_config"]
    assert kept["turnwise_read_only"] is True


def test_the_client_is_told_of_a_webhook_before_and_after(
    tool_house: House, brain: Brain, service: ToolService
) -> None:
    tool = webhook("look", service.on("/look", {"sky": "grey"}), "GET")
    prompt = brain.learn(calling(Call("look")))
    document = agent(prompt, tools=[tool])
    events = [
        "agent_response",
        "agent_tool_request",
        "agent_tool_response",
        "agent_tool_response_full_payload",
    ]
    document["conversation_config"]["conversation"] = {"client_events": events}
    with Caller(tool_house.socket_url(tool_house.create(document)), AS_TEXT) as caller:
        caller.send({"type": "user_message", "text": "go"})
        caller.wait("agent_response")
        seen = [got.message for got in caller.got]
    kinds = [each["type"] for each in seen if each["type"] in events]
    assert kinds == [*events[1:], "agent_response"]
    request, full = (each for each in seen if each["type"] in {events[1], events[3]})
    assert request["agent_tool_request"]["tool_type"] == "webhook"
    answered = full["agent_tool_response_full_payload"]
    assert answered["full_tool_result"] == '{"sky":"grey"}'
    assert answered["tool_call_id"] == request["agent_tool_request"]["tool_call_id"]


@pytest.mark.parametrize(
    ("path", "mode", "told", "fault", "raw"),
    [
        ("/broken", None, "The tool failed.", "external_server", "HTTP 500: no slot left"),
        (
            "/broken",
            "passthrough",
            "HTTP 500: no slot left",
            "external_server",
            "HTTP 500: no slot left",
        ),
        ("/refused", None, "The tool failed.", "customer_auth", "HTTP 401: who are you"),
        ("/nowhere", "hide", "The tool failed.", "external_server", "HTTP 404: nothing is here"),
        ("/slow", None, "", "external_server", "there was no answer within 5"),
        ("/huge", None, "The tool failed.", "external_server", "the answer is larger than"),
        ("/binary", None, "The tool failed.", "external_server", "the answer is no text"),
    ],
)
def test_a_webhook_that_fails_is_answered_by_the_agent(
    tool_house: House,
    tool_sdk: ElevenLabs,
    brain: Brain,
    service: ToolService,
    *,
    path: str,
    mode: str | None,
    told: str,
    fault: str,
    raw: str,
) -> None:
    service.on("/broken", lambda _: Response("no slot left", 500))
    service.on("/refused", lambda _: Response("who are you", 401))
    service.on("/slow", lambda _: time.sleep(7) or JSONResponse({}))
    service.on("/huge", lambda _: Response(b"x" * 10_000_000))
    service.on("/binary", lambda _: Response(bytes(range(256))))
    more: Json = {"response_timeout_secs": 5}
    if mode is not None:
        more["tool_error_handling_mode"] = mode
    tool = webhook("book", f"http://127.0.0.1:{service.port}{path}", "GET", more=more)
    document = agent(brain.learn(calling(Call("book"))), tools=[tool])
    reply, record = asked_once(tool_house, tool_sdk, document)
    [result] = results_in(record)
    assert reply == f"Done: {told}" if told else reply.startswith("Done: ")
    assert (result["is_error"], result["error_type"]) == (True, fault)
    assert result["raw_error_message"].startswith(raw)
    assert record["status"] == "done"


def test_arguments_that_will_not_do_can_be_put_right(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain, service: ToolService
) -> None:
    body = {
        "type": "object",
        "properties": {"space": leaf(description="?", allowed_values={"dynamic_variable": "mine"})},
        "required": ["space"],
    }
    tool = webhook("enter", service.on("/enter", {"ok": True}), request_body_schema=body)

    def script(messages: list[Json]) -> list[Step]:
        results = [m["content"] for m in messages if m["role"] == "tool"]
        if not results:
            return [Call("enter", {})]
        if len(results) == 1:
            return [Call("enter", {"space": "ws_9"})]
        return [Call("enter", {"space": "ws_1"})] if len(results) == 2 else [results[-1]]

    document = agent(brain.learn(script), tools=[tool])
    variables = {"mine": '["ws_1"]'}
    reply, record = asked_once(tool_house, tool_sdk, document, dynamic_variables=variables)
    assert reply == '{"ok":true}'
    assert [each["result_value"] for each in results_in(record)] == [
        "space is missing.",
        "space is not one of the values that are permitted here.",
        '{"ok":true}',
    ]
    assert [each["tool_has_been_called"] for each in results_in(record)] == [False, False, True]
    assert len(service.at("/enter")) == 1


def test_a_url_into_the_own_network_is_not_called(
    scripted_house: House, scripted_sdk: ElevenLabs, brain: Brain, service: ToolService
) -> None:
    url = service.on("/inside", {}).replace("http:", "https:")
    document = agent(brain.learn(calling(Call("peek"))), tools=[webhook("peek", url, "GET")])
    _, record = asked_once(scripted_house, scripted_sdk, document)
    [result] = results_in(record)
    assert (result["is_error"], result["error_type"]) == (True, "customer_config")
    assert service.at("/inside") == []


def test_a_token_is_fetched_once_for_an_auth_connection(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain, service: ToolService
) -> None:
    token_url = service.on("/token", {"access_token": "t1", "expires_in": 3600})
    connection = post(
        tool_house,
        "/v1/workspace/auth-connections",
        {
            "auth_type": "oauth2_client_credentials",
            "name": "shop",
            "provider": "shop",
            "client_id": "me",
            "client_secret": "hush",
            "token_url": token_url,
            "scopes": [],
        },
    )
    tool = webhook(
        "book",
        service.on("/secured", {"ok": True}),
        auth_connection={"auth_connection_id": connection["id"]},
    )
    document = agent(brain.learn(calling(Call("book"))), tools=[tool])
    with chat(tool_sdk, tool_house.create(document)) as talk:
        assert talk.ask("go", 1) == 'Done: {"ok":true}'
        assert talk.ask("again", 2) == 'Done: {"ok":true}'
    assert [got.headers["authorization"] for got in service.at("/secured")] == ["Bearer t1"] * 2
    assert len(service.at("/token")) == 1
    record = tool_house.ended(talk.call.wait_for_session_end() or "")
    assert "t1" not in json.dumps([call["tool_details"] for call in calls_in(record)])


def test_what_a_tool_assigns_is_in_the_next_prompt_and_the_next_call(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain, service: ToolService
) -> None:
    def find(_: Got) -> Response:
        return JSONResponse({"data": [{"id": 42, "card": "4111"}]})

    find_user = webhook(
        "find_user",
        service.on("/find", find),
        "GET",
        more={
            "assignments": [
                {"dynamic_variable": "user_id", "value_path": "data.0.id"},
                {"dynamic_variable": "card", "value_path": "data.0.card", "sanitize": True},
            ]
        },
    )
    pay = webhook(
        "pay",
        service.on("/pay", {"paid": True}),
        request_body_schema={
            "type": "object",
            "properties": {
                "user": {"type": "integer", "dynamic_variable": "user_id"},
                "card": leaf(dynamic_variable="card"),
            },
        },
    )
    prompt = brain.learn(calling(Call("find_user"), Call("pay")))
    document = agent(f"{prompt} The user is number {{{{user_id}}}}.", tools=[find_user, pay])
    config = ConversationInitiationData(dynamic_variables={"user_id": "unknown"})
    with chat(tool_sdk, tool_house.create(document), config=config) as talk:
        talk.ask("who am I", 1)
        talk.ask("pay", 2)
    record = tool_house.ended(talk.call.wait_for_session_end() or "")
    assert json.loads(service.at("/pay")[0].body) == {"user": 42, "card": "4111"}
    systems = [body["messages"][0]["content"] for body in brain.heard(prompt)]
    assert "The user is number unknown." in systems[0]
    assert all("The user is number 42." in system for system in systems[1:])
    updates = results_in(record)[0]["dynamic_variable_updates"]
    assert [(each["variable_name"], each["new_value"]) for each in updates] == [
        ("user_id", "42"),
        ("card", "4111"),
    ]
    assert "4111" not in json.dumps(brain.heard(prompt))


def test_a_session_may_have_prepared_answers_instead(
    tool_house: House, brain: Brain, service: ToolService
) -> None:
    mock = {
        "parameter_conditions": [
            {"path": "city", "eval": {"type": "exact", "expected_value": "Oslo"}}
        ],
        "mock_result": "rain",
    }
    schema = {"properties": {"city": leaf(description="where")}}
    config = webhook("sky", service.on("/sky", {}), "GET", query_params_schema=schema)
    stored = post(tool_house, "/v1/convai/tools", {"tool_config": config, "response_mocks": [mock]})
    document = agent(brain.learn(calling(Call("sky", {"city": "Oslo"}))))
    document["conversation_config"]["agent"]["prompt"] |= {"tool_ids": [stored["id"]]}
    init = {**AS_TEXT, "tool_mock_config": {"mocking_strategy": "all"}}
    with Caller(tool_house.socket_url(tool_house.create(document)), init) as caller:
        caller.send({"type": "user_message", "text": "go"})
        told = caller.wait("agent_response")
    assert told["agent_response_event"]["agent_response"] == "Done: rain"
    assert service.at("/sky") == []


def test_a_model_judges_whether_a_prepared_answer_fits(
    tool_house: House, brain: Brain, service: ToolService
) -> None:
    judge = brain.learn(lambda told: ["Yes" if "Oslo" in told[-1]["content"] else "No"])
    rule = {"path": "city", "eval": {"type": "llm", "description": f"in Norway {judge}"}}
    mocks = [{"parameter_conditions": [rule], "mock_result": "rain"}, {"mock_result": "sun"}]
    schema = {"properties": {"city": leaf(description="where")}}
    config = webhook("sky", service.on("/skies", {}), "GET", query_params_schema=schema)
    stored = post(tool_house, "/v1/convai/tools", {"tool_config": config, "response_mocks": mocks})
    init = {**AS_TEXT, "tool_mock_config": {"mocking_strategy": "all"}}
    for city, sky in (("Oslo", "rain"), ("Rome", "sun")):
        document = agent(brain.learn(calling(Call("sky", {"city": city}))))
        document["conversation_config"]["agent"]["prompt"] |= {"tool_ids": [stored["id"]]}
        with Caller(tool_house.socket_url(tool_house.create(document)), init) as caller:
            caller.send({"type": "user_message", "text": "go"})
            told = caller.wait("agent_response")
        assert told["agent_response_event"]["agent_response"] == f"Done: {sky}"
    assert service.at("/skies") == []


def test_a_failure_is_summed_up_by_the_model(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain, service: ToolService
) -> None:
    summary = brain.learn(["The shop is closed ", "on Sundays."])
    url = service.on("/broken", {"trace": f"line 7 {summary}"}, status=503)
    config = webhook("buy", url, more={"tool_error_handling_mode": "summarized"})
    stored = post(tool_house, "/v1/convai/tools", {"tool_config": config})
    prompt = brain.learn(calling(Call("buy")))
    document = agent(prompt)
    document["conversation_config"]["agent"]["prompt"] |= {"tool_ids": [stored["id"]]}
    reply, record = asked_once(tool_house, tool_sdk, document)
    assert "The shop is closed on Sundays." in reply
    assert "line 7" not in json.dumps(brain.heard(prompt))
    [result] = results_in(record)
    assert result["result_value"] == "The shop is closed on Sundays."
    assert "line 7" in result["raw_error_message"]


# --- client tools -------------------------------------------------------------------------------


def test_a_clients_result_that_is_an_object_breaks_the_contract(
    tool_house: House, brain: Brain
) -> None:
    tool = client_tool("show", "Shows it.")
    document = agent(brain.learn(calling(Call("show"))), tools=[tool])
    with Caller(tool_house.socket_url(tool_house.create(document)), AS_TEXT) as caller:
        caller.send({"type": "user_message", "text": "go"})
        call = caller.wait("client_tool_call")["client_tool_call"]
        answer = {"type": "client_tool_result", "tool_call_id": call["tool_call_id"]}
        caller.send({**answer, "result": {"sky": "grey"}, "is_error": False})
        code, _ = caller.wait_for_close()
    assert code == 1008


# --- other agents, other languages --------------------------------------------------------------


def system_tool(name: str, **params: object) -> Json:
    return {"name": name, "params": {"system_tool_type": name, **params}}


def test_a_transfer_goes_on_with_the_other_agents_prompt_and_tools(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain, service: ToolService
) -> None:
    sell = webhook("sell", service.on("/sell", {"sold": True}))

    def selling(messages: list[Json]) -> list[Step]:
        if messages[-1]["role"] == "tool":
            return ["Sold."]
        return [Call("sell")] if last_said(messages) == "the blue one" else ["What?"]

    there = brain.learn(selling)
    sales = agent(f"{there} You sell to {{{{name}}}}.", "Sales here, {{name}}.", tools=[sell])
    sales_id = tool_house.create(sales)
    chosen = {
        "agent_id": sales_id,
        "condition": "The user wants to buy.",
        "transfer_message": "I connect you, {{name}}.",
        "enable_transferred_agent_first_message": True,
    }
    here = brain.learn(calling(Call("transfer_to_agent", {"agent_number": 0, "reason": "buys"})))
    front = agent(here)
    front["conversation_config"]["agent"]["prompt"]["built_in_tools"] = {
        "transfer_to_agent": system_tool("transfer_to_agent", transfers=[chosen])
    }
    config = ConversationInitiationData(dynamic_variables={"name": "Ada"})
    front_id = tool_house.create(front)
    with chat(tool_sdk, front_id, config=config) as talk:
        talk.tell("I want to buy")
        assert talk.diary.wait("reply", 1) == "I connect you, Ada."
        assert talk.diary.wait("reply", 2) == "Sales here, Ada."
        assert talk.ask("the blue one", 3) == "Sold."
    record = tool_house.ended(talk.call.wait_for_session_end() or "")
    assert len(service.at("/sell")) == 1
    asked = brain.heard(there)[0]
    assert "You sell to Ada." in asked["messages"][0]["content"]
    assert "I want to buy" in json.dumps(asked["messages"])
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["sell"]
    spoken = [
        (turn["message"], turn["agent_metadata"]["agent_id"])
        for turn in record["transcript"]
        if turn["message"]
    ]
    assert ("I connect you, Ada.", front_id) in spoken
    assert ("Sold.", sales_id) in spoken
    transfer = results_in(record)[0]
    assert transfer["type"] == "system"
    assert transfer["result"]["result_type"] == "transfer_to_agent_success"
    assert (transfer["result"]["from_agent"], transfer["result"]["to_agent"]) == (
        front_id,
        sales_id,
    )


def test_a_transfer_to_nobody_is_an_error_that_the_agent_answers(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain
) -> None:
    chosen = {"agent_id": "agent_of_nobody", "condition": "always"}
    document = agent(brain.learn(calling(Call("transfer_to_agent", {"agent_number": 0}))))
    document["conversation_config"]["agent"]["prompt"]["tools"] = [
        {
            "type": "system",
            "description": "",
            **system_tool("transfer_to_agent", transfers=[chosen]),
        }
    ]
    reply, record = asked_once(tool_house, tool_sdk, document)
    assert reply.startswith("Done: The other agent cannot take over: There is no such agent.")
    assert results_in(record)[0]["result"]["result_type"] == "transfer_to_agent_error"


def test_a_transfer_to_an_agent_that_lacks_variables_ends_as_published(
    tool_house: House, brain: Brain
) -> None:
    sales_id = tool_house.create(agent("Sell to {{name}}."))
    chosen = {"agent_id": sales_id, "condition": "always"}
    front = agent(brain.learn(calling(Call("transfer_to_agent", {"agent_number": 0}))))
    front["conversation_config"]["agent"]["prompt"]["built_in_tools"] = {
        "transfer_to_agent": system_tool("transfer_to_agent", transfers=[chosen])
    }
    with Caller(tool_house.socket_url(tool_house.create(front)), AS_TEXT) as caller:
        caller.write("I want to buy")
        error = caller.wait("error")["error_event"]
        code, _ = caller.wait_for_close()
        conversation_id = caller.conversation_id
    assert (error["code"], error["error_type"]) == (1008, "missing_dynamic_variable_transfer")
    assert code == 1008
    record = tool_house.ended(conversation_id)
    assert record["status"] == "failed"
    assert "{'name'}" in results_in(record)[0]["result_value"]


def test_a_hang_up_in_place_of_an_answer_is_refused_once(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain
) -> None:
    hang_up = Call("end_call", {"reason": "done"})
    document = agent(brain.learn(calling(hang_up)))
    document["conversation_config"]["agent"]["prompt"]["built_in_tools"] = {
        "end_call": system_tool("end_call")
    }
    reply, record = asked_once(tool_house, tool_sdk, document, "When do you open?")
    assert reply.startswith("Done: The call was not ended: the user asked something")
    [answer] = results_in(record)
    assert (answer["is_error"], answer["result"]) == (True, None)


def test_the_language_is_switched_with_its_preset(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain
) -> None:
    german = brain.learn(["Guten Tag."])
    switch = Call("language_detection", {"reason": "asked", "language": "de"})
    prompt = brain.learn([switch])
    document = agent(prompt)
    document["conversation_config"]["agent"]["prompt"]["built_in_tools"] = {
        "language_detection": system_tool("language_detection")
    }
    override = {"agent": {"prompt": {"prompt": german}, "language": "de"}}
    document["conversation_config"]["language_presets"] = {"de": {"overrides": override}}
    reply, record = asked_once(tool_house, tool_sdk, document, "Auf Deutsch, bitte")
    assert reply == "Guten Tag."
    choices = brain.heard(prompt)[0]["tools"][0]["function"]["parameters"]["properties"]
    assert choices["language"]["enum"] == ["en", "de"]
    assert "'de'" in brain.heard(german)[0]["messages"][0]["content"]
    [result] = results_in(record)
    assert result["result"]["result_type"] == "language_detection_success"
    assert said(record, "agent") == ["Guten Tag."]


def test_what_needs_a_phone_is_an_error_in_writing(
    tool_house: House, tool_sdk: ElevenLabs, brain: Brain
) -> None:
    target = {"type": "phone", "phone_number": "+4412345"}
    transfers = [{"transfer_destination": target, "condition": "The user asks for a person."}]
    document = agent(
        brain.learn(
            calling(
                Call(
                    "transfer_to_number",
                    {
                        "transfer_number": "+4412345",
                        "client_message": "One moment.",
                        "agent_message": "A caller.",
                    },
                )
            )
        )
    )
    document["conversation_config"]["agent"]["prompt"]["built_in_tools"] = {
        "transfer_to_number": system_tool("transfer_to_number", transfers=transfers)
    }
    reply, record = asked_once(tool_house, tool_sdk, document)
    assert reply == "Done: This conversation is not a phone call."
    assert results_in(record)[0]["result"]["result_type"] == "transfer_to_number_error"
