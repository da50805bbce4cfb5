"""Shorthands and former spellings that clients send."""

from typing import Any

import pytest

from turnwise.contract import load

Json = Any
CONTRACT = load()
CREATE = CONTRACT.shape("Body_Create_Agent_v1_convai_agents_create_post")
TOOL = CONTRACT.shape("ToolRequestModel")


def built_in(tools: Json) -> Json:
    body = {"conversation_config": {"agent": {"prompt": {"built_in_tools": tools}}}}
    read = CREATE.normalised(body)
    assert CREATE.problems(read) == []
    return read["conversation_config"]["agent"]["prompt"]["built_in_tools"]


TRANSFERS = [
    {"transfer_destination": {"type": "phone", "phone_number": "+1"}, "condition": "asked"}
]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (
            {"end_call": {}},
            {"end_call": {"name": "end_call", "params": {"system_tool_type": "end_call"}}},
        ),
        ({"end_call": None}, {"end_call": None}),
        (
            {"end_call": {"description": "Bye", "params": {}}},
            {
                "end_call": {
                    "name": "end_call",
                    "description": "Bye",
                    "params": {"system_tool_type": "end_call"},
                }
            },
        ),
        (
            {"transfer_to_number": {"description": "", "transfers": TRANSFERS}},
            {
                "transfer_to_number": {
                    "name": "transfer_to_number",
                    "description": "",
                    "params": {"system_tool_type": "transfer_to_number", "transfers": TRANSFERS},
                }
            },
        ),
    ],
)
def test_a_built_in_tool_may_be_short(sent: Json, meant: Json) -> None:
    assert built_in(sent) == meant


def test_an_inline_system_tool_may_be_short() -> None:
    tool = {"type": "system", "name": "end_call", "description": ""}
    body = {"conversation_config": {"agent": {"prompt": {"tools": [tool]}}}}
    read = CREATE.normalised(body)
    assert CREATE.problems(read) == []
    (found,) = read["conversation_config"]["agent"]["prompt"]["tools"]
    assert found == {**tool, "params": {"system_tool_type": "end_call"}}


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("dispatch_tool", "tool"),
        ("agent_transfer", "standalone_agent"),
        ("transfer_to_number", "phone_number"),
        ("end", "end"),
    ],
)
def test_nodes_have_their_present_types(former: str, present: str) -> None:
    body = {"conversation_config": {}, "workflow": {"nodes": {"a": {"type": former, "x": 1}}}}
    assert CREATE.normalised(body)["workflow"]["nodes"]["a"] == {"type": present, "x": 1}


def test_a_workflow_may_stand_in_the_conversation_config() -> None:
    workflow = {"nodes": {"a": {"type": "dispatch_tool"}}}
    body = {"conversation_config": {"workflow": workflow, "turn": {}}}
    assert CREATE.normalised(body) == {
        "conversation_config": {"turn": {}},
        "workflow": {"nodes": {"a": {"type": "tool"}}},
    }
    assert body["conversation_config"]["workflow"] is workflow


def test_parameters_of_a_webhook_may_be_lists() -> None:
    listed = [
        {
            "id": "city",
            "type": "string",
            "description": "Where",
            "required": True,
            "value_type": "x",
        },
        {"id": "days", "type": "integer", "description": "How long", "required": False},
    ]
    inner = {"id": "who", "type": "object", "required": True, "properties": listed}
    api: Json = {
        "url": "https://example.org/{city}",
        "path_params_schema": listed[:1],
        "query_params_schema": listed,
        "request_body_schema": {"type": "object", "required": False, "properties": [inner]},
        "request_headers": [
            {"type": "value", "name": "a", "value": "1"},
            {"type": "secret", "name": "b", "secret_id": "s"},
        ],
    }
    body = {"tool_config": {"type": "webhook", "name": "w", "description": "", "api_schema": api}}
    read = TOOL.normalised(body)
    assert TOOL.problems(read) == []
    city = {"type": "string", "description": "Where"}
    days = {"type": "integer", "description": "How long"}
    assert read["tool_config"]["api_schema"] == {
        "url": "https://example.org/{city}",
        "path_params_schema": {"city": city},
        "query_params_schema": {"properties": {"city": city, "days": days}, "required": ["city"]},
        "request_body_schema": {
            "type": "object",
            "properties": {
                "who": {
                    "type": "object",
                    "properties": {"city": city, "days": days},
                    "required": ["city"],
                }
            },
            "required": ["who"],
        },
        "request_headers": {"a": "1", "b": {"secret_id": "s"}},
    }


def test_parameters_of_a_client_tool_may_be_a_list() -> None:
    listed = [{"id": "city", "type": "string", "description": "Where", "required": True}]
    body = {"tool_config": {"type": "client", "name": "c", "description": "", "parameters": listed}}
    read = TOOL.normalised(body)
    assert TOOL.problems(read) == []
    assert read["tool_config"]["parameters"] == {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Where"}},
        "required": ["city"],
    }


def test_a_property_called_required_or_id_stays() -> None:
    parameters = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "required": {"type": "boolean"}},
        "required": ["id"],
    }
    body = {
        "tool_config": {"type": "client", "name": "c", "description": "", "parameters": parameters}
    }
    assert TOOL.normalised(body) == body


def test_an_mcp_server_may_ask_always() -> None:
    shape = CONTRACT.operations["POST /v1/convai/mcp-servers"].body
    assert shape is not None
    read = shape.normalised({"config": {"name": "m", "url": "u", "approval_policy": "always_ask"}})
    assert read["config"]["approval_policy"] == "require_approval_all"
    assert shape.problems(read) == []


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        [],
        {"conversation_config": None},
        {"conversation_config": {"agent": {"prompt": {"built_in_tools": [3], "tools": {"a": 1}}}}},
        {"workflow": {"nodes": [3]}},
        {"workflow": {"nodes": {"a": 3, "b": {"type": []}}}},
    ],
)
def test_what_no_one_means_stays_as_it_is(value: Json) -> None:
    assert CREATE.normalised(value) == value
