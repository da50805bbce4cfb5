import asyncio
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from turnwise.base.errors import ConfigError
from turnwise.cli.keys import keys
from turnwise.store import ApiKey, open_store


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TURNWISE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TURNWISE_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> tuple[str, str]:
    result = CliRunner().invoke(keys, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def verify(folder: Path, secret: str) -> ApiKey | None:
    async def ask() -> ApiKey | None:
        store = await open_store(f"sqlite:///{folder / 'turnwise.db'}", folder)
        async with store.reading() as tx:
            found = await tx.api_keys.verify(secret)
        await store.close()
        return found

    return asyncio.run(ask())


def test_a_key_works_until_it_is_revoked(tmp_path: Path) -> None:
    secret, told = run("add", "for the tests")
    assert secret.startswith("sk_")
    secret = secret.strip()
    found = verify(tmp_path, secret)
    assert found is not None
    assert found.name == "for the tests"
    assert found.key_id in told
    assert secret not in told
    assert found.key_id in run("revoke", found.key_id)[0]
    assert verify(tmp_path, secret) is None


def test_the_list_shows_no_secret() -> None:
    assert run("list")[0] == "There is no key; `turnwise keys add NAME` makes one.\n"
    first, second = (run("add", name)[0].strip() for name in ("one", "two"))
    listed, _ = run("list")
    for secret in (first, second):
        assert secret not in listed
        assert f"…{secret[-4:]}" in listed
    assert "UTC" in listed


def test_a_key_may_be_good_for_reading_only(tmp_path: Path) -> None:
    may = [
        (run("add", "a")[0].strip(), "write", "read and write"),
        (run("add", "b", "--read-only")[0].strip(), "read", "read"),
    ]
    listed = run("list")[0].splitlines()[1:]
    assert len(listed) == 2
    for (secret, scope, told), line in zip(may, listed, strict=True):
        found = verify(tmp_path, secret)
        assert found is not None
        assert found.scope == scope
        assert f"  {told}  " in line


def test_the_list_is_in_the_order_the_keys_were_made_in() -> None:
    names = ["one", "two", "three", "four", "five"]
    for name in names:
        run("add", name)
    assert [line.split()[1] for line in run("list")[0].splitlines()[1:]] == names


def test_the_key_of_the_settings_is_named_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNWISE_API_KEY", "sk_mine")
    listed, _ = run("list")
    assert "api_key of the settings works too" in listed
    assert "sk_mine" not in listed


def test_another_folder_has_other_keys(tmp_path: Path) -> None:
    run("add", "mine")
    assert "mine" not in run("list", "--data", str(tmp_path / "other"))[0]


def test_what_is_not_there_cannot_be_revoked() -> None:
    with pytest.raises(ConfigError, match="there is no key 'key_none'; `turnwise keys list`"):
        run("revoke", "key_none")


def test_a_folder_that_cannot_be_used_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"the data folder .* cannot be used"):
        run("list", "--data", "/dev/null/x")
