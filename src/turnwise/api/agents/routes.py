"""`/v1/convai/agents`."""

from dataclasses import replace
from typing import Any

from turnwise.agents.stored_only import without_effect
from turnwise.api.access import is_mine
from turnwise.api.agent_documents import changed, created, shown, shown_row
from turnwise.api.agents.copying import copied
from turnwise.api.agents.documents import expanded, require_tools, without_expansions
from turnwise.api.agents.removal import remove
from turnwise.api.assigned_numbers import numbers_of
from turnwise.api.errors import Invalid, NotOffered, problem
from turnwise.api.merging import commit_to
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.versioning import (
    Commit,
    current,
    document_at,
    found_branch,
    locked,
    unknown_agent,
    with_history,
)
from turnwise.api.warnings import warned
from turnwise.store import AgentQuery, AgentRecord, Transaction

agents = Slice()

Object = dict[str, Any]

MOST_SUMMARIES = 100


@agents.serve("POST /v1/convai/agents/create")
async def create_agent(call: Call) -> Answer:
    """Store a new agent, its settings completed by the published defaults."""
    document = created(call.body)
    async with call.deps.store.writing() as tx:
        await require_tools(tx, document, None)
        document = await without_expansions(tx, document)
        record = await with_history(tx, await tx.agents.create(document))
    return warned({"agent_id": record.agent_id}, without_effect(document))


@agents.serve("GET /v1/convai/agents")
async def list_agents(call: Call) -> Answer:
    """Return a page of agents; where `archived` is not given, those that are not."""
    asked = call.query
    if not is_mine(asked.get("created_by_user_id")):
        return {"agents": [], "next_cursor": None, "has_more": False}
    query = AgentQuery(
        page_size=asked["page_size"],
        cursor=asked.get("cursor"),
        search=asked.get("search") or "",
        archived=asked.get("archived") or False,
        tags=tuple(asked.get("tags") or ()),
        sort_by=asked.get("sort_by") or "created_at",
        descending=asked["sort_direction"] == "desc",
    )
    async with call.deps.store.reading() as tx:
        page = await tx.agents.list(query)
    return {
        "agents": [shown_row(row) for row in page.items],
        "next_cursor": page.next_cursor,
        "has_more": page.next_cursor is not None,
    }


@agents.serve("GET /v1/convai/agents/summaries")
async def get_summaries(call: Call) -> Answer:
    """Return what a list says of these agents, by id."""
    ids = list(dict.fromkeys(call.query["agent_ids"]))
    if len(ids) > MOST_SUMMARIES:
        place = ["query", "agent_ids"]
        raise Invalid([problem("too_long", place, f"At most {MOST_SUMMARIES} ids at once")])
    query = AgentQuery(page_size=MOST_SUMMARIES, archived=None, ids=tuple(ids))
    async with call.deps.store.reading() as tx:
        rows = (await tx.agents.list(query)).items
    found = {row.agent_id: shown_row(row) for row in rows}
    return {each: _summary(each, found.get(each)) for each in ids}


@agents.serve("GET /v1/convai/agents/{agent_id}")
async def get_agent(call: Call) -> Answer:
    """Return an agent with all its settings, as it is on main, on a branch, or in a version."""
    version_id, branch_id = call.query.get("version_id"), call.query.get("branch_id")
    agent = await current(call.deps.store, call.path["agent_id"])
    async with call.deps.store.reading() as tx:
        branch = await found_branch(tx, agent.agent_id, branch_id) if branch_id else None
        if version_id or branch:
            agent = await document_at(tx, agent, version_id=version_id, branch=branch)
        return await _view(tx, agent)


@agents.serve("PATCH /v1/convai/agents/{agent_id}")
async def change_agent(call: Call) -> Answer:
    """Merge a patch into an agent: a new version of the branch; nobody else's patch is lost."""
    body: Object = call.body or {}
    if body.get("procedures"):
        raise NotOffered("This server has no procedures yet; leave procedures out.")
    branch_id = call.query.get("branch_id")
    async with call.deps.store.writing() as tx:
        agent = await locked(tx, call.path["agent_id"])
        branch = await found_branch(tx, agent.agent_id, branch_id) if branch_id else None
        before = await document_at(tx, agent, branch=branch) if branch else agent
        document = changed(before.document, body)
        await require_tools(tx, document, before.document)
        document = await without_expansions(tx, document)
        description = body.get("version_description") or ""
        about = Commit(description=description, always=bool(description))
        stored = await commit_to(tx, agent, branch_id, document, about)
        answer = await _view(tx, stored)
    return warned(answer, without_effect(document))


@agents.serve("DELETE /v1/convai/agents/{agent_id}")
async def delete_agent(call: Call) -> Answer:
    """Forget an agent; its conversations stay. One that others hand over to only by force."""
    agent_id = call.path["agent_id"]
    async with call.deps.store.writing() as tx:
        if await tx.agents.get(agent_id, lock=True) is None:
            raise unknown_agent(agent_id)
        await remove(tx, agent_id, force=bool(call.query.get("force")))
    return {}


@agents.serve("POST /v1/convai/agents/{agent_id}/duplicate")
async def duplicate_agent(call: Call) -> Answer:
    """Store a copy of an agent, with its branches and the split of the traffic."""
    name = (call.body or {}).get("name")
    async with call.deps.store.writing() as tx:
        agent = await locked(tx, call.path["agent_id"])
        copy = await copied(tx, agent, name or f"{agent.document['name']} (copy)")
    return {"agent_id": copy.agent_id}


def _summary(agent_id: str, row: Object | None) -> Object:
    if row is not None:
        return {"status": "success", "data": row}
    return {
        "status": "failure",
        "error_code": 404,
        "error_status": "agent_not_found",
        "error_message": f"Agent with id {agent_id} not found.",
    }


async def _view(tx: Transaction, agent: AgentRecord) -> Object:
    numbers = await numbers_of(tx, agent)
    return shown(replace(agent, document=await expanded(tx, agent.document)), numbers)
