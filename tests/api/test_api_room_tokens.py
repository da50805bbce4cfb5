from dataclasses import replace

import httpx
import jwt
import pytest

from api.api_kit import KEY, error_of
from turnwise.api import Deps, create_api
from turnwise.store.room_tokens import RoomGrant

pytestmark = pytest.mark.anyio

PATH = "/v1/convai/conversation/token"


async def an_agent(deps: Deps, **auth: object) -> str:
    document = {"name": "a", "platform_settings": {"auth": auth}}
    async with deps.store.writing() as tx:
        return (await tx.agents.create(document)).agent_id


async def test_a_public_agent_gives_a_livekit_token_to_anybody(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    agent_id = await an_agent(deps)
    del client.headers["xi-api-key"]
    params = {"agent_id": agent_id, "participant_name": "Ann", "source": "js_sdk", "version": "1"}
    answer = await client.get(PATH, params=params)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    body = answer.json()
    assert body["conversation_id"].startswith("conv_")
    claims = jwt.decode(body["token"], options={"verify_signature": False})
    assert jwt.get_unverified_header(body["token"])["alg"] == "HS256"
    assert claims["video"] == {
        "roomJoin": True,
        "room": body["conversation_id"],
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": True,
    }
    assert claims["name"] == "Ann"
    assert claims["exp"] == claims["nbf"] + 900
    assert deps.room_tokens is not None
    assert deps.room_tokens.verify(body["token"]) == RoomGrant(
        conversation_id=body["conversation_id"], agent_id=agent_id, name="Ann"
    )


async def test_each_token_is_for_a_conversation_of_its_own(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    agent_id = await an_agent(deps)
    params = {"agent_id": agent_id, "branch_id": "b", "version_id": "v", "environment": "e"}
    bodies = [(await client.get(PATH, params=params)).json() for _ in range(2)]
    assert bodies[0]["conversation_id"] != bodies[1]["conversation_id"]
    assert deps.room_tokens is not None
    grant = deps.room_tokens.verify(bodies[0]["token"])
    assert (grant.branch_id, grant.version_id, grant.environment) == ("b", "v", "e")
    assert grant.authorization == "authorization_header"


@pytest.mark.parametrize(
    ("auth", "headers", "status"),
    [
        ({"enable_auth": True}, {}, 401),
        ({"enable_auth": True}, {"xi-api-key": "wrong"}, 401),
        ({"enable_auth": True}, {"xi-api-key": KEY}, 200),
        ({"allowlist": [{"hostname": "a.example"}]}, {"origin": "https://a.example"}, 200),
        ({"allowlist": [{"hostname": "a.example"}]}, {"origin": "https://a.example:99"}, 200),
        ({"allowlist": [{"hostname": "a.example"}]}, {"origin": "https://b.example"}, 403),
        (
            {"allowlist": [{"hostname": "a.example"}]},
            {"origin": "https://b.example", "xi-api-key": KEY},
            200,
        ),
        ({"allowlist": [{"hostname": "a.example"}]}, {}, 200),
        ({"allowlist": [{"hostname": "a.example"}], "require_origin_header": True}, {}, 403),
        ({"require_origin_header": True}, {}, 200),
    ],
)
async def test_an_agent_that_wants_to_know_its_users_asks_for_a_key(
    client: httpx.AsyncClient,
    deps: Deps,
    auth: dict[str, object],
    headers: dict[str, str],
    status: int,
) -> None:
    agent_id = await an_agent(deps, **auth)
    del client.headers["xi-api-key"]
    answer = await client.get(PATH, params={"agent_id": agent_id}, headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert error_of(answer)["type"] == "authentication_error"


async def test_there_is_no_token_for_nobody(client: httpx.AsyncClient, deps: Deps) -> None:
    answer = await client.get(PATH, params={"agent_id": "agent_none"})
    assert error_of(answer)["code"] == "agent_not_found"
    assert (await client.get(PATH)).status_code == 422
    params = {"agent_id": await an_agent(deps), "debug_events_request": "true"}
    assert (await client.get(PATH, params=params)).status_code == 501


async def test_without_webrtc_there_is_no_token(deps: Deps) -> None:
    agent_id = await an_agent(deps)
    transport = httpx.ASGITransport(create_api(replace(deps, room_tokens=None)))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        answer = await client.get(PATH, params={"agent_id": agent_id})
    assert answer.status_code == 501
