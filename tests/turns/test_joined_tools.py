"""Tools that join a conversation after it began."""

from turns.scenes import calls, is_asked, with_tool
from turnwise.turns.commands import CancelTool
from turnwise.turns.events import CallId, ToolsJoined
from turnwise.turns.policy import ToolManners

FIND = CallId("find")
PATIENT = ToolsJoined((ToolManners(name="find", timeout_ms=90_000),))


def test_a_tool_that_joined_has_its_own_manners() -> None:
    t = is_asked()
    t.at(2_050, PATIENT)
    calls(t, 2_100, "find")
    t.until(60_000)
    assert t.of(CancelTool) == []
    t.until(100_000)
    assert t.of(CancelTool) == [(92_100, CancelTool(FIND))]


def test_a_tool_that_is_known_already_keeps_its_manners() -> None:
    t = is_asked(policy=with_tool(ToolManners(name="find", timeout_ms=3_000)))
    t.at(2_050, PATIENT)
    t.at(2_060, PATIENT)
    calls(t, 2_100, "find")
    t.until(60_000)
    assert t.of(CancelTool) == [(5_100, CancelTool(FIND))]
