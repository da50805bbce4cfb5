from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.api_kit import KEY, error_of
from turnwise.api import Deps, create_api
from turnwise.store import Grant

pytestmark = pytest.mark.anyio

PATH = "/v1/convai/conversation/get-signed-url"


async def an_agent(deps: Deps) -> str:
    async with deps.store.writing() as tx:
        return (await tx.agents.create({"name": "a"})).agent_id


@pytest.mark.parametrize("path", [PATH, PATH.replace("-", "_")])
async def test_a_signed_url_leads_back_here_and_is_recognised(
    client: httpx.AsyncClient, deps: Deps, path: str
) -> None:
    agent_id = await an_agent(deps)
    answer = await client.get(path, params={"agent_id": agent_id})
    assert set(answer.json()) == {"signed_url"}
    url = urlsplit(answer.json()["signed_url"])
    assert (url.scheme, url.netloc, url.path) == ("ws", "test.local", "/v1/convai/conversation")
    query = parse_qs(url.query)
    assert query["agent_id"] == [agent_id]
    (signature,) = query["conversation_signature"]
    assert deps.signer.verify(signature, agent_id) == Grant(agent_id=agent_id)


async def test_a_url_can_be_bound_to_one_conversation_and_a_version(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    agent_id = await an_agent(deps)
    params = {
        "agent_id": agent_id,
        "include_conversation_id": "true",
        "branch_id": "b",
        "version_id": "v",
        "environment": "e",
    }
    answer = await client.get(PATH, params=params)
    query = parse_qs(urlsplit(answer.json()["signed_url"]).query)
    grant = deps.signer.verify(query["conversation_signature"][0], agent_id)
    assert query["conversation_id"] == [grant.conversation_id]
    assert (grant.branch_id, grant.version_id, grant.environment) == ("b", "v", "e")


@pytest.mark.parametrize(
    ("headers", "public_url", "base"),
    [
        ({"host": "voice.example:8443"}, "", "ws://voice.example:8443/"),
        ({"host": "x", "x-forwarded-proto": "https"}, "", "wss://x/"),
        ({"host": "x", "x-forwarded-proto": "https, http"}, "", "wss://x/"),
        ({"host": "x", "x-forwarded-proto": "http"}, "", "ws://x/"),
        ({"host": "x"}, "https://voice.example", "wss://voice.example/"),
        ({"host": "x"}, "http://voice.example/turnwise/", "ws://voice.example/turnwise/"),
    ],
)
async def test_the_url_is_one_that_the_client_can_reach(
    deps: Deps, headers: dict[str, str], public_url: str, base: str
) -> None:
    agent_id = await an_agent(deps)
    there = Deps(store=deps.store, blobs=deps.blobs, signer=deps.signer, public_url=public_url)
    transport = httpx.ASGITransport(create_api(there))
    async with httpx.AsyncClient(transport=transport, base_url="http://test.local") as client:
        answer = await client.get(
            PATH, params={"agent_id": agent_id}, headers={"xi-api-key": KEY, **headers}
        )
    assert answer.json()["signed_url"].startswith(f"{base}v1/convai/conversation?agent_id=")


async def test_nobody_signs_for_an_unknown_agent(client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH, params={"agent_id": "agent_none"})
    assert answer.status_code == 404
    assert error_of(answer)["code"] == "agent_not_found"
    assert (await client.get(PATH)).status_code == 422
