"""Who uses a stored thing, as answers name them."""

from collections.abc import Iterable, Sequence
from typing import Any

from turnwise.api.access import ACCESS
from turnwise.api.assigned_numbers import PHONE_NUMBER
from turnwise.store import Record, Reference, Transaction
from turnwise.store.histories import History

Object = dict[str, Any]


def ids_of(users: Iterable[Reference], kind: str) -> tuple[str, ...]:
    """Return the ids of the users of one kind, in order."""
    return tuple(user_id for of, user_id in users if of == kind)


async def agents(tx: Transaction, ids: Sequence[str]) -> list[Object]:
    """Return agents as dependents; one that is gone is unknown."""
    found = []
    for agent_id in ids:
        agent = await tx.agents.get(agent_id)
        if agent is None:
            found.append(_unknown(agent_id))
        else:
            name = str(agent.document.get("name") or "")
            found.append(_available(agent_id, name, agent.created_at))
    return found


async def branches(tx: Transaction, agent_id: str, used: Reference) -> list[Object]:
    """Return the branches of an agent that use a thing, archived ones left out."""
    agent = await tx.agents.get(agent_id)
    if agent is None:
        return []
    return [
        {
            "agent_id": agent_id,
            "agent_name": str(agent.document.get("name") or ""),
            "branch_id": branch.record_id,
            "branch_name": branch.name,
            "is_main": branch.record_id == agent.document.get("main_branch_id"),
        }
        for branch in await History(tx.records, agent_id).branches()
        if not branch.document["is_archived"] and list(used) in branch.document["uses"]
    ]


async def records(tx: Transaction, kind: str, ids: Sequence[str]) -> list[Object]:
    """Return tools or MCP servers as dependents; one that is gone is unknown."""
    known = await tx.records.many(kind, ids)
    return [_record(known.get(record_id), record_id) for record_id in ids]


async def phone_numbers(tx: Transaction, ids: Sequence[str]) -> list[Object]:
    """Return phone numbers as dependents; one that is gone is left out."""
    known = await tx.records.many(PHONE_NUMBER, ids)
    return [
        {
            "phone_number_id": record_id,
            "phone_number": str(known[record_id].document.get("phone_number") or ""),
            "label": str(known[record_id].document.get("label") or ""),
            "provider": known[record_id].document.get("provider") or "twilio",
        }
        for record_id in ids
        if record_id in known
    ]


def _record(record: Record | None, record_id: str) -> Object:
    if record is None:
        return _unknown(record_id)
    return _available(record_id, record.name, record.created_at)


def _available(user_id: str, name: str, created_at: int) -> Object:
    return {
        "type": "available",
        "id": user_id,
        "name": name,
        "created_at_unix_secs": created_at,
        "access_level": ACCESS["role"],
    }


def _unknown(user_id: str) -> Object:
    return {"type": "unknown", "id": user_id}
