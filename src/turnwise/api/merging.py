"""Bringing the changes of one branch into another, and keeping branches up to date with main."""

from dataclasses import dataclass, replace
from typing import Any, Final

from turnwise.agents.three_way import MISSING, Conflict, Merged, Side, merge, same
from turnwise.agents.versions import Parents, ancestors, common_ancestor, snapshot_of
from turnwise.api.agent_documents import SECTIONS
from turnwise.api.errors import Malformed
from turnwise.api.versioning import Commit, commit, document_at, found_branch
from turnwise.store import AgentRecord, Record, Transaction
from turnwise.store.histories import BRANCH, TIP, History

Object = dict[str, Any]

PARENTS: Final = (
    "in_branch_parent_id",
    "out_of_branch_parent_id",
    "merged_from_version_id",
    "rebased_from_version_id",
)
"""What of a version's `parents` names a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a merge would do."""

    source: Record
    """The branch whose changes are brought in."""
    target: Record
    """The branch they go to."""
    agent: AgentRecord
    """The agent as it would be at the tip of the target."""
    merged: Merged
    nothing_new: bool
    """Whether the source holds no change that the target lacks."""
    done: bool
    """Whether this very tip of the source was merged into the target before."""
    identical: bool
    """Whether both tips hold the same."""

    def conflicts(self) -> list[Object]:
        """Return the fields that both changed, as they are published."""
        return [
            {
                "path": ".".join(each.path),
                "section": each.path[0],
                "base_value": _told(each.base),
                "source_value": _told(each.source),
                "target_value": _told(each.target),
            }
            for each in self._in_sections()
        ]

    def overridden_fields(self) -> list[str]:
        """Return the fields where a change of one side gives way to that of the other."""
        return [".".join(each.path) for each in self._in_sections()]

    def _in_sections(self) -> list[Conflict]:
        return [each for each in self.merged.conflicts if each.path[0] in SECTIONS]


def parents_of(versions: tuple[Record, ...]) -> Parents:
    """Return how versions descend from each other, the oldest first."""
    return {
        each.record_id: [
            each.document["parents"][name] for name in PARENTS if each.document["parents"].get(name)
        ]
        for each in versions
    }


async def plan(
    tx: Transaction,
    agent: AgentRecord,
    source: Record,
    target: Record,
    *,
    winner: Side | None = None,
) -> Plan:
    """Return what bringing a source's changes into a target would do.

    Args:
        tx: Where to read.
        agent: As it is on main.
        source: A branch of it.
        target: Another one.
        winner: Whose change stands where both changed a field; None: that of the branch which was
            updated last.

    Raises:
        Malformed: If the two have nothing in common.
    """
    history = History(tx.records, agent.agent_id)
    versions = await history.versions()
    parents = parents_of(versions)
    theirs, ours = str(source.document[TIP]), str(target.document[TIP])
    base_id = common_ancestor(parents, theirs, ours)
    if base_id is None:
        raise Malformed("The branches have no common ancestor.", code="no_common_ancestor")
    base = await history.snapshot(base_id)
    assert base is not None  # versions are never deleted alone
    at_source = await document_at(tx, agent, branch=source)
    at_target = await document_at(tx, agent, branch=target)
    incoming, own = snapshot_of(at_source.document), snapshot_of(at_target.document)
    order = list(parents)
    newest: Side = "source" if order.index(theirs) > order.index(ours) else "target"
    merged = merge(base, incoming, own, winner=winner or newest)
    settings = at_target.document["platform_settings"] | merged.document["platform_settings"]
    document = at_target.document | merged.document | {"platform_settings": settings}
    return Plan(
        source=source,
        target=target,
        agent=replace(at_target, document=document),
        merged=merged,
        nothing_new=theirs in ancestors(parents, ours) or same(incoming, base),
        done=_was_merged(versions, theirs, target.record_id),
        identical=same(incoming, own),
    )


async def rebase(tx: Transaction, agent: AgentRecord, prepared: Plan) -> AgentRecord:
    """Store what a plan makes of its target, which keeps its own changes."""
    about = Commit(
        description=f"Rebased onto {prepared.source.name}",
        parents={"rebased_from_version_id": str(prepared.source.document[TIP])},
        always=True,
    )
    return await commit(tx, agent, prepared.target, prepared.agent.document, about)


async def commit_to(
    tx: Transaction,
    agent: AgentRecord,
    branch_id: str | None,
    document: Object,
    about: Commit,
) -> AgentRecord:
    """Store a document as the newest version of a branch, as `commit` does.

    Where that is main, the branches that follow it are rebased onto it.
    """
    main_id = str(agent.document["main_branch_id"])
    branch = await found_branch(tx, agent.agent_id, branch_id or main_id)
    stored = await commit(tx, agent, branch, document, about)
    if branch.record_id == main_id and stored.document["version_id"] != branch.document[TIP]:
        await _rebase_followers(tx, stored)
    return stored


async def _rebase_followers(tx: Transaction, agent: AgentRecord) -> None:
    main = await found_branch(tx, agent.agent_id, str(agent.document["main_branch_id"]))
    for branch in await History(tx.records, agent.agent_id).branches():
        if branch.document["auto_rebase"] and not branch.document["is_archived"]:
            prepared = await plan(tx, agent, main, branch, winner="target")
            if not prepared.conflicts():
                await rebase(tx, agent, prepared)
            await _note_attempt(tx, agent, branch.record_id, failed=bool(prepared.conflicts()))


async def _note_attempt(
    tx: Transaction, agent: AgentRecord, branch_id: str, *, failed: bool
) -> None:
    branch = await found_branch(tx, agent.agent_id, branch_id)
    attempt = {
        "outcome": "conflict" if failed else "succeeded",
        "attempted_at": max(agent.updated_at, branch.updated_at),
    }
    document = branch.document | {"sync_status": {"last_attempt": attempt}}
    await tx.records.replace(BRANCH, branch_id, document)


def _was_merged(versions: tuple[Record, ...], tip: str, branch_id: str) -> bool:
    return any(
        each.document["branch_id"] == branch_id
        and each.document["parents"].get("merged_from_version_id") == tip
        for each in versions
    )


def _told(value: object) -> object:
    return None if value is MISSING else value
