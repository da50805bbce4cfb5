"""Which agents know a document, and how they are made to forget it."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from turnwise.api import dependents
from turnwise.api.versioning import rewrite
from turnwise.knowledge.library import KNOWLEDGE
from turnwise.store import Record, Transaction

Object = dict[str, Any]

_AGENT = "agent"
_LISTS = frozenset({"knowledge_base", "additional_knowledge_base"})
"""Places in an agent where documents are named."""


async def agents_of(
    tx: Transaction, paths: Mapping[str, Sequence[Record]], which: str = "all"
) -> dict[str, dict[str, list[str]]]:
    """Return the agents that know documents, and through which of its references they do.

    Args:
        tx: To look in.
        paths: Documents, each with the folders it is in.
        which: `direct`: the agent names the document; `transitive`: a folder it is in; `all`.

    Returns:
        For each document, by agent: the ids of what the agent names.
    """
    asked = {each.record_id for path in paths.values() for each in path} | paths.keys()
    users = await tx.records.users_of_many(KNOWLEDGE, asked)
    found: dict[str, dict[str, list[str]]] = {}
    for document_id, path in paths.items():
        through = [] if which == "transitive" else [document_id]
        through += [] if which == "direct" else [each.record_id for each in path]
        mine = found.setdefault(document_id, {})
        for each in through:
            for agent_id in dependents.ids_of(users[each], _AGENT):
                mine.setdefault(agent_id, []).append(each)
    return found


async def shown(tx: Transaction, agents: Mapping[str, Sequence[str]]) -> list[Object]:
    """Return agents as dependents, with what of the knowledge base they name."""
    known = await dependents.agents(tx, list(agents))
    return [{**each, "referenced_resource_ids": list(agents[each["id"]])} for each in known]


async def forget(tx: Transaction, agent_ids: Collection[str], document_ids: set[str]) -> None:
    """Take documents out of what agents know."""
    for agent_id in sorted(agent_ids):
        await rewrite(tx, agent_id, partial(without, document_ids=document_ids))


def without(value: Any, document_ids: set[str]) -> Any:  # noqa: ANN401  # any JSON
    """Return an agent's document that names none of these documents."""
    if isinstance(value, list):
        return [without(each, document_ids) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: [each for each in part if not _names(each, document_ids)]
        if key in _LISTS and isinstance(part, list)
        else without(part, document_ids)
        for key, part in value.items()
    }


def _names(locator: object, document_ids: set[str]) -> bool:
    return isinstance(locator, dict) and locator.get("id") in document_ids
