"""`/v1/convai/phone-numbers`.

The numbers are kept and assigned. Media streams of carriers come in by other doors; nothing is
dialled.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from turnwise.api import listing
from turnwise.api.assigned_numbers import PHONE_NUMBER, shown
from turnwise.api.errors import NotFound
from turnwise.api.phone_numbers import sealed
from turnwise.api.sealing import vault_of
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import Record, Transaction
from turnwise.store.record_ports import AGENT

phone_numbers = Slice()

Object = dict[str, Any]

PREFIX = "phnum_"
_ASSIGNMENT = ("environment", "branch_id")


@phone_numbers.serve("POST /v1/convai/phone-numbers")
async def create_phone_number(call: Call) -> Answer:
    """Store a number; its secrets are sealed and never shown."""
    filled = call.filled()
    document, agent_id = sealed.stored(filled, vault_of(call.deps)), filled.get("agent_id")
    async with call.deps.store.writing() as tx:
        await _require_agent(tx, agent_id)
        record = await tx.records.create(
            PHONE_NUMBER,
            document,
            prefix=PREFIX,
            name=document["label"],
            parent=agent_id,
            label=document["provider"],
        )
        await _note_use(tx, record)
    return {"phone_number_id": record.record_id}


@phone_numbers.serve("GET /v1/convai/phone-numbers")
async def list_phone_numbers(call: Call) -> Answer:
    """Return all numbers, the oldest first: the older way, without pages."""
    async with call.deps.store.reading() as tx:
        chosen = _chosen(await _all(tx, call.query), call.query)
        return await _shown_all(tx, chosen)


@phone_numbers.serve("GET /v1/convai/v2/phone-numbers")
async def list_phone_numbers_in_pages(call: Call) -> Answer:
    """Return a page of numbers."""
    asked = call.query
    async with call.deps.store.reading() as tx:
        chosen = _sorted(_chosen(await _all(tx, asked), asked), asked)
        page, cursor = listing.page_of(
            chosen, lambda each: each.record_id, asked.get("cursor"), asked["page_size"]
        )
        views = await _shown_all(tx, page)
    return {"phone_numbers": views, "next_cursor": cursor, "has_more": cursor is not None}


@phone_numbers.serve("GET /v1/convai/phone-numbers/{phone_number_id}")
async def get_phone_number(call: Call) -> Answer:
    """Return a number."""
    async with call.deps.store.reading() as tx:
        (view,) = await _shown_all(tx, [await _found(tx, call.path["phone_number_id"])])
    return view


@phone_numbers.serve("PATCH /v1/convai/phone-numbers/{phone_number_id}")
async def change_phone_number(call: Call) -> Answer:
    """Change a number, or assign it to an agent; `agent_id` null assigns it to none."""
    body: Object = call.body
    async with call.deps.store.writing() as tx:
        before = await _found(tx, call.path["phone_number_id"], lock=True)
        parent = body.get("agent_id") if "agent_id" in body else before.parent
        await _require_agent(tx, parent)
        changes = {key: call.filled().get(key) for key in body}
        document = sealed.changed(before.document, changes, vault_of(call.deps))
        assigned = {f"assigned_{key}": body[key] for key in _ASSIGNMENT if key in body}
        if parent != before.parent:
            assigned = {f"assigned_{key}": body.get(key) for key in _ASSIGNMENT}
        record = await tx.records.replace(
            PHONE_NUMBER,
            before.record_id,
            document | assigned,
            name=document["label"],
            parent=parent,
        )
        assert record is not None  # it is locked
        await _note_use(tx, record)
        (view,) = await _shown_all(tx, [record])
    return view


@phone_numbers.serve("DELETE /v1/convai/phone-numbers/{phone_number_id}")
async def delete_phone_number(call: Call) -> Answer:
    """Forget a number and its secrets."""
    async with call.deps.store.writing() as tx:
        record = await _found(tx, call.path["phone_number_id"], lock=True)
        await tx.records.delete(PHONE_NUMBER, record.record_id)
    return {}


@phone_numbers.serve("GET /v1/convai/phone-numbers/{phone_number_id}/sip-messages")
async def get_sip_messages(call: Call) -> Answer:
    """Return the SIP messages of a number: none, for this server speaks no SIP."""
    async with call.deps.store.reading() as tx:
        await _found(tx, call.path["phone_number_id"])
    return {"sip_messages": [], "next_cursor": None, "has_more": False}


async def _found(tx: Transaction, phone_number_id: str, *, lock: bool = False) -> Record:
    record = await tx.records.get(PHONE_NUMBER, phone_number_id, lock=lock)
    if record is None:
        raise NotFound(
            f"Phone number with id {phone_number_id} not found.", code="phone_number_not_found"
        )
    return record


async def _require_agent(tx: Transaction, agent_id: str | None) -> None:
    if agent_id is not None and await tx.agents.get(agent_id) is None:
        raise NotFound(f"Agent with id {agent_id} not found.", code="agent_not_found")


async def _note_use(tx: Transaction, record: Record) -> None:
    uses = [(AGENT, record.parent)] if record.parent is not None else []
    await tx.records.set_uses(PHONE_NUMBER, record.record_id, uses)


async def _all(tx: Transaction, asked: Mapping[str, Any]) -> Sequence[Record]:
    provider = asked.get("provider")
    return await tx.records.all(
        PHONE_NUMBER,
        parent=asked.get("agent_id") or ...,
        labels=(provider,) if provider else (),
    )


def _chosen(records: Sequence[Record], asked: Mapping[str, Any]) -> list[Record]:
    part = (asked.get("search") or "").casefold()
    exact = {
        "label": asked.get("label"),
        "phone_number": asked.get("phone_number"),
        "supports_outbound": asked.get("supports_outbound"),
        "assigned_branch_id": asked.get("branch_id"),
    }
    wanted = {key: value for key, value in exact.items() if value is not None}
    return [
        record
        for record in records
        if all(record.document.get(key) == value for key, value in wanted.items())
        and any(part in str(record.document[key]).casefold() for key in ("label", "phone_number"))
    ]


def _sorted(records: list[Record], asked: Mapping[str, Any]) -> list[Record]:
    by, down = asked.get("sort_by"), asked.get("sort_direction") == "desc"
    if by:
        return sorted(records, key=lambda each: str(each.document[by]).casefold(), reverse=down)
    return records[::-1] if down else records


async def _shown_all(tx: Transaction, records: Sequence[Record]) -> list[Object]:
    agents = {
        agent_id: await tx.agents.get(agent_id)
        for agent_id in {record.parent for record in records}
        if agent_id is not None
    }
    return [shown(each, agents.get(each.parent or "")) for each in records]
