"""What belongs to the workspace as a whole: its settings, its webhooks, and what cannot move."""

from functools import partial
from typing import Final

from turnwise.api.auth_connections.documents import SEALED
from turnwise.api.settings.routes import KIND as SETTINGS
from turnwise.api.settings.routes import ONLY
from turnwise.moving.resources import CONNECTION, PLACEHOLDER, SECRET
from turnwise.moving.source import Json
from turnwise.moving.transfer import Row, Transfer, listed
from turnwise.store import Record, SecretSealed, Vault

_WEBHOOKS: Final = "/v1/workspace/webhooks"
_SETTINGS: Final = "/v1/convai/settings"
_NUMBERS: Final = "/v1/convai/phone-numbers"


async def move_webhooks(transfer: Transfer) -> None:
    """Move webhooks; each signs with a new secret, for no API gives out the old one."""
    kind = "webhooks"
    rows = await transfer.rows(kind, _WEBHOOKS, "webhooks", id_key="webhook_id")
    there = await transfer.records("webhook", [row.id for row in rows])
    new = transfer.new(kind, rows, there)
    await transfer.each(kind, new, listed, partial(_keep_webhook, transfer))


async def _keep_webhook(transfer: Transfer, row: Row, webhook: Json) -> None:
    keys = ("auth_type", "name", "webhook_url")
    settings = {key: webhook[key] for key in keys if key in webhook}
    made = await transfer.target.make(
        _WEBHOOKS, {"settings": settings}, {"": row.id}, at=row.at, shown=("webhook_id", row.id)
    )
    transfer.report.by_hand.append(
        f"webhooks: {row.title} signs with a new secret, shown only now; tell it to the receiver:"
        f" {made.get('webhook_secret')}"
    )
    if webhook.get("is_disabled") or webhook.get("events"):
        change = {"name": row.name, "is_disabled": bool(webhook.get("is_disabled"))}
        more = {"events": webhook["events"]} if webhook.get("events") else {}
        await transfer.target.send("PATCH", f"{_WEBHOOKS}/{row.id}", change | more)


async def move_settings(transfer: Transfer) -> None:
    """Move the settings of the workspace, unless somebody has set some here."""
    kind = "workspace settings"
    only = Row(id=ONLY, name="", at=None, listed={})
    new = transfer.new(kind, [only], await transfer.records(SETTINGS, [ONLY]))

    async def fetch(_row: Row) -> Json:
        return await transfer.source.ask(_SETTINGS)

    async def keep(_row: Row, settings: Json) -> None:
        await transfer.target.send("PATCH", _SETTINGS, settings)

    await transfer.each(kind, new, fetch, keep)


async def note_numbers(transfer: Transfer) -> None:
    """Note the telephone numbers: their carriers send calls where they were told to."""
    for row in await transfer.rows("phone numbers", _NUMBERS, "", id_key="phone_number_id"):
        agent = row.listed.get("assigned_agent") or {}
        name = agent.get("agent_name") or agent.get("agent_id") if isinstance(agent, dict) else None
        told = f" of {name}" if name else ""
        transfer.report.by_hand.append(
            f"phone numbers: {row.listed.get('phone_number')}{told}: connect it to this server"
        )


async def note_placeholders(transfer: Transfer) -> None:
    """Note every secret that still has no value, from this move or one before."""
    deps = transfer.target.deps
    assert deps.vault is not None, "a data folder has a vault"
    async with deps.store.reading() as tx:
        for resource in (SECRET, CONNECTION):
            for record in await tx.records.all(resource.record):
                if _is_unset(record, deps.vault):
                    named = f"{resource.kind}: {record.name} ({record.record_id})"
                    transfer.report.set_again.append(named)


def _is_unset(record: Record, vault: Vault) -> bool:
    sealed = record.document.get(SEALED)
    values = sealed.values() if isinstance(sealed, dict) else [sealed]
    try:
        return any(vault.open(str(each)) == PLACEHOLDER for each in values)
    except SecretSealed:
        return False
