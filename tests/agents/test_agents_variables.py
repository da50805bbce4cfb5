import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.agents.variables import MissingVariables, Variables, as_text, coerced, names_in

names = st.from_regex(r"[a-z]\w{0,8}", fullmatch=True)
values = st.one_of(st.text(), st.integers(), st.booleans(), st.floats(allow_nan=False))


def test_placeholders_are_filled_with_or_without_spaces() -> None:
    variables = Variables.of({"name": "Ann", "n": 3, "vip": True, "list": ["a", 1]})
    filled = variables.fill("{{name}} {{ n }} {{vip}} {{list}}")
    assert filled == 'Ann 3 true ["a", 1]'


def test_nested_data_is_filled_and_keys_are_not() -> None:
    data = {"{{a}}": ["{{a}}", {"b": "{{a}}!", "n": 1}], "t": ("{{a}}",)}
    filled = Variables.of({"a": "x"}).fill(data)
    assert filled == {"{{a}}": ["x", {"b": "x!", "n": 1}], "t": ("x",)}


def test_the_older_spelling_of_environment_variables_is_read() -> None:
    variables = Variables.of(system={"system__env_host": "h"})
    assert variables.fill("{{system_env__host}} {{system__env_host}}") == "h h"


def test_given_values_go_before_placeholders_and_null_is_none() -> None:
    variables = Variables.of({"a": "given", "b": None}, placeholders={"a": "p", "b": "p", "c": "p"})
    assert variables.fill("{{a}} {{b}} {{c}}") == "given p p"
    assert Variables.of(placeholders={"d": None}).missing(["d"]) == {"d"}


def test_nobody_else_sets_the_platforms_variables() -> None:
    variables = Variables.of(
        {"system__time": "forged"},
        placeholders={"system__agent_id": "forged"},
        system={"system__time": "noon"},
    )
    assert variables.values == {"system__time": "noon"}


def test_a_secret_stays_a_placeholder_where_it_is_not_allowed() -> None:
    variables = Variables.of({"secret__key": "s3cr3t"})
    assert variables.fill("Bearer {{secret__key}}") == "Bearer {{secret__key}}"
    assert variables.fill("Bearer {{secret__key}}", secrets=True) == "Bearer s3cr3t"
    variables.require("prompt", "{{secret__other}}")


def test_missing_variables_have_the_published_text() -> None:
    with pytest.raises(MissingVariables) as caught:
        Variables.of({"a": 1}).require("first message", "Hi {{owner_name}}, {{a}}")
    text = "Missing required dynamic variables in first message: {'owner_name'}"
    assert str(caught.value) == text
    assert caught.value.names == ("owner_name",)


def test_missing_variables_of_several_texts_are_named_once_and_in_order() -> None:
    with pytest.raises(MissingVariables, match=r"in tools: \{'a', 'b'\}$"):
        Variables().require("tools", {"x": "{{b}}"}, ["{{a}}", "{{b}}"])


def test_one_more_variable_leaves_the_others_alone() -> None:
    before = Variables.of({"a": 1})
    after = before.with_value("a", 2)
    assert (before.values, after.values) == ({"a": 1}, {"a": 2})


def test_names_are_found_everywhere() -> None:
    assert names_in(["{{a}}", {"k": ("{{ b }}",)}, 3, "{c}"]) == {"a", "b"}


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (3, "string", "3"),
        (True, "string", "true"),
        ("3", "integer", 3),
        ("12345678901234567890", "integer", 12345678901234567890),
        ("3.0", "integer", 3),
        (3.0, "integer", 3),
        ("3.5", "integer", "3.5"),
        ("3.5", "number", 3.5),
        (3.5, "number", 3.5),
        (3, "number", 3),
        ("many", "number", "many"),
        ("nan", "number", "nan"),
        ("inf", "number", "inf"),
        ([1], "number", [1]),
        (True, "number", True),
        (" TRUE ", "boolean", True),
        ("false", "boolean", False),
        ("yes", "boolean", "yes"),
        (1, "boolean", 1),
        ({"a": 1}, "object", {"a": 1}),
    ],
)
def test_values_take_the_type_that_is_asked_for_if_they_can(
    value: object, kind: str, expected: object
) -> None:
    result = coerced(value, kind)
    assert result == expected
    assert type(result) is type(expected)


@given(st.dictionaries(names, values, min_size=1))
def test_everything_given_is_filled_once(given_values: dict[str, object]) -> None:
    text = "|".join(f"{{{{{name}}}}}" for name in given_values)
    filled = Variables.of(given_values).fill(text)
    assert filled == "|".join(as_text(value) for value in given_values.values())


@given(st.text())
def test_a_text_without_variables_comes_back_unchanged(text: str) -> None:
    assert Variables().fill(text) == text


def test_secrets_can_be_left_out() -> None:
    variables = Variables({"a": 1, "secret__b": "hush", "system__c": "x"})
    assert variables.without_secrets().values == {"a": 1, "system__c": "x"}
