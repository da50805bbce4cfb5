"""Tools as MCP servers describe them, and as agents have them."""

from typing import Any

import pytest

from turnwise.agents.tools import normalise
from turnwise.agents.variables import Variables
from turnwise.tools.approvals import APPROVAL_S
from turnwise.tools.arguments import fitted, problems_of
from turnwise.tools.mcp_definitions import (
    McpSettings,
    is_sound,
    mocks_of,
    tool_hash,
    tool_of,
    uniquely,
    with_own_settings,
)

Json = dict[str, Any]

SCHEMA: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LISTED: Json = {"name": "forecast", "description": "Tells the weather.", "inputSchema": SCHEMA}
HASH = tool_hash("Tells the weather.", SCHEMA)


def settings(**config: object) -> McpSettings:
    return McpSettings(server_id="mcp_1", config={"name": "Weather", **config})


def own(**more: object) -> McpSettings:
    """A server with settings of the one tool."""
    return settings(
        response_timeout_secs=20,
        interruption_mode="disable_during_tool",
        tool_call_sound="typing",
        approval_policy="auto_approve_all",
        tool_config_overrides=[{"tool_name": "forecast", **more}],
    )


def approval(**more: object) -> list[Json]:
    found = {"tool_name": "forecast", "tool_hash": HASH, "approval_policy": "auto_approved"}
    return [{**found, **more}]


@pytest.mark.parametrize(
    ("config", "needed"),
    [
        ({}, True),
        ({"approval_policy": "require_approval_all"}, True),
        ({"approval_policy": "auto_approve_all"}, False),
        ({"approval_policy": "of the future"}, True),
        ({"approval_policy": "require_approval_per_tool"}, True),
        (
            {
                "approval_policy": "require_approval_per_tool",
                "tool_approval_hashes": approval(),
            },
            False,
        ),
        (
            {
                "approval_policy": "require_approval_per_tool",
                "tool_approval_hashes": approval(approval_policy="requires_approval"),
            },
            True,
        ),
        (
            {
                "approval_policy": "require_approval_per_tool",
                "tool_approval_hashes": approval(tool_hash="of another description"),
            },
            True,
        ),
        (
            {
                "approval_policy": "require_approval_per_tool",
                "tool_approval_hashes": approval(tool_name="other"),
            },
            True,
        ),
    ],
)
def test_when_the_user_is_asked(config: Json, *, needed: bool) -> None:
    asked = settings(**config).needs_approval("forecast", "Tells the weather.", SCHEMA)
    assert asked is needed
    patience_s = 30 + (APPROVAL_S if needed else 0)  # the engine must not give up first
    assert tool_of(settings(**config), LISTED).response_timeout_secs == patience_s


def test_a_tool_has_the_manners_of_its_server() -> None:
    tool = tool_of(own(), LISTED)
    assert (tool.id, tool.kind, tool.name) == ("mcp:mcp_1:forecast", "mcp", "forecast")
    assert (tool.response_timeout_secs, tool.interruption_mode) == (20, "disable_during_tool")
    assert tool.raw["tool_call_sound"] == "typing"
    assert tool.parameters == SCHEMA


def test_and_its_own_over_them() -> None:
    tool = tool_of(
        own(
            response_timeout_secs=7,
            execution_mode="async",
            pre_tool_speech="force",
            interruption_mode=None,
            tool_call_sound="off",
            assignments=[{"dynamic_variable": "a", "value_path": "b"}],
            response_mocks=[{"mock_result": "rain"}],
        ),
        LISTED,
    )
    assert (tool.response_timeout_secs, tool.execution_mode) == (7, "async")
    assert (tool.pre_tool_speech, tool.interruption_mode) == ("force", "disable_during_tool")
    assert "tool_call_sound" not in tool.raw
    assert tool.raw["assignments"] == [{"dynamic_variable": "a", "value_path": "b"}]
    assert mocks_of(own(response_mocks=[{"mock_result": "rain"}]), tool) == [
        {"mock_result": "rain"}
    ]


def test_names_are_such_as_models_take_and_each_is_there_once() -> None:
    names = ["a.b/c", "a_b_c", "a_b_c", "x" * 70, "x" * 80]
    tools = [tool_of(settings(name="My shop!"), {"name": name}) for name in names]
    named = [tool.name for tool in uniquely(tools, {"taken", "a_b_c"})]
    assert named == [
        "My_shop__a_b_c",
        "a_b_c_2",
        "a_b_c_3",
        "x" * 64,
        ("My_shop__" + "x" * 64)[:64],
    ]


@pytest.mark.parametrize(
    ("listed", "sound"),
    [
        (LISTED, True),
        ({"name": "bare"}, True),
        ({"name": ""}, False),
        ({"name": "a", "inputSchema": {"type": "string"}}, False),
        ({"name": "a", "inputSchema": {"properties": []}}, False),
        ({"name": "a", "inputSchema": {"properties": ["x"]}}, False),
    ],
)
def test_what_no_model_can_be_offered_is_left_out(listed: Json, *, sound: bool) -> None:
    assert is_sound(listed) is sound


DEEP: Json = {"type": "object"}
for _ in range(200):
    DEEP = {"type": "object", "properties": {"a": DEEP}}


@pytest.mark.parametrize(
    "schema",
    [
        {"required": 5},
        {"required": [None, {"a": 1}]},
        {"properties": {"a": True, "b": None, "c": 7, "d": {"items": [1, 2]}}},
        {"properties": {"a": {"type": 5, "enum": "x", "required_constraints": 3}}},
        {"properties": {"a": {"type": [1, None], "properties": [], "items": True}}},
        {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": []},
        DEEP,
    ],
)
def test_whatever_a_server_writes_is_survived(schema: Json) -> None:
    listed = {"name": "a", "inputSchema": schema}
    assert is_sound(listed)
    tool = tool_of(own(input_overrides={"a.b.c": {"source": "omit"}}), listed)
    for value in (None, 1, "x", [1, {"a": []}], {"a": {"a": 1}, "b": [2]}):
        given = dict.fromkeys("abcd", value)
        problems_of(tool, fitted(tool, given), Variables())
        assert isinstance(tool.arguments(given, Variables()), dict)


def stored(**more: object) -> Json:
    return {
        "type": "mcp",
        "name": "forecast",
        "mcp_server_id": "mcp_1",
        "mcp_tool_name": "forecast",
        "mcp_input_schema": SCHEMA,
        "response_timeout_secs": 20,
        **more,
    }


def test_a_stored_tool_has_overrides_of_its_own() -> None:
    overrides = {"city": {"source": "dynamic_variable", "dynamic_variable": "home"}}
    tool = with_own_settings(normalise(stored(input_overrides=overrides)))
    assert tool.parameters["properties"] == {}
    assert tool.arguments({"city": "forged"}, Variables({"home": "Bath"})) == {"city": "Bath"}
    plain = with_own_settings(normalise(stored()))
    assert plain.parameters["properties"].keys() == {"city"}
    assert plain.arguments({"city": "Rome"}, Variables()) == {"city": "Rome"}


@pytest.mark.parametrize(
    ("policy", "seconds"),
    [
        ("auto_approve_all", 20),
        ("require_approval_all", 20 + APPROVAL_S),
        ("require_approval_per_tool", 20 + APPROVAL_S),
    ],
)
def test_a_stored_tool_leaves_the_user_time_to_approve(policy: str, seconds: int) -> None:
    tool = with_own_settings(normalise(stored(approval_policy=policy)))
    assert tool.response_timeout_secs == seconds
