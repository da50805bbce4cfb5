from dataclasses import replace

import httpx
import pytest

from api.api_kit import KEY
from turnwise.api import Deps, create_api
from turnwise.runtime.roll import Roll

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({}, 3),
        ({"agent_id": "a"}, 2),
        ({"agent_id": "none"}, 0),
        ({"agent_ids": ["b", "none"]}, 1),
        ({"agent_id": "a", "agent_ids": ["b"]}, 3),
    ],
)
async def test_live_count_counts_the_calls_of_agents(
    deps: Deps, params: dict[str, str], count: int
) -> None:
    roll = Roll()
    for agent in ("a", "b", "a"):
        roll.enter(agent, most_of_agent=None)
    there = replace(deps, live_calls=roll.count)
    transport = httpx.ASGITransport(create_api(there))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        answer = await client.get(
            "/v1/convai/analytics/live-count", params=params, headers={"xi-api-key": KEY}
        )
    assert answer.json() == {"count": count}
