"""`/v1/convai/analysis-items`.

The record of an item has its newest definition; each version of it is a record of its own, a child
of the item. Attaching items to many agents at once (`attachments`) is not served: agents name them
in `platform_settings.analysis_items`.
"""

from functools import partial
from typing import Any, Final

from turnwise.api import dependents, listing
from turnwise.api.access import ACCESS, is_mine
from turnwise.api.errors import Conflict, Invalid, NotFound, problem
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.versioning import rewrite
from turnwise.store import Record, RecordQuery, Transaction
from turnwise.store.record_ports import AGENT

analysis_items = Slice()

Object = dict[str, Any]

ITEM: Final = "analysis_item"
VERSION: Final = "analysis_item_version"
PREFIX: Final = "anlitm_"
VERSION_PREFIX: Final = "anlver_"

_CURRENT = "current_version_id"


@analysis_items.serve("POST /v1/convai/analysis-items")
async def create_analysis_item(call: Call) -> Answer:
    """Store an item."""
    async with call.deps.store.writing() as tx:
        return _shown(await _created(tx, _definition(call)))


@analysis_items.serve("GET /v1/convai/analysis-items")
async def list_analysis_items(call: Call) -> Answer:
    """Return a page of items, the newest first."""
    asked = call.query
    ids, kind = asked.get("analysis_item_ids"), asked.get("kind")
    query = RecordQuery(
        kind=ITEM,
        page_size=asked["page_size"],
        cursor=asked.get("cursor"),
        search=asked.get("search") or "",
        labels=(kind,) if kind else (),
        ids=tuple(ids) if ids is not None else None,
        descending=asked.get("sort_direction") != "asc",
    )
    if not is_mine(asked.get("created_by_user_id")):
        return {"analysis_items": [], "next_cursor": None, "has_more": False}
    async with call.deps.store.reading() as tx:
        found, cursor = await listing.beginning_with(tx, query)
    return {
        "analysis_items": [_shown(record) for record in found],
        "next_cursor": cursor,
        "has_more": cursor is not None,
    }


@analysis_items.serve("GET /v1/convai/analysis-items/{analysis_item_id}")
async def get_analysis_item(call: Call) -> Answer:
    """Return an item as it is now."""
    async with call.deps.store.reading() as tx:
        return _shown(await _found(tx, call.path["analysis_item_id"]))


@analysis_items.serve("PATCH /v1/convai/analysis-items/{analysis_item_id}")
async def change_analysis_item(call: Call) -> Answer:
    """Give an item another definition of its kind: a new version, if it is another one."""
    definition = _definition(call)
    async with call.deps.store.writing() as tx:
        record = await _found(tx, call.path["analysis_item_id"], lock=True)
        if definition["kind"] != record.label:
            message = f"Value error, the kind of an item stays as it is: {record.label}"
            raise Invalid([problem("value_error", ["body", definition["kind"], "kind"], message)])
        if definition != record.document["definition"]:
            record = await _published(tx, record, definition)
    return _shown(record)


@analysis_items.serve("DELETE /v1/convai/analysis-items/{analysis_item_id}")
async def delete_analysis_item(call: Call) -> Answer:
    """Forget an item with its versions; one in use only with `force`."""
    item_id = call.path["analysis_item_id"]
    async with call.deps.store.writing() as tx:
        await _found(tx, item_id, lock=True)
        users = dependents.ids_of(await tx.records.users_of(ITEM, item_id), AGENT)
        if users and not call.query.get("force"):
            raise Conflict(
                f"Analysis item {item_id} is used by {len(users)} agent(s); delete it with"
                " force=true, and they use it no more.",
                code="analysis_item_in_use",
            )
        for agent_id in users:
            await rewrite(tx, agent_id, partial(without, item_id=item_id))
        await tx.records.delete(ITEM, item_id)
        await tx.records.delete_children(VERSION, item_id)
    return {}


