"""`/v1/workspace/auth-connections`."""

from collections.abc import Mapping
from typing import Any

from turnwise.api.auth_connections import documents
from turnwise.api.auth_connections.documents import CHANGED_BY, CREATED_BY, KIND
from turnwise.api.errors import Conflict, Invalid, Malformed, NotFound, problem
from turnwise.api.sealing import vault_of
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.urls import url_problem
from turnwise.contract import ContractError
from turnwise.store import Record, Transaction

auth_connections = Slice()


@auth_connections.serve("GET /v1/workspace/auth-connections")
async def list_auth_connections(call: Call) -> Answer:
    """Return all connections, the oldest first, without their secrets."""
    async with call.deps.store.reading() as tx:
        records = await tx.records.all(KIND)
        users = await tx.records.users_of_many(KIND, [each.record_id for each in records])
        shown = [await documents.shown(tx, each, users[each.record_id]) for each in records]
    return {"auth_connections": shown}


@auth_connections.serve("POST /v1/workspace/auth-connections")
async def create_auth_connection(call: Call) -> Answer:
    """Store a new connection, its secrets sealed."""
    settings = _read(call.body)
    _check_urls(call, settings)
    document = documents.stored(settings, vault_of(call.deps))
    async with call.deps.store.writing() as tx:
        record = await tx.records.create(
            KIND, document, prefix="authconn_", name=document["name"], label=document["auth_type"]
        )
        return await documents.shown(tx, record, ())


@auth_connections.serve("PATCH /v1/workspace/auth-connections/{auth_connection_id}")
async def change_auth_connection(call: Call) -> Answer:
    """Change the settings that are named; what is null or not named stays."""
    vault = vault_of(call.deps)
    async with call.deps.store.writing() as tx:
        before = await _existing(tx, call.path["auth_connection_id"], lock=True)
        kind = before.document["auth_type"]
        if call.body.get("auth_type", kind) != kind:
            raise Malformed(f"The auth connection is of type {kind!r}, which cannot be changed.")
        if kind not in CHANGED_BY:
            raise Malformed(f"An auth connection of type {kind!r} cannot be changed.")
        patch = {**call.body, "auth_type": kind}
        if problems := documents.shape_of(CHANGED_BY, kind).problems(patch):
            raise Invalid(problems)
        document = documents.changed(before.document, patch, vault)
        record = await tx.records.replace(KIND, before.record_id, document, name=document["name"])
        assert record is not None  # it is locked
        return await documents.shown(tx, record, await tx.records.users_of(KIND, before.record_id))


@auth_connections.serve("DELETE /v1/workspace/auth-connections/{auth_connection_id}")
async def delete_auth_connection(call: Call) -> Answer:
    """Forget a connection that nobody uses."""
    async with call.deps.store.writing() as tx:
        record = await _existing(tx, call.path["auth_connection_id"], lock=True)
        users = await tx.records.users_of(KIND, record.record_id)
        if users:
            raise Conflict(
                f"Auth connection with id {record.record_id} is used in {len(users)} places;"
                " remove it there first.",
                legacy="auth_connection_in_use",
            )
        await tx.records.delete(KIND, record.record_id)
    return {}


def _read(body: Mapping[str, Any]) -> Any:  # noqa: ANN401  # any JSON
    """Return a body with its defaults, judged by the shape of its own type.

    A body that does not name its type is of the first that it fits.
    """
    fits = (kind for kind in CREATED_BY if not documents.shape_of(CREATED_BY, kind).problems(body))
    kind = body["auth_type"] if "auth_type" in body else next(fits, None)
    if kind not in CREATED_BY:
        right = ", ".join(map(repr, CREATED_BY))
        raise Invalid([problem("enum", ["body", "auth_type"], f"Input should be one of {right}")])
    try:
        return documents.shape_of(CREATED_BY, kind).read(body)
    except ContractError as error:
        raise Invalid(error.problems) from error


def _check_urls(call: Call, settings: Mapping[str, Any]) -> None:
    for name, url in documents.urls(settings):
        if reason := url_problem(url, call.deps.may_be_plain):
            raise Invalid([problem("value_error", ["body", name], f"Value error, {reason}")])


async def _existing(tx: Transaction, connection_id: str, *, lock: bool = False) -> Record:
    record = await tx.records.get(KIND, connection_id, lock=lock)
    if record is None:
        raise NotFound(
            f"Auth connection with id {connection_id} not found.",
            code="auth_connection_not_found",
        )
    return record
