"""`/v1/convai/environment-variables`."""

from turnwise.api import listing
from turnwise.api.environments import variables
from turnwise.api.environments.routes import note_change
from turnwise.api.errors import Conflict, NotFound
from turnwise.api.references import ENVIRONMENT_VARIABLE as KIND
from turnwise.api.references import require
from turnwise.api.serving import Answer, Call, Slice
from turnwise.runtime.configured import variable_id
from turnwise.store import Record, RecordQuery, StoreConflict, Transaction

environment_variables = Slice()

GUARDED = {"tool": "tools", "mcp_server": "MCP servers", "settings": "the workspace settings"}
"""The users that keep a variable from being deleted: agents do not."""


@environment_variables.serve("GET /v1/convai/environment-variables")
async def list_variables(call: Call) -> Answer:
    """Return a page of variables."""
    asked = call.query
    environment, label = asked.get("environment"), asked.get("label")
    query = RecordQuery(
        kind=KIND,
        page_size=asked["page_size"],
        cursor=asked.get("cursor"),
        labels=(asked["type"],) if asked.get("type") else (),
        ids=(variable_id(label),) if label else None,
    )
    async with call.deps.store.reading() as tx:
        rows, next_cursor = await listing.keeping(
            tx, query, lambda row: not environment or environment in row.document["values"]
        )
    return {
        "environment_variables": [variables.shown(row, environment or None) for row in rows],
        "next_cursor": next_cursor,
        "has_more": next_cursor is not None,
    }


@environment_variables.serve("POST /v1/convai/environment-variables")
async def create_variable(call: Call) -> Answer:
    """Store a new variable; no other has its label."""
    document = variables.created(call.body)
    label, uses = document["label"], variables.references(document)
    async with call.deps.store.writing() as tx:
        await require(tx, uses)
        try:
            record = await tx.records.create(
                KIND, document, record_id=variable_id(label), name=label, label=document["type"]
            )
        except StoreConflict:
            taken = f"An environment variable with the label {label!r} already exists."
            raise Conflict(taken) from None
        await tx.records.set_uses(KIND, record.record_id, uses)
        await note_change(tx, document["values"])
    return variables.shown(record)


@environment_variables.serve("GET /v1/convai/environment-variables/{env_var_id}")
async def get_variable(call: Call) -> Answer:
    """Return a variable with its values in all environments."""
    async with call.deps.store.reading() as tx:
        return variables.shown(await _existing(tx, call.path["env_var_id"]))


@environment_variables.serve("PATCH /v1/convai/environment-variables/{env_var_id}")
async def change_variable(call: Call) -> Answer:
    """Change values of a variable; null takes one away."""
    values = call.body["values"]
    async with call.deps.store.writing() as tx:
        before = await _existing(tx, call.path["env_var_id"], lock=True)
        document = variables.changed(before.document, values)
        uses = variables.references(document)
        await require(tx, uses)
        record = await tx.records.replace(KIND, before.record_id, document)
        await tx.records.set_uses(KIND, before.record_id, uses)
        await note_change(tx, (name for name, value in values.items() if value is not None))
    assert record is not None  # it is locked
    return variables.shown(record)


@environment_variables.serve("DELETE /v1/convai/environment-variables/{env_var_id}")
async def delete_variable(call: Call) -> Answer:
    """Forget a variable that no tool, MCP server or setting uses; agents are not asked."""
    async with call.deps.store.writing() as tx:
        record = await _existing(tx, call.path["env_var_id"], lock=True)
        users = await tx.records.users_of(KIND, record.record_id)
        kinds = {kind for kind, _ in users if kind in GUARDED}
        if kinds:
            where = " and ".join(sorted(GUARDED[kind] for kind in kinds))
            raise Conflict(
                f"Environment variable {record.name} is used by {where}; remove it there first.",
                legacy="environment_variable_in_use",
            )
        await tx.records.delete(KIND, record.record_id)


async def _existing(tx: Transaction, env_var_id: str, *, lock: bool = False) -> Record:
    record = await tx.records.get(KIND, env_var_id, lock=lock)
    if record is None:
        raise NotFound(
            f"Environment variable with id {env_var_id} not found.",
            code="environment_variable_not_found",
        )
    return record
