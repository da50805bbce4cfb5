"""Signed permissions to start one conversation: what a signed URL carries. No I/O.

A signature is `cvtkn_` + base64url(JSON of the grant) + `.` + base64url(HMAC-SHA256 of that).
Whoever holds it may read what it grants, but not change it.
"""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from turnwise.store.errors import SignatureRejected

PREFIX = "cvtkn_"
LIFETIME_SECS = 15 * 60
"""For how long a conversation may be started with a signature; it may last longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a signature permits."""

    agent_id: str

    conversation_id: str | None = None
    """The id the conversation must take, which makes the signature work once: an id is used once.
    None: any, and as often as wanted."""

    branch_id: str | None = None
    version_id: str | None = None
    environment: str | None = None


class Signer:
    """Signs grants and verifies them."""

    def __init__(self, key: bytes, now: Callable[[], float]) -> None:
        """Use a key that nobody else knows.

        Args:
            key: At least 32 random bytes.
            now: Unix seconds.
        """
        self._key = key
        self._now = now

    def sign(self, grant: Grant, *, lifetime_secs: int = LIFETIME_SECS) -> str:
        """Return a signature that is good from now on for so many seconds."""
        content = {key: value for key, value in asdict(grant).items() if value is not None}
        content["exp"] = int(self._now()) + lifetime_secs
        body = _encoded(json.dumps(content, separators=(",", ":")).encode())
        return f"{PREFIX}{body}.{_encoded(self._mac(body))}"

    def verify(self, signature: str, agent_id: str) -> Grant:
        """Return what a signature grants.

        Raises:
            SignatureRejected: If it is not ours, too old, or for another agent.
        """
        body, _, mac = signature.removeprefix(PREFIX).partition(".")
        if not hmac.compare_digest(
            _encoded(self._mac(body)).encode(), mac.encode(errors="replace")
        ):
            raise SignatureRejected("the conversation signature is not valid")
        content = json.loads(_decoded(body))
        if content.pop("exp") <= self._now():
            raise SignatureRejected(
                "the conversation signature has expired; ask for a new signed URL"
            )
        grant = Grant(**content)
        if grant.agent_id != agent_id:
            raise SignatureRejected("the conversation signature is for another agent")
        return grant

    def _mac(self, body: str) -> bytes:
        return hmac.digest(self._key, body.encode(errors="replace"), "sha256")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
