"""The API keys, in SQL.

A secret is 192 random bits, so a fast digest is enough: what is stored is HMAC-SHA256 under a
pepper that is not in the database. A lookup by digest tells an attacker nothing by its timing, for
the digest of a guess cannot be steered without the pepper.
"""

import hmac
import secrets
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from turnwise.store.origins import Origins
from turnwise.store.ports import ApiKey
from turnwise.store.tables import API_KEYS

PREFIX = "sk_"
SECRET_BYTES = 24
HINT_CHARS = 4
FIXED_ID = "key_setting"
"""Id of the key that is a setting and not in the table."""

_ROW = select(API_KEYS.c.key_id, API_KEYS.c.name, API_KEYS.c.hint, API_KEYS.c.created_at)


REMEMBERED_SECS = 5
"""For how long a key is known without asking the database; a key that is revoked by another
process may work for so much longer."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """What is needed to recognise a key."""

    pepper: bytes
    fixed: str
    """A secret that always works and is not in the table; empty: none."""
    known: dict[str, tuple[ApiKey, float]] = field(default_factory=dict)
    """Keys that were looked up, by digest, and the unix seconds until which that counts."""

    def digest(self, secret: str) -> str:
        """Return what is stored of a secret."""
        return hmac.digest(self.pepper, secret.encode(errors="replace"), "sha256").hex()

    def is_fixed(self, secret: str) -> bool:
        """Whether this is the secret of the settings; how long it takes tells nothing."""
        known = hmac.compare_digest(self.digest(secret), self.digest(self.fixed))
        return known and bool(self.fixed)


@dataclass(frozen=True, slots=True)
class SqlApiKeys:
    """The repository `ApiKeys` within one transaction."""

    connection: AsyncConnection
    origins: Origins
    ring: KeyRing

    async def create(self, name: str) -> tuple[ApiKey, str]:
        """Make a key. The secret is returned this once and never again."""
        secret = PREFIX + secrets.token_hex(SECRET_BYTES)
        key = ApiKey(
            key_id=self.origins.new_id("key_"),
            name=name,
            hint=secret[-HINT_CHARS:],
            created_at=self.origins.now_secs(),
        )
        await self.connection.execute(
            insert(API_KEYS).values(
                key_id=key.key_id,
                digest=self.ring.digest(secret),
                name=key.name,
                hint=key.hint,
                created_at=key.created_at,
            )
        )
        return key, secret

    async def verify(self, secret: str) -> ApiKey | None:
        """Return the key with this secret; None: there is none."""
        if self.ring.is_fixed(secret):
            return ApiKey(key_id=FIXED_ID, name="setting", hint=secret[-HINT_CHARS:], created_at=0)
        digest, now = self.ring.digest(secret), self.origins.now()
        key, until = self.ring.known.get(digest, (None, 0.0))
        if key is not None and now < until:
            return key
        self.ring.known.pop(digest, None)
        query = _ROW.where(API_KEYS.c.digest == digest)
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            return None
        key = ApiKey(**row._mapping)  # noqa: SLF001  # its public name
        self.ring.known[digest] = (key, now + REMEMBERED_SECS)
        return key

    async def list(self) -> tuple[ApiKey, ...]:
        """Return all keys, the oldest first."""
        query = _ROW.order_by(API_KEYS.c.created_at, API_KEYS.c.key_id)
        rows = (await self.connection.execute(query)).all()
        return tuple(ApiKey(**row._mapping) for row in rows)  # noqa: SLF001  # its public name

    async def revoke(self, key_id: str) -> bool:
        """Make a key worthless. False: there was none."""
        self.ring.known.clear()
        result = await self.connection.execute(delete(API_KEYS).where(API_KEYS.c.key_id == key_id))
        return result.rowcount > 0
