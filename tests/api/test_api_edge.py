import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.api_kit import KEY, error_of
from turnwise.api import Deps, create_api
from turnwise.api.app import implemented
from turnwise.base.errors import Error
from turnwise.contract import load
from turnwise.store import StoreConflict, StoreUnavailable

pytestmark = pytest.mark.anyio

AGENTS = "/v1/convai/agents"


def reach(deps: Deps, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_api(deps))
    return httpx.AsyncClient(transport=transport, base_url="http://t", headers=headers)


async def test_without_a_key_nothing_is_told(deps: Deps) -> None:
    paths = [AGENTS, f"{AGENTS}/x", "/v1/convai/conversations", "/v1/user", "/v1/voices"]
    async with reach(deps) as client:
        for path in paths:
            answer = await client.get(path)
            assert answer.status_code == 401
            detail = error_of(answer)
            assert (detail["type"], detail["code"]) == ("authentication_error", "unauthorized")
            assert detail["status"] == "needs_authorization"
            assert detail["message"] == (
                "Neither authorization header nor xi-api-key received, please provide one."
            )
        answer = await client.post(f"{AGENTS}/create", json={"conversation_config": {}})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"xi-api-key": "wrong"},
        {"authorization": "Bearer wrong"},
        {"xi-api-key": "wrong", "authorization": f"Bearer {KEY}"},
    ],
)
async def test_a_wrong_key_is_told_to_be_wrong(deps: Deps, headers: dict[str, str]) -> None:
    async with reach(deps, **headers) as client:
        detail = error_of(await client.get(AGENTS))
        assert (detail["status"], detail["message"]) == ("invalid_api_key", "Invalid API key")


async def test_each_way_to_show_a_key_opens(deps: Deps) -> None:
    async with deps.store.writing() as tx:
        _, secret = await tx.api_keys.create("made")
    for headers in [
        {"xi-api-key": KEY},
        {"xi-api-key": secret},
        {"authorization": f"Bearer {secret}"},
        {"authorization": f"bearer  {secret} "},
    ]:
        async with reach(deps, **headers) as client:
            assert (await client.get(AGENTS)).status_code == 200
    async with reach(deps, authorization=f"Basic {KEY}") as client:
        assert (await client.get(AGENTS)).status_code == 401


async def test_what_is_not_offered_says_so(client: httpx.AsyncClient) -> None:
    missing = next(key for key in load().operations if key not in implemented())
    method, _, path = missing.partition(" ")
    answer = await client.request(method, path)
    assert answer.status_code == 501
    assert error_of(answer)["type"] == "not_implemented"
    assert f"does not offer {missing} yet" in error_of(answer)["message"]
    answer = await client.get("/v1/history")
    assert answer.status_code == 404
    assert error_of(answer)["type"] == "not_found"
    answer = await client.put(AGENTS)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    error_of(answer)


async def test_pages_of_any_origin_may_read_answers_and_errors(deps: Deps) -> None:
    async with reach(deps, origin="https://page.example") as client:
        for path in [AGENTS, "/v1/convai/nothing", f"{AGENTS}?page_size=x"]:
            answer = await client.get(path, headers={"xi-api-key": KEY})
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in answer.headers
        assert "access-control-allow-origin" not in (await client.get("/healthz")).headers
        preflight = await client.options(
            AGENTS,
            headers={
                "access-control-request-method": "PATCH",
                "access-control-request-headers": "xi-api-key, content-type",
            },
        )
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert "PATCH" in preflight.headers["access-control-allow-methods"]
        assert preflight.headers["access-control-allow-headers"] == "xi-api-key, content-type"
        assert (await client.options(AGENTS)).status_code == 405


async def test_a_body_has_a_limit_announced_or_not(deps: Deps) -> None:
    small = Deps(store=deps.store, blobs=deps.blobs, signer=deps.signer, max_body_bytes=1_000)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    body = b'{"conversation_config": {}, "x": "' + b"x" * 1_000 + b'"}'
    contents: list[bytes | AsyncIterator[bytes]] = [body, endless()]
    async with reach(small, **{"xi-api-key": KEY}) as client:
        for content in contents:
            answer = await client.post(f"{AGENTS}/create", content=content)
            assert answer.status_code == 413
            assert error_of(answer)["message"] == "The body is larger than 1000 bytes."
        good = await client.post(f"{AGENTS}/create", json={"conversation_config": {}})
        assert good.status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (RuntimeError("private"), 500, "internal_error"),
        (Error("private"), 500, "internal_error"),
        (StoreUnavailable("the database is away"), 503, "service_unavailable"),
        (StoreConflict("it is there"), 409, "conflict"),
    ],
)
async def test_every_error_has_an_answer(
    deps: Deps, caplog: pytest.LogCaptureFixture, error: Exception, status: int, kind: str
) -> None:
    async def broken(_request: Request) -> Response:
        raise error

    app = create_api(deps, [Route("/v1/convai/broken", broken)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        with caplog.at_level(logging.ERROR):
            answer = await client.get("/v1/convai/broken")
    assert answer.status_code == status
    assert error_of(answer)["type"] == kind
    assert "private" not in answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    assert ("retry-after" in answer.headers) == (status == 503)
    assert bool(caplog.records) == (status == 500)


async def test_half_an_answer_is_not_completed_with_an_error(deps: Deps) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"x"
        raise RuntimeError("stopped")

    async def broken(_request: Request) -> Response:
        return StreamingResponse(failing())

    app = create_api(deps, [Route("/v1/broken", broken)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        with pytest.raises(RuntimeError, match="stopped"):
            await client.get("/v1/broken")


async def test_no_nul_gets_through(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{AGENTS}/%00")).status_code == 400


async def test_health_needs_no_key(deps: Deps) -> None:
    leaving = Deps(store=deps.store, blobs=deps.blobs, signer=deps.signer, draining=lambda: True)
    async with reach(deps) as client, reach(leaving) as drained:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).status_code == 200
        assert (await drained.get("/healthz")).status_code == 200
        assert (await drained.get("/readyz")).status_code == 503


async def test_the_api_describes_itself(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert "/v1/convai/agents/{agent_id}" in paths
    assert (await client.get("/docs")).status_code == 200


@pytest.mark.parametrize("number", ["9.3e18", "-9.3e18", "nan", "inf", "9007199254741993"])
@pytest.mark.parametrize(
    "path", ["/v1/convai/tools/x/executions?end_time=", "/v1/convai/users?call_start_after_unix="]
)
async def test_numbers_in_a_query_are_such_as_the_database_can_compare(
    deps: Deps, path: str, number: str
) -> None:
    async with reach(deps, **{"xi-api-key": KEY}) as client:
        answer = await client.get(path + number)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "query"


async def test_a_number_of_many_digits_is_answered_as_it_was_stored(deps: Deps) -> None:
    many = 12_345_678_901_234_567_890_123
    body = {"conversation_config": {"mine": many}}
    async with reach(deps, **{"xi-api-key": KEY}) as client:
        agent_id = (await client.post(f"{AGENTS}/create", json=body)).json()["agent_id"]
        answer = await client.get(f"{AGENTS}/{agent_id}")
    assert answer.json()["conversation_config"]["mine"] == many
