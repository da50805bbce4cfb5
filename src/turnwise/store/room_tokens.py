"""Permissions to hold one conversation over WebRTC: what `conversation/token` gives to a browser.

A token is a JWT as LiveKit defines it (HS256; claims `iss`, `sub`, `nbf`, `exp`, `name`, `metadata`
and the grant `video`), so that clients of LiveKit take it, and a LiveKit server that has the same
key and secret would, too. The room is the conversation; `metadata` says with which agent it is.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jwt

from turnwise.base.errors import ConfigError
from turnwise.store.errors import SignatureRejected
from turnwise.store.origins import unix_secs
from turnwise.store.secret_file import load_secret
from turnwise.store.signing import LIFETIME_SECS

KEY_FILE = "rooms.key"
ISSUER = "turnwise"
"""What LiveKit calls the API key: whose secret it is signed with."""
_ALGORITHM = "HS256"
_CLAIMS = ["iss", "sub", "nbf", "exp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomGrant:
    """What a token permits: one person to be in one conversation with one agent."""

    conversation_id: str
    agent_id: str

    name: str = "user"
    """How the person is called in the room."""

    authorization: str = "public"
    """How it was shown that this is allowed: `public` or `authorization_header`."""

    branch_id: str | None = None
    version_id: str | None = None
    environment: str | None = None


class RoomTokens:
    """Makes tokens and verifies them."""

    def __init__(self, secret: bytes, now: Callable[[], float] = unix_secs) -> None:
        """Use a secret that nobody else knows.

        Args:
            secret: At least 32 random bytes.
            now: Unix seconds.
        """
        self._secret = secret
        self._now = now

    def sign(self, grant: RoomGrant, *, lifetime_secs: int = LIFETIME_SECS) -> str:
        """Return a token with which the conversation may begin in so many seconds."""
        told = {key: value for key, value in asdict(grant).items() if value is not None}
        conversation_id, name = told.pop("conversation_id"), told.pop("name")
        now = int(self._now())
        claims = {
            "iss": ISSUER,
            "sub": f"user_{conversation_id}",
            "nbf": now,
            "exp": now + lifetime_secs,
            "name": name,
            "metadata": json.dumps(told, separators=(",", ":")),
            "video": {
                "roomJoin": True,
                "room": conversation_id,
                "canPublish": True,
                "canSubscribe": True,
                "canPublishData": True,
            },
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def verify(self, token: str) -> RoomGrant:
        """Return what a token grants.

        Raises:
            SignatureRejected: If it is not ours, or too old.
        """
        options: Any = {"require": _CLAIMS, "verify_exp": False, "verify_nbf": False}
        try:
            claims = jwt.decode(
                token, self._secret, algorithms=[_ALGORITHM], issuer=ISSUER, options=options
            )
            room, name, told = claims["video"]["room"], claims["name"], claims["metadata"]
        except (jwt.InvalidTokenError, UnicodeError, KeyError) as error:
            raise SignatureRejected("the conversation token is not valid") from error
        if claims["exp"] <= self._now():
            raise SignatureRejected("the conversation token has expired; ask for a new one")
        return RoomGrant(conversation_id=room, name=name, **json.loads(told))


def _text() -> bytes:
    """Return a secret that can also stand in the settings of a LiveKit server."""
    return secrets.token_hex(32).encode()


def open_room_tokens(data_folder: Path, now: Callable[[], float] = unix_secs) -> RoomTokens:
    """Return the room tokens of a data folder.

    Raises:
        ConfigError: If the folder cannot be used.
    """
    try:
        return RoomTokens(load_secret(data_folder / KEY_FILE, _text), now)
    except OSError as error:
        raise ConfigError(
            f"the data folder {data_folder} cannot be used: {error.strerror}; choose another"
        ) from error
