from typing import Any

import pytest

from turnwise.agents.config import ConversationConfig, view
from turnwise.agents.tools import Tool, Toolset, normalise, tools_of
from turnwise.agents.variables import Variables

LOOKUP: dict[str, Any] = {
    "type": "client",
    "name": "lookup_order",
    "description": "Looks up an order.",
    "expects_response": True,
    "response_timeout_secs": 5,
    "parameters": {
        "type": "object",
        "required": ["order_id"],
        "properties": {
            "order_id": {"type": "string", "description": "Number."},
            "tenant": {"type": "string", "dynamic_variable": "tenant"},
        },
    },
}
WEATHER: dict[str, Any] = {
    "name": "weather",
    "description": "Weather for {{city}}",
    "assignments": [{"dynamic_variable": "temperature", "value_path": "t"}, {"value_path": "x"}, 1],
    "api_schema": {
        "url": "https://example.com/{place}",
        "path_params_schema": {"place": {"type": "string", "description": "Where."}},
        "query_params_schema": {"properties": {"unit": {"type": "string"}}, "required": ["unit"]},
        "request_body_schema": {
            "type": "object",
            "properties": {"day": {"type": "string"}, "unit": {"type": "number"}},
            "required": ["unit", "day"],
        },
        "request_headers": {
            "Authorization": "Bearer {{secret__key}}",
            "X-User": {"variable_name": "user_key"},
            "X-Key": {"secret_id": "s"},
        },
    },
}


def config(**prompt: object) -> ConversationConfig:
    return view(ConversationConfig, {"agent": {"prompt": prompt}})


def test_a_client_tool() -> None:
    tool = normalise(LOOKUP, tool_id="tool_1")
    assert tool == Tool(
        name="lookup_order",
        kind="client",
        description="Looks up an order.",
        parameters={
            "type": "object",
            "properties": {"order_id": {"type": "string", "description": "Number."}},
            "required": ["order_id"],
        },
        response_timeout_secs=5.0,
        id="tool_1",
        raw=LOOKUP,
    )
    given = {"order_id": "7", "tool_call_id": "forged"}
    filled = tool.arguments(given, Variables.of({"tenant": "t"}))
    assert filled == {"order_id": "7", "tenant": "t"}


def test_a_client_tool_answers_nothing_unless_it_says_so() -> None:
    assert not normalise({"type": "client", "name": "show"}).expects_response
    assert normalise({"type": "webhook", "name": "hook"}).expects_response


def test_a_webhook_tools_parameters_are_one_flat_object() -> None:
    tool = normalise(WEATHER)
    assert tool.kind == "webhook"
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "place": {"type": "string", "description": "Where."},
            "unit": {"type": "string"},
            "day": {"type": "string"},
        },
        "required": ["place", "unit", "day"],
    }


def test_an_mcp_tool_has_the_servers_parameters_and_more_time() -> None:
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    tool = normalise({"type": "mcp", "name": "search", "mcp_input_schema": schema})
    assert tool.parameters == schema
    assert tool.response_timeout_secs == 30


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        ({"name": "x"}, "client"),
        ({"name": "end_call"}, "system"),
        ({"name": "x", "params": {"system_tool_type": "skip_turn"}}, "system"),
        ({"name": "x", "api_schema": {}}, "webhook"),
        ({"name": "x", "type": "smb"}, "smb"),
    ],
)
def test_the_type_is_guessed_where_it_is_not_said(stored: dict[str, Any], kind: str) -> None:
    assert normalise(stored).kind == kind


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({}, ("immediate", "allow", "auto", 20.0)),
        ({"response_timeout_secs": -1}, ("immediate", "allow", "auto", None)),
        ({"disable_interruptions": True}, ("immediate", "disable_during_tool", "auto", 20.0)),
        (
            {
                "disable_interruptions": True,
                "interruption_mode": "disable_during_tool_and_turn",
                "execution_mode": "async",
            },
            ("async", "disable_during_tool_and_turn", "auto", 20.0),
        ),
        ({"force_pre_tool_speech": True}, ("immediate", "allow", "force", 20.0)),
        (
            {"force_pre_tool_speech": True, "pre_tool_speech": "off"},
            ("immediate", "allow", "off", 20.0),
        ),
        (
            {"interruption_mode": None, "disable_interruptions": False},
            ("immediate", "allow", "auto", 20.0),
        ),
    ],
)
def test_manners_and_their_older_names(
    stored: dict[str, Any], expected: tuple[str, str, str, float | None]
) -> None:
    tool = normalise({"type": "webhook", "name": "x", **stored})
    seen = (
        tool.execution_mode,
        tool.interruption_mode,
        tool.pre_tool_speech,
        tool.response_timeout_secs,
    )
    assert seen == expected


