import asyncio

import httpx
import pytest

from api.api_kit import KEY, error_of
from turnwise.api import Deps, create_api
from turnwise.api.limits import RequestLimits

pytestmark = pytest.mark.anyio


def reach(deps: Deps, limits: RequestLimits) -> httpx.AsyncClient:
    limited = Deps(store=deps.store, blobs=deps.blobs, signer=deps.signer, limits=limits)
    transport = httpx.ASGITransport(create_api(limited))
    return httpx.AsyncClient(transport=transport, base_url="http://t")


async def test_a_key_that_asks_too_often_is_told_when_to_come_again(deps: Deps) -> None:
    async with reach(deps, RequestLimits(per_key=3, window_s=60)) as client:
        answers = [await client.get("/v1/user", headers={"xi-api-key": KEY}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        detail = error_of(answers[3])
        assert (detail["type"], detail["code"]) == ("rate_limit_error", "rate_limit_exceeded")
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60
        other = await client.get("/v1/user", headers={"xi-api-key": "wrong"})
        assert other.status_code == 401  # another key, another count


async def test_a_wrong_key_is_counted_like_a_right_one(deps: Deps) -> None:
    async with reach(deps, RequestLimits(per_key=1, window_s=60)) as client:
        codes = [
            (await client.get("/v1/user", headers={"xi-api-key": "wrong"})).status_code
            for _ in range(2)
        ]
    assert codes == [401, 429]


async def test_more_at_once_than_may_be_are_refused(deps: Deps) -> None:
    async with reach(deps, RequestLimits(at_once=2)) as client:
        headers, waits = {"xi-api-key": KEY}, "/v1/convai/agents"
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(client.get(waits, headers=headers)) for _ in range(8)]
        answers = [task.result() for task in asked]
        codes = {answer.status_code for answer in answers}
        assert codes == {200, 429}
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert error_of(refused)["status"] == "too_many_concurrent_requests"
        assert refused.headers["retry-after"] == "1"
        assert (await client.get("/v1/user", headers=headers)).status_code == 200
