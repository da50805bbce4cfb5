"""Which version of its agent a conversation is held with."""

from dataclasses import dataclass
from typing import Any

from turnwise.agents.traffic import routed
from turnwise.agents.versions import at_version
from turnwise.base.errors import Error
from turnwise.store import AgentRecord, Transaction
from turnwise.store.histories import TIP, History

Json = dict[str, Any]


class NoSuchVersion(Error):
    """A conversation asks for a version or a branch that its agent does not have."""

    code = "version_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a conversation asks for."""

    version_id: str | None = None
    branch_id: str | None = None
    key: str = ""
    """Of the user, or of the conversation: decides where branches share the traffic."""


async def chosen(tx: Transaction, agent: AgentRecord, wanted: Wanted) -> Json:
    """Return the document that a conversation has, with `agent_id`, `version_id`, `branch_id`.

    A version goes before a branch, a branch before the split of the traffic, and that before main.

    Raises:
        NoSuchVersion: If what is asked for is not the agent's.
    """
    main = {**agent.document, "agent_id": agent.agent_id}
    history = History(tx.records, agent.agent_id)
    version_id, branch_id = wanted.version_id, wanted.branch_id
    if not version_id:
        branch_id = branch_id or routed(await history.split(), wanted.key)
        if not branch_id or branch_id == main.get("branch_id"):
            return main
        branch = await history.branch(branch_id)
        if branch is None:
            raise NoSuchVersion(f"The agent has no branch {branch_id}.")
        version_id = str(branch.document[TIP])
    version, snapshot = await history.version(version_id), await history.snapshot(version_id)
    if version is None or snapshot is None:
        raise NoSuchVersion(f"The agent has no version {version_id}.")
    document = at_version(main, snapshot, version_id, version.document["branch_id"])
    return {**document, "agent_id": agent.agent_id}