def test_built_in_tools_in_all_notations() -> None:
    tools = tools_of(
        config(
            built_in_tools={
                "end_call": {},
                "skip_turn": None,
                "language_detection": {"name": "switch", "params": {}},
                "transfer_to_number": {"transfers": [{"phone_number": "+31"}]},
                "transfer_to_agent": {
                    "type": "system",
                    "name": "transfer_to_agent",
                    "description": "",
                    "params": {
                        "system_tool_type": "transfer_to_agent",
                        "transfers": [{"condition": "c"}],
                    },
                },
            }
        )
    )
    kinds = {tool.name: tool.system_type for tool in tools.tools}
    assert kinds == {
        "end_call": "end_call",
        "switch": "language_detection",
        "transfer_to_number": "transfer_to_number",
        "transfer_to_agent": "transfer_to_agent",
    }
    transfer = tools.named("transfer_to_number")
    assert transfer is not None
    assert transfer.params["transfers"] == [{"phone_number": "+31"}]
    handover = tools.named("transfer_to_agent")
    assert handover is not None
    assert handover.description.endswith("- 0: c")


def test_a_system_tool_without_a_name_takes_that_of_its_kind() -> None:
    tool = normalise({"type": "system", "params": {"system_tool_type": "skip_turn"}})
    assert tool.name == "skip_turn"
    assert normalise({}).name == ""


def test_languages_offered_are_the_agents_own_and_its_presets() -> None:
    stored = {
        "agent": {"language": "nl", "prompt": {"built_in_tools": {"language_detection": {}}}},
        "language_presets": {"nl": {}, "de": {}},
    }
    tool = tools_of(view(ConversationConfig, stored)).tools[0]
    assert tool.parameters["properties"]["language"]["enum"] == ["nl", "de"]


def test_records_come_first_each_name_once_and_missing_ones_are_said() -> None:
    records: dict[str, dict[str, Any]] = {
        "tool_1": {"id": "tool_1", "tool_config": LOOKUP},
        "tool_2": {"type": "client", "name": "show"},
    }
    inline = [{"type": "client", "name": "lookup_order", "description": "Another."}, WEATHER]
    tools = tools_of(config(tool_ids=["tool_1", "show", "tool_9"], tools=inline), records)
    assert [tool.name for tool in tools.tools] == ["lookup_order", "show", "weather"]
    assert tools.tools[0].description == "Looks up an order."
    assert tools.missing == ("tool_9",)
    assert tools.named("nothing") is None
    assert tools_of(config(tool_ids=["x"])).missing == ("x",)


def test_required_variables_are_those_nobody_will_bring() -> None:
    tools = tools_of(config(tools=[LOOKUP, WEATHER]))
    assert tools.required_variables() == {"tenant", "city", "user_key"}
    own = {
        **WEATHER,
        "dynamic_variables": {"dynamic_variable_placeholders": {"city": "Delft"}},
        "name": "{{system__time}} {{temperature}}",
    }
    # a placeholder is for tests: a call needs the value
    assert Toolset((normalise(own),)).required_variables() == {"user_key", "city"}
    assert normalise(own).placeholders == {"city": "Delft"}
    assert normalise({"dynamic_variables": {}}).placeholders == {}


def test_a_tool_says_itself_that_it_changes_nothing() -> None:
    assert normalise({"type": "webhook", "name": "look", "turnwise_read_only": True}).is_read_only
    assert not normalise({"type": "webhook", "name": "book"}).is_read_only


def test_all_parameters_of_a_webhook_are_one_object_with_its_constraints() -> None:
    constraints = {"any_of": [{"required": ["a"]}]}
    body = {"properties": {"a": {"type": "string"}}, "required_constraints": constraints}
    api = {"path_params_schema": {"p": {"type": "string"}}, "request_body_schema": body}
    schema = normalise({"name": "book", "api_schema": api}).schema
    assert (list(schema["properties"]), schema["required"]) == (["p", "a"], ["p"])
    assert schema["required_constraints"] == constraints


def test_the_parameters_of_a_system_tool_are_those_the_model_is_shown() -> None:
    tool = normalise({"type": "system", "name": "end_call"})
    assert tool.schema == tool.parameters
