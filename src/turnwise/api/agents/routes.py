"""`/v1/convai/agents`."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from turnwise.api.agents import documents
from turnwise.api.auth import NEEDS_KEY
from turnwise.api.bodies import JsonBody
from turnwise.api.deps import WithDeps
from turnwise.api.errors import NotFound, NotOffered
from turnwise.api.queries import Cursor, PageSize, SortDirection, refuse
from turnwise.store import AgentQuery

router = APIRouter(prefix="/v1/convai/agents", tags=["agents"], dependencies=[NEEDS_KEY])

Answer = dict[str, Any]
SortBy = Literal["name", "created_at", "updated_at", "call_count_7d"]

VERSIONS = ("version_id", "branch_id")
"""Parameters that choose a version; there is one version of each agent here."""


@router.post("/create")
async def create_agent(deps: WithDeps, body: JsonBody) -> Answer:
    """Store a new agent, its settings completed by the published defaults."""
    document = documents.created(body)
    async with deps.store.writing() as tx:
        record = await tx.agents.create(document)
    return {"agent_id": record.agent_id}


@router.get("")
async def list_agents(  # noqa: PLR0913  # one argument for each parameter of the query
    request: Request,
    deps: WithDeps,
    *,
    page_size: PageSize = 30,
    cursor: Cursor = None,
    search: Annotated[str | None, Query(max_length=1_000)] = None,
    archived: bool | None = None,
    tags: Annotated[list[str] | None, Query(max_length=100)] = None,
    sort_by: SortBy | None = None,
    sort_direction: SortDirection = "desc",
) -> Answer:
    """Return a page of agents; where `archived` is not given, those that are not."""
    refuse(request, ["created_by_user_id"])
    if sort_by == "call_count_7d":
        raise NotOffered("This server does not sort agents by call_count_7d yet.")
    query = AgentQuery(
        page_size=page_size,
        cursor=cursor,
        search=search or "",
        archived=archived or False,
        tags=tuple(tags or ()),
        sort_by=sort_by or "created_at",
        descending=sort_direction == "desc",
    )
    async with deps.store.reading() as tx:
        page = await tx.agents.list(query)
    return {
        "agents": [documents.shown_row(row) for row in page.items],
        "next_cursor": page.next_cursor,
        "has_more": page.next_cursor is not None,
    }


@router.get("/{agent_id}")
async def get_agent(request: Request, deps: WithDeps, agent_id: str) -> Answer:
    """Return an agent with all its settings."""
    refuse(request, VERSIONS)
    async with deps.store.reading() as tx:
        record = await tx.agents.get(agent_id)
    if record is None:
        raise _unknown(agent_id)
    return documents.shown(record)


@router.patch("/{agent_id}")
async def change_agent(request: Request, deps: WithDeps, agent_id: str, body: JsonBody) -> Answer:
    """Merge a patch into an agent; nobody else's patch is lost."""
    refuse(request, VERSIONS)
    async with deps.store.writing() as tx:
        before = await tx.agents.get(agent_id, lock=True)
        if before is None:
            raise _unknown(agent_id)
        record = await tx.agents.replace(agent_id, documents.changed(before.document, body))
    assert record is not None  # it is locked
    return documents.shown(record)


@router.delete("/{agent_id}")
async def delete_agent(deps: WithDeps, agent_id: str) -> Answer:
    """Forget an agent; its conversations stay."""
    async with deps.store.writing() as tx:
        if not await tx.agents.delete(agent_id):
            raise _unknown(agent_id)
    return {}


def _unknown(agent_id: str) -> NotFound:
    return NotFound(f"Agent with id {agent_id} not found.", code="agent_not_found")
