"""`/v1/convai/settings`."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from turnwise.api.errors import Invalid, problem
from turnwise.api.references import WEBHOOK, require, uses_of
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.urls import url_problem
from turnwise.api.warnings import warned
from turnwise.contract.merging import merged
from turnwise.store import Record, Reference, StoreConflict, Transaction

settings = Slice()

KIND = "settings"
ONLY = "only"
"""Id of the settings: there is one workspace."""
INITIATION = "conversation_initiation_client_data_webhook"
IDLE = (
    "conversation_embedding_retention_days",
    "default_livekit_stack",
    "rag_retention_period_days",
)
"""Settings that nothing here acts on: no conversation is embedded, an index stays as long as its
document, and no stack of LiveKit is to be chosen."""


@settings.serve("GET /v1/convai/settings")
async def get_settings(call: Call) -> Answer:
    """Return the settings, completed by the published defaults."""
    async with call.deps.store.reading() as tx:
        record = await tx.records.get(KIND, ONLY)
    return _shown(call, record.document if record else {})


@settings.serve("PATCH /v1/convai/settings")
async def change_settings(call: Call) -> Answer:
    """Change the settings that are named: objects are merged, a null resets."""
    assert call.operation.answer is not None
    _check(call.body, call.deps.may_be_plain)
    async with call.deps.store.writing() as tx:
        before = await _locked(tx)
        document = merged(before.document, call.body, call.operation.answer)
        uses = references(document)
        await require(tx, uses)
        await tx.records.replace(KIND, ONLY, document)
        await tx.records.set_uses(KIND, ONLY, uses)
    usual = call.operation.answer.filled({})
    idle = [name for name in IDLE if document.get(name, usual.get(name)) != usual.get(name)]
    return warned(_shown(call, document), idle)


def references(document: Mapping[str, Any]) -> tuple[Reference, ...]:
    """Return what settings refer to."""
    initiation = document.get(INITIATION) or {}
    headers = initiation.get("request_headers") or {}
    found = uses_of([initiation.get("url"), *headers.values()])
    webhook_id = (document.get("webhooks") or {}).get("post_call_webhook_id")
    return (*found, (WEBHOOK, webhook_id)) if webhook_id else found


async def _locked(tx: Transaction) -> Record:
    """Return the settings, made if they are not there; nobody else changes them meanwhile."""
    record = await tx.records.get(KIND, ONLY, lock=True)
    if record is None:
        with suppress(StoreConflict):  # someone else was faster
            return await tx.records.create(KIND, {}, record_id=ONLY)
        record = await tx.records.get(KIND, ONLY, lock=True)
        assert record is not None  # nobody deletes it
    return record


def _check(body: Mapping[str, Any], may_be_plain: Callable[[str], bool]) -> None:
    initiation = body.get(INITIATION)
    reason = url_problem(initiation["url"], may_be_plain) if initiation else None
    if reason:
        raise Invalid(
            [problem("value_error", ["body", INITIATION, "url"], f"Value error, {reason}")]
        )


def _shown(call: Call, document: Mapping[str, Any]) -> Answer:
    assert call.operation.answer is not None
    return call.operation.answer.filled(document)
