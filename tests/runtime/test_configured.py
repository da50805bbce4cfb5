"""What the values of a configuration stand for."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from turnwise.runtime.configured import Configured, Unresolved, variable_id
from turnwise.store import Store, Vault, open_store, open_vault
from turnwise.store.vault import new_key

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)
    vault = open_vault(tmp_path)
    async with opened.writing() as tx:
        for name in ("one", "two"):
            await tx.records.create(
                "secret", {"sealed": vault.seal(f"value {name}")}, record_id=name
            )
        connection = {
            "auth_type": "bearer_auth",
            "name": "c",
            "sealed": {"token": vault.seal("t0ken")},
        }
        await tx.records.create("auth_connection", connection, record_id="c1")
        variables: dict[str, tuple[str, dict[str, Any]]] = {
            "host": ("string", {"production": "a.test", "staging": "s.test"}),
            "key": (
                "secret",
                {"production": {"secret_id": "one"}, "staging": {"secret_id": "two"}},
            ),
            "auth": ("auth_connection", {"production": {"auth_connection_id": "c1"}}),
        }
        for label, (kind, values) in variables.items():
            document = {"type": kind, "label": label, "values": values}
            await tx.records.create("environment_variable", document, record_id=variable_id(label))
    yield opened
    await opened.close()


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path)


@pytest.mark.parametrize(
    ("value", "environment", "text"),
    [
        ("plain {{caller}}", "production", "plain {{caller}}"),
        ("https://{{system__env_host}}/x", "production", "https://a.test/x"),
        ("https://{{ system_env__host }}/x", "staging", "https://s.test/x"),
        ("{{system__env_host}}{{system__env_host}}", "elsewhere", "a.testa.test"),
        ({"secret_id": "one"}, "production", "value one"),
        ({"env_var_label": "host"}, "staging", "s.test"),
        ({"env_var_label": "key"}, "production", "value one"),
        ({"env_var_label": "key"}, "staging", "value two"),
        ({"variable_name": "caller"}, "production", "+44"),
    ],
)
async def test_a_value_stands_for_a_text(
    store: Store, vault: Vault, value: object, environment: str, text: str
) -> None:
    configured = Configured(
        store=store, vault=vault, environment=environment, variables={"caller": "+44"}
    )
    assert await configured.text(value) == text
    assert await configured.texts({"x": value}) == {"x": text}


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("{{system__env_none}}", "'none'"),
        ({"secret_id": "none"}, "id none"),
        ({"env_var_label": "none"}, "'none'"),
        ({"env_var_label": "auth"}, "'auth' is no text"),
        ({"variable_name": "none"}, "'none'"),
        ({"else": "x"}, "nothing that is known"),
        (None, "nothing that is known"),
    ],
)
async def test_what_is_not_there_is_named(
    store: Store, vault: Vault, value: object, named: str
) -> None:
    with pytest.raises(Unresolved, match=named):
        await Configured(store=store, vault=vault).text(value)


async def test_a_secret_needs_its_key(store: Store) -> None:
    for vault, reason in ((None, "no key"), (Vault([new_key()]), "a key that this server lacks")):
        with pytest.raises(Unresolved, match=reason):
            await Configured(store=store, vault=vault).text({"secret_id": "one"})


@pytest.mark.parametrize("locator", [{"auth_connection_id": "c1"}, {"env_var_label": "auth"}])
async def test_an_auth_connection_is_opened(
    store: Store, vault: Vault, locator: dict[str, str]
) -> None:
    found = await Configured(store=store, vault=vault).auth_connection(locator)
    assert (found["auth_type"], found["token"]) == ("bearer_auth", "t0ken")


@pytest.mark.parametrize(
    ("locator", "reason"),
    [
        ({"auth_connection_id": "none"}, "id none"),
        ({"env_var_label": "none"}, "'none'"),
        ({"env_var_label": "host"}, "not of type 'auth_connection'"),
    ],
)
async def test_an_auth_connection_that_is_not_there_is_named(
    store: Store, vault: Vault, locator: dict[str, str], reason: str
) -> None:
    with pytest.raises(Unresolved, match=reason):
        await Configured(store=store, vault=vault).auth_connection(locator)
