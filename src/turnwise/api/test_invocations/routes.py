"""`/v1/convai/test-invocations`: what came of tests that were run.

Nothing on this server runs tests yet (`run-tests` answers 501): the list is empty until it does.
A record of the kind `INVOCATION` is in the published shape of one, its parent the agent.
"""

from collections import Counter
from typing import Any, Final

from turnwise.api import listing
from turnwise.api.access import ACCESS, is_mine
from turnwise.api.errors import NotFound
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import Record, Transaction

test_invocations = Slice()

Object = dict[str, Any]

INVOCATION: Final = "test_invocation"


@test_invocations.serve("GET /v1/convai/test-invocations")
async def list_invocations(call: Call) -> Answer:
    """Return a page of invocations, the newest first."""
    asked = call.query
    async with call.deps.store.reading() as tx:
        records = await tx.records.all(INVOCATION, parent=asked.get("agent_id") or ...)
    mine = is_mine(asked.get("created_by_user_id"))
    chosen = [each for each in reversed(records) if mine and _is_asked_for(each, asked)]
    page, cursor = listing.page_of(
        chosen, lambda each: each.record_id, asked.get("cursor"), asked["page_size"]
    )
    return {
        "meta": {"total": len(chosen), "page_size": asked["page_size"]},
        "results": [_summary(each) for each in page],
        "next_cursor": cursor,
        "has_more": cursor is not None,
    }


@test_invocations.serve("GET /v1/convai/test-invocations/{test_invocation_id}")
async def get_invocation(call: Call) -> Answer:
    """Return an invocation with all its runs."""
    async with call.deps.store.reading() as tx:
        return _shown(await _found(tx, call.path["test_invocation_id"]))


@test_invocations.serve("PATCH /v1/convai/test-invocations/{test_invocation_id}")
async def rename_invocation(call: Call) -> Answer:
    """Rename an invocation."""
    async with call.deps.store.writing() as tx:
        before = await _found(tx, call.path["test_invocation_id"], lock=True)
        document, name = before.document, None
        if "name" in call.body:
            name = call.body["name"] or ""
            document = {**document, "name": call.body["name"]}
        record = await tx.records.replace(INVOCATION, before.record_id, document, name=name)
    assert record is not None  # it is locked
    return _shown(record)


@test_invocations.serve("POST /v1/convai/test-invocations/{test_invocation_id}/cancel")
async def cancel_invocation(call: Call) -> Answer:
    """Begin no more runs of an invocation."""
    async with call.deps.store.writing() as tx:
        before = await _found(tx, call.path["test_invocation_id"], lock=True)
        runs = [
            {**run, "status": "cancelled"} if run["status"] == "pending" else run
            for run in before.document["test_runs"]
        ]
        document = {**before.document, "test_runs": runs, "cancelled": True}
        await tx.records.replace(INVOCATION, before.record_id, document)
    return None


async def _found(tx: Transaction, invocation_id: str, *, lock: bool = False) -> Record:
    record = await tx.records.get(INVOCATION, invocation_id, lock=lock)
    if record is None:
        raise NotFound(
            f"Test invocation with id {invocation_id} not found.",
            code="test_invocation_not_found",
        )
    return record


def _is_asked_for(record: Record, asked: Object) -> bool:
    document = record.document
    tests = {run["test_id"] for run in document["test_runs"]}
    since, until = asked.get("start_time"), asked.get("end_time")
    return (
        all(asked.get(key) in {None, "", document.get(key)} for key in ("branch_id", "version_id"))
        and (not asked.get("test_id") or asked["test_id"] in tests)
        and (since is None or record.created_at >= since)
        and (until is None or record.created_at <= until)
        and (asked.get("search") or "").casefold() in _title(record).casefold()
    )


def _shown(record: Record) -> Object:
    return {**record.document, "id": record.record_id, "created_at": record.created_at}


def _summary(record: Record) -> Object:
    document = record.document
    count = Counter(run["status"] for run in document["test_runs"])
    return {
        "id": record.record_id,
        "agent_id": record.parent,
        "branch_id": document.get("branch_id"),
        "version_id": document.get("version_id"),
        "created_at_unix_secs": record.created_at,
        "test_run_count": count.total(),
        "passed_count": count["passed"],
        "failed_count": count["failed"],
        "pending_count": count["pending"],
        "cancelled_count": count["cancelled"],
        "cancelled": document.get("cancelled"),
        "title": _title(record),
        "name": document.get("name"),
        "repeat_count": document.get("repeat_count", 1),
        "access_info": ACCESS,
    }


def _title(record: Record) -> str:
    if record.name:
        return record.name
    names = dict.fromkeys(run.get("test_name") or "" for run in record.document["test_runs"])
    return ", ".join(filter(None, names))
