"""The talk page asks its user before an MCP tool runs."""

from pathlib import Path

import pytest

from acceptance.brain import Brain
from acceptance.house import House
from acceptance.mcp_service import McpService
from acceptance.pages import Browser, needs_chromium, texts, until
from acceptance.test_mcp import (  # noqa: F401  # fixtures among them
    FIND,
    _mcp_house,
    connected,
    mcp_house,
    service,
    with_servers,
)
from acceptance.test_tools import calling

pytestmark = pytest.mark.acceptance


@pytest.mark.parametrize("approves", [True, False])
def test_the_user_decides(
    mcp_house: House,  # noqa: F811
    brain: Brain,
    service: McpService,  # noqa: F811
    node_packages: Path,
    tmp_path: Path,
    *,
    approves: bool,
) -> None:
    needs_chromium()
    assert node_packages.exists()
    server = connected(mcp_house, service, approval_policy="require_approval_all")
    agent_id = mcp_house.create(with_servers(brain.learn(calling(FIND)), server))
    visit = Browser(tmp_path).visit(
        {"open": f"{mcp_house.url}/talk/{agent_id}"},
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
