"""The runs of a tool, read from the records of the conversations it ran in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from turnwise.api.listing import opened, sealed
from turnwise.runtime.tool_calls import ToolRun, tool_runs
from turnwise.store import ConversationQuery, CursorRejected, Document, Transaction

LONGEST_CALL_SECS = 7 * 86_400
"""No conversation lasts longer: those that began earlier have no run in the time asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """Which runs of a tool to list, the newest first."""

    tool_id: str
    page_size: int
    cursor: str | None = None
    is_error: bool | None = None
    agent_id: str | None = None
    branch_id: str | None = None
    start_time: float | None = None
    """Unix seconds, included."""
    end_time: float | None = None
    """Unix seconds, included."""


async def page_of_runs(tx: Transaction, query: RunQuery) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of runs in the published shape, and the cursor to the next one.

    Raises:
        CursorRejected: If the cursor is not one of this list.
    """
    found: list[tuple[str, dict[str, Any]]] = []
    async for place, row in _rows(tx, query):
        found.append((place, row))
        if len(found) > query.page_size:
            break
    page = found[: query.page_size]
    more = len(found) > len(page)
    return [row for _, row in page], sealed(page[-1][0]) if more else None


async def _rows(tx: Transaction, query: RunQuery) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Walk the runs behind the cursor, each with the place after it."""
    at, skip = _place(query.cursor)
    while True:
        page = await tx.conversations.list(_conversations(query, at))
        for row in page.items:
            document = await tx.conversations.get(row.head["conversation_id"])
            runs = _runs(document, query) if document else []
            for number, run in enumerate(runs[skip:], skip + 1):
                assert document is not None
                yield f"{number}:{at or ''}", _shown(run, document)
            skip = 0
        at = page.next_cursor
        if at is None:
            return


def _place(cursor: str | None) -> tuple[str | None, int]:
    """Return the cursor of the conversation to go on in, and how many of its runs were given."""
    if not cursor:
        return None, 0
    number, separator, at = opened(cursor).partition(":")
    if not separator or not number.isdecimal():
        raise CursorRejected("the cursor is not one that this list gave")
    return at or None, int(number)


def _conversations(query: RunQuery, at: str | None) -> ConversationQuery:
    start, end = query.start_time, query.end_time
    return ConversationQuery(
        page_size=1,  # so that the cursor tells the conversation
        cursor=at,
        agent_id=query.agent_id,
        branch_id=query.branch_id,
        tool_ids=(query.tool_id,),
        started_after=None if start is None else int(start) - LONGEST_CALL_SECS,
        started_before=None if end is None else int(end) + 1,
    )


def _runs(document: Document, query: RunQuery) -> list[ToolRun]:
    return [
        run
        for run in reversed(tool_runs(document))
        if run.tool_id == query.tool_id
        and query.is_error in {None, run.is_error}
        and (query.start_time is None or run.at >= query.start_time)
        and (query.end_time is None or run.at <= query.end_time)
    ]


def _shown(run: ToolRun, document: Document) -> dict[str, Any]:
    result = run.result
    return {
        "id": f"{document['conversation_id']}:{run.request_id}",
        "tool_id": run.tool_id,
        "tool_request_id": run.request_id,
        "conversation_id": document["conversation_id"],
        "agent_id": document["agent_id"],
        "branch_id": document.get("branch_id"),
        "timestamp": run.at,
        "latency_secs": run.latency_secs,
        "is_error": run.is_error,
        "request_payload": run.call.get("params_as_json"),
        "response_payload": result.get("result_value"),
        "error_message": result.get("raw_error_message") if run.is_error else None,
        "error_type": (result.get("error_type") or None) if run.is_error else None,
        "tool_call_details": run.call.get("tool_details"),
    }
