"""`/v1/convai/secrets`."""

from turnwise.api import dependents, listing
from turnwise.api.errors import Conflict, NotFound
from turnwise.api.sealing import vault_of
from turnwise.api.secrets import views
from turnwise.api.secrets.views import KIND
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import Record, RecordQuery, Transaction

secrets = Slice()

ALL = 1_000_000
"""The size of the page of those who ask for no size: they get all."""


@secrets.serve("GET /v1/convai/secrets")
async def list_secrets(call: Call) -> Answer:
    """Return secrets with their users, without their values."""
    asked = call.query
    query = RecordQuery(
        kind=KIND,
        page_size=asked.get("page_size") or ALL,
        cursor=asked.get("cursor"),
        search=asked.get("search") or "",
    )
    async with call.deps.store.reading() as tx:
        rows, next_cursor = await listing.beginning_with(tx, query)
        users = await tx.records.users_of_many(KIND, [row.record_id for row in rows])
        shown = [
            await views.shown(tx, row, users[row.record_id], asked.get("dependency_limit"))
            for row in rows
        ]
    return {"secrets": shown, "next_cursor": next_cursor}


@secrets.serve("POST /v1/convai/secrets")
async def create_secret(call: Call) -> Answer:
    """Store a secret, sealed."""
    sealed = vault_of(call.deps).seal(call.body["value"])
    async with call.deps.store.writing() as tx:
        record = await tx.records.create(
            KIND, {"sealed": sealed}, prefix="secret_", name=call.body["name"]
        )
    return views.stored(record)


@secrets.serve("GET /v1/convai/secrets/{secret_id}")
async def get_secret(call: Call) -> Answer:
    """Return a secret with its users, without its value."""
    async with call.deps.store.reading() as tx:
        record = await _existing(tx, call.path["secret_id"])
        users = await tx.records.users_of(KIND, record.record_id)
        return await views.shown(tx, record, users)


@secrets.serve("PATCH /v1/convai/secrets/{secret_id}")
async def change_secret(call: Call) -> Answer:
    """Store another name and value of a secret."""
    sealed = vault_of(call.deps).seal(call.body["value"])
    async with call.deps.store.writing() as tx:
        before = await _existing(tx, call.path["secret_id"], lock=True)
        record = await tx.records.replace(
            KIND, before.record_id, {"sealed": sealed}, name=call.body["name"]
        )
    assert record is not None  # it is locked
    return views.stored(record)


@secrets.serve("DELETE /v1/convai/secrets/{secret_id}")
async def delete_secret(call: Call) -> Answer:
    """Forget a secret that nobody uses."""
    async with call.deps.store.writing() as tx:
        record = await _existing(tx, call.path["secret_id"], lock=True)
        users = await tx.records.users_of(KIND, record.record_id)
        if users:
            raise Conflict(
                f"Secret with id {record.record_id} is used in {len(users)} places;"
                " remove it there first.",
                legacy="secret_in_use",
            )
        await tx.records.delete(KIND, record.record_id)


@secrets.serve("GET /v1/convai/secrets/{secret_id}/dependencies/{resource_type}")
async def list_dependencies(call: Call) -> Answer:
    """Return a page of the tools, agents or phone numbers that use a secret."""
    asked, kind = call.query, views.USERS[call.path["resource_type"]]
    async with call.deps.store.reading() as tx:
        record = await _existing(tx, call.path["secret_id"])
        users = await tx.records.users_of(KIND, record.record_id)
        ids = dependents.ids_of(users, kind)
        page, next_cursor = listing.page_of(ids, str, asked.get("cursor"), asked["page_size"])
        shown = await views.users_shown(tx, kind, page)
    return {"dependencies": shown, "next_cursor": next_cursor}


async def _existing(tx: Transaction, secret_id: str, *, lock: bool = False) -> Record:
    record = await tx.records.get(KIND, secret_id, lock=lock)
    if record is None:
        raise NotFound(f"Secret with id {secret_id} not found.", code="secret_not_found")
    return record
