from pathlib import Path

import pytest
from sqlalchemy import select

from turnwise.store import Store, open_store
from turnwise.store.origins import Origins
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


async def test_a_key_may_be_good_for_reading_only(store: Store) -> None:
    async with store.writing() as tx:
        made = [await tx.api_keys.create("key", scope=scope) for scope in ("read", "write")]
        made.append(await tx.api_keys.create("key"))
    async with store.reading() as tx:
        found = [await tx.api_keys.verify(secret) for _, secret in made]
        listed = await tx.api_keys.list()
    assert found == [key for key, _ in made] == list(listed)
    assert [key.scope for key in listed] == ["read", "write", "write"]
    assert [key.may_write for key in listed] == [False, True, True]


async def test_keys_made_within_a_second_keep_their_order(sql_store: SqlStore) -> None:
    ticks = iter(range(1_000))
    sql_store._origins = Origins(
        now=lambda: 1_700_000_000 + next(ticks) / 1_000,
        new_id=lambda prefix: f"{prefix}{999 - next(ticks)}",
    )
    for name in "cab":
        async with sql_store.writing() as tx:
            await tx.api_keys.create(name)
    async with sql_store.reading() as tx:
        listed = await tx.api_keys.list()
    assert "".join(key.name for key in listed) == "cab"
    assert {key.created_at for key in listed} == {1_700_000_000}


async def test_the_key_of_the_settings_is_known_and_not_listed(store: Store) -> None:
    async with store.reading() as tx:
        key = await tx.api_keys.verify("from the settings")
        assert key is not None
        assert key.may_write
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
