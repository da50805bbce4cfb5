"""Single-use tokens: made for whoever has a key, taken once from whoever has the token.

Only digests are stored. A token is gone with its use, and with its age.
"""

from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_urlsafe
from typing import Literal

from turnwise.store import RecordQuery, Transaction

TokenType = Literal["realtime_scribe", "batch_scribe", "tts_websocket"]
"""What a token is good for."""

LIFETIME_SECS = 15 * 60
KIND = "single_use_token"

_PREFIX = "sutkn_"
_SWEPT = 100
"""So many tokens that are too old are thrown away when one is made."""


async def issue(tx: Transaction, token_type: str) -> str:
    """Return a new token; this once."""
    old = RecordQuery(
        kind=KIND, page_size=_SWEPT, created_before=_now() - LIFETIME_SECS, descending=False
    )
    for record in (await tx.records.list(old)).items:
        await tx.records.delete(KIND, record.record_id)
    token = _PREFIX + token_urlsafe(32)
    await tx.records.create(KIND, {}, record_id=_digest(token), label=token_type)
    return token


async def redeem(tx: Transaction, token: str, token_type: TokenType) -> bool:
    """Take a token. False: it is none of ours, for something else, too old, or was used.

    Args:
        tx: Where it was issued; the token is used up when this transaction ends well.
        token: What a client sent.
        token_type: What it should be good for.
    """
    record = await tx.records.get(KIND, _digest(token), lock=True)
    if record is None or record.label != token_type:
        return False
    await tx.records.delete(KIND, record.record_id)
    return record.created_at + LIFETIME_SECS > _now()


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _now() -> int:
    return int(datetime.now(UTC).timestamp())
