"""`…/deployments`, the split of the traffic, and `…/drafts`."""

from typing import Any

from turnwise.api.branches import views
from turnwise.api.branches.rules import split_of
from turnwise.api.errors import Invalid, problem
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.versioning import current, found_branch, locked
from turnwise.store.histories import DEPLOYMENT, DRAFT, TIP, History

deployments = Slice()

Object = dict[str, Any]

AGENT = "/v1/convai/agents/{agent_id}"
LARGEST_PAGE = 100
PAGE = 30


@deployments.serve(f"POST {AGENT}/deployments")
async def deploy(call: Call) -> Answer:
    """Say how many percent of the conversations go to which branch."""
    agent_id = call.path["agent_id"]
    async with call.deps.store.writing() as tx:
        await locked(tx, agent_id)
        history = History(tx.records, agent_id)
        split = split_of(call.body["deployment_request"]["requests"], await history.branches())
        record = await history.deploy(split, "manual")
    return {"traffic_percentage_branch_id_map": record.document["split"]}


@deployments.serve(f"GET {AGENT}/deployments")
async def list_deployments(call: Call) -> Answer:
    """Return how the traffic was split, the newest first."""
    agent_id = call.path["agent_id"]
    number = _within("page", call.query.get("page"), 1, None)
    size = _within("page_size", call.query.get("page_size"), PAGE, LARGEST_PAGE)
    await current(call.deps.store, agent_id)
    async with call.deps.store.reading() as tx:
        found = await tx.records.all(DEPLOYMENT, parent=agent_id)
    newest = found[::-1]
    start = (number - 1) * size
    return {
        "meta": {"total": len(newest), "page": number, "page_size": size},
        "results": [
            views.deployment(each, active=each is newest[0])
            for each in newest[start : start + size]
        ],
    }


@deployments.serve(f"POST {AGENT}/drafts")
async def create_draft(call: Call) -> Answer:
    """Keep changes that are not yet a version, in place of those kept before."""
    agent_id, branch_id = call.path["agent_id"], call.query["branch_id"]
    async with call.deps.store.writing() as tx:
        await locked(tx, agent_id)
        branch = await found_branch(tx, agent_id, branch_id)
        document = {"version_id": branch.document[TIP], "content": call.body}
        await History(tx.records, agent_id).keep_draft(branch_id, document)
    return {}


@deployments.serve(f"DELETE {AGENT}/drafts")
async def delete_draft(call: Call) -> Answer:
    """Forget the changes that are not yet a version, if there are any."""
    agent_id, branch_id = call.path["agent_id"], call.query["branch_id"]
    async with call.deps.store.writing() as tx:
        await locked(tx, agent_id)
        await found_branch(tx, agent_id, branch_id)
        await tx.records.delete(DRAFT, branch_id)
    return {}


def _within(name: str, value: int | None, default: int, most: int | None) -> int:
    if value is None:
        return default
    if value < 1 or (most is not None and value > most):
        limit = f" and at most {most}" if most else ""
        raise Invalid([problem("value_error", ["query", name], f"Should be at least 1{limit}")])
    return value
