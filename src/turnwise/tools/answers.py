"""From what a tool answered to what the model and the record get, and to new dynamic variables.

The order is: variables are assigned from the whole answer, what is to be sanitised is taken out,
then the filter of the tool applies.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnwise.agents.tools import Tool
from turnwise.agents.variables import SECRET, SYSTEM, Variables, as_text
from turnwise.tools.ports import ErrorType, Outcome, ToolFailed
from turnwise.tools.summaries import by_rule, mode_of, tidy

FAILED = "The tool failed."
"""What the model hears of a failure that is hidden from it."""
HIDDEN_ANSWER = "The tool succeeded; its answer is not shown."
"""What the model hears of an answer that is hidden from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableUpdate:
    """A dynamic variable that a tool's answer changed."""

    name: str
    old: object
    """None: it had no value."""
    new: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A call that is over."""

    result: str
    """For the model and the transcript."""
    failed: bool = False
    error_type: ErrorType | None = None
    raw_error: str = ""
    """What went wrong in full, for the record."""
    details: Mapping[str, Any] | None = None
    """The record's `tool_details`."""
    updates: tuple[VariableUpdate, ...] = ()
    variables: Variables | None = None
    """All of them with the updates; None: they are as they were."""


def answered(tool: Tool, outcome: Outcome, variables: Variables) -> Answered:
    """Return what comes of an answer.

    Args:
        tool: Which one answered.
        outcome: What it answered.
        variables: As they are now.
    """
    data = _parsed(outcome.text)
    updates = list(_assigned(tool, data, variables)) if isinstance(data, dict) else []
    for update in updates:
        variables = variables.with_value(update.name, update.new)
    sanitised = _without_sanitised(tool, data)
    text = outcome.text if sanitised is data else _written(sanitised)
    return Answered(
        result=_filtered(tool, sanitised, text),
        details=outcome.details,
        updates=tuple(updates),
        variables=variables if updates else None,
    )


def failed(tool: Tool, failure: ToolFailed, summary: str | None = None) -> Answered:
    """Return what comes of a failure, told to the model as the tool's settings say.

    Args:
        tool: Which one failed.
        failure: How.
        summary: What a model made of it, for a tool that wants one; None: there is none.
    """
    match mode_of(tool, failure):
        case "passthrough":
            told = str(failure)
        case "summarized":
            told = by_rule(failure) if summary is None else tidy(summary)
        case _:
            told = FAILED
    return Answered(
        result=told,
        failed=True,
        error_type=failure.error_type,
        raw_error=str(failure),
        details=failure.details,
    )


# --- dynamic variables ---------------------------------------------------------------------------


def _assignments(tool: Tool) -> Iterator[Mapping[str, Any]]:
    for each in tool.raw.get("assignments") or ():
        if isinstance(each, Mapping) and each.get("dynamic_variable") and each.get("value_path"):
            yield each


def _assigned(tool: Tool, data: dict[str, Any], variables: Variables) -> Iterator[VariableUpdate]:
    for each in _assignments(tool):
        name = str(each["dynamic_variable"])
        found, value = at_path(data, _steps(each))
        if not found or value is None or name.startswith(SYSTEM):
            continue
        if isinstance(value, dict | list) and each.get("preserve_native_type") is not True:
            value = _written(value)
        old = variables.values.get(name)
        variables = variables.with_value(name, value)
        yield VariableUpdate(name=name, old=old, new=value)


def _steps(assignment: Mapping[str, Any]) -> list[str]:
    return str(assignment["value_path"]).split(".")


def at_path(data: object, steps: Sequence[str]) -> tuple[bool, object]:
    """Return whether there is something at a path of names and indices, and what."""
    for step in steps:
        if isinstance(data, Mapping) and step in data:
            data = data[step]
        elif isinstance(data, list) and step.isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            return False, None
    return True, data


def shown_update(update: VariableUpdate, at: float, tool: str, call: str) -> dict[str, object]:
    """Return an update as the record has it; the values of secrets stay hidden.

    Args:
        update: What changed.
        at: Unix seconds.
        tool: Name of the tool.
        call: Id of its call.
    """
    secret = update.name.startswith(SECRET)
    old = None if update.old is None else as_text(update.old)
    return {
        "variable_name": update.name,
        "old_value": "***" if secret and old is not None else old,
        "new_value": "***" if secret else as_text(update.new),
        "updated_at": at,
        "tool_name": tool,
        "tool_request_id": call,
    }


def _without_sanitised(tool: Tool, data: object) -> object:
    for each in _assignments(tool):
        secret = str(each["dynamic_variable"]).startswith(SECRET)
        if each.get("sanitize") is True or secret:
            data = _without(data, _steps(each))
    return data


def _without(data: object, steps: Sequence[str]) -> object:
    """Return the data without what is at the path; the same object if nothing is."""
    if not at_path(data, steps)[0]:
        return data
    head, rest = steps[0], steps[1:]
    if isinstance(data, list):
        index = int(head)
        kept = [_without(data[index], rest)] if rest else []
        return [*data[:index], *kept, *data[index + 1 :]]
    assert isinstance(data, Mapping)
    if rest:
        return {**data, head: _without(data[head], rest)}
    return {name: value for name, value in data.items() if name != head}


# --- the filter ----------------------------------------------------------------------------------


def _filtered(tool: Tool, data: object, text: str) -> str:
    api = tool.raw.get("api_schema")
    stored = api.get("response_filter") if isinstance(api, Mapping) else None
    rule = stored if isinstance(stored, Mapping) else {}
    mode = rule.get("mode")
    if mode == "hide_all":
        return HIDDEN_ANSWER
    if mode != "allow" or not isinstance(data, dict | list):
        return text  # only JSON is filtered
    paths = [str(path).split(".") for path in rule.get("filters") or ()]
    return _written(_allowed(data, paths))


def _allowed(data: object, paths: Sequence[Sequence[str]]) -> object:
    """Return of the data what is at one of the paths; a list is gone through, or indexed."""
    if any(not path for path in paths):
        return data
    if isinstance(data, list):
        indexed = [path for path in paths if path[0].isdecimal()]
        if indexed:
            chosen = sorted({int(path[0]) for path in indexed if int(path[0]) < len(data)})
            return [
                _allowed(data[index], [path[1:] for path in indexed if int(path[0]) == index])
                for index in chosen
            ]
        return [_allowed(each, paths) for each in data if isinstance(each, dict | list)]
    if not isinstance(data, Mapping):
        return {}
    kept: dict[str, object] = {}
    for name in dict.fromkeys(path[0] for path in paths):
        if name in data:
            inner = [path[1:] for path in paths if path[0] == name]
            if isinstance(data[name], dict | list) or any(not path for path in inner):
                kept[name] = _allowed(data[name], inner)
    return kept


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _written(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
