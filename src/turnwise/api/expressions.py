"""Expressions in a workflow: what a model evaluates has two spellings, and answers have both.

A boolean is asked for by a `prompt`, which is the former way, or anything by a `value_schema`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Object = dict[str, Any]

CHILDREN: Final = {
    "and_operator": (),
    "or_operator": (),
    "conditional_operator": ("condition", "trueExpression", "falseExpression"),
}
"""What is inside of an operator; `()`: a list, `children`. All others have a left and a right."""


def complete(workflow: Object) -> None:
    """Give each node that a model evaluates the spelling that it lacks, in place.

    Args:
        workflow: In the published shape, with its defaults.
    """
    left = list(_expressions(workflow))
    while left:
        node = left.pop()
        if node["type"] == "llm":
            _spell_both(node)
        left += _inside(node)


def _expressions(workflow: Object) -> Iterator[Object]:
    for edge in workflow["edges"].values():
        for condition in (edge["forward_condition"], edge["backward_condition"]):
            if condition is not None and condition["type"] == "expression":
                yield condition["expression"]
    for node in workflow["nodes"].values():
        if node["type"] == "update_state":
            yield from (update["expression"] for update in node["updates"])


def _inside(node: Mapping[str, Any]) -> list[Object]:
    kind = node["type"]
    if not kind.endswith("_operator"):
        return []
    names = CHILDREN.get(kind, ("left", "right"))
    return [node[name] for name in names] if names else list(node["children"])


def _spell_both(node: Object) -> None:
    if node["value_schema"] is None:
        node["value_schema"] = {"type": "boolean", "description": node["prompt"], "enum": None}
    elif node["prompt"] is None:
        node["prompt"] = node["value_schema"]["description"]
