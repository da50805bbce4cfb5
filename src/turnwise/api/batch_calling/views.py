"""A batch of calls: what is stored of it, and what clients get to see.

The record of the kind `BATCH` has everything but its recipients, so that lists stay small; they are
in a record of the kind `RECIPIENTS` under the same id.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from turnwise.api.errors import Invalid, Problem, problem
from turnwise.store import Record

Object = dict[str, Any]

BATCH: Final = "batch_call"
RECIPIENTS: Final = "batch_recipients"
PREFIX: Final = "btcal_"
RECIPIENT_PREFIX: Final = "rcpt_"

FINISHED: Final = frozenset({"completed", "failed", "cancelled", "voicemail"})
"""Statuses of recipients who are not called any more."""
AGAIN: Final = frozenset({"failed", "voicemail"})
"""Statuses of recipients who are called again when a batch is retried."""

NO_CARRIER: Final = "No carrier is connected to this server: nobody is called."

_TAKEN = (
    "whatsapp_params",
    "agent_id",
    "branch_id",
    "environment",
    "timezone",
    "telephony_call_config",
    "target_concurrency_limit",
)
_COLUMNS = (
    "id",
    "phone_number",
    "whatsapp_user_id",
    "status",
    "conversation_id",
    "created_at_unix",
    "updated_at_unix",
)


def stored(filled: Object, now: int, agent_name: str, provider: str | None) -> Object:
    """Return what is stored of a new batch, less its recipients.

    Args:
        filled: What was submitted.
        now: Unix seconds.
        agent_name: Of the agent that calls.
        provider: Of the number that it calls from; None: there is none.
    """
    scheduled = filled.get("scheduled_time_unix")
    return {
        **{key: filled.get(key) for key in _TAKEN},
        "phone_number_id": filled.get("agent_phone_number_id"),
        "phone_provider": provider,
        "name": filled["call_name"],
        "agent_name": agent_name,
        "branch_name": None,
        "scheduled_time_unix": now if scheduled is None else scheduled,
        "status": "pending",
        "retry_count": 0,
        **counts([], len(filled["recipients"])),
    }


def recipients(filled: Object, now: int, new_id: Callable[[str], str]) -> list[Object]:
    """Return the recipients of a new batch.

    Raises:
        Invalid: If somebody cannot be reached by what is said of them, or two have the same id.
    """
    if problems := list(_problems(filled["recipients"])):
        raise Invalid(problems)
    return [
        {
            **each,
            "id": each.get("id") or new_id(RECIPIENT_PREFIX),
            "status": "pending",
            "created_at_unix": now,
            "updated_at_unix": now,
            "conversation_id": None,
        }
        for each in filled["recipients"]
    ]


def counts(people: Sequence[Object], scheduled: int | None = None) -> Object:
    """Return how far the calls of a batch have got.

    Args:
        people: Its recipients.
        scheduled: How many there are; None: these.
    """
    statuses = [each["status"] for each in people]
    return {
        "total_calls_scheduled": len(people) if scheduled is None else scheduled,
        "total_calls_dispatched": sum(
            status not in {"pending", "cancelled"} for status in statuses
        ),
        "total_calls_finished": sum(status in FINISHED for status in statuses),
    }


def shown(record: Record) -> Object:
    """Return a batch as clients read it, less its recipients."""
    return {
        **record.document,
        "id": record.record_id,
        "created_at_unix": record.created_at,
        "last_updated_at_unix": record.updated_at,
        "warnings": [NO_CARRIER],
    }


def as_csv(people: Iterable[Object], limit: int | None) -> str:
    """Return recipients as a table, one in each line below the head; at most so many."""
    file = io.StringIO()
    writer = csv.DictWriter(file, _COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(list(people)[:limit])
    return file.getvalue()


def _problems(people: Sequence[Object]) -> Iterable[Problem]:
    known: set[str] = set()
    for number, each in enumerate(people):
        place: list[str | int] = ["body", "recipients", number]
        if not each.get("phone_number") and not each.get("whatsapp_user_id"):
            message = "Value error, phone_number or whatsapp_user_id is required"
            yield problem("value_error", place, message)
        if (given := each.get("id")) is not None:
            if given in known:
                yield problem("value_error", [*place, "id"], "Value error, the id is taken")
            known.add(given)
