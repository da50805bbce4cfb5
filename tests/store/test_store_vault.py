from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.base.errors import ConfigError
from turnwise.store import SecretSealed, Vault, open_vault
from turnwise.store.vault import new_key


@given(secret=st.text())
def test_what_was_sealed_is_opened(secret: str) -> None:
    vault = Vault([new_key()])
    assert vault.open(vault.seal(secret)) == secret


def test_a_sealed_secret_tells_nothing() -> None:
    vault = Vault([new_key()])
    sealed = vault.seal("open sesame")
    assert "sesame" not in sealed
    assert sealed.isascii()
    assert vault.seal("open sesame") != sealed


def test_nobody_opens_it_without_the_key() -> None:
    sealed = Vault([new_key()]).seal("open sesame")
    vault = Vault([new_key()])
    own = vault.seal("open sesame")
    changed = own[:-5] + ("A" if own[-5] != "A" else "B") + own[-4:]
    for wrong in [sealed, changed, own[:-4], "", "open sesame", "ä", "\udc80"]:
        with pytest.raises(SecretSealed, match="sealed with another key: put back the file"):
            vault.open(wrong)


def test_a_new_key_goes_above_the_old_one(tmp_path: Path) -> None:
    old = open_vault(tmp_path)
    before = old.seal("a")
    file = tmp_path / "vault.key"
    file.write_bytes(new_key() + b"\n" + file.read_bytes())
    both = open_vault(tmp_path)
    assert both.open(before) == "a"
    with pytest.raises(SecretSealed):
        old.open(both.seal("b"))


def test_the_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    sealed = open_vault(tmp_path / "new").seal("a")
    assert open_vault(tmp_path / "new").open(sealed) == "a"
    assert (tmp_path / "new" / "vault.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff" * 44])
def test_a_file_without_keys_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vault.key").write_bytes(content)
    with pytest.raises(ConfigError, match=r"vault.key should hold one key in each line"):
        open_vault(tmp_path)


def test_a_folder_that_cannot_be_used_is_named() -> None:
    with pytest.raises(ConfigError, match=r"the data folder /dev/null/x cannot be used"):
        open_vault(Path("/dev/null/x"))
