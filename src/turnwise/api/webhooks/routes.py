"""`/v1/workspace/webhooks`."""

import secrets
from collections.abc import Sequence
from typing import Any

from turnwise.api.errors import Conflict, Invalid, NotFound, problem
from turnwise.api.references import WEBHOOK as KIND
from turnwise.api.references import uses_of
from turnwise.api.sealing import vault_of
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.urls import url_problem
from turnwise.store import Record, Reference, Transaction

webhooks = Slice()

USAGES = {"agent": "ConvAI Agent Settings", "settings": "ConvAI Settings"}
"""What a webhook is for, by the kind of its user."""
CHANGEABLE = ("retry_enabled", "request_headers", "events")
"""What stays if a change does not name it."""


@webhooks.serve("GET /v1/workspace/webhooks")
async def list_webhooks(call: Call) -> Answer:
    """Return all webhooks, the oldest first, without their secrets."""
    async with call.deps.store.reading() as tx:
        records = await tx.records.all(KIND)
        users = await tx.records.users_of_many(KIND, [each.record_id for each in records])
    with_usage = call.query["include_usages"]
    return {
        "webhooks": [
            _shown(each, users[each.record_id] if with_usage else None) for each in records
        ]
    }


@webhooks.serve("POST /v1/workspace/webhooks")
async def create_webhook(call: Call) -> Answer:
    """Store a webhook; the secret that its messages are signed with is shown this once."""
    settings = call.filled()["settings"]
    if reason := url_problem(settings["webhook_url"], call.deps.may_be_plain):
        place = ["body", "settings", "webhook_url"]
        raise Invalid([problem("value_error", place, f"Value error, {reason}")])
    secret = f"wsec_{secrets.token_hex(32)}"
    document = {
        **settings,
        "is_disabled": False,
        "is_auto_disabled": False,
        "retry_enabled": None,
        "events": None,
        "sealed": vault_of(call.deps).seal(secret),
    }
    async with call.deps.store.writing() as tx:
        record = await tx.records.create(KIND, document, name=settings["name"])
        await tx.records.set_uses(KIND, record.record_id, uses_of([settings["webhook_url"]]))
    return {"webhook_id": record.record_id, "webhook_secret": secret}


@webhooks.serve("PATCH /v1/workspace/webhooks/{webhook_id}")
async def change_webhook(call: Call) -> Answer:
    """Change a webhook; one that is switched on again is no longer off by itself, either."""
    body = call.body
    changes = {key: body[key] for key in CHANGEABLE if body.get(key) is not None}
    changes |= {"name": body["name"], "is_disabled": body["is_disabled"]}
    if not body["is_disabled"]:
        changes["is_auto_disabled"] = False
    async with call.deps.store.writing() as tx:
        before = await _existing(tx, call.path["webhook_id"], lock=True)
        document = before.document | changes
        await tx.records.replace(KIND, before.record_id, document, name=body["name"])
    return {"status": "ok"}


@webhooks.serve("DELETE /v1/workspace/webhooks/{webhook_id}")
async def delete_webhook(call: Call) -> Answer:
    """Forget a webhook that no settings name."""
    async with call.deps.store.writing() as tx:
        record = await _existing(tx, call.path["webhook_id"], lock=True)
        users = await tx.records.users_of(KIND, record.record_id)
        if users:
            raise Conflict(
                f"Webhook with id {record.record_id} is used in {len(users)} places;"
                " remove it there first.",
                legacy="webhook_in_use",
            )
        await tx.records.delete(KIND, record.record_id)
    return {"status": "ok"}


def _shown(record: Record, users: Sequence[Reference] | None) -> dict[str, Any]:
    """Return a webhook as clients read it; users: None, if nobody asks."""
    document = record.document
    usages = dict.fromkeys(USAGES[kind] for kind, _ in users or () if kind in USAGES)
    return {
        "name": document["name"],
        "webhook_id": record.record_id,
        "webhook_url": document["webhook_url"],
        "is_disabled": document["is_disabled"],
        "is_auto_disabled": document["is_auto_disabled"],
        "created_at_unix": record.created_at,
        "auth_type": document["auth_type"],
        "usage": None if users is None else [{"usage_type": usage} for usage in usages],
        "events": document["events"],
        "most_recent_failure_error_code": document.get("most_recent_failure_error_code"),
        "most_recent_failure_timestamp": document.get("most_recent_failure_timestamp"),
    }


async def _existing(tx: Transaction, webhook_id: str, *, lock: bool = False) -> Record:
    record = await tx.records.get(KIND, webhook_id, lock=lock)
    if record is None:
        raise NotFound(f"Webhook with id {webhook_id} not found.", code="webhook_not_found")
    return record
