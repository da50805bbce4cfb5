"""What the model must give, and what it is told when it does not."""

import pytest

from tools.tools_rig import Json, leaf, webhook
from turnwise.agents.tools import Tool, normalise
from turnwise.agents.variables import Variables
from turnwise.tools.arguments import fitted, parsed, problems_of

NOBODY = Variables({"user": "Ada", "spaces": '["ws_1", "ws_2"]', "native": [1, 2], "bad": "x"})


def tool(required: list[str] | None = None, more: Json | None = None, **properties: Json) -> Tool:
    schema = {"type": "object", "properties": properties, "required": required or []}
    stored = {"type": "client", "name": "book", "parameters": {**schema, **(more or {})}}
    return normalise(stored)


NESTED = {
    "type": "object",
    "properties": {"street": leaf(), "zone": leaf(constant_value="1")},
    "required": ["street", "zone"],
}


@pytest.mark.parametrize(
    ("made", "given", "problems"),
    [
        (tool(["size"], size=leaf()), {}, ["size is missing."]),
        (tool(["size"], size=leaf()), {"size": None}, ["size is missing."]),
        (tool(["size"], size=leaf()), {"size": ""}, []),
        (tool(size=leaf()), {}, []),
        (tool(["user"], user=leaf(dynamic_variable="user")), {}, []),
        (tool(["shop"], shop=leaf(constant_value="x")), {}, []),
        (tool(["to"], to=NESTED), {}, ["to is missing."]),
        (tool(["to"], to=NESTED), {"to": {}}, ["to.street is missing."]),
        (tool(["to"], to=NESTED), {"to": {"street": "Main"}}, []),
        (tool(["to"], to="nonsense"), {}, []),  # type: ignore[arg-type]
        (
            tool(["size"], size=leaf(enum=["s", "l"])),
            {"size": "m"},
            ["size should be one of s, l; it is 'm'."],
        ),
        (tool(n={"type": "integer"}), {"n": "many"}, ["n should be an integer."]),
        (tool(n={"type": "integer"}), {"n": 2.5}, ["n should be an integer."]),
        (tool(n={"type": "integer"}), {"n": 2.0}, []),
        (tool(n={"type": "integer"}), {"n": True}, ["n should be an integer."]),
        (tool(n={"type": "number"}), {"n": 2.5}, []),
        (tool(n={"type": "boolean"}), {"n": "maybe"}, ["n should be a boolean."]),
        (tool(n={"type": ["string", "null"]}), {"n": 1}, ["n should be a string or a null."]),
        (tool(n={"type": "unheard"}), {"n": 1}, []),
        (
            tool(l={"type": "array", "items": {"type": "number"}}),
            {"l": [1, "x"]},
            ["l[1] should be a number."],
        ),
        (tool(l={"type": "array"}), {"l": "x"}, ["l should be an array."]),
        (tool(l={"type": "object"}), {"l": []}, ["l should be an object."]),
    ],
)
def test_what_is_wrong_is_said_by_name(made: Tool, given: Json, problems: list[str]) -> None:
    assert problems_of(made, given, NOBODY) == problems


@pytest.mark.parametrize(
    ("guard", "value", "problems"),
    [
        ({"allowed_values": {"dynamic_variable": "spaces"}}, "ws_1", []),
        (
            {"allowed_values": {"dynamic_variable": "spaces"}},
            "ws_9",
            ["id is not one of the values that are permitted here."],
        ),
        ({"allowed_values_dynamic_variable": "spaces"}, "ws_2", []),
        ({"allowed_values": {"dynamic_variable": "native"}}, "2", []),
        (
            {"allowed_values": {"dynamic_variable": "unknown"}},
            "1",
            ["id cannot be used now: what it may be is not known."],
        ),
        (
            {"allowed_values": {"dynamic_variable": "bad"}},
            "1",
            ["id cannot be used now: what it may be is not known."],
        ),
    ],
)
def test_a_list_that_the_model_is_not_shown_decides(
    guard: Json, value: str, problems: list[str]
) -> None:
    made = tool(id=leaf(description="which", **guard))
    assert problems_of(made, {"id": value}, NOBODY) == problems
    assert "ws_1" not in str(made.parameters)


CONTACT = {
    "required_constraints": {
        "any_of": [{"required": ["email"]}, {"required": ["phone", "area"]}],
        "all_of": [{"required": ["name"]}],
    }
}


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"email": "a@b", "name": "Ada"}, []),
        ({"phone": "1", "area": "2", "name": "Ada"}, []),
        (
            {"phone": "1", "name": "Ada"},
            ["One of these is needed: email or phone and area."],
        ),
        ({"email": "a@b"}, ["name is missing."]),
    ],
)
def test_constraints_over_several_arguments(given: Json, problems: list[str]) -> None:
    made = tool(None, CONTACT, email=leaf(), phone=leaf(), area=leaf(), name=leaf())
    assert problems_of(made, given, NOBODY) == problems


def test_what_is_filled_in_counts_for_constraints() -> None:
    made = tool(None, CONTACT, email=leaf(dynamic_variable="user"), name=leaf())
    assert problems_of(made, {"name": "Ada"}, NOBODY) == []


def test_constraints_of_a_webhooks_body_hold() -> None:
    body = {"type": "object", "properties": {"email": leaf(), "phone": leaf()}, **CONTACT}
    made = webhook("https://shop.test/", request_body_schema=body)
    assert problems_of(made, {"name": "x"}, NOBODY) == [
        "One of these is needed: email or phone and area."
    ]


def test_system_tools_are_checked_as_well() -> None:
    made = normalise({"type": "system", "name": "language_detection", "params": {}}, ["en", "de"])
    given = {"reason": "asked", "language": "fr"}
    assert problems_of(made, given, NOBODY) == ["language should be one of en, de; it is 'fr'."]


def test_texts_numbers_and_truth_values_are_fitted() -> None:
    made = tool(
        n={"type": "integer"},
        s=leaf(),
        b={"type": "boolean"},
        o={"type": "object", "properties": {"n": {"type": "number"}}},
        l={"type": "array", "items": {"type": "integer"}},
        free={"type": ["string", "null"]},
    )
    given = {"n": "5", "s": 5, "b": "true", "o": {"n": "2.5"}, "l": ["1"], "free": 1, "x": "7"}
    assert fitted(made, given) == {
        "n": 5,
        "s": "5",
        "b": True,
        "o": {"n": 2.5},
        "l": [1],
        "free": 1,
        "x": "7",
    }
    assert fitted(made, {"n": None}) == {"n": None}


@pytest.mark.parametrize(
    ("text", "found"), [("", {}), ('{"a": 1}', {"a": 1}), ("[1]", None), ("{", None)]
)
def test_arguments_are_an_object(text: str, found: Json | None) -> None:
    assert parsed(text) == found
