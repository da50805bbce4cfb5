"""Phone calls that an operator announced: what they begin with, until the carrier connects them.

A call is taken once, and not when it was announced too long ago.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from turnwise.base.errors import Error
from turnwise.store import RecordQuery, Transaction, Vault
from turnwise.store.origins import unix_secs

KIND = "registered_call"
LIFETIME_SECS = 15 * 60
_SWEPT = 100
"""So many calls that never came are forgotten when one is announced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredCall:
    """A call to come."""

    agent_id: str
    from_number: str
    to_number: str
    direction: str = "inbound"
    """`inbound`: the person calls; or `outbound`."""
    init: dict[str, Any] = field(default_factory=dict)
    """`conversation_initiation_client_data`, as it was given."""


class CallTaken(Error):
    """The call was connected before, or too long ago."""

    code = "call_taken"


async def register(
    tx: Transaction, vault: Vault, conversation_id: str, call: RegisteredCall
) -> None:
    """Keep a call until its carrier connects it; what it begins with is sealed.

    Args:
        tx: Where it is kept.
        vault: Seals it: there may be secrets among its variables.
        conversation_id: Which conversation it will be.
        call: What is known of it.
    """
    old = RecordQuery(
        kind=KIND, page_size=_SWEPT, created_before=_now() - LIFETIME_SECS, descending=False
    )
    for record in (await tx.records.list(old)).items:
        await tx.records.delete(KIND, record.record_id)
    sealed = {"sealed": vault.seal(json.dumps(asdict(call)))}
    await tx.records.create(KIND, sealed, record_id=conversation_id, parent=call.agent_id)


async def take(tx: Transaction, vault: Vault, conversation_id: str) -> RegisteredCall | None:
    """Return what is known of a call, this once; None: nobody announced it.

    Raises:
        CallTaken: If it was taken before, or is too old.
        SecretSealed: If it was sealed with another key.
    """
    record = await tx.records.get(KIND, conversation_id, lock=True)
    if record is None:
        return None
    sealed = record.document.get("sealed")
    if not sealed or record.created_at + LIFETIME_SECS <= _now():
        raise CallTaken("this call was connected before, or announced too long ago")
    await tx.records.replace(KIND, conversation_id, {})
    return RegisteredCall(**json.loads(vault.open(sealed)))


def _now() -> int:
    return int(unix_secs())
