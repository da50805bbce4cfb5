"""Who gives the value of a parameter."""

from typing import Any

import pytest

from turnwise.agents.schemas import complete
from turnwise.agents.variables import Variables
from turnwise.tools.schema_overrides import offered, overridden

Json = dict[str, Any]

SCHEMA: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"Person": {"type": "object", "properties": {"mail": {"type": "string"}}}},
    "properties": {
        "city": {"type": "string", "description": "where", "pattern": "^[A-Z]"},
        "when": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "who": {"$ref": "#/$defs/Person"},
        "items": {
            "type": "array",
            "items": {"type": "object", "properties": {"size": {"type": "integer"}}},
        },
    },
    "required": ["city", "who"],
}
CONSTANT = {"source": "constant", "constant_value": "Bath"}


def test_what_nobody_overrides_is_offered_as_it_was_written() -> None:
    shown = offered(overridden(SCHEMA, {}))
    assert shown == {key: value for key, value in SCHEMA.items() if key != "$schema"}


@pytest.mark.parametrize("path", ["city", "$.city", "properties.city", "$.properties.city"])
def test_a_constant_is_filled_in_and_not_asked_for(path: str) -> None:
    changed = overridden(SCHEMA, {path: CONSTANT})
    shown = offered(changed)
    assert "city" not in shown["properties"]
    assert shown["required"] == ["who"]
    assert complete(changed, {"city": "Rome"}, Variables())["city"] == "Bath"


@pytest.mark.parametrize(
    ("override", "filled"),
    [
        ({"source": "dynamic_variable", "dynamic_variable": "town"}, {"city": "Oslo"}),
        ({"source": "omit"}, {}),
        ({"source": "constant", "constant_value": ""}, {}),
        ({"source": "llm", "prompt": "a town"}, {"city": "Rome"}),
        ({"source": "llm"}, {"city": "Rome"}),
        (None, {"city": "Rome"}),
    ],
)
def test_each_source(override: Json | None, filled: Json) -> None:
    changed = overridden(SCHEMA, {"city": override})
    assert complete(changed, {"city": "Rome"}, Variables({"town": "Oslo"})) == filled


def test_the_model_may_be_told_otherwise() -> None:
    shown = offered(overridden(SCHEMA, {"city": {"source": "llm", "prompt": "a town"}}))
    city = shown["properties"]["city"]
    assert city == {"type": "string", "description": "a town", "pattern": "^[A-Z]"}


@pytest.mark.parametrize(
    "path", ["items.*.size", "items[*].size", "items.items.size", "items.0.size"]
)
def test_a_path_leads_into_lists(path: str) -> None:
    changed = overridden(SCHEMA, {path: {"source": "constant", "constant_value": 3}})
    given = {"items": [{"size": 1}, {}]}
    assert complete(changed, given, Variables())["items"] == [{"size": 3}, {"size": 3}]
    assert offered(changed)["properties"]["items"]["items"]["properties"] == {}


def test_a_path_leads_through_references() -> None:
    changed = overridden(SCHEMA, {"who.mail": CONSTANT})
    assert complete(changed, {}, Variables())["who"] == {"mail": "Bath"}
    assert "who" not in offered(changed)["properties"]  # nothing of it is left to say


@pytest.mark.parametrize("path", ["nowhere", "city.deeper", "", "who.nobody"])
def test_a_path_to_nothing_changes_nothing_that_the_model_sees(path: str) -> None:
    shown = offered(overridden(SCHEMA, {path: {"source": "llm"}}))
    assert set(shown["properties"]) == {"city", "when", "who", "items"}


def test_references_in_a_circle_end() -> None:
    circle: Json = {
        "type": "object",
        "$defs": {"A": {"$ref": "#/$defs/A"}},
        "properties": {"a": {"$ref": "#/$defs/A"}},
    }
    assert overridden(circle, {"a.b": CONSTANT})["properties"]["a"]["$ref"] == "#/$defs/A"
