"""Copies of agents."""

from typing import Any

from turnwise.agents.versions import PLACE
from turnwise.api.merging import PARENTS
from turnwise.api.versioning import note_uses
from turnwise.store import AgentRecord, Record, Transaction
from turnwise.store.histories import BRANCH, TIP, History

Object = dict[str, Any]

_BRANCHES = ("merged_into_branch_id", "merged_from_branch_id")


async def copied(tx: Transaction, agent: AgentRecord, name: str) -> AgentRecord:
    """Return a copy of an agent under another name.

    Its branches come along, with their versions and the split of the traffic; archived branches,
    drafts and conversations do not.
    """
    document = {key: value for key, value in agent.document.items() if key not in PLACE}
    copy = await tx.agents.create({**document, "name": name})
    before, after = History(tx.records, agent.agent_id), History(tx.records, copy.agent_id)
    branches = [each for each in await before.branches() if not each.document["is_archived"]]
    ids: dict[str, str] = {}
    for branch in branches:
        made = await after.start_branch(branch.name, branch.document)
        ids[branch.record_id] = made.record_id
    for version in await before.versions():
        if version.document["branch_id"] in ids:
            await _copy_version(before, after, version, ids)
    for branch in branches:
        told = branch.document
        parent = ids.get(told["parent_branch_id"])
        changed = told | {TIP: ids[told[TIP]], "parent_branch_id": parent}
        await tx.records.replace(BRANCH, ids[branch.record_id], changed)
    if split := await before.split():
        await after.deploy({ids[each]: share for each, share in split.items()}, "duplicate")
    place = {key: ids[agent.document[key]] for key in PLACE}
    stored = await tx.agents.replace(copy.agent_id, {**document, "name": name, **place})
    assert stored is not None  # it was made here
    await note_uses(tx, stored)
    return stored


async def _copy_version(
    before: History, after: History, version: Record, ids: dict[str, str]
) -> None:
    snapshot = await before.snapshot(version.record_id)
    assert snapshot is not None  # versions are never deleted alone
    told = version.document
    parents = {
        key: ids[each]
        for key, each in told["parents"].items()
        if key in (*PARENTS, *_BRANCHES) and each in ids
    }
    branch_id = ids[told["branch_id"]]
    about = told | {"branch_id": branch_id, "parents": parents}
    made = await after.add_version(branch_id, about, snapshot)
    ids[version.record_id] = made.record_id
