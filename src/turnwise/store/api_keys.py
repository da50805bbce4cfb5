"""The API keys, in SQL.

A secret is 192 random bits, so a fast digest is enough: what is stored is HMAC-SHA256 under a
pepper that is not in the database. A lookup by digest tells an attacker nothing by its timing, for
the digest of a guess cannot be steered without the pepper.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, delete, insert, select

from turnwise.store.connections import Connection
from turnwise.store.hot import storable
from turnwise.store.origins import Origins
from turnwise.store.ports import ApiKey, Scope
from turnwise.store.tables import API_KEYS

PREFIX = "sk_"
SECRET_BYTES = 24
HINT_CHARS = 4
FIXED_ID = "key_setting"
"""Id of the key that is a setting and not in the table."""

_ROW = select(
    API_KEYS.c.key_id, API_KEYS.c.name, API_KEYS.c.hint, API_KEYS.c.scope, API_KEYS.c.created_us
)

REMEMBERED_SECS = 5
"""For how long a key is known without asking the database; a key that is revoked by another
process may work for so much longer."""


@dataclass(slots=True)
class KeyRing:
    """What is needed to recognise a key."""

    pepper: bytes
    fixed: str
    """A secret that always works and is not in the table; empty: none."""
    known: dict[str, tuple[ApiKey, float]] = field(default_factory=dict)
    """Keys that were looked up, by digest, and the unix seconds until which that counts."""
    _fixed_digest: str = field(init=False)

    def __post_init__(self) -> None:
        """Digest the fixed secret."""
        self._fixed_digest = self.digest(self.fixed)

    def digest(self, secret: str) -> str:
        """Return what is stored of a secret."""
        return hmac.digest(self.pepper, secret.encode(errors="replace"), "sha256").hex()

    def is_fixed(self, digest: str) -> bool:
        """Whether this is of the secret of the settings; how long it takes tells nothing."""
        return hmac.compare_digest(digest, self._fixed_digest) and bool(self.fixed)


@dataclass(frozen=True, slots=True)
class SqlApiKeys:
    """The repository `ApiKeys` within one transaction."""

    connection: Connection
    origins: Origins
    ring: KeyRing

    async def create(self, name: str, *, scope: Scope = "write") -> tuple[ApiKey, str]:
        """Make a key. The secret is returned this once and never again."""
        secret = PREFIX + secrets.token_hex(SECRET_BYTES)
        values = {
            "key_id": self.origins.new_id("key_"),
            "digest": self.ring.digest(secret),
            "name": storable(name),
            "hint": secret[-HINT_CHARS:],
            "scope": scope,
            "created_us": self.origins.now_us(),
        }
        made = insert(API_KEYS).values(values).returning(*_ROW.selected_columns)
        return _key((await self.connection.execute(made)).one()), secret

    async def verify(self, secret: str) -> ApiKey | None:
        """Return the key with this secret; None: there is none."""
        digest, now = self.ring.digest(secret), self.origins.now()
        if self.ring.is_fixed(digest):
            return ApiKey(
                key_id=FIXED_ID,
                name="setting",
                hint=secret[-HINT_CHARS:],
                scope="write",
                created_at=0,
            )
        key, until = self.ring.known.get(digest, (None, 0.0))
        if key is not None and now < until:
            return key
        self.ring.known.pop(digest, None)
        query = _ROW.where(API_KEYS.c.digest == digest)
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            return None
        key = _key(row)
        self.ring.known[digest] = (key, now + REMEMBERED_SECS)
        return key

    async def list(self) -> tuple[ApiKey, ...]:
        """Return all keys in the order they were made in."""
        query = _ROW.order_by(API_KEYS.c.created_us, API_KEYS.c.key_id)
        return tuple(map(_key, (await self.connection.execute(query)).all()))

    async def revoke(self, key_id: str) -> bool:
        """Make a key worthless. False: there was none."""
        self.ring.known.clear()
        result = await self.connection.execute(delete(API_KEYS).where(API_KEYS.c.key_id == key_id))
        return result.rowcount > 0


def _key(row: Row[*tuple[Any, ...]]) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        name=row.name,
        hint=row.hint,
        scope=row.scope,
        created_at=row.created_us // 1_000_000,
    )
