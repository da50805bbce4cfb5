"""Branches, versions, drafts and deployments as they are laid out, and calls of agents."""

from typing import Any

import pytest

from turnwise.store import AgentQuery, Store
from turnwise.store.histories import KINDS, TIP, History
from turnwise.store.record_ports import RecordQuery

pytestmark = pytest.mark.anyio

DAY_S = 86_400


def call(number: int, agent_id: str, started_at: int, branch: str | None) -> dict[str, Any]:
    return {
        "conversation_id": f"conv_{number}",
        "agent_id": agent_id,
        "branch_id": branch,
        "status": "done",
        "metadata": {"start_time_unix_secs": started_at, "call_duration_secs": 1},
        "transcript": [],
    }


async def test_versions_belong_to_their_agent(store: Store) -> None:
    async with store.writing() as tx:
        mine, other = History(tx.records, "agent_1"), History(tx.records, "agent_2")
        branch = await mine.start_branch("Main", {TIP: ""})
        versions = [
            await mine.add_version(branch.record_id, {"seq": seq}, {"deep": [None, seq]})
            for seq in range(3)
        ]
        ids = [each.record_id for each in versions]
        assert [each.record_id for each in await mine.versions()] == ids
        assert [each.record_id for each in await mine.latest(branch.record_id, 2)] == ids[:0:-1]
        assert await mine.snapshot(ids[1]) == {"deep": [None, 1]}
        assert await mine.branch(branch.record_id) == branch
        for found in (
            await other.branch(branch.record_id),
            await other.version(ids[0]),
            await other.snapshot(ids[0]),
        ):
            assert found is None
        assert await other.versions() == ()


async def test_there_is_one_draft_on_a_branch(store: Store) -> None:
    async with store.writing() as tx:
        history = History(tx.records, "agent_1")
        assert await history.draft("b") is None
        for number in range(2):
            await history.keep_draft("b", {"n": number})
        draft = await history.draft("b")
    assert draft is not None
    assert draft.document == {"n": 1}


async def test_the_newest_deployment_is_in_force(store: Store) -> None:
    async with store.writing() as tx:
        history = History(tx.records, "agent_1")
        assert await history.split() == {}
        await history.deploy({"a": 100}, "manual")
        await history.deploy({"a": 60, "b": 40}, "manual")
        assert await history.split() == {"a": 60, "b": 40}
        page = await history.deployments(RecordQuery(kind="deployment", page_size=1))
        assert page.next_cursor is not None


async def test_an_agents_history_is_forgotten_as_a_whole(store: Store) -> None:
    async with store.writing() as tx:
        for agent_id in ("agent_1", "agent_2"):
            history = History(tx.records, agent_id)
            branch = await history.start_branch("Main", {TIP: ""})
            await history.add_version(branch.record_id, {}, {})
            await history.keep_draft(branch.record_id, {})
            await history.deploy({branch.record_id: 100}, "manual")
        await History(tx.records, "agent_1").forget()
        for kind in KINDS:
            assert await tx.records.count(kind, parent="agent_1") == 0
            assert await tx.records.count(kind, parent="agent_2") == 1


async def test_calls_of_the_last_days_are_counted(store: Store) -> None:
    async with store.writing() as tx:
        agents = [(await tx.agents.create({"name": name})).agent_id for name in "abc"]
        now = (await tx.agents.get(agents[0])).created_at  # type: ignore[union-attr]
        days = [(0, "x"), (1, "x"), (6, "y"), (2, None), (8, "x")]
        for number, (ago, branch) in enumerate(days):
            started = now - ago * DAY_S
            await tx.conversations.begin(call(number, agents[1], started, branch))
        await tx.conversations.begin(call(9, agents[2], now, "z"))
        assert await tx.agents.calls_by_branch(agents[1], days=7) == {"x": 2, "y": 1}
        assert await tx.agents.calls_by_branch(agents[1], days=2) == {"x": 2}
        assert await tx.agents.calls_by_branch("agent_x", days=7) == {}
        page = await tx.agents.list(AgentQuery(sort_by="call_count_7d", page_size=2))
        assert [row.name for row in page.items] == ["b", "c"]
        query = AgentQuery(sort_by="call_count_7d", page_size=2, cursor=page.next_cursor)
        assert [row.name for row in (await tx.agents.list(query)).items] == ["a"]


async def test_agents_can_be_picked_by_their_ids(store: Store) -> None:
    async with store.writing() as tx:
        ids = [(await tx.agents.create({"name": name})).agent_id for name in "abc"]
        picked = AgentQuery(ids=(ids[2], ids[0], "agent_x", "a\0b"), descending=False)
        assert [row.name for row in (await tx.agents.list(picked)).items] == ["a", "c"]
        assert (await tx.agents.list(AgentQuery(ids=()))).items == ()
