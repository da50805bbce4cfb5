"""Writing versions of agents: every change of what a version holds is a new one.

All of it happens while the agent's row is locked, so that changes made at once follow each other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from turnwise.agents.three_way import same
from turnwise.agents.versions import at_version, snapshot_of, with_settings_of
from turnwise.api.errors import NotFound
from turnwise.api.references import uses_of_agent
from turnwise.store import AgentRecord, Record, Store, Transaction
from turnwise.store.histories import BRANCH, DRAFT, TIP, History
from turnwise.store.record_ports import AGENT

Object = dict[str, Any]

MAIN: Final = "Main"
NEW_BRANCH: Final[Mapping[str, Any]] = {
    "description": "",
    "protection_status": "writer_perms_required",
    "is_archived": False,
    "auto_rebase": None,
    "sync_status": None,
    "parent_branch_id": None,
    "merged_into_branch_id": None,
    "last_committed_at": 0,
    "commits": 0,
    "uses": [],
    TIP: "",
}
"""What is stored of a branch beside its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What is told of a new version."""

    description: str = ""
    parents: Mapping[str, str] = field(default_factory=dict)
    """What it was made from beside the tip of its branch, in the published names."""
    always: bool = False
    """Whether it is made even if it holds what the tip holds."""


async def current(store: Store, agent_id: str) -> AgentRecord:
    """Return an agent as it is on main.

    Raises:
        NotFound: If there is none.
    """
    async with store.reading() as tx:
        record = await tx.agents.get(agent_id)
    if record is None:
        raise unknown_agent(agent_id)
    if record.document.get("main_branch_id"):
        return record
    async with store.writing() as tx:
        return await locked(tx, agent_id)


async def locked(tx: Transaction, agent_id: str) -> AgentRecord:
    """Return an agent that nobody else may change until the transaction ends.

    Raises:
        NotFound: If there is none.
    """
    record = await tx.agents.get(agent_id, lock=True)
    if record is None:
        raise unknown_agent(agent_id)
    return await with_history(tx, record)


async def with_history(tx: Transaction, record: AgentRecord) -> AgentRecord:
    """Return a locked agent that has a main branch: it is made where there is none."""
    if record.document.get("main_branch_id"):
        return record
    return await commit(tx, record, None, record.document, Commit(always=True))


async def found_branch(tx: Transaction, agent_id: str, branch_id: str) -> Record:
    """Return a branch.

    Raises:
        NotFound: If the agent has no such branch.
    """
    record = await History(tx.records, agent_id).branch(branch_id)
    if record is None:
        raise NotFound(f"Branch with id {branch_id} not found.", code="branch_not_found")
    return record


async def document_at(
    tx: Transaction, agent: AgentRecord, *, version_id: str | None = None, branch: Record | None
) -> AgentRecord:
    """Return an agent as it is in a version, or at the tip of a branch.

    Raises:
        NotFound: If the agent has no such version.
    """
    if not version_id and branch and branch.record_id == agent.document["main_branch_id"]:
        return agent
    history = History(tx.records, agent.agent_id)
    wanted = version_id or (str(branch.document[TIP]) if branch else "")
    version, snapshot = await history.version(wanted), await history.snapshot(wanted)
    if version is None or snapshot is None:
        raise unknown_version(wanted)
    document = at_version(agent.document, snapshot, wanted, version.document["branch_id"])
    return replace(agent, document=document, updated_at=version.created_at)


async def commit(
    tx: Transaction, agent: AgentRecord, branch: Record | None, document: Object, about: Commit
) -> AgentRecord:
    """Store a document as the newest version of a branch; return the agent as it is there.

    Args:
        tx: Where the agent is locked.
        agent: As it is on main.
        branch: None: main, which is made where there is none.
        document: With the agent's own settings, which become those of all versions.
        about: What is told of the version.
    """
    history = History(tx.records, agent.agent_id)
    if branch is None:
        branch = await _main(history, agent)
    snapshot = snapshot_of(document)
    before = await _newest(history, agent, branch)
    if before is None or about.always or not same(before, snapshot):
        branch = await _advance(tx, history, branch, snapshot, about)
    main_id = str(agent.document.get("main_branch_id") or branch.record_id)
    place = {
        "version_id": branch.document[TIP],
        "branch_id": branch.record_id,
        "main_branch_id": main_id,
    }
    kept = {**document, **place}
    stored = agent
    if branch.record_id == main_id:
        stored = await _replaced(tx, agent, kept)
    elif not same(settled := with_settings_of(agent.document, document), agent.document):
        stored = await _replaced(tx, agent, settled)
    await note_uses(tx, stored)
    return replace(stored, document=kept)


async def note_uses(tx: Transaction, agent: AgentRecord) -> None:
    """Note what the agent refers to on any branch that can still be talked to."""
    used = set(uses_of_agent(agent.document))
    for branch in await History(tx.records, agent.agent_id).branches():
        if not branch.document["is_archived"]:
            used |= {(kind, one) for kind, one in branch.document["uses"]}
    used.discard((AGENT, agent.agent_id))
    await tx.records.set_uses(AGENT, agent.agent_id, sorted(used))


async def rewrite(tx: Transaction, agent_id: str, change: Callable[[Object], Object]) -> None:
    """Store a new version of each branch that a change makes different; archived ones stay.

    Args:
        tx: Where to write.
        agent_id: Of an agent; one that is gone has nothing to change.
        change: Returns a document's new form; what it is given stays as it is.
    """
    record = await tx.agents.get(agent_id, lock=True)
    if record is None:
        return
    agent = await with_history(tx, record)
    for branch in await History(tx.records, agent_id).branches():
        if not branch.document["is_archived"]:
            before = await document_at(tx, agent, branch=branch)
            after = await commit(tx, agent, branch, change(before.document), Commit())
            agent = after if branch.record_id == agent.document["main_branch_id"] else agent


def unknown_agent(agent_id: str) -> NotFound:
    """Return what to raise where there is no such agent."""
    return NotFound(f"Agent with id {agent_id} not found.", code="agent_not_found")


def unknown_version(version_id: str) -> NotFound:
    """Return what to raise where the agent has no such version."""
    return NotFound(f"Version with id {version_id} not found.", code="version_not_found")


async def _newest(history: History, agent: AgentRecord, branch: Record) -> Object | None:
    """Return what the newest version of a branch holds; None: it has no version yet."""
    if branch.record_id == agent.document.get("main_branch_id"):
        return snapshot_of(agent.document)  # an agent is stored as it is on main
    return await history.snapshot(str(branch.document[TIP])) if branch.document[TIP] else None


async def _main(history: History, agent: AgentRecord) -> Record:
    main_id = agent.document.get("main_branch_id")
    main = await history.branch(str(main_id)) if main_id else None
    return main or await history.start_branch(MAIN, dict(NEW_BRANCH))


async def _advance(
    tx: Transaction, history: History, branch: Record, snapshot: Object, about: Commit
) -> Record:
    tip, seq = branch.document[TIP], branch.document["commits"] + 1
    parents = ({"in_branch_parent_id": tip} if tip else {}) | dict(about.parents)
    told = {
        "branch_id": branch.record_id,
        "version_description": about.description,
        "seq_no_in_branch": seq,
        "parents": parents,
    }
    version = await history.add_version(branch.record_id, told, snapshot)
    document = branch.document | {
        TIP: version.record_id,
        "commits": seq,
        "last_committed_at": version.created_at,
        "uses": sorted(map(list, uses_of_agent(snapshot))),
    }
    await tx.records.delete(DRAFT, branch.record_id)
    stored = await tx.records.replace(BRANCH, branch.record_id, document)
    assert stored is not None  # its agent is locked
    return stored


async def _replaced(tx: Transaction, agent: AgentRecord, document: Object) -> AgentRecord:
    if same(agent.document, document):
        return agent
    stored = await tx.agents.replace(agent.agent_id, document)
    assert stored is not None  # it is locked
    return stored
