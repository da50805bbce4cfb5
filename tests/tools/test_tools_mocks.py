"""Answers of tools that are not called."""

import asyncio

import pytest

from tools.tools_rig import Json
from turnwise.agents.tools import Tool, normalise
from turnwise.tools.mocks import Mocks, mocks_of
from turnwise.tools.ports import Outcome, ToolFailed

BOOK = normalise({"type": "webhook", "name": "book"}, tool_id="tool_1")
END = normalise({"type": "system", "name": "end_call"})


def condition(path: str, kind: str, **more: object) -> Json:
    return {"path": path, "eval": {"type": kind, **more}}


def mock(result: str, *conditions: object, is_error: bool = False) -> Json:
    return {"parameter_conditions": list(conditions), "mock_result": result, "is_error": is_error}


@pytest.mark.parametrize(
    ("config", "tool", "mocked"),
    [
        (None, BOOK, False),
        ({}, BOOK, False),
        ({"mocking_strategy": "none"}, BOOK, False),
        ({"mocking_strategy": "all"}, BOOK, True),
        ({"mocking_strategy": "all"}, END, False),
        ({"mocking_strategy": "selected"}, BOOK, False),
        ({"mocking_strategy": "selected", "mocked_tool_names": ["book"]}, BOOK, True),
        ({"mocking_strategy": "selected", "mocked_tool_ids": ["tool_1"]}, BOOK, True),
        ({"mocking_strategy": "selected", "mocked_tool_names": ["end_call"]}, END, False),
    ],
)
def test_which_tools_are_not_called(config: Json | None, tool: Tool, *, mocked: bool) -> None:
    assert mocks_of(config, {}).concerns(tool) is mocked
    if not mocked:
        assert answered(mocks_of(config, {"book": [mock("x")]}), tool, {}) is None


ALL = {"mocking_strategy": "all"}


async def is_a_city(description: str, argument: str) -> bool:
    """A judge who knows one city."""
    return (description, argument) == ("a city", "Oslo")


def answered(mocks: Mocks, tool: Tool, arguments: Json) -> Outcome | None:
    return asyncio.run(mocks.answer(tool, arguments, is_a_city))


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (condition("city", "anything"), True),
        (condition("country", "anything"), False),
        (condition("city", "exact", expected_value="Oslo"), True),
        (condition("city", "exact", expected_value="Rome"), False),
        (condition("days", "exact", expected_value="3"), True),
        (condition("days", "exact", expected_value="3.0"), True),
        (condition("days", "exact", expected_value=None), False),
        (condition("to.street", "exact", expected_value="Main"), True),
        (condition("tags.1", "exact", expected_value="b"), True),
        (condition("city", "regex", pattern="^Os"), True),
        (condition("city", "regex", pattern="^os"), False),
        (condition("city", "regex", pattern="("), False),
        (condition("city", "llm", description="a city"), True),
        (condition("city", "llm", description="a river"), False),
        (condition("days", "llm", description="a city"), False),
        (condition("country", "llm", description="a city"), False),
        (condition("city", "rhyme"), False),
        ({"path": "city"}, False),
        ("nonsense", False),
    ],
)
def test_conditions_decide_between_answers(rule: object, *, fits: bool) -> None:
    given = {"city": "Oslo", "days": 3, "to": {"street": "Main"}, "tags": ["a", "b"]}
    mocks = mocks_of(ALL, {"book": [mock("fits", rule), mock("else")]})
    outcome = answered(mocks, BOOK, given)
    assert outcome is not None
    assert outcome.text == ("fits" if fits else "else")


def test_answers_are_found_by_id_and_may_be_failures() -> None:
    mocks = mocks_of(ALL, {"tool_1": [mock("broken", is_error=True)]})
    with pytest.raises(ToolFailed, match="broken"):
        answered(mocks, BOOK, {})


def test_without_an_answer_the_tool_fails_or_is_called() -> None:
    with pytest.raises(ToolFailed, match="no answer is prepared for book"):
        answered(mocks_of(ALL, {}), BOOK, {})
    called = mocks_of({**ALL, "fallback_strategy": "call_real_tool"}, {"book": []})
    assert answered(called, BOOK, {}) is None
