"""The tools of integrations that an agent has, with the requests that they make."""

from collections.abc import Iterable, Mapping
from typing import Any

from turnwise.store import Store
from turnwise.tools.integrations.catalogue import CONNECTION, KIND, expanded

Json = dict[str, Any]
Stored = Mapping[str, Any]


async def integrated(
    store: Store, tools: Mapping[str, Stored], document: Stored
) -> tuple[Mapping[str, Stored], Stored]:
    """Return stored tools and an agent, both with the requests of integrations' tools.

    Args:
        store: Where the connections are.
        tools: Stored tools by what the agent calls them.
        document: The agent, which may bring such tools along.
    """
    inline = _inline(document)
    configs = [each["tool_config"] for each in tools.values() if _is_one(each.get("tool_config"))]
    if not configs and not any(map(_is_one, inline)):
        return tools, document
    ids = {_connection_id(each) for each in (*configs, *filter(_is_one, inline))}
    async with store.reading() as tx:
        known = {
            key: each.document for key, each in (await tx.records.many(CONNECTION, ids)).items()
        }
    changed = {
        name: {**each, "tool_config": _expanded(each["tool_config"], known)}
        if _is_one(each.get("tool_config"))
        else each
        for name, each in tools.items()
    }
    return changed, _with_inline(document, [_expanded(each, known) for each in inline])


def _is_one(config: object) -> bool:
    return isinstance(config, Mapping) and config.get("type") == KIND


def _connection_id(config: Stored) -> str:
    return str(config.get("api_integration_connection_id"))


def _expanded(config: Any, known: Mapping[str, Stored]) -> Any:  # noqa: ANN401  # any JSON
    return expanded(config, known.get(_connection_id(config))) if _is_one(config) else config


def _inline(document: Stored) -> list[Any]:
    found: Any = document
    for name in ("conversation_config", "agent", "prompt", "tools"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return list(found) if isinstance(found, list) else []


def _with_inline(document: Stored, tools: Iterable[Any]) -> Stored:
    if not (inline := list(tools)):
        return document
    config = document["conversation_config"]
    prompt = {**config["agent"]["prompt"], "tools": inline}
    told = {**config, "agent": {**config["agent"], "prompt": prompt}}
    return {**document, "conversation_config": told}
