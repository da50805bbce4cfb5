from pathlib import Path

import pytest
from sqlalchemy import select

from turnwise.store import Store, open_store
from turnwise.store.sql import SqlStore
from turnwise.store.tables import API_KEYS

pytestmark = pytest.mark.anyio


async def test_a_key_opens_until_it_is_revoked(store: Store) -> None:
    async with store.writing() as tx:
        key, secret = await tx.api_keys.create("laptop")
        other, _ = await tx.api_keys.create("other")
    assert secret.startswith("sk_")
    assert secret.endswith(key.hint)
    async with store.reading() as tx:
        assert await tx.api_keys.verify(secret) == key
        assert await tx.api_keys.list() == (key, other)
        for wrong in ["", "sk_", secret[:-1], secret + "0", key.key_id, "\udc80", "\0"]:
            assert await tx.api_keys.verify(wrong) is None
    async with store.writing() as tx:
        assert await tx.api_keys.revoke(key.key_id)
        assert not await tx.api_keys.revoke(key.key_id)
        assert await tx.api_keys.verify(secret) is None
        assert await tx.api_keys.list() == (other,)


async def test_the_key_of_the_settings_is_known_and_not_listed(store: Store) -> None:
    async with store.reading() as tx:
        key = await tx.api_keys.verify("from the settings")
        assert key is not None
        assert key.key_id == "key_setting"
        assert await tx.api_keys.list() == ()


async def test_without_a_key_in_the_settings_the_empty_one_opens_nothing(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    async with store.reading() as tx:
        assert await tx.api_keys.verify("") is None
    await store.close()


async def test_the_secret_is_not_in_the_database(sql_store: SqlStore) -> None:
    async with sql_store.writing() as tx:
        _, secret = await tx.api_keys.create("laptop")
    async with sql_store._engine.connect() as connection:
        (row,) = (await connection.execute(select(API_KEYS))).all()
    assert secret not in str(row)
    assert len(row.digest) == 64


async def test_a_stolen_database_opens_nothing_without_the_pepper(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    store = await open_store(url, tmp_path / "here")
    async with store.writing() as tx:
        _, secret = await tx.api_keys.create("laptop")
    await store.close()
    assert (tmp_path / "here" / "pepper.key").stat().st_mode & 0o777 == 0o600
    again = await open_store(url, tmp_path / "here")
    elsewhere = await open_store(url, tmp_path / "elsewhere")
    async with again.reading() as tx:
        assert await tx.api_keys.verify(secret) is not None
    async with elsewhere.reading() as tx:
        assert await tx.api_keys.verify(secret) is None
    await again.close()
    await elsewhere.close()
