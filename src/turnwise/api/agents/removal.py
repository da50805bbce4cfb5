"""Forgetting an agent, also in those that hand conversations over to it."""

from typing import Any

from turnwise.api.dependents import ids_of
from turnwise.api.errors import Conflict
from turnwise.api.versioning import rewrite
from turnwise.store import Transaction
from turnwise.store.histories import History
from turnwise.store.record_ports import AGENT


async def remove(tx: Transaction, agent_id: str, *, force: bool) -> None:
    """Forget a locked agent with its history.

    Args:
        tx: Where it is locked.
        agent_id: Which one.
        force: Whether agents that hand over to it are made to forget it, too.

    Raises:
        Conflict: If there are such agents, and nobody forces it.
    """
    users = ids_of(await tx.records.users_of(AGENT, agent_id), AGENT)
    if users and not force:
        raise Conflict(
            f"Agent with id {agent_id} is used by {len(users)} agents; remove it there first, or"
            " delete it with force=true.",
            code="agent_in_use",
        )
    for user in users:
        await rewrite(tx, user, lambda document: without_agent(document, agent_id))
    await History(tx.records, agent_id).forget()
    await tx.agents.delete(agent_id)


def without_agent(value: Any, agent_id: str) -> Any:  # noqa: ANN401 - any JSON
    """Return a document whose lists of transfers have no such agent, and no node hands over to it.

    A node without an agent hands over within its own agent.
    """
    if isinstance(value, list):
        kept = [item for item in value if not _hands_over(item, agent_id)]
        return [without_agent(item, agent_id) for item in kept]
    if isinstance(value, dict):
        clean = {key: without_agent(part, agent_id) for key, part in value.items()}
        return clean | {"agent_id": None} if clean.get("agent_id") == agent_id else clean
    return value


def _hands_over(item: object, agent_id: str) -> bool:
    return isinstance(item, dict) and item.get("agent_id") == agent_id
