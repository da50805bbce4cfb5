"""The talk page asks its user before an MCP tool runs."""

import pytest

from acceptance.brain import Brain
from acceptance.house import House
from acceptance.mcp_service import McpService
from acceptance.pages import Browser, texts, until
from acceptance.test_mcp import FIND, allow, connected, with_servers
from acceptance.test_tools import calling

pytestmark = pytest.mark.acceptance


@pytest.mark.parametrize("approves", [True, False])
def test_the_user_decides(
    tool_house: House, brain: Brain, browser: Browser, *, approves: bool
) -> None:
    allow(tool_house, allowed=True)
    with McpService().serve() as service:
        server = connected(tool_house, service, approval_policy="require_approval_all")
        # the first use of all loads the SDK, which takes longer than a reply waits
        assert tool_house.ask(f"/v1/convai/mcp-servers/{server}/tools")["success"]
        agent_id = tool_house.create(with_servers(brain.learn(calling(FIND)), server))
        visit = browser.visit(
            {"open": f"{tool_house.url}/talk/{agent_id}"},
            {"click": "#write"},
            {"wait": "document.activeElement.id === 'words'"},
            {"fill": ["#words", "go"]},
            {"press": "Enter"},
            until(".aside button", 2),
            {"axe": True},
            {"click": f".aside button:{'first' if approves else 'last'}-child"},
            until(".agent-said"),
            texts(".aside"),
        )
    visit.was_clean()
    answer = "Allowed." if approves else "Not allowed."
    assert visit.read == [[f"May the agent use “find_order”? {answer}"]]
    assert len(service.called) == approves
