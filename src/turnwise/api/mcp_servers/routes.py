"""`/v1/convai/mcp-servers`."""

from collections.abc import Mapping
from typing import Any

from turnwise.api import dependents
from turnwise.api.errors import Conflict, Invalid, NotFound, problem
from turnwise.api.mcp_servers import documents
from turnwise.api.mcp_servers.documents import CONFIG, KIND
from turnwise.api.mcp_servers.reaching import tools_of
from turnwise.api.references import require
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.urls import url_problem
from turnwise.contract import load
from turnwise.contract.merging import merged
from turnwise.outgoing import OutgoingError
from turnwise.outgoing.mcp_servers import load_ahead
from turnwise.runtime.configured import Unresolved
from turnwise.store import Record, Transaction

mcp_servers = Slice()


@mcp_servers.serve("GET /v1/convai/mcp-servers")
async def list_mcp_servers(call: Call) -> Answer:
    """Return all MCP servers, the oldest first."""
    async with call.deps.store.reading() as tx:
        records = await tx.records.all(KIND)
        users = await tx.records.users_of_many(KIND, [each.record_id for each in records])
        shown = [
            documents.shown(
                each,
                await dependents.agents(tx, dependents.ids_of(users[each.record_id], "agent")),
            )
            for each in records
        ]
    return {"mcp_servers": shown}


@mcp_servers.serve("POST /v1/convai/mcp-servers")
async def create_mcp_server(call: Call) -> Answer:
    """Store how an MCP server is reached; it is not asked for anything yet."""
    document = call.filled()
    config = document[CONFIG]
    _check_url(call, config)
    uses = documents.references(config)
    async with call.deps.store.writing() as tx:
        await require(tx, uses)
        record = await tx.records.create(KIND, document, prefix="mcp_", name=config["name"])
        await tx.records.set_uses(KIND, record.record_id, uses)
    load_ahead()
    return documents.shown(record, [])


@mcp_servers.serve("GET /v1/convai/mcp-servers/{mcp_server_id}")
async def get_mcp_server(call: Call) -> Answer:
    """Return an MCP server."""
    async with call.deps.store.reading() as tx:
        return await shown(tx, await existing(tx, call.path["mcp_server_id"]))


@mcp_servers.serve("PATCH /v1/convai/mcp-servers/{mcp_server_id}")
async def change_mcp_server(call: Call) -> Answer:
    """Change the settings that are named, each as a whole; a null resets."""
    return await _patched(call)


@mcp_servers.serve("PATCH /v1/convai/mcp-servers/{mcp_server_id}/approval-policy")
async def change_approval_policy(call: Call) -> Answer:
    """Change which tools need approval."""
    return await _patched(call)


@mcp_servers.serve("DELETE /v1/convai/mcp-servers/{mcp_server_id}")
async def delete_mcp_server(call: Call) -> Answer:
    """Forget an MCP server that nobody uses."""
    async with call.deps.store.writing() as tx:
        record = await existing(tx, call.path["mcp_server_id"], lock=True)
        users = await tx.records.users_of(KIND, record.record_id)
        if users:
            raise Conflict(
                f"MCP server with id {record.record_id} is used in {len(users)} places;"
                " remove it there first.",
                legacy="mcp_server_in_use",
            )
        await tx.records.delete(KIND, record.record_id)
    return {}


@mcp_servers.serve("GET /v1/convai/mcp-servers/{mcp_server_id}/tools")
async def list_mcp_tools(call: Call) -> Answer:
    """Ask an MCP server for its tools; that it cannot be asked is an answer, too."""
    async with call.deps.store.reading() as tx:
        record = await existing(tx, call.path["mcp_server_id"])
    config = record.document[CONFIG]
    try:
        tools = await tools_of(call.deps, config, call.query["environment"])
    except (OutgoingError, Unresolved) as error:
        reason = f"The MCP server's tools cannot be listed: {error}."
        return {
            "success": False,
            "tools": [],
            "error_message": reason,
            "tool_approval_statuses": [],
        }
    per_tool = config["approval_policy"] == documents.PER_TOOL
    return {
        "success": True,
        "tools": tools,
        "error_message": None,
        "tool_approval_statuses": (
            [documents.approval_status(record, tool) for tool in tools] if per_tool else []
        ),
    }


async def existing(tx: Transaction, mcp_server_id: str, *, lock: bool = False) -> Record:
    """Return an MCP server.

    Raises:
        NotFound: If there is none.
    """
    record = await tx.records.get(KIND, mcp_server_id, lock=lock)
    if record is None:
        raise NotFound(
            f"MCP server with id {mcp_server_id} not found.", code="mcp_server_not_found"
        )
    return record


async def shown(tx: Transaction, record: Record) -> Answer:
    """Return an MCP server as clients read it."""
    users = await tx.records.users_of(KIND, record.record_id)
    agents = await dependents.agents(tx, dependents.ids_of(users, "agent"))
    return documents.shown(record, agents)


async def _patched(call: Call) -> Answer:
    shape = load().shape("MCPServerConfig-Input")
    async with call.deps.store.writing() as tx:
        before = await existing(tx, call.path["mcp_server_id"], lock=True)
        config = before.document[CONFIG]
        kept = {key: value for key, value in config.items() if call.body.get(key) is None}
        config = shape.filled(merged(kept, call.body, shape))
        uses = documents.references(config)
        await require(tx, uses)
        record = await tx.records.replace(
            KIND, before.record_id, {**before.document, CONFIG: config}
        )
        await tx.records.set_uses(KIND, before.record_id, uses)
        assert record is not None  # it is locked
        return await shown(tx, record)


def _check_url(call: Call, config: Mapping[str, Any]) -> None:
    url = config["url"]
    reason = url_problem(url, call.deps.may_be_plain) if isinstance(url, str) else None
    if reason:
        raise Invalid([problem("value_error", ["body", CONFIG, "url"], f"Value error, {reason}")])
