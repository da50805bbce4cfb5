"""`/v1/convai/environments`."""

from collections.abc import Iterable
from contextlib import suppress

from turnwise.api.environments import variables
from turnwise.api.environments.variables import check_name
from turnwise.api.errors import Conflict, Malformed, NotFound
from turnwise.api.identity import USER_ID
from turnwise.api.references import ENVIRONMENT_VARIABLE
from turnwise.api.serving import Answer, Call, Slice
from turnwise.runtime.configured import PRODUCTION
from turnwise.store import Record, StoreConflict, Transaction

environments = Slice()

KIND = "environment"


@environments.serve("GET /v1/convai/environments")
async def list_environments(call: Call) -> Answer:
    """Return all environments, production first."""
    async with call.deps.store.reading() as tx:
        records = await tx.records.all(KIND)
    production = next((each for each in records if each.record_id == PRODUCTION), None)
    others = [_shown(each) for each in records if each.record_id != PRODUCTION]
    updated = production.updated_at if production else None
    first = {"name": PRODUCTION, "updated_at_unix_secs": updated, "created_by_user_id": None}
    return {"environments": [first, *others]}


@environments.serve("POST /v1/convai/environments")
async def create_environment(call: Call) -> Answer:
    """Add an environment; it takes the values of production until it has its own."""
    name = call.body["name"]
    check_name("environment", name)
    taken = Conflict(f"An environment with the name {name!r} already exists.")
    if name == PRODUCTION:
        raise taken
    async with call.deps.store.writing() as tx:
        try:
            record = await tx.records.create(KIND, {}, record_id=name, name=name)
        except StoreConflict:
            raise taken from None
    return _shown(record)


@environments.serve("DELETE /v1/convai/environments/{environment}")
async def delete_environment(call: Call) -> Answer:
    """Forget an environment and its values of all variables."""
    name = call.path["environment"]
    if name == PRODUCTION:
        raise Malformed(f"The environment {PRODUCTION!r} cannot be deleted.")
    async with call.deps.store.writing() as tx:
        if not await tx.records.delete(KIND, name):
            raise NotFound(f"Environment {name} not found.", code="environment_not_found")
        for found in await tx.records.all(ENVIRONMENT_VARIABLE):
            record = await tx.records.get(ENVIRONMENT_VARIABLE, found.record_id, lock=True)
            if record is not None and name in record.document["values"]:
                document = variables.changed(record.document, {name: None})
                await tx.records.replace(ENVIRONMENT_VARIABLE, record.record_id, document)
                uses = variables.references(document)
                await tx.records.set_uses(ENVIRONMENT_VARIABLE, record.record_id, uses)


async def note_change(tx: Transaction, names: Iterable[str]) -> None:
    """Note that values of these environments change; those that are new are made."""
    for name in sorted(names):  # in one order, so that no two wait for each other
        if await tx.records.replace(KIND, name, {}) is None:
            with suppress(StoreConflict):  # someone else was faster
                await tx.records.create(KIND, {}, record_id=name, name=name)


def _shown(record: Record) -> Answer:
    return {
        "name": record.record_id,
        "updated_at_unix_secs": record.updated_at,
        "created_by_user_id": USER_ID,
    }
