"""Stored tools in an agent's document: read in full, kept by id."""

from collections.abc import Mapping
from typing import Any

from turnwise.agents.three_way import same
from turnwise.api.errors import NotFound
from turnwise.store import Transaction

Object = dict[str, Any]

TOOL = "tool"
"""The kind of the records of tools."""


async def expanded(tx: Transaction, document: Object) -> Object:
    """Return a document whose `prompt.tools` also has what `tool_ids` stand for.

    A tool of its own goes before a stored one of the same name, and one that is gone is left out.
    """
    prompt = _prompt(document)
    if not prompt.get("tool_ids"):
        return document
    own = list(prompt.get("tools") or [])
    names = {tool.get("name") for tool in own}
    stored = await _stored(tx, prompt["tool_ids"])
    more = [each for each in stored.values() if each.get("name") not in names]
    return _with_tools(document, own + more) if more else document


async def without_expansions(tx: Transaction, document: Object) -> Object:
    """Return a document without the tools in `prompt.tools` that only `expanded` put there.

    Clients send back what they read, and a stored tool must not become one of the agent's own.
    """
    prompt = _prompt(document)
    if not prompt.get("tool_ids") or not prompt.get("tools"):
        return document
    stored = list((await _stored(tx, prompt["tool_ids"])).values())
    own = [tool for tool in prompt["tools"] if not any(same(tool, each) for each in stored)]
    return document if len(own) == len(prompt["tools"]) else _with_tools(document, own)


async def require_tools(tx: Transaction, document: Object, before: Object | None) -> None:
    """Check that the tools which a document refers to are there.

    Args:
        tx: Where to look.
        document: The new one.
        before: What was stored: what it refers to is not looked for again. None: nothing was.

    Raises:
        NotFound: If one is not.
    """
    known = _prompt(before).get("tool_ids") or [] if before is not None else []
    wanted = [each for each in _prompt(document).get("tool_ids") or [] if each not in known]
    found = await tx.records.many(TOOL, wanted) if wanted else {}
    for tool_id in wanted:
        if tool_id not in found:
            raise NotFound(f"Tool with id {tool_id} not found.", code="tool_not_found")


async def _stored(tx: Transaction, ids: list[str]) -> dict[str, Object]:
    records = await tx.records.many(TOOL, ids)
    return {each: records[each].document["tool_config"] for each in ids if each in records}


def _prompt(document: Mapping[str, Any]) -> Object:
    value: Any = document
    for key in ("conversation_config", "agent", "prompt"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, dict) else {}


def _with_tools(document: Object, tools: list[Object]) -> Object:
    config = document["conversation_config"]
    agent = config["agent"]
    prompt = {**agent["prompt"], "tools": tools}
    return {
        **document,
        "conversation_config": {**config, "agent": {**agent, "prompt": prompt}},
    }
