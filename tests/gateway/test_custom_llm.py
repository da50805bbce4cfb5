"""What `prompt.custom_llm` refers to, looked up in a real store."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from providers.provider_rig import ScriptedServer, whole
from turnwise.agents.config import Prompt, view
from turnwise.agents.variables import Variables
from turnwise.base.errors import ProviderRefused
from turnwise.gateway import custom_llm
from turnwise.gateway.custom_llm import CustomLlms
from turnwise.outgoing import Outgoing, Policy
from turnwise.providers.ports import Endpoint
from turnwise.runtime.configured import variable_id
from turnwise.store import Store, Vault, open_store, open_vault
from turnwise.wire.errors import WireError

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class World:
    store: Store
    vault: Vault
    llms: CustomLlms

    async def secret(self, value: str) -> str:
        async with self.store.writing() as tx:
            sealed = {"sealed": self.vault.seal(value)}
            return (await tx.records.create("secret", sealed, prefix="secret_")).record_id

    async def variable(self, label: str, **values: str) -> None:
        document = {"type": "string", "label": label, "values": values}
        async with self.store.writing() as tx:
            await tx.records.create("environment_variable", document, record_id=variable_id(label))

    async def connection(self, **settings: object) -> str:
        sealed = {"token": self.vault.seal("T0KEN"), "client_secret": self.vault.seal("S")}
        async with self.store.writing() as tx:
            made = await tx.records.create("auth_connection", {**settings, "sealed": sealed})
            return made.record_id

    async def endpoint(
        self,
        environment: str | None = None,
        variables: Mapping[str, Any] | None = None,
        **told: object,
    ) -> Endpoint:
        custom = {"url": "https://models.example/v1", **told}
        prompt = view(Prompt, {"llm": "custom-llm", "custom_llm": custom})
        found = await self.llms.endpoint(prompt, Variables(variables or {}), environment)
        assert found is not None
        return found


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await open_store(f"sqlite:///{tmp_path / 'x.db'}", tmp_path)
    vault, outgoing = open_vault(tmp_path), Outgoing(Policy(allow_private=True))
    yield World(store, vault, CustomLlms(store, vault, outgoing))
    await outgoing.aclose()
    await store.close()


async def headers(endpoint: Endpoint) -> dict[str, str]:
    assert endpoint.headers is not None
    return dict(await endpoint.headers())


async def test_an_agent_that_uses_one_of_the_servers_models_has_none(world: World) -> None:
    prompt = view(Prompt, {"llm": "gpt-4o", "custom_llm": {"url": "https://x"}})
    assert await world.llms.endpoint(prompt, Variables(), None) is None


async def test_what_is_told_is_passed_on(world: World) -> None:
    found = await world.endpoint(
        model_id="mine", api_type="responses", api_version="1", url="https://{{team}}.example/v1",
        variables={"team": "red"},
    )  # fmt: skip
    assert (found.url, found.model) == ("https://red.example/v1", "mine")
    assert (found.api, found.api_version) == ("responses", "1")


async def test_without_credentials_there_are_no_headers(world: World) -> None:
    assert await headers(await world.endpoint()) == {}


async def test_a_key_is_a_secret_or_an_environment_variable(world: World) -> None:
    secret = await world.secret("K")
    found = await world.endpoint(api_key={"secret_id": secret})
    assert await headers(found) == {"Authorization": "Bearer K"}
    await world.variable("key", production="P", staging="S")
    for environment, key in ((None, "P"), ("staging", "S"), ("other", "P")):
        found = await world.endpoint(environment, api_key={"env_var_label": "key"})
        assert await headers(found) == {"Authorization": f"Bearer {key}"}


async def test_azure_has_the_key_in_its_own_header_too(world: World) -> None:
    secret = await world.secret("K")
    found = await world.endpoint(api_key={"secret_id": secret}, api_version="2024-10-21")
    assert await headers(found) == {"Authorization": "Bearer K", "api-key": "K"}


async def test_headers_of_all_kinds(world: World) -> None:
    secret = await world.secret("K")
    await world.variable("region", production="eu")
    told = {
        "A": "fixed {{caller}} {{secret__pin}} {{system__env_region}}",
        "B": {"secret_id": secret},
        "C": {"variable_name": "secret__pin"},
        "D": {"env_var_label": "region"},
    }
    variables = {"caller": "Ada", "secret__pin": 7}
    found = await world.endpoint(request_headers=told, variables=variables)
    assert await headers(found) == {"A": "fixed Ada 7 eu", "B": "K", "C": "7", "D": "eu"}


async def test_a_header_that_the_owner_wrote_wins(world: World) -> None:
    secret = await world.secret("K")
    told = {"Authorization": "Basic x"}
    found = await world.endpoint(api_key={"secret_id": secret}, request_headers=told)
    assert await headers(found) == {"Authorization": "Basic x"}


async def test_an_auth_connection_gives_the_token(world: World) -> None:
    made = await world.connection(auth_type="bearer_auth")
    found = await world.endpoint(auth_connection={"auth_connection_id": made})
    assert await headers(found) == {"Authorization": "Bearer T0KEN"}


async def test_a_token_is_fetched_once_and_again_when_it_may_be_old(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ScriptedServer() as server:
        server.scripts = [whole(b'{"access_token": "one"}'), whole(b'{"access_token": "two"}')]
        made = await world.connection(
            auth_type="oauth2_client_credentials", client_id="me", token_url=f"{server.url}/token"
        )
        found = await world.endpoint(auth_connection={"auth_connection_id": made})
        assert server.asked == []
        for _ in range(2):
            assert await headers(found) == {"Authorization": "Bearer one"}
        assert len(server.asked) == 1
        monkeypatch.setattr(custom_llm, "TOKEN_S", 0.0)
        found = await world.endpoint(auth_connection={"auth_connection_id": made})
        assert await headers(found) == {"Authorization": "Bearer two"}
        await headers(found)
        assert len(server.asked) == 3


async def test_a_token_that_cannot_be_had_is_the_models_failure(world: World) -> None:
    settings = {"auth_type": "oauth2_client_credentials", "token_url": "http://127.0.0.1:9/x"}
    made = await world.connection(client_id="me", **settings)
    found = await world.endpoint(auth_connection={"auth_connection_id": made})
    with pytest.raises(ProviderRefused, match="auth connection"):
        await headers(found)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"url": ""}, "url should begin with https://"),
        ({"url": "ftp://x"}, "url should begin with https://"),
        ({"api_type": "websocket"}, "'websocket' is not spoken here; chat_completions and"),
        ({"api_key": {"secret_id": "gone"}}, "no secret with the id gone"),
        ({"api_key": {"env_var_label": "gone"}}, "no environment variable 'gone'"),
        ({"request_headers": {"X": {"variable_name": "gone"}}}, "no variable 'gone'"),
        ({"auth_connection": {"auth_connection_id": "gone"}}, "no auth connection"),
    ],
)
async def test_what_cannot_work_is_refused_at_once(
    world: World, told: dict[str, Any], reason: str
) -> None:
    with pytest.raises(WireError, match=reason) as caught:
        await world.endpoint(**told)
    assert (caught.value.close_code, caught.value.error_type) == (1002, "custom_llm_error")


async def test_other_kinds_of_auth_connections_are_refused(world: World) -> None:
    made = await world.connection(auth_type="basic_auth", username="u")
    with pytest.raises(WireError, match="bearer token"):
        await world.endpoint(auth_connection={"auth_connection_id": made})


async def test_an_agent_that_names_no_model_of_its_own_is_refused(world: World) -> None:
    prompt = view(Prompt, {"llm": "custom-llm"})
    with pytest.raises(WireError, match="it has no custom_llm"):
        await world.llms.endpoint(prompt, Variables(), None)


async def test_without_a_vault_there_are_no_secrets(world: World) -> None:
    secret = await world.secret("K")
    blind = replace(world, llms=replace(world.llms, vault=None))
    with pytest.raises(WireError, match="no key to open secrets"):
        await blind.endpoint(api_key={"secret_id": secret})
