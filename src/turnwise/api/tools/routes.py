"""`/v1/convai/tools`."""

from turnwise.agents.references import references
from turnwise.api import dependents, listing
from turnwise.api.access import is_mine
from turnwise.api.errors import Conflict, Invalid, Malformed, NotFound
from turnwise.api.references import require
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.tools import documents, rules
from turnwise.api.tools.documents import KIND
from turnwise.api.tools.executions import RunQuery, page_of_runs
from turnwise.api.versioning import rewrite
from turnwise.runtime.tool_calls import USAGE
from turnwise.store import Record, RecordQuery, Transaction

tools = Slice()

PAGE_SIZE = 30
_CONNECTION = "api_integration_connection_id"


@tools.serve("GET /v1/convai/tools")
async def list_tools(call: Call) -> Answer:
    """Return a page of tools."""
    asked = call.query
    async with call.deps.store.reading() as tx:
        query = RecordQuery(
            kind=KIND,
            page_size=asked.get("page_size") or PAGE_SIZE,
            cursor=asked.get("cursor"),
            search=asked.get("search") or "",
            labels=tuple(asked.get("types") or ()),
            ids=await _among(tx, asked.get("created_by_user_id"), asked.get("used_by_agent_id")),
            sort_by=asked.get("sort_by") or "created_at",
            descending=asked["sort_direction"] == "desc",
        )
        rows, next_cursor = await listing.beginning_with(tx, query)
        usage = await tx.records.many(USAGE, [row.record_id for row in rows])
    return {
        "tools": [documents.shown(row, usage.get(row.record_id)) for row in rows],
        "next_cursor": next_cursor,
        "has_more": next_cursor is not None,
    }


@tools.serve("POST /v1/convai/tools")
async def create_tool(call: Call) -> Answer:
    """Store a new tool."""
    _check(call)
    document = documents.stored(call.filled())
    config = document["tool_config"]
    uses = documents.references(config)
    async with call.deps.store.writing() as tx:
        await require(tx, uses)
        record = await tx.records.create(
            KIND, document, prefix="tool_", name=config["name"], label=config["type"]
        )
        await tx.records.set_uses(KIND, record.record_id, uses)
    return documents.shown(record, None)


@tools.serve("GET /v1/convai/tools/{tool_id}")
async def get_tool(call: Call) -> Answer:
    """Return a tool; its settings are the same in every environment."""
    async with call.deps.store.reading() as tx:
        record = await _existing(tx, call.path["tool_id"])
        usage = await tx.records.get(USAGE, record.record_id)
    return documents.shown(record, usage)


@tools.serve("PATCH /v1/convai/tools/{tool_id}")
async def change_tool(call: Call) -> Answer:
    """Store other settings for a tool: they are published as a whole, so nothing is merged."""
    _check(call)
    changed = documents.stored(call.filled())
    if "response_mocks" not in call.body:
        del changed["response_mocks"]
    config = changed["tool_config"]
    uses = documents.references(config)
    async with call.deps.store.writing() as tx:
        before = await _existing(tx, call.path["tool_id"], lock=True)
        if before.document["tool_config"].get(_CONNECTION, config.get(_CONNECTION)) != config.get(
            _CONNECTION
        ):
            raise Malformed("Create a new tool to use a different connection.")
        await require(tx, uses)
        record = await tx.records.replace(
            KIND,
            before.record_id,
            before.document | changed,
            name=config["name"],
            label=config["type"],
        )
        await tx.records.set_uses(KIND, before.record_id, uses)
        usage = await tx.records.get(USAGE, before.record_id)
    assert record is not None  # it is locked
    return documents.shown(record, usage)


@tools.serve("DELETE /v1/convai/tools/{tool_id}")
async def delete_tool(call: Call) -> Answer:
    """Forget a tool; one that agents use only if that is forced, and then they lose it."""
    async with call.deps.store.writing() as tx:
        record = await _existing(tx, call.path["tool_id"], lock=True)
        tool_id = record.record_id
        agents = dependents.ids_of(await tx.records.users_of(KIND, tool_id), "agent")
        if agents and not call.query["force"]:
            raise Conflict(
                f"Tool with id {tool_id} is used by {len(agents)} agents;"
                " remove it there first, or delete it with force=true.",
                legacy="tool_in_use",
            )
        for agent_id in agents:
            await rewrite(tx, agent_id, lambda document: documents.without_tool(document, tool_id))
        await tx.records.delete(KIND, tool_id)
        await tx.records.delete(USAGE, tool_id)
    return {}


@tools.serve("GET /v1/convai/tools/{tool_id}/dependent-agents")
async def list_dependent_agents(call: Call) -> Answer:
    """Return a page of the agents that use a tool."""
    asked = call.query
    async with call.deps.store.reading() as tx:
        record = await _existing(tx, call.path["tool_id"])
        users = await tx.records.users_of(KIND, record.record_id)
        ids = dependents.ids_of(users, "agent")
        page, next_cursor = listing.page_of(ids, str, asked.get("cursor"), asked["page_size"])
        agents = await dependents.agents(tx, page)
        branches = [
            branch
            for agent_id in page
            for branch in await dependents.branches(tx, agent_id, (KIND, record.record_id))
        ]
    return {
        "agents": agents,
        "branches": branches,
        "next_cursor": next_cursor,
        "has_more": next_cursor is not None,
    }


@tools.serve("GET /v1/convai/tools/{tool_id}/executions")
async def list_executions(call: Call) -> Answer:
    """Return a page of the runs of a tool, the newest first."""
    asked = call.query
    async with call.deps.store.reading() as tx:
        record = await _existing(tx, call.path["tool_id"])
        query = RunQuery(
            tool_id=record.record_id,
            page_size=asked["page_size"],
            cursor=asked.get("cursor"),
            is_error=asked.get("is_error"),
            agent_id=asked.get("agent_id"),
            branch_id=asked.get("branch_id"),
            start_time=asked.get("start_time"),
            end_time=asked.get("end_time"),
        )
        rows, next_cursor = await page_of_runs(tx, query)
    return {
        "executions": rows,
        "next_cursor": next_cursor,
        "has_more": next_cursor is not None,
    }


async def _among(
    tx: Transaction, created_by: str | None, used_by_agent_id: str | None
) -> tuple[str, ...] | None:
    """Return the ids that filters leave; None: all."""
    if not is_mine(created_by):
        return ()
    if not used_by_agent_id:
        return None
    agent = await tx.agents.get(used_by_agent_id)
    used = references(agent.document) if agent else ()
    return tuple(record_id for kind, record_id in used if kind == KIND)


async def _existing(tx: Transaction, tool_id: str, *, lock: bool = False) -> Record:
    record = await tx.records.get(KIND, tool_id, lock=lock)
    if record is None:
        raise NotFound(f"Tool with id {tool_id} not found.", code="tool_not_found")
    return record


def _check(call: Call) -> None:
    if problems := rules.problems_of(call.body["tool_config"], call.deps.may_be_plain):
        raise Invalid(problems)
