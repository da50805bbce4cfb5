"""`/v1/convai/batch-calling`.

Batches are kept; no carrier is connected to this server yet, so they stay `pending`, nobody is
called, and each answer says so in its field `warnings`, which is ours.
"""

from typing import Final

from starlette.responses import Response

from turnwise.api.batch_calling import views
from turnwise.api.batch_calling.views import BATCH, PREFIX, RECIPIENTS, Object
from turnwise.api.errors import Conflict, Invalid, NotFound, problem
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import Record, RecordQuery, Transaction

batch_calling = Slice()

_MOST_LISTED: Final = 1_000


@batch_calling.serve("POST /v1/convai/batch-calling/submit")
async def submit_batch(call: Call) -> Answer:
    """Keep a batch of calls; nobody is called, for no carrier is connected."""
    filled = call.filled()
    number_id = filled.get("agent_phone_number_id")
    async with call.deps.store.writing() as tx:
        agent = await tx.agents.get(filled["agent_id"])
        if agent is None:
            raise NotFound(f"Agent with id {filled['agent_id']} not found.", code="agent_not_found")
        number = await tx.records.get("phone_number", number_id) if number_id else None
        if number_id and number is None:
            raise NotFound(
                f"Phone number with id {number_id} not found.", code="phone_number_not_found"
            )
        record = await tx.records.create(
            BATCH, {}, prefix=PREFIX, name=filled["call_name"], parent=agent.agent_id
        )
        now, name = record.created_at, str(agent.document.get("name") or "")
        people = views.recipients(filled, now, call.deps.store.new_id)
        document = views.stored(filled, now, name, number.label if number else None)
        kept = {"recipients": people}
        await tx.records.create(RECIPIENTS, kept, record_id=record.record_id)
        return views.shown(await _replace(tx, record, document))


@batch_calling.serve("GET /v1/convai/batch-calling/workspace")
async def list_batches(call: Call) -> Answer:
    """Return a page of batches, the newest first, without their recipients."""
    asked = call.query
    limit, agent_id = asked["limit"], asked.get("agent_id")
    if not 1 <= limit <= _MOST_LISTED:
        message = f"Input should be from 1 to {_MOST_LISTED}"
        raise Invalid([problem("value_error", ["query", "limit"], message)])
    query = RecordQuery(
        kind=BATCH,
        page_size=limit,
        cursor=asked.get("last_doc"),
        parents=(agent_id,) if agent_id else None,
    )
    async with call.deps.store.reading() as tx:
        page = await tx.records.list(query)
    return {
        "batch_calls": [views.shown(record) for record in page.items],
        "next_doc": page.next_cursor,
        "has_more": page.next_cursor is not None,
    }


@batch_calling.serve("GET /v1/convai/batch-calling/{batch_id}")
async def get_batch(call: Call) -> Answer:
    """Return a batch with its recipients."""
    async with call.deps.store.reading() as tx:
        record = await _found(tx, call.path["batch_id"])
        return {**views.shown(record), "recipients": await _people(tx, record)}


@batch_calling.serve("POST /v1/convai/batch-calling/{batch_id}/cancel")
async def cancel_batch(call: Call) -> Answer:
    """Call nobody more of a batch."""
    async with call.deps.store.writing() as tx:
        record = await _found(tx, call.path["batch_id"], lock=True)
        if record.document["status"] in {"completed", "failed"}:
            raise Conflict(
                f"Batch call {record.record_id} is over: its status is"
                f" {record.document['status']}.",
                code="batch_call_finished",
            )
        people = await _people(tx, record)
        record = await _set(tx, record, _with(people, views.FINISHED, "cancelled"), "cancelled")
    return views.shown(record)


@batch_calling.serve("POST /v1/convai/batch-calling/{batch_id}/retry")
async def retry_batch(call: Call) -> Answer:
    """Call those of a batch again who were not reached."""
    async with call.deps.store.writing() as tx:
        record = await _found(tx, call.path["batch_id"], lock=True)
        people = await _people(tx, record)
        others = {each["status"] for each in people} - views.AGAIN
        again = any(each["status"] in views.AGAIN for each in people)
        if again:
            record = await _set(tx, record, _with(people, others, "pending"), "pending", retries=1)
    return views.shown(record)


@batch_calling.serve("DELETE /v1/convai/batch-calling/{batch_id}")
async def delete_batch(call: Call) -> Answer:
    """Forget a batch; the conversations that came of it stay."""
    async with call.deps.store.writing() as tx:
        record = await _found(tx, call.path["batch_id"], lock=True)
        await tx.records.delete(BATCH, record.record_id)
        await tx.records.delete(RECIPIENTS, record.record_id)


@batch_calling.serve("GET /v1/convai/batch-calling/{batch_id}/export")
async def export_batch(call: Call) -> Answer:
    """Return the recipients of a batch as a CSV file."""
    async with call.deps.store.reading() as tx:
        record = await _found(tx, call.path["batch_id"])
        people = await _people(tx, record)
    limit = call.query.get("limit")
    if limit is not None and limit < 0:
        message = "Input should be greater than or equal to 0"
        raise Invalid([problem("greater_than_equal", ["query", "limit"], message)])
    name = f'attachment; filename="{record.record_id}.csv"'
    return Response(
        views.as_csv(people, limit), media_type="text/csv", headers={"content-disposition": name}
    )


async def _found(tx: Transaction, batch_id: str, *, lock: bool = False) -> Record:
    record = await tx.records.get(BATCH, batch_id, lock=lock)
    if record is None:
        raise NotFound(f"Batch call with id {batch_id} not found.", code="batch_call_not_found")
    return record


async def _people(tx: Transaction, record: Record) -> list[Object]:
    kept = await tx.records.get(RECIPIENTS, record.record_id)
    assert kept is not None  # they come and go together
    people: list[Object] = kept.document["recipients"]
    return people


def _with(people: list[Object], but: frozenset[str] | set[str], status: str) -> list[Object]:
    """Return recipients, all with a status but those who have one of some others."""
    return [each if each["status"] in but else {**each, "status": status} for each in people]


async def _set(
    tx: Transaction, record: Record, people: list[Object], status: str, retries: int = 0
) -> Record:
    """Store what became of the recipients of a batch, and of the batch."""
    await tx.records.replace(RECIPIENTS, record.record_id, {"recipients": people})
    document = record.document | views.counts(people)
    document |= {"status": status, "retry_count": document["retry_count"] + retries}
    return await _replace(tx, record, document)


async def _replace(tx: Transaction, record: Record, document: Object) -> Record:
    replaced = await tx.records.replace(BATCH, record.record_id, document)
    assert replaced is not None  # it is locked, or new
    return replaced
