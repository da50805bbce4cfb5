"""Answers of tools that are not really called: for tests and sessions that ask for it."""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from turnwise.agents.tools import Tool
from turnwise.agents.variables import as_text
from turnwise.tools.answers import at_path
from turnwise.tools.ports import Outcome, ToolFailed

Mock = Mapping[str, Any]
"""`{"parameter_conditions": […], "mock_result": …, "is_error": …}`."""
Judge = Callable[[str, str], Awaitable[bool]]
"""Says whether a description fits an argument, which comes second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mocks:
    """Which tools are not called, and what is answered instead."""

    strategy: str = "none"
    """`none`, `all` or `selected`."""
    names: frozenset[str] = frozenset()
    """Names or ids of the selected tools."""
    falls_back: bool = False
    """Whether a tool is called for which no answer is prepared; else that is an error."""
    answers: Mapping[str, Sequence[Mock]] = field(default_factory=dict)
    """Prepared answers by name or id of the tool; the first one that fits is given."""

    def concerns(self, tool: Tool) -> bool:
        """Return whether a tool is not to be called. System tools always are."""
        if tool.kind == "system":
            return False
        chosen = tool.name in self.names or tool.id in self.names
        return self.strategy == "all" or (self.strategy == "selected" and chosen)

    async def answer(
        self, tool: Tool, arguments: Mapping[str, Any], judge: Judge
    ) -> Outcome | None:
        """Return the prepared answer to a call; None: the tool is to be called.

        Args:
            tool: Which one.
            arguments: What it is called with.
            judge: Decides conditions of type `llm`.

        Raises:
            ToolFailed: If the prepared answer is a failure, or there is none and there must be.
        """
        if not self.concerns(tool):
            return None
        prepared = self.answers.get(tool.name) or self.answers.get(tool.id or "") or ()
        for mock in prepared:
            if await _all_fit(mock.get("parameter_conditions") or (), arguments, judge):
                result = as_text(mock.get("mock_result") or "")
                if mock.get("is_error") is True:
                    raise ToolFailed("unknown", result)
                return Outcome(text=result)
        if self.falls_back:
            return None
        raise ToolFailed("customer_config", f"no answer is prepared for {tool.name}")


def mocks_of(config: Mapping[str, Any] | None, prepared: Mapping[str, Sequence[Mock]]) -> Mocks:
    """Return the mocks of a session.

    Args:
        config: Its `tool_mock_config`; None: there are none.
        prepared: Answers by name or id of the tool.
    """
    asked = config or {}
    return Mocks(
        strategy=str(asked.get("mocking_strategy") or "none"),
        names=frozenset(_texts(asked.get("mocked_tool_names"), asked.get("mocked_tool_ids"))),
        falls_back=asked.get("fallback_strategy") == "call_real_tool",
        answers=prepared,
    )


def _texts(*lists: object) -> Iterable[str]:
    for each in lists:
        if isinstance(each, list):
            yield from map(str, each)


async def _all_fit(
    conditions: Iterable[object], arguments: Mapping[str, Any], judge: Judge
) -> bool:
    for each in conditions:
        if not await _fits(each, arguments, judge):
            return False
    return True


async def _fits(condition: object, arguments: Mapping[str, Any], judge: Judge) -> bool:
    rule = condition.get("eval") if isinstance(condition, Mapping) else None
    if not isinstance(condition, Mapping) or not isinstance(rule, Mapping):
        return False
    found, value = at_path(arguments, str(condition.get("path") or "").split("."))
    match rule.get("type") if found else None:
        case "anything":
            return True
        case "exact":
            return _same(value, rule.get("expected_value"))
        case "regex":
            return _matches(str(rule.get("pattern")), as_text(value))
        case "llm":
            return await judge(str(rule.get("description") or ""), as_text(value))
        case _:
            return False


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


def _same(value: object, expected: object) -> bool:
    if value == expected or as_text(value) == expected:
        return True
    try:
        return isinstance(expected, str) and json.loads(expected) == value
    except ValueError:
        return False
