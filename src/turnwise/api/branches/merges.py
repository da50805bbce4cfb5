"""`…/merge` and `…/rebase`, and what they would do."""

from collections.abc import Sequence
from typing import Any

from turnwise.api.agent_documents import shown
from turnwise.api.assigned_numbers import numbers_of
from turnwise.api.branches.routes import BASE
from turnwise.api.errors import Malformed
from turnwise.api.merging import Plan, commit_to, plan, rebase
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.versioning import Commit, current, found_branch, locked
from turnwise.store import AgentRecord, Record, Transaction
from turnwise.store.histories import BRANCH, DRAFT, TIP, History

merges = Slice()

Object = dict[str, Any]


@merges.serve(f"GET {BASE}/{{source_branch_id}}/merge-preview")
async def preview_merge(call: Call) -> Answer:
    """Return what a branch would be after a merge, and which changes contradict each other."""
    agent = await current(call.deps.store, call.path["agent_id"])
    async with call.deps.store.reading() as tx:
        prepared = await _merge_plan(tx, agent, call, force=call.query["force"])
        return _preview(prepared, await numbers_of(tx, agent))


@merges.serve(f"POST {BASE}/{{source_branch_id}}/merge")
async def merge_branch(call: Call) -> Answer:
    """Bring a branch's changes into another; where both changed a field, the newer one stands."""
    body = call.body or {}
    force, archive = body.get("force", False), body.get("archive_source_branch", True)
    async with call.deps.store.writing() as tx:
        agent = await locked(tx, call.path["agent_id"])
        prepared = await _merge_plan(tx, agent, call, force=force)
        source, target = prepared.source, prepared.target
        if prepared.done:
            raise Malformed(
                f"{source.name} is merged into {target.name} already.", code="branch_already_merged"
            )
        if prepared.nothing_new:
            raise Malformed(
                f"{source.name} has no changes that {target.name} lacks.",
                code="no_new_changes_to_merge",
            )
        about = Commit(
            description=f"Merged {source.name} into {target.name}",
            parents={
                "merged_into_branch_id": target.record_id,
                "merged_from_branch_id": source.record_id,
                "merged_from_version_id": str(source.document[TIP]),
            },
            always=True,
        )
        document = prepared.agent.document
        stored = await commit_to(tx, agent, target.record_id, document, about)
        if archive and source.record_id != agent.document["main_branch_id"]:
            await _retire(tx, agent, source, target)
    return {"version_id": stored.document["version_id"], "branch_id": target.record_id}


@merges.serve(f"GET {BASE}/{{branch_id}}/rebase-preview")
async def preview_rebase(call: Call) -> Answer:
    """Return what a branch would be with the newest changes of main, or of another branch."""
    agent = await current(call.deps.store, call.path["agent_id"])
    async with call.deps.store.reading() as tx:
        return _preview(await _rebase_plan(tx, agent, call), await numbers_of(tx, agent))


@merges.serve(f"POST {BASE}/{{branch_id}}/rebase")
async def rebase_branch(call: Call) -> Answer:
    """Bring the newest changes of main, or of another branch, into a branch; its own stand."""
    async with call.deps.store.writing() as tx:
        agent = await locked(tx, call.path["agent_id"])
        prepared = await _rebase_plan(tx, agent, call)
        if prepared.nothing_new:
            raise Malformed(
                f"{prepared.target.name} has all changes of {prepared.source.name}.",
                code="branch_already_up_to_date",
            )
        stored = await rebase(tx, agent, prepared)
    return {"version_id": stored.document["version_id"], "branch_id": prepared.target.record_id}


async def _merge_plan(tx: Transaction, agent: AgentRecord, call: Call, *, force: bool) -> Plan:
    source = await _open_branch(tx, agent, call.path["source_branch_id"])
    target = await _open_branch(tx, agent, call.query["target_branch_id"])
    if source.record_id == target.record_id:
        raise Malformed("A branch cannot be merged into itself.")
    return await plan(tx, agent, source, target, winner="source" if force else None)


async def _rebase_plan(tx: Transaction, agent: AgentRecord, call: Call) -> Plan:
    main_id = str(agent.document["main_branch_id"])
    if call.path["branch_id"] == main_id:
        raise Malformed("The main branch cannot be rebased.", code="cannot_rebase_main")
    target = await _open_branch(tx, agent, call.path["branch_id"])
    source = await _open_branch(tx, agent, call.query.get("source_branch_id") or main_id)
    if source.record_id == target.record_id:
        raise Malformed("A branch cannot be rebased onto itself.")
    return await plan(tx, agent, source, target, winner="target")


async def _open_branch(tx: Transaction, agent: AgentRecord, branch_id: str) -> Record:
    branch = await found_branch(tx, agent.agent_id, branch_id)
    if branch.document["is_archived"]:
        raise Malformed(f"The branch {branch.name} is archived.", code="branch_archived")
    return branch


async def _retire(tx: Transaction, agent: AgentRecord, source: Record, target: Record) -> None:
    """Archive a merged branch; its share of the traffic goes to where it was merged."""
    history = History(tx.records, agent.agent_id)
    split = dict(await history.split())
    if share := split.pop(source.record_id, 0):
        split[target.record_id] = split.get(target.record_id, 0) + share
        await history.deploy(split, "branch_merge")
    ended = {"is_archived": True, "merged_into_branch_id": target.record_id}
    await tx.records.replace(BRANCH, source.record_id, source.document | ended)
    await tx.records.delete(DRAFT, source.record_id)


def _preview(prepared: Plan, numbers: Sequence[Object]) -> Object:
    return {
        **shown(prepared.agent, numbers),
        "overridden_fields": prepared.overridden_fields(),
        "conflicts": prepared.conflicts(),
        "source_identical_to_target": prepared.identical,
    }
