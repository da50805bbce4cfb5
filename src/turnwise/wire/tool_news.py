"""What the client is told of a tool call: its start, the call itself, how it came out."""

from collections.abc import Mapping
from typing import Any

from turnwise.agents.tools import Tool
from turnwise.turns.commands import CallTool, ReportTool
from turnwise.wire.server_messages import ServerMessage
from turnwise.wire.tool_messages import (
    AgentToolRequest,
    AgentToolResponse,
    AgentToolResponseFullPayload,
    ClientToolCall,
)

FULL_RESULT_BYTES = 64 * 1024
"""Longest result a client is shown."""  # spec/semantics.md, 2.3


def request_of(command: CallTool, tool: Tool, number: int) -> AgentToolRequest:
    """Return that a tool starts."""
    seconds = tool.response_timeout_secs
    return AgentToolRequest(
        tool_name=command.name,
        tool_call_id=command.call,
        tool_type=tool.kind,
        event_id=number,
        expects_response=tool.expects_response,
        disable_interruptions=tool.interruption_mode != "allow",
        response_timeout_secs=-1 if seconds is None else round(seconds),
        execution_mode=tool.execution_mode,
    )


def call_of(
    command: CallTool, tool: Tool, number: int, parameters: Mapping[str, Any]
) -> ClientToolCall:
    """Return the call of a client tool."""
    return ClientToolCall(
        tool_name=command.name,
        tool_call_id=command.call,
        parameters=dict(parameters),
        event_id=number,
        expects_response=tool.expects_response,
    )


def reports_of(command: ReportTool, tool: Tool, number: int) -> list[ServerMessage]:
    """Return how a call came out, once without and once with what the tool answered."""
    result, truncated = _shortened(command.result)
    return [
        AgentToolResponse(
            tool_name=command.name,
            tool_call_id=command.call,
            tool_type=tool.kind,
            is_error=command.failed,
            is_called=True,
            event_id=number,
        ),
        AgentToolResponseFullPayload(
            tool_name=command.name,
            tool_call_id=command.call,
            tool_type=tool.kind,
            is_error=command.failed,
            is_called=True,
            event_id=number,
            full_tool_result=result,
            truncated=truncated,
        ),
    ]


def _shortened(result: str) -> tuple[str, bool]:
    data = result.encode("utf-8", errors="replace")
    if len(data) <= FULL_RESULT_BYTES:
        return result, False
    return data[:FULL_RESULT_BYTES].decode("utf-8", errors="ignore"), True
