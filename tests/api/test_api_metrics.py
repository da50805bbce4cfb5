from dataclasses import replace

import httpx
import pytest

from api.api_kit import KEY
from turnwise.api import Deps, create_api
from turnwise.runtime.metrics import Metrics
from turnwise.runtime.roll import Roll

pytestmark = pytest.mark.anyio

HERE, THERE = ("127.0.0.1", 5), ("203.0.113.9", 5)
WITH_KEY = {"xi-api-key": KEY}
AS_BEARER = {"authorization": f"Bearer {KEY}"}
PASSED_ON = {"x-forwarded-for": "203.0.113.9"}


async def status(deps: Deps, access: str, client: tuple[str, int], headers: dict[str, str]) -> int:
    metrics = Metrics()
    told = replace(deps, figures=metrics.registry(Roll()), figures_for=access)
    transport = httpx.ASGITransport(create_api(told), client=client)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as asking:
        answer = await asking.get("/metrics", headers=headers)
    if answer.status_code == 200:
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert "turnwise_calls_total 0.0" in answer.text
    else:
        assert "turnwise_calls" not in answer.text
    return answer.status_code


@pytest.mark.parametrize(
    ("access", "client", "headers", "expected"),
    [
        ("local", HERE, {}, 200),
        ("local", ("::1", 5), {}, 200),
        ("local", THERE, {}, 401),
        ("local", THERE, WITH_KEY, 200),
        ("local", THERE, AS_BEARER, 200),
        ("local", THERE, {"xi-api-key": "wrong"}, 401),
        ("local", HERE, PASSED_ON, 401),
        ("local", ("a name", 5), {}, 401),
        ("key", HERE, {}, 401),
        ("key", HERE, WITH_KEY, 200),
        ("open", THERE, {}, 200),
        ("off", HERE, WITH_KEY, 404),
    ],
)
async def test_who_may_read_the_figures(
    deps: Deps, access: str, client: tuple[str, int], headers: dict[str, str], expected: int
) -> None:
    assert await status(deps, access, client, headers) == expected


async def test_a_server_without_figures_says_so(client: httpx.AsyncClient) -> None:
    assert (await client.get("/metrics")).status_code == 404
