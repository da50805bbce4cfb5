"""Agents with all their branches, each as it is at its newest version."""

from functools import partial
from typing import Any, Final

from turnwise.agents.versions import PLACE
from turnwise.api.agent_documents import created
from turnwise.api.agents.documents import require_tools, without_expansions
from turnwise.api.branches.rules import check_name
from turnwise.api.versioning import NEW_BRANCH, Commit, commit, locked
from turnwise.moving.source import PAGE_SIZE, Json, SourceError, SourceLost
from turnwise.moving.transfer import Row, Transfer, row_of
from turnwise.store.histories import History

_AGENTS: Final = "/v1/convai/agents"
_NO_BRANCHES: Final = frozenset({400, 404, 501})
"""What is answered where an agent has no versions."""
_OF_A_BRANCH = ("description", "protection_status", "is_archived", "auto_rebase")


async def move_agents(transfer: Transfer) -> None:
    """Move agents as they are on main, then their other branches.

    Raises:
        SourceLost: If the source is gone.
    """
    order = {"page_size": PAGE_SIZE, "sort_direction": "asc", "sort_by": "created_at"}
    rows: list[Row] = []
    for archived in (False, True):
        query = {**order, "archived": archived}
        rows += await transfer.rows("agents", _AGENTS, "agents", query, id_key="agent_id")
    rows = sorted({row.id: row for row in rows}.values(), key=lambda row: row.at or 0.0)
    there = {row.id for row in rows if await _is_there(transfer, row.id)}

    async def fetch(row: Row) -> Json:
        return await transfer.source.ask(f"{_AGENTS}/{row.id}")

    keep = partial(_keep, transfer)
    await transfer.each("agents", transfer.new("agents", rows, there), fetch, keep)
    for row in rows:
        if await _is_there(transfer, row.id):
            await _move_branches(transfer, row)


async def _is_there(transfer: Transfer, agent_id: str) -> bool:
    async with transfer.target.deps.store.reading() as tx:
        return await tx.agents.get(agent_id) is not None


async def _keep(transfer: Transfer, row: Row, document: Json) -> None:
    ids = {
        "agent_": row.id,
        "agtbrch_": document.get("main_branch_id"),
        "agtvrsn_": document.get("version_id"),
    }
    await transfer.target.make(
        f"{_AGENTS}/create", document, ids, at=row.at, shown=("agent_id", row.id)
    )
    if document.get("procedures"):
        transfer.report.by_hand.append(f"agents: {row.title} has procedures; there are none here")
    if document.get("whatsapp_accounts"):
        transfer.report.by_hand.append(f"agents: {row.title} answers WhatsApp; not here")


async def _move_branches(transfer: Transfer, agent: Row) -> None:
    path = f"{_AGENTS}/{agent.id}"
    rows = await _branches(transfer, agent)
    async with transfer.target.deps.store.reading() as tx:
        known = {each.record_id for each in await History(tx.records, agent.id).branches()}
        here = await tx.agents.get(agent.id)
    main_id = here.document.get("main_branch_id") if here else None
    others = [row for row in rows if row.id != main_id]
    if not others:
        return
    new = transfer.new("branches", others, known)

    async def fetch(row: Row) -> Json:
        return await transfer.source.ask(path, {"branch_id": row.id})

    await transfer.each("branches", new, fetch, partial(_keep_branch, transfer, agent))
    if new:
        await _deploy(transfer, agent, rows, str(main_id))


async def _branches(transfer: Transfer, agent: Row) -> list[Row]:
    """Return the branches of an agent, the oldest first."""
    path, query = f"{_AGENTS}/{agent.id}/branches", {"limit": PAGE_SIZE, "include_archived": True}
    try:
        found = [each async for each in transfer.source.rows(path, "results", query)]
        rows = [row_of(each, "id") for each in found]
    except SourceLost:
        raise
    except SourceError as error:
        if error.status not in _NO_BRANCHES:
            transfer.report.fail("branches", agent.title, str(error))
        return []
    return sorted(rows, key=lambda row: row.at or 0.0)


async def _keep_branch(transfer: Transfer, agent: Row, row: Row, document: Json) -> None:
    """Store a branch as it is, and not as a change of main: what it lacks stays away."""
    body = created(document)
    told = {key: row.listed[key] for key in _OF_A_BRANCH if row.listed.get(key) is not None}
    about: dict[str, Any] = {**NEW_BRANCH, **told}
    ids = {"agtbrch_": row.id, "agtvrsn_": document.get("version_id")}
    with transfer.target.origins.known(ids, row.at):
        async with transfer.target.deps.store.writing() as tx:
            here = await locked(tx, agent.id)
            history = History(tx.records, agent.id)
            check_name(row.name, await history.branches())
            await require_tools(tx, body, None)
            body = await without_expansions(tx, body)
            main_id, main = here.document["main_branch_id"], here.document["version_id"]
            about["parent_branch_id"] = row.listed.get("parent_branch_id") or main_id
            made = await history.start_branch(row.name, about)
            place = {key: here.document[key] for key in PLACE}
            parents = {"out_of_branch_parent_id": main}
            await commit(tx, here, made, body | place, Commit(parents=parents, always=True))


async def _deploy(transfer: Transfer, agent: Row, rows: list[Row], main_id: str) -> None:
    """Split the traffic between the branches as it was."""
    shares = {row.id: row.listed.get("current_live_percentage") or 0.0 for row in rows}
    split = {branch_id: share for branch_id, share in shares.items() if share}
    if split.keys() <= {main_id}:
        return  # as where nothing was deployed
    requests = [
        {
            "branch_id": branch_id,
            "deployment_strategy": {"type": "percentage", "traffic_percentage": share},
        }
        for branch_id, share in split.items()
    ]
    body = {"deployment_request": {"requests": requests}}

    async def keep(_row: Row, _found: Json) -> None:
        await transfer.target.send("POST", f"{_AGENTS}/{agent.id}/deployments", body)

    async def nothing(_row: Row) -> Json:
        return {}

    await transfer.each("splits of traffic", [agent], nothing, keep)
