"""A user who is asked whether an MCP tool may run, in a whole session on the virtual clock."""

import asyncio
import json
from pathlib import Path
from typing import Any

from runtime.session_rig import Client, Held, Scene, hold
from turnwise.agents.tools import normalise
from turnwise.providers.llm.scripted import Reply
from turnwise.runtime.session import Session
from turnwise.runtime.toolkit import Toolkit
from turnwise.tools.approvals import APPROVAL_S
from turnwise.tools.mcp import McpClient, McpTools
from turnwise.tools.mcp_definitions import with_own_settings
from turnwise.turns.events import HungUp, UserWrote
from turnwise.turns.policy import Policy, Waiting
from turnwise.wire.manners import tool_manners
from turnwise.wire.tool_messages import McpConnectionStatus, McpToolCall

Json = dict[str, Any]
STORED = {
    "type": "mcp",
    "name": "refund",
    "description": "Pays back.",
    "parameters": {"type": "object", "properties": {}},
    "mcp_server_id": "mcp_1",
    "mcp_tool_name": "refund",
    "approval_policy": "require_approval_all",
    "response_timeout_secs": 5,
}


def test_who_says_nothing_does_not_approve_and_the_conversation_goes_on(tmp_path: Path) -> None:
    told: list[McpToolCall | McpConnectionStatus] = []
    tool = with_own_settings(normalise(STORED, tool_id="tool_1"))
    runner = McpTools({}, McpClient(show=told.append, can_approve=True))

    async def acts(session: Session, client: Client) -> None:
        session.tell(UserWrote("pay me back"))
        await asyncio.sleep(APPROVAL_S + 4)
        session.tell(HungUp())

    waiting = Waiting(turn_timeout_ms=None, max_duration_ms=None)
    policy = Policy(waiting=waiting, tools=(tool_manners(tool),), text_only=True)
    scene = Scene(
        policy=policy,
        replies=(Reply("", tools=(("refund", {}),)), "I could not pay."),
        more_tools=(tool,),
        toolkit=Toolkit(runners={"mcp": runner}),
    )
    held: Held = hold(scene, tmp_path, acts)
    news = [each.state for each in told if isinstance(each, McpToolCall)]
    assert news == ["loading", "awaiting_approval", "failure"]
    [result] = [r for turn in held.document["transcript"] for r in turn["tool_results"]]
    assert (result["is_error"], result["error_type"]) == (True, "client_timeout")
    assert result["tool_has_been_called"] is False
    assert result["tool_latency_secs"] == APPROVAL_S
    assert f"within {APPROVAL_S} s" in result["result_value"]
    assert held.document["transcript"][-1]["message"] == "I could not pay."
    assert "did not say" in json.dumps([str(each) for each in held.model.requests[-1].messages])
