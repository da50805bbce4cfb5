from typing import Any

import pytest

from turnwise.agents.schemas import (
    advertised,
    as_object,
    complete,
    is_from_model,
    of_literals,
    variables_of,
)
from turnwise.agents.variables import Variables

SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "An order.",
    "required": ["order_id", "tenant", "note"],
    "properties": {
        "order_id": {"type": "string", "description": "Its number.", "enum": ["1", "2"]},
        "note": {"type": "string"},
        "tenant": {"type": "integer", "dynamic_variable": "tenant"},
        "unset": {"type": "string", "dynamic_variable": "nobody_gave_it"},
        "source": {"type": "string", "constant_value": "voice"},
        "none": {"type": "string", "constant_value": "", "description": "From the model."},
        "ours": {"type": "string", "is_system_provided": True},
        "gone": {"type": "string", "is_omitted": True, "dynamic_variable": "tenant"},
        "tags": {"type": "array", "description": "Tags.", "items": {"type": "number"}},
        "words": {"type": "array"},
        "address": {
            "description": "Where to.",
            "properties": {
                "city": {"type": ["string", "null"], "description": "Town."},
                "country": {"constant_value": "NL"},
            },
            "required": ["city", "country"],
        },
        "fixed": {"type": "object", "properties": {"a": {"constant_value": 1}}},
        "whole": {"type": "object", "constant_value": {"x": 1}},
        "tool_call_id": {"type": "string", "description": "Reserved."},
        "broken": "no schema",
    },
}


def test_a_model_is_shown_its_own_leaves_only() -> None:
    assert advertised(SCHEMA) == {
        "type": "object",
        "description": "An order.",
        "properties": {
            "order_id": {"type": "string", "description": "Its number.", "enum": ["1", "2"]},
            "note": {"type": "string"},
            "none": {"type": "string", "description": "From the model."},
            "tags": {"type": "array", "description": "Tags.", "items": {"type": "number"}},
            "words": {"type": "array", "items": {"type": "string"}},
            "address": {
                "type": "object",
                "description": "Where to.",
                "properties": {"city": {"type": ["string", "null"], "description": "Town."}},
                "required": ["city"],
            },
        },
        "required": ["order_id", "note"],
    }


def test_no_parameters_are_an_empty_object() -> None:
    empty = {"type": "object", "properties": {}}
    assert as_object(None) == empty
    assert as_object("text") == empty
    assert advertised(as_object({})) == empty
    assert of_literals(None) == empty


def test_arguments_are_completed_and_foreign_ones_dropped() -> None:
    given = {
        "order_id": "1",
        "tenant": 99,
        "ours": "forged",
        "note": None,
        "address": {"city": "Delft", "country": "forged"},
        "extra": True,
    }
    assert complete(SCHEMA, given, Variables.of({"tenant": "7"})) == {
        "extra": True,
        "order_id": "1",
        "note": None,
        "tenant": 7,
        "source": "voice",
        "address": {"city": "Delft", "country": "NL"},
        "fixed": {"a": 1},
        "whole": {"x": 1},
    }


def test_an_object_that_the_model_gave_as_something_else_is_left_to_the_tool() -> None:
    schema = {"properties": {"a": {"properties": {"b": {"type": "string"}}}}}
    assert complete(schema, {"a": "x"}, Variables()) == {"a": "x"}
    assert complete(schema, {}, Variables()) == {}


def test_variables_of_leaves_are_found() -> None:
    nested = {"properties": {"o": {"properties": {"v": {"dynamic_variable": "inner"}}}}}
    assert list(variables_of(SCHEMA)) == ["tenant", "nobody_gave_it"]
    assert list(variables_of(nested)) == ["inner"]


def test_the_older_list_of_parameters_is_read() -> None:
    old = [
        {"id": "q", "type": "string", "description": "Query", "required": True},
        {"id": "c", "type": "string", "value_type": "constant", "description": "fixed"},
        {"id": "v", "type": "string", "value_type": "dynamic_variable", "description": "who"},
        {"id": "w", "type": "string", "value_type": "dynamic_variable", "dynamic_variable": "x"},
        {
            "id": "o",
            "type": "object",
            "properties": [{"name": "inner", "type": "number", "required": True}],
        },
        {"type": "string", "required": True},
        "nonsense",
    ]
    schema = as_object(old)
    assert schema["required"] == ["q"]
    assert complete(schema, {"q": "tea"}, Variables.of({"who": "Ann", "x": "y"})) == {
        "q": "tea",
        "c": "fixed",
        "v": "Ann",
        "w": "y",
    }
    assert advertised(schema)["properties"]["o"] == {
        "type": "object",
        "properties": {"inner": {"type": "number"}},
        "required": ["inner"],
    }


def test_path_parameters_are_a_map_and_all_required() -> None:
    schema = of_literals({"id": {"type": "string"}})
    assert schema["required"] == ["id"]
    queries = {"properties": {"q": {"type": "string"}}, "required": ["q"]}
    assert of_literals(queries) == {"type": "object", **queries}


@pytest.mark.parametrize("constant", [0, False, {}, []])
def test_a_constant_of_nothing_is_still_a_constant(constant: object) -> None:
    assert not is_from_model({"constant_value": constant})


NAMED = {
    "type": "object",
    "properties": {"street": {"type": "string"}, "zone": {"constant_value": "1"}},
    "required": ["street"],
}


def test_an_object_that_lacks_something_of_the_model_is_left_out() -> None:
    outer = {"properties": {"inner": NAMED}, "required": ["inner"]}
    filled = {"properties": {"zone": {"constant_value": "1"}}}
    schema = {"properties": {"to": NAMED, "outer": outer, "filled": filled}}
    assert complete(schema, {}, Variables()) == {"filled": {"zone": "1"}}
    assert complete(schema, {"to": {}}, Variables())["to"] == {"zone": "1"}


def test_each_object_of_a_list_is_completed() -> None:
    schema = {"properties": {"l": {"type": "array", "items": NAMED}, "m": {"type": "array"}}}
    given = {"l": [{"street": "Main", "zone": "9"}], "m": [1]}
    assert complete(schema, given, Variables()) == {
        "l": [{"street": "Main", "zone": "1"}],
        "m": [1],
    }
