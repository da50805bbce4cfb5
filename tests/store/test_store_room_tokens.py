from pathlib import Path

import jwt
import pytest

from turnwise.base.errors import ConfigError
from turnwise.store import SignatureRejected
from turnwise.store.room_tokens import KEY_FILE, RoomGrant, RoomTokens, open_room_tokens

SECRET = b"s" * 32
GRANT = RoomGrant(conversation_id="conv_1", agent_id="agent_1", environment="staging")


def test_a_token_says_what_was_granted_until_it_is_too_old() -> None:
    now = [1_000.0]
    tokens = RoomTokens(SECRET, lambda: now[0])
    token = tokens.sign(GRANT, lifetime_secs=60)
    now[0] = 1_059.9
    assert tokens.verify(token) == GRANT
    now[0] = 1_060.0
    with pytest.raises(SignatureRejected, match="expired"):
        tokens.verify(token)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "ü.ü.ü",
        RoomTokens(b"o" * 32).sign(GRANT),
        jwt.encode({"iss": "turnwise"}, SECRET, "HS256"),
        jwt.encode({"iss": "x", "sub": "u", "nbf": 0, "exp": 9e9}, SECRET, "HS256"),
        jwt.encode({"iss": "turnwise", "sub": "u", "nbf": 0, "exp": 9e9}, "", "none"),
        jwt.encode({"iss": "turnwise", "sub": "u", "nbf": 0, "exp": 9_999_999_999}, SECRET),
    ],
)
def test_what_we_did_not_sign_for_this_is_rejected(token: str) -> None:
    with pytest.raises(SignatureRejected):
        RoomTokens(SECRET).verify(token)


def test_the_secret_is_made_once_and_can_stand_in_a_settings_file(tmp_path: Path) -> None:
    token = open_room_tokens(tmp_path).sign(GRANT)
    assert open_room_tokens(tmp_path).verify(token) == GRANT
    assert (tmp_path / KEY_FILE).read_text().isalnum()
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be used"):
        open_room_tokens(tmp_path / "file" / "folder")