@analysis_items.serve("POST /v1/convai/analysis-items/{analysis_item_id}/copy")
async def copy_analysis_item(call: Call) -> Answer:
    """Store a new item with the definition of another."""
    async with call.deps.store.writing() as tx:
        record = await _found(tx, call.path["analysis_item_id"])
        definition = dict(record.document["definition"])
        definition["name"] = f"{definition['name']} (copy)"
        return _shown(await _created(tx, definition))


@analysis_items.serve("GET /v1/convai/analysis-items/{analysis_item_id}/versions")
async def list_analysis_item_versions(call: Call) -> Answer:
    """Return a page of the versions of an item, the newest first."""
    query = RecordQuery(
        kind=VERSION,
        page_size=call.query["page_size"],
        cursor=call.query.get("cursor"),
        parents=(call.path["analysis_item_id"],),
    )
    async with call.deps.store.reading() as tx:
        record = await _found(tx, call.path["analysis_item_id"])
        page = await tx.records.list(query)
    return {
        "versions": [
            {
                **version.document,
                "id": version.record_id,
                "created_at_unix_secs": version.created_at,
            }
            for version in page.items
        ],
        "current_version_id": record.document[_CURRENT],
        "next_cursor": page.next_cursor,
        "has_more": page.next_cursor is not None,
    }


@analysis_items.serve("GET /v1/convai/analysis-items/{analysis_item_id}/dependent-agents")
async def get_analysis_item_agents(call: Call) -> Answer:
    """Return a page of the agents that use an item."""
    async with call.deps.store.reading() as tx:
        record = await _found(tx, call.path["analysis_item_id"])
        users = dependents.ids_of(await tx.records.users_of(ITEM, record.record_id), AGENT)
        page, cursor = listing.page_of(
            users, lambda each: each, call.query.get("cursor"), call.query["page_size"]
        )
        agents = await dependents.agents(tx, page)
    return {
        "agents": [{**each, "referenced_resource_ids": [record.record_id]} for each in agents],
        "branches": None,
        "next_cursor": cursor,
        "has_more": cursor is not None,
    }


def without(value: Any, item_id: str) -> Any:  # noqa: ANN401  # any JSON
    """Return an agent's document that names no analysis item of this id."""
    if isinstance(value, list):
        return [without(each, item_id) for each in value if not _names(each, item_id)]
    if isinstance(value, dict):
        return {key: without(part, item_id) for key, part in value.items()}
    return value


def _names(reference: object, item_id: str) -> bool:
    return isinstance(reference, dict) and reference.get("analysis_item_id") == item_id


def _definition(call: Call) -> Object:
    """Return the definition in a body: it says where it comes from."""
    return {**call.filled(), "source": "user"}


async def _found(tx: Transaction, item_id: str, *, lock: bool = False) -> Record:
    record = await tx.records.get(ITEM, item_id, lock=lock)
    if record is None:
        raise NotFound(
            f"Analysis item with id {item_id} not found.", code="analysis_item_not_found"
        )
    return record


async def _created(tx: Transaction, definition: Object) -> Record:
    record = await tx.records.create(
        ITEM, {"versions": 0}, prefix=PREFIX, label=definition["kind"], name=definition["name"]
    )
    return await _published(tx, record, definition)


async def _published(tx: Transaction, record: Record, definition: Object) -> Record:
    """Store a definition as the newest version of an item, which is locked or new."""
    number = record.document["versions"] + 1
    version = await tx.records.create(
        VERSION,
        {"version_number": number, "definition": definition},
        prefix=VERSION_PREFIX,
        parent=record.record_id,
    )
    document = {"versions": number, "definition": definition, _CURRENT: version.record_id}
    replaced = await tx.records.replace(ITEM, record.record_id, document, name=definition["name"])
    assert replaced is not None  # it is locked, or new
    return replaced


def _shown(record: Record) -> Object:
    return {
        "id": record.record_id,
        "definition": record.document["definition"],
        "access_info": ACCESS,
        "created_at_unix_secs": record.created_at,
        "updated_at_unix_secs": record.updated_at,
        "current_version_id": record.document[_CURRENT],
        "legacy_source_id": None,
    }
