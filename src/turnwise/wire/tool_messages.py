"""What the server says about tools. All kinds of tools, and MCP ones in more detail.

Shapes: agent.asyncapi.yaml (Swift SDK, 2026-06), in short in spec/wire-protocol.md, 1.3.
"""

from typing import Any, Literal

from turnwise.wire.server_model import Part, ServerModel, event_number

Json = dict[str, Any]


class ClientToolCall(ServerModel):
    """Run a tool, client. The Swift SDK wants all five fields."""

    body = "client_tool_call"
    type: Literal["client_tool_call"] = "client_tool_call"
    tool_name: str
    tool_call_id: str
    parameters: Json
    event_id: int = event_number()
    expects_response: bool


class AgentToolRequest(ServerModel):
    """A tool of any kind starts."""

    body = "agent_tool_request"
    type: Literal["agent_tool_request"] = "agent_tool_request"
    tool_name: str
    tool_call_id: str
    tool_type: str
    event_id: int = event_number()
    expects_response: bool
    disable_interruptions: bool
    response_timeout_secs: int
    """-1 waits for ever."""
    execution_mode: str


class AgentToolResponse(ServerModel):
    """A tool of any kind is done. `end_call` makes the JS SDK hang up."""

    body = "agent_tool_response"
    type: Literal["agent_tool_response"] = "agent_tool_response"
    tool_name: str
    tool_call_id: str
    tool_type: str
    is_error: bool
    is_called: bool
    is_blocked: bool = False
    event_id: int = event_number()


class AgentToolResponseFullPayload(ServerModel):
    """The same with what the tool answered."""

    body = "agent_tool_response_full_payload"
    type: Literal["agent_tool_response_full_payload"] = "agent_tool_response_full_payload"
    tool_name: str
    tool_call_id: str
    tool_type: str
    is_error: bool
    is_called: bool
    is_blocked: bool = False
    event_id: int = event_number()
    full_tool_result: str
    truncated: bool = False


class McpToolCall(ServerModel):
    """Where a call of an MCP tool stands."""

    body = "mcp_tool_call"
    type: Literal["mcp_tool_call"] = "mcp_tool_call"
    service_id: str
    tool_call_id: str
    tool_name: str
    tool_description: str | None = None
    parameters: Json
    timestamp: str
    """ISO 8601."""
    state: Literal["loading", "awaiting_approval", "success", "failure"]
    approval_timeout_secs: int | None = None
    """With `awaiting_approval`."""
    result: list[Json] | None = None
    """With `success`."""
    error_message: str | None = None
    """With `failure`."""


class McpIntegration(Part):
    """An MCP server of the agent."""

    integration_id: str
    integration_type: Literal["mcp_server", "mcp_integration"]
    is_connected: bool
    tool_count: int


class McpConnectionStatus(ServerModel):
    """Which MCP servers can be reached."""

    body = "mcp_connection_status"
    type: Literal["mcp_connection_status"] = "mcp_connection_status"
    integrations: list[McpIntegration]
