"""Calls that an operator announced: taken once, sealed, and not for ever."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from turnwise.runtime import registered_calls
from turnwise.runtime.registered_calls import KIND, CallTaken, RegisteredCall, register, take
from turnwise.store import Store, Vault, open_store, open_vault

pytestmark = pytest.mark.anyio

CALL = RegisteredCall(
    agent_id="agent_1",
    from_number="+1",
    to_number="+2",
    direction="outbound",
    init={"dynamic_variables": {"secret__pin": "1234"}},
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await open_store(f"sqlite:///{tmp_path / 'test.db'}", tmp_path, fixed_key="sk")
    yield made
    await made.close()


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path)


async def test_a_call_is_taken_once(store: Store, vault: Vault) -> None:
    async with store.writing() as tx:
        assert await take(tx, vault, "conv_1") is None
        await register(tx, vault, "conv_1", CALL)
        stored = await tx.records.get(KIND, "conv_1")
        assert stored is not None
        assert "1234" not in str(stored.document)
        assert await take(tx, vault, "conv_1") == CALL
    async with store.writing() as tx:
        with pytest.raises(CallTaken):
            await take(tx, vault, "conv_1")


async def test_a_call_that_never_came_is_forgotten(
    store: Store, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with store.writing() as tx:
        await register(tx, vault, "conv_1", CALL)
    now = registered_calls._now()
    monkeypatch.setattr(registered_calls, "_now", lambda: now + 15 * 60 + 2)
    async with store.writing() as tx:
        with pytest.raises(CallTaken):
            await take(tx, vault, "conv_1")
        await register(tx, vault, "conv_2", CALL)
        assert await tx.records.get(KIND, "conv_1") is None
