"""`/v1/convai/mcp-servers/{mcp_server_id}/tool-approvals` and `…/tool-configs`."""

from collections.abc import Callable
from typing import Any

from turnwise.api.errors import Conflict, NotFound
from turnwise.api.mcp_servers import documents
from turnwise.api.mcp_servers.documents import KIND
from turnwise.api.mcp_servers.routes import existing, shown
from turnwise.api.serving import Answer, Call, Slice
from turnwise.contract import load
from turnwise.contract.merging import merged

mcp_tools = Slice()

Object = dict[str, Any]


@mcp_tools.serve("POST /v1/convai/mcp-servers/{mcp_server_id}/tool-approvals")
async def approve_mcp_tool(call: Call) -> Answer:
    """Approve a tool as it is described; another description needs another approval."""
    approval = call.filled()
    return await _changed(call, lambda document: documents.approving(document, approval))


@mcp_tools.serve("DELETE /v1/convai/mcp-servers/{mcp_server_id}/tool-approvals/{tool_name}")
async def disapprove_mcp_tool(call: Call) -> Answer:
    """Take back the approval of a tool."""
    name = call.path["tool_name"]

    def change(document: Object) -> Object:
        changed = documents.disapproving(document, name)
        if changed is None:
            raise NotFound(f"The tool {name} is not approved.", code="tool_approval_not_found")
        return changed

    return await _changed(call, change)


@mcp_tools.serve("POST /v1/convai/mcp-servers/{mcp_server_id}/tool-configs")
async def create_mcp_tool_config(call: Call) -> Answer:
    """Store settings of one tool; its server is not asked, so the environment does not matter."""
    name, settings = call.body["tool_name"], _filled(call.body)

    def change(document: Object) -> Object:
        if documents.tool_config(document, name) is not None:
            raise Conflict(f"The tool {name} has settings already; change them instead.")
        return documents.with_tool_config(document, name, settings)

    return await _changed(call, change)


@mcp_tools.serve("GET /v1/convai/mcp-servers/{mcp_server_id}/tool-configs/{tool_name}")
async def get_mcp_tool_config(call: Call) -> Answer:
    """Return the settings of one tool."""
    async with call.deps.store.reading() as tx:
        record = await existing(tx, call.path["mcp_server_id"])
    return _known(record.document, call.path["tool_name"])


@mcp_tools.serve("PATCH /v1/convai/mcp-servers/{mcp_server_id}/tool-configs/{tool_name}")
async def change_mcp_tool_config(call: Call) -> Answer:
    """Change the settings of one tool that are named, each as a whole; a null inherits again."""
    name = call.path["tool_name"]

    def change(document: Object) -> Object:
        before = _known(document, name)
        kept = {key: value for key, value in before.items() if call.body.get(key) is None}
        shape = load().shape("MCPToolConfigOverride-Input")
        settings = _filled({**merged(kept, call.body, shape), "tool_name": name})
        return documents.with_tool_config(document, name, settings)

    return await _changed(call, change)


@mcp_tools.serve("DELETE /v1/convai/mcp-servers/{mcp_server_id}/tool-configs/{tool_name}")
async def delete_mcp_tool_config(call: Call) -> Answer:
    """Let a tool have the settings of its server again."""
    name = call.path["tool_name"]

    def change(document: Object) -> Object:
        _known(document, name)
        return documents.with_tool_config(document, name, None)

    return await _changed(call, change)


async def _changed(call: Call, change: Callable[[Object], Object]) -> Answer:
    async with call.deps.store.writing() as tx:
        before = await existing(tx, call.path["mcp_server_id"], lock=True)
        document = change(before.document)
        record = await tx.records.replace(KIND, before.record_id, document)
        assert record is not None  # it is locked
        return await shown(tx, record)


def _known(document: Object, tool_name: str) -> Object:
    settings = documents.tool_config(document, tool_name)
    if settings is None:
        raise NotFound(f"The tool {tool_name} has no settings.", code="tool_config_not_found")
    return settings


def _filled(settings: Object) -> Object:
    filled = load().shape("MCPToolConfigOverride-Input").filled(settings)
    assert isinstance(filled, dict)
    return filled
