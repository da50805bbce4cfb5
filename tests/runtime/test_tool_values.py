"""What the definitions of tools refer to, and tokens that are remembered until they expire."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outgoing.certificates import Authority, guarded
from tools.tools_rig import Give, Got, asked, serving, way_out, webhook
from turnwise.agents.variables import Variables
from turnwise.outgoing import Outgoing, Policy
from turnwise.runtime.configured import Configured
from turnwise.runtime.tool_values import MOST_TOKENS, ConversationValues, Tokens
from turnwise.store import Store, open_store, open_vault
from turnwise.tools.ports import ToolFailed
from turnwise.tools.webhook import WebhookTools

pytestmark = pytest.mark.anyio
LOCATOR = {"auth_connection_id": "c1"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)
    yield opened
    await opened.close()


class Clock:
    def __init__(self) -> None:
        self.at = 1_000.0

    def now(self) -> float:
        return self.at


class Provider:
    """Gives tokens, each with its number."""

    def __init__(self, **more: object) -> None:
        self.more = more
        self.given = 0

    def __call__(self, got: Got) -> Give:
        assert got.target == "/token"
        self.given += 1
        return Give(json.dumps({"access_token": f"t{self.given}", **self.more}))


def credentials(url: str, secret: str = "s") -> dict[str, str]:  # noqa: S107
    return {
        "auth_type": "oauth2_client_credentials",
        "token_url": f"{url}/token",
        "client_id": "me",
        "client_secret": secret,
    }


async def test_a_token_is_remembered_until_shortly_before_it_expires() -> None:
    provider, clock = Provider(expires_in=100), Clock()
    async with serving(provider) as service, way_out() as outgoing:
        tokens = Tokens(outgoing, clock.now)
        seen = []
        for at in (1_000, 1_069, 1_071, 1_072):
            clock.at = at
            found = await tokens.of(credentials(service.url), renew=False)
            seen.append((found.headers["Authorization"], found.remembered))
    assert seen == [
        ("Bearer t1", False),
        ("Bearer t1", True),
        ("Bearer t2", False),
        ("Bearer t2", True),
    ]


async def test_a_refused_token_and_one_for_another_secret_are_fetched() -> None:
    provider, clock = Provider(), Clock()
    async with serving(provider) as service, way_out() as outgoing:
        tokens = Tokens(outgoing, clock.now)
        mine = credentials(service.url)
        await tokens.of(mine, renew=False)
        assert (await tokens.of(mine, renew=True)).headers["Authorization"] == "Bearer t2"
        assert (await tokens.of(mine, renew=False)).remembered
        other = await tokens.of(credentials(service.url, "other"), renew=False)
    assert other.headers["Authorization"] == "Bearer t3"


@pytest.mark.parametrize("expires_in", [0, "soon", 29])
async def test_a_token_that_is_good_for_no_time_is_not_used_again(expires_in: object) -> None:
    provider, clock = Provider(expires_in=expires_in), Clock()
    async with serving(provider) as service, way_out() as outgoing:
        tokens = Tokens(outgoing, clock.now)
        for _ in range(2):
            assert not (await tokens.of(credentials(service.url), renew=False)).remembered
    assert provider.given == 2


async def test_fixed_credentials_are_not_remembered_and_memory_is_limited() -> None:
    provider, clock = Provider(expires_in=900), Clock()
    async with serving(provider) as service, way_out() as outgoing:
        tokens = Tokens(outgoing, clock.now)
        fixed = {"auth_type": "bearer_auth", "token": "t"}
        assert not (await tokens.of(fixed, renew=False)).remembered
        assert not (await tokens.of(fixed, renew=False)).remembered
        assert tokens._known == {}
        first = await tokens.of(credentials(service.url), renew=False)
        known = next(iter(tokens._known.values()))
        tokens._known |= {f"other {number}": known for number in range(MOST_TOKENS - 1)}
        await tokens.of(credentials(service.url, "new"), renew=False)
        assert len(tokens._known) == MOST_TOKENS
        again = await tokens.of(credentials(service.url), renew=False)
    assert (first.headers, again.remembered) != (again.headers, True)


async def test_a_webhook_is_authorised_by_a_stored_connection(store: Store, tmp_path: Path) -> None:
    vault = open_vault(tmp_path)

    def answers(got: Got) -> Give:
        if got.target == "/token":
            return Give('{"access_token": "fresh", "expires_in": 600}')
        return Give('{"ok": true}')

    async with serving(answers) as service, way_out() as outgoing:
        connection = credentials(service.url)
        sealed = {"client_secret": vault.seal(connection.pop("client_secret"))}
        async with store.writing() as tx:
            document = {**connection, "sealed": sealed}
            await tx.records.create("auth_connection", document, record_id="c1")
        configured = Configured(store=store, vault=vault)
        values = ConversationValues(configured, Tokens(outgoing, Clock().now))
        tool = webhook(service.url + "/book", auth_connection=LOCATOR)
        for _ in range(2):
            await WebhookTools(outgoing, values).run(asked(tool))
    assert [got.target for got in service.got] == ["/token", "/book", "/book"]
    assert service.got[1].headers["authorization"] == "Bearer fresh"
    assert b"client_secret=s" in service.got[0].body


async def test_a_webhook_shows_the_certificate_of_a_stored_connection(
    store: Store, tmp_path: Path
) -> None:
    vault = open_vault(tmp_path)
    ours, theirs = Authority("ours"), Authority("theirs")
    me = ours.issue("me")
    secrets = {
        "client_certificate": me.pem,
        "client_key": me.key_pem("pass"),
        "key_passphrase": "pass",
        "ca_certificate": theirs.pem,
    }
    async with store.writing() as tx:
        sealed = {name: vault.seal(value) for name, value in secrets.items()}
        document = {"auth_type": "mtls", "sealed": sealed}
        await tx.records.create("auth_connection", document, record_id="c1")
    configured = Configured(store=store, vault=vault)
    async with guarded(tmp_path, theirs, ours) as server, way_out() as outgoing:
        values = ConversationValues(configured, Tokens(outgoing, Clock().now))
        tool = webhook(server.url, auth_connection=LOCATOR)
        found = await WebhookTools(outgoing, values).run(asked(tool))
        with pytest.raises(ToolFailed) as refused:
            await WebhookTools(outgoing, values).run(asked(webhook(server.url)))
    assert (found.text, server.seen) == ('{"ok": true}', ["me"])
    assert refused.value.error_type == "external_server"
    assert "PRIVATE KEY" not in str(found.details)


async def test_what_is_not_there_is_the_owners_mistake(store: Store) -> None:
    outgoing = Outgoing(Policy())
    values = ConversationValues(Configured(store=store, vault=None), Tokens(outgoing, Clock().now))
    variables = Variables({"n": 7})
    assert await values.text({"variable_name": "n"}, variables) == "7"
    for value in ({"variable_name": "unknown"}, {"secret_id": "unknown"}):
        with pytest.raises(ToolFailed) as failed:
            await values.text(value, variables)
        assert failed.value.error_type == "customer_config"
    with pytest.raises(ToolFailed, match="no auth connection") as failed:
        await values.authorisation(LOCATOR, renew=False)
    assert failed.value.error_type == "customer_auth"


async def test_a_provider_that_cannot_be_asked_is_named(store: Store) -> None:
    document = {**credentials("https://127.0.0.1:1"), "sealed": {}}
    async with store.writing() as tx:
        await tx.records.create("auth_connection", document, record_id="c1")
    outgoing = Outgoing(Policy())
    values = ConversationValues(Configured(store=store, vault=None), Tokens(outgoing, Clock().now))
    with pytest.raises(ToolFailed, match="the provider of the token cannot be asked") as failed:
        await values.authorisation(LOCATOR, renew=False)
    assert failed.value.error_type == "customer_auth"
