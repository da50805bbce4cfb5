"""What clients get to see of a secret: its name, and who uses it. Never its value."""

from collections.abc import Sequence
from typing import Any

from turnwise.api import dependents
from turnwise.store import Record, Reference, Transaction

Object = dict[str, Any]
KIND = "secret"

USERS = {"tools": "tool", "agents": "agent", "phone_numbers": "phone_number"}
"""The kinds of users that a client can ask for, by their published names."""
_SETTINGS = "settings"


def stored(record: Record) -> Object:
    """Return what is answered to whoever stores a secret."""
    return {"type": "stored", "secret_id": record.record_id, "name": record.name}


async def shown(
    tx: Transaction, record: Record, users: Sequence[Reference], limit: int | None = None
) -> Object:
    """Return a secret as clients read it.

    Args:
        tx: Where its users are.
        record: The secret.
        users: Who refers to it.
        limit: How many tools, agents and phone numbers are named at most; None: all.
    """
    used_by: Object = {}
    for name, kind in USERS.items():
        ids = dependents.ids_of(users, kind)
        used_by[name] = await users_shown(tx, kind, ids[:limit])
        used_by[f"{name}_has_more"] = limit is not None and len(ids) > limit
    servers = dependents.ids_of(users, "mcp_server")
    used_by["mcp_servers"] = await dependents.records(tx, "mcp_server", servers)
    in_settings = dependents.ids_of(users, _SETTINGS)
    used_by["others"] = ["conversation_initiation_webhook"] if in_settings else []
    return {**stored(record), "used_by": used_by}


async def users_shown(tx: Transaction, kind: str, ids: Sequence[str]) -> list[Object]:
    """Return users of a secret, of one of the kinds of `USERS`."""
    if kind == "agent":
        return await dependents.agents(tx, ids)
    if kind == "phone_number":
        return await dependents.phone_numbers(tx, ids)
    return await dependents.records(tx, kind, ids)
