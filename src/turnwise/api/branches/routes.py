"""`/v1/convai/agents/{agent_id}/branches` and `…/versions`."""

from typing import Any

from turnwise.api.agent_documents import changed
from turnwise.api.branches import views
from turnwise.api.branches.rules import check_name, refuse_archiving
from turnwise.api.errors import Malformed
from turnwise.api.merging import parents_of
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.versioning import (
    NEW_BRANCH,
    Commit,
    commit,
    current,
    document_at,
    found_branch,
    locked,
    unknown_version,
)
from turnwise.store import AgentRecord, Record, Transaction
from turnwise.store.histories import BRANCH, TIP, History

branches = Slice()

Object = dict[str, Any]

BASE = "/v1/convai/agents/{agent_id}/branches"
LATEST = 20
"""How many versions a branch shows."""


@branches.serve(f"GET {BASE}")
async def list_branches(call: Call) -> Answer:
    """Return the branches of an agent, main first."""
    agent_id, asked = call.path["agent_id"], call.query
    agent = await current(call.deps.store, agent_id)
    async with call.deps.store.reading() as tx:
        history = History(tx.records, agent_id)
        found = [
            each
            for each in await history.branches()
            if asked["include_archived"] or not each.document["is_archived"]
        ]
        calls = await tx.agents.calls_by_branch(agent_id, days=7)
        shown = found[: asked["limit"]]
        rows = [await _row(tx, agent, each, calls.get(each.record_id, 0)) for each in shown]
        if asked["include_commit_status"]:
            parents, main = parents_of(await history.versions()), (await history.branches())[0]
            ahead = [views.distance(parents, each, main) for each in shown]
            rows = [row | known for row, known in zip(rows, ahead, strict=True)]
    meta = {"total": len(found), "page": None, "page_size": asked["limit"]}
    return {"meta": meta, "results": rows}


@branches.serve(f"POST {BASE}")
async def create_branch(call: Call) -> Answer:
    """Start a branch from any version of any branch, with changes if there are some."""
    body, agent_id = call.body, call.path["agent_id"]
    async with call.deps.store.writing() as tx:
        agent = await locked(tx, agent_id)
        history = History(tx.records, agent_id)
        check_name(body["name"], await history.branches())
        parent = await history.version(body["parent_version_id"])
        if parent is None:
            raise unknown_version(body["parent_version_id"])
        start = await document_at(tx, agent, version_id=parent.record_id, branch=None)
        document = start.document
        if body.get("include_draft"):
            document = changed(document, await _draft_on(tx, agent_id, parent))
        keys = ("conversation_config", "platform_settings", "workflow")
        changes = {key: body[key] for key in keys if body.get(key) is not None}
        if changes:
            document = changed(document, changes)
        about = dict(NEW_BRANCH) | {
            "description": body["description"],
            "parent_branch_id": parent.document["branch_id"],
        }
        made = await history.start_branch(body["name"], about)
        told = Commit(parents={"out_of_branch_parent_id": parent.record_id}, always=True)
        stored = await commit(tx, agent, made, document, told)
    return {
        "created_branch_id": made.record_id,
        "created_version_id": stored.document["version_id"],
    }


@branches.serve(f"GET {BASE}/{{branch_id}}")
async def get_branch(call: Call) -> Answer:
    """Return a branch with its newest versions."""
    agent = await current(call.deps.store, call.path["agent_id"])
    async with call.deps.store.reading() as tx:
        return await _branch(tx, agent, call.path["branch_id"])


@branches.serve(f"PATCH {BASE}/{{branch_id}}")
async def update_branch(call: Call) -> Answer:
    """Change a branch's name, description or protection; archive it or bring it back."""
    agent_id, branch_id = call.path["agent_id"], call.path["branch_id"]
    body: Object = {key: each for key, each in (call.body or {}).items() if each is not None}
    async with call.deps.store.writing() as tx:
        agent = await locked(tx, agent_id)
        branch = await found_branch(tx, agent_id, branch_id)
        history = History(tx.records, agent_id)
        is_main = branch_id == agent.document["main_branch_id"]
        name = body.pop("name", branch.name)
        if name != branch.name:
            check_name(name, await history.branches())
        if body.get("is_archived"):
            refuse_archiving(branch, await history.split(), is_main=is_main)
        if body.get("auto_rebase") and is_main:
            raise Malformed("The main branch cannot be rebased.", code="cannot_rebase_main")
        known = {key: each for key, each in body.items() if key in NEW_BRANCH}
        await tx.records.replace(BRANCH, branch_id, branch.document | known, name=name)
        return await _branch(tx, agent, branch_id)


@branches.serve("GET /v1/convai/agents/{agent_id}/versions/{version_id}")
async def get_version(call: Call) -> Answer:
    """Return what is told of a version: where it comes from, and when."""
    agent_id, version_id = call.path["agent_id"], call.path["version_id"]
    await current(call.deps.store, agent_id)
    async with call.deps.store.reading() as tx:
        record = await History(tx.records, agent_id).version(version_id)
    if record is None:
        raise unknown_version(version_id)
    return views.version(record, agent_id)


async def _branch(tx: Transaction, agent: AgentRecord, branch_id: str) -> Object:
    history = History(tx.records, agent.agent_id)
    record = await found_branch(tx, agent.agent_id, branch_id)
    parent_id = record.document["parent_branch_id"]
    parent = await history.branch(parent_id) if parent_id else None
    main_id = str(agent.document["main_branch_id"])
    percent = views.percent_of(await history.split(), branch_id, main_id)
    latest = await history.latest(branch_id, LATEST)
    return views.branch(record, agent.agent_id, parent, latest, percent)


async def _row(tx: Transaction, agent: AgentRecord, record: Record, calls: int) -> Object:
    history = History(tx.records, agent.agent_id)
    main_id = str(agent.document["main_branch_id"])
    percent = views.percent_of(await history.split(), record.record_id, main_id)
    draft = await history.draft(record.record_id)
    return views.branch_row(record, agent.agent_id, percent, draft, calls)


async def _draft_on(tx: Transaction, agent_id: str, parent: Record) -> Object:
    """Return the draft that a branch made from a version begins with; empty: there is none."""
    branch = await found_branch(tx, agent_id, parent.document["branch_id"])
    if branch.document[TIP] != parent.record_id:
        raise Malformed(
            "A draft can only be included where parent_version_id is the newest of its branch."
        )
    draft = await History(tx.records, agent_id).draft(branch.record_id)
    content: Object = draft.document["content"] if draft else {}
    return content
