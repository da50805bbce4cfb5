"""Examples of published shapes: defaults, nulls, and what is kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from turnwise.contract import ContractError, load

Json = Any
CONTRACT = load()
CREATE = CONTRACT.shape("Body_Create_Agent_v1_convai_agents_create_post")
PUBLISHED = json.loads((Path(__file__).parent / "agent_defaults.json").read_text())


def lacking(published: Json, filled: Json, at: str = "") -> list[str]:
    """Return the places whose published default is not what the second document has."""
    if isinstance(published, dict) and isinstance(filled, dict):
        return [
            place
            for name, value in published.items()
            for place in (
                lacking(value, filled[name], f"{at}.{name}") if name in filled else [f"{at}.{name}"]
            )
        ]
    return [] if published is None or published == filled else [at]  # null: it is not known


@pytest.mark.parametrize("part", ["conversation_config", "platform_settings", "workflow"])
def test_a_new_agent_has_the_published_defaults(part: str) -> None:
    filled = CREATE.filled({"conversation_config": {}})
    assert lacking(PUBLISHED[part], filled[part]) == []


def test_what_is_not_published_as_plain_default_is_there_too() -> None:
    filled = CREATE.filled({"conversation_config": {}})
    assert filled["tags"] == []
    assert filled["platform_settings"]["widget"]["avatar"]["type"] == "orb"
    assert filled["platform_settings"]["guardrails"]["version"] == "1"
    assert filled["workflow"]["nodes"] == {
        "start_node": {"type": "start", "position": {"x": 0, "y": 0}, "edge_order": []}
    }


def test_items_entries_and_members_of_unions_are_filled() -> None:
    agent = {
        "conversation_config": {
            "agent": {"prompt": {"tools": [{"type": "client", "name": "a", "description": ""}]}}
        },
        "workflow": {"nodes": {"a": {"type": "say", "label": "", "message": SAY}}},
    }
    filled = CREATE.filled(agent)
    tool = filled["conversation_config"]["agent"]["prompt"]["tools"][0]
    assert tool["response_timeout_secs"] == 20
    assert filled["workflow"]["nodes"]["a"]["edge_order"] == []


SAY = {"type": "literal", "text": "Hello"}


def test_defaults_are_not_shared() -> None:
    first = CREATE.filled({"conversation_config": {}})
    first["tags"].append("mine")
    first["conversation_config"]["asr"]["keywords"].append("mine")
    second = CREATE.filled({"conversation_config": {}})
    assert second["tags"] == second["conversation_config"]["asr"]["keywords"] == []


@pytest.mark.parametrize(
    ("place", "given", "stored"),
    [
        (("turn", "turn_timeout"), None, 7),  # null is no value: the default
        (("turn", "turn_timeout"), 3, 3),
        (("turn", "turn_timeout"), "3", 3.0),  # as pydantic reads it
        (("turn", "turn_timeout"), 2.5, 2.5),
        (("turn", "initial_wait_time"), None, None),
        (
            ("turn", "soft_timeout_config"),
            None,
            {"timeout_seconds": -1, "message": "Hhmmmm...yeah."},
        ),
        (("agent", "prompt", "temperature"), None, None),  # null is a value
        (("agent", "first_message"), None, ""),
        (("agent", "x_unknown"), None, None),
        (("agent", "x_unknown"), {"a": [None, 1]}, {"a": [None, 1]}),
        (("agent", "dynamic_variables", "dynamic_variable_placeholders"), {"a": None}, {"a": None}),
    ],
)
def test_nulls_numbers_and_unknown_fields(
    place: tuple[str, ...], given: Json, stored: Json
) -> None:
    body: Json = given
    for name in reversed(place):
        body = {name: body}
    document = {"conversation_config": body}
    assert CREATE.problems(document) == []
    filled = CREATE.read(document)["conversation_config"]
    for name in place:
        filled = filled[name]
    if isinstance(stored, dict):
        assert stored.items() <= filled.items()
    else:
        assert (filled, type(filled)) == (stored, type(stored))


def test_one_wrong_part_leaves_the_rest_filled() -> None:
    filled = CREATE.filled({"conversation_config": {"turn": {"mode": "wild"}, "asr": 3}})
    assert filled["conversation_config"]["asr"] == 3
    assert filled["conversation_config"]["turn"]["mode"] == "wild"
    assert filled["conversation_config"]["turn"]["turn_timeout"] == 7
    assert filled["conversation_config"]["tts"]["stability"] == 0.5


def test_reading_says_everything_that_is_wrong() -> None:
    with pytest.raises(ContractError) as caught:
        CREATE.read({"conversation_config": {"turn": {"mode": "wild"}, "asr": 3}}, ("body",))
    places = [problem["loc"] for problem in caught.value.problems]
    assert places == [
        ["body", "conversation_config", "asr"],
        ["body", "conversation_config", "turn", "mode"],
    ]
    assert "Input should be 'silence' or 'turn'" in str(caught.value)


def test_a_problem_in_a_tool_names_the_tool_and_its_kind() -> None:
    tools = [{"type": "client", "name": "a"}, {"type": "none"}]
    body = {"conversation_config": {"agent": {"prompt": {"tools": tools}}}}
    first, second = CREATE.problems(body)
    at = ["body", "conversation_config", "agent", "prompt", "tools"]
    assert (first["type"], first["loc"]) == ("missing", [*at, 0, "client", "description"])
    assert (second["type"], second["loc"]) == ("union_tag_invalid", [*at, 1])
    assert second["ctx"]["tag"] == "none"


def test_the_widget_rates_a_conversation() -> None:
    shape = CONTRACT.shape("ConversationFeedbackRequestModel")
    assert shape.problems({"rating": 5, "comment": "Good"}) == []
    assert shape.problems({"feedback": "like"}) == []
    assert [part["loc"] for part in shape.problems({"rating": 9})] == [["body", "rating"]]


def test_a_schema_can_be_used_alone() -> None:
    known = CREATE.known()
    assert known["$ref"].startswith("#/components/schemas/")
    assert "ConversationalConfigAPIModel-Input" in known["components"]["schemas"]


@pytest.mark.parametrize("depth", [50, 400, 900])
def test_a_value_nested_too_deep_is_refused_and_harms_no_one(depth: int) -> None:
    shape = CONTRACT.shape("ToolRequestModel")
    nested: Json = {"type": "string"}
    for _ in range(depth):
        nested = {"type": "object", "properties": {"a": nested}}
    tool = {"type": "client", "name": "c", "description": "", "parameters": nested}
    body = {"tool_config": tool}
    assert shape.normalised(body)["tool_config"]["name"] == "c"
    assert shape.filled(body)["tool_config"]["name"] == "c"
    assert bool(shape.problems(body)) is (depth > 50)


def test_a_null_is_filled_even_beside_a_value_that_does_not_fit() -> None:
    config = load().shape("ConversationalConfigAPIModel-Input")
    filled = config.filled({"turn": {"turn_timeout": "soon", "mode": None}, "tts": None})
    assert filled["turn"]["turn_timeout"] == "soon"
    assert filled["turn"]["mode"] == "turn"
    assert filled["tts"]["model_id"] == "eleven_flash_v2"
