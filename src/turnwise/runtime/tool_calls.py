"""What the tools did in a conversation, read from its record."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from turnwise.store import Document, StoreConflict, Transaction

USAGE = "tool_usage"
"""Kind of the records that count a tool's calls; their ids are those of the tools."""
NO_CALLS: Document = {"total_calls": 0, "total_latency_secs": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRun:
    """One run of a tool, from its call to its result."""

    tool_id: str
    request_id: str
    at: float
    """Unix seconds of its result."""
    latency_secs: float
    result: Document
    """As in the transcript."""
    call: Document
    """As in the transcript; empty: it is not there."""

    @property
    def is_error(self) -> bool:
        """Whether it failed."""
        return self.result.get("is_error") is True


def tool_runs(conversation: Document) -> list[ToolRun]:
    """Return the runs of the tools that have an id, in the order of their results."""
    metadata = conversation.get("metadata") or {}
    start = _number(metadata.get("start_time_unix_secs"))
    turns = _objects(conversation.get("transcript"))
    calls = {str(call.get("request_id")): call for call in _each(turns, "tool_calls")}
    runs = []
    for turn in turns:
        at = start + _number(turn.get("time_in_call_secs"))
        for result in _objects(turn.get("tool_results")):
            run = _run(result, calls, at)
            if run is not None:
                runs.append(run)
    return runs


async def note_tool_usage(tx: Transaction, conversation: Document) -> None:
    """Count the tool runs of a conversation that ended: once for each conversation."""
    latencies: dict[str, list[float]] = {}
    for run in tool_runs(conversation):
        latencies.setdefault(run.tool_id, []).append(run.latency_secs)
    for tool_id in sorted(latencies):  # in one order, so that no two wait for each other
        before = await tx.records.get(USAGE, tool_id, lock=True)
        if before is None:
            with suppress(StoreConflict):  # someone else was faster
                await tx.records.create(USAGE, NO_CALLS, record_id=tool_id)
            before = await tx.records.get(USAGE, tool_id, lock=True)
        assert before is not None
        runs = latencies[tool_id]
        counted = {
            "total_calls": before.document["total_calls"] + len(runs),
            "total_latency_secs": before.document["total_latency_secs"] + sum(runs),
        }
        await tx.records.replace(USAGE, tool_id, counted)


def _run(result: Document, calls: dict[str, Document], at: float) -> ToolRun | None:
    request_id = str(result.get("request_id"))
    call = calls.get(request_id, {})
    tool_id = result.get("tool_id") or call.get("tool_id")
    if not isinstance(tool_id, str) or result.get("tool_has_been_called") is False:
        return None
    return ToolRun(
        tool_id=tool_id,
        request_id=request_id,
        at=at,
        latency_secs=_number(result.get("tool_latency_secs")),
        result=result,
        call=call,
    )


def _each(turns: list[Document], key: str) -> Iterator[Document]:
    for turn in turns:
        yield from _objects(turn.get(key))


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
