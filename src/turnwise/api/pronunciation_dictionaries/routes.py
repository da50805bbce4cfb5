"""`/v1/pronunciation-dictionaries`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, cast

from starlette.datastructures import UploadFile
from starlette.responses import Response

from turnwise.api.errors import Invalid, problem
from turnwise.api.identity import USER_ID
from turnwise.api.pronunciation_dictionaries import lexicon
from turnwise.api.pronunciation_rules import DICTIONARY, VERSION, dictionary, version
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import Document, Record, RecordQuery, Transaction

dictionaries = Slice()

_PATH = "/v1/pronunciation-dictionaries"
_ONE = f"{_PATH}/{{pronunciation_dictionary_id}}"
_SORTS = {"creation_time_unix": "created_at", "name": "name"}
_DIRECTIONS = {"DESCENDING": True, "ASCENDING": False}
_ACTIVE, _ARCHIVED = "active", "archived"

Rules = list[Document]
"""In the published shape."""


@dictionaries.serve(f"POST {_PATH}/add-from-rules")
async def create_from_rules(call: Call) -> Answer:
    """Make a dictionary of rules."""
    return await _created(call, call.filled()["rules"])


@dictionaries.serve(f"POST {_PATH}/add-from-file")
async def create_from_file(call: Call) -> Answer:
    """Make a dictionary of a lexicon (PLS); without a file it is empty."""
    file = call.body.get("file")
    if file is not None and not isinstance(file, UploadFile):
        raise Invalid([problem("value_error", ["body", "file"], "Expected UploadFile")])
    return await _created(call, lexicon.parsed(await file.read()) if file else [])


@dictionaries.serve(f"GET {_PATH}")
async def list_dictionaries(call: Call) -> Answer:
    """Return a page of dictionaries."""
    asked = call.query
    direction = (asked.get("sort_direction") or "DESCENDING").upper()
    if direction not in _DIRECTIONS:
        text = f"Input should be {' or '.join(_DIRECTIONS)}"
        raise Invalid([problem("enum", ["query", "sort_direction"], text)])
    sort = _SORTS[asked.get("sort") or "creation_time_unix"]
    query = RecordQuery(
        kind=DICTIONARY,
        page_size=asked["page_size"],
        cursor=asked.get("cursor"),
        labels=() if asked["include_archived"] else (_ACTIVE,),
        sort_by=cast("Literal['created_at', 'name']", sort),
        descending=_DIRECTIONS[direction],
    )
    async with call.deps.store.reading() as tx:
        page = await tx.records.list(query)
    return {
        "pronunciation_dictionaries": [_shown(record) for record in page.items],
        "next_cursor": page.next_cursor,
        "has_more": page.next_cursor is not None,
    }


@dictionaries.serve(f"GET {_ONE}")
async def get_dictionary(call: Call) -> Answer:
    """Return a dictionary with the rules of its latest version."""
    async with call.deps.store.reading() as tx:
        record = await dictionary(tx, call.path["pronunciation_dictionary_id"])
        latest = await version(tx, record.record_id, None)
    return {**_shown(record), "rules": latest.document["rules"]}


@dictionaries.serve(f"PATCH {_ONE}")
async def change_dictionary(call: Call) -> Answer:
    """Rename a dictionary, or archive it; agents that use it go on using it."""
    body = call.body or {}
    async with call.deps.store.writing() as tx:
        before = await dictionary(tx, call.path["pronunciation_dictionary_id"], lock=True)
        document, label = {**before.document}, before.label
        if body.get("name") is not None:
            document["name"] = body["name"]
        if (archived := body.get("archived")) is not None:
            at = document["archived_time_unix"] or int(datetime.now(UTC).timestamp())
            document["archived_time_unix"] = at if archived else None
            label = _ARCHIVED if archived else _ACTIVE
        record = await tx.records.replace(
            DICTIONARY, before.record_id, document, name=document["name"], label=label
        )
    assert record is not None  # it is locked
    return _shown(record)


@dictionaries.serve(f"POST {_ONE}/set-rules")
async def set_rules(call: Call) -> Answer:
    """Make a version of other rules."""
    rules = call.filled()["rules"]
    return await _next_version(call, lambda _: rules)


@dictionaries.serve(f"POST {_ONE}/add-rules")
async def add_rules(call: Call) -> Answer:
    """Make a version with more rules; a rule for the same string is replaced."""
    rules = call.filled()["rules"]
    strings = {rule["string_to_replace"] for rule in rules}
    return await _next_version(call, lambda before: [*_without(before, strings), *rules])


@dictionaries.serve(f"POST {_ONE}/remove-rules")
async def remove_rules(call: Call) -> Answer:
    """Make a version without the rules for some strings."""
    strings = set(call.body["rule_strings"])
    return await _next_version(call, lambda before: _without(before, strings))


@dictionaries.serve(f"GET {_PATH}/{{dictionary_id}}/{{version_id}}/download")
async def download_version(call: Call) -> Answer:
    """Return a version as a lexicon (PLS)."""
    async with call.deps.store.reading() as tx:
        found = await version(tx, call.path["dictionary_id"], call.path["version_id"])
    name = f"{call.path['dictionary_id']}_{found.record_id}.pls"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(
        lexicon.written(found.document["rules"]), media_type=lexicon.MEDIA_TYPE, headers=headers
    )


async def _created(call: Call, rules: Rules) -> Document:
    document = {
        "name": call.body["name"],
        "description": call.body.get("description"),
        "permission_on_resource": "admin",
        "created_by": USER_ID,
        "archived_time_unix": None,
        "latest_version_id": "",
        "latest_version_rules_num": 0,
    }
    async with call.deps.store.writing() as tx:
        record = await tx.records.create(
            DICTIONARY, document, prefix="pd_", name=document["name"], label=_ACTIVE
        )
        latest = await _add_version(tx, record, rules)
    return {
        "id": record.record_id,
        "name": document["name"],
        "description": document["description"],
        "created_by": USER_ID,
        "creation_time_unix": record.created_at,
        "version_id": latest.record_id,
        "version_rules_num": len(rules),
        "permission_on_resource": "admin",
    }


async def _next_version(call: Call, change: Callable[[Rules], Rules]) -> Document:
    dictionary_id = call.path["pronunciation_dictionary_id"]
    async with call.deps.store.writing() as tx:
        record = await dictionary(tx, dictionary_id, lock=True)
        before = await version(tx, dictionary_id, None)
        rules = change(before.document["rules"])
        latest = await _add_version(tx, record, rules)
    return {
        "id": dictionary_id,
        "version_id": latest.record_id,
        "version_rules_num": len(rules),
    }


async def _add_version(tx: Transaction, record: Record, rules: Rules) -> Record:
    latest = await tx.records.create(
        VERSION, {"rules": rules}, prefix="pdv_", parent=record.record_id
    )
    document = {
        **record.document,
        "latest_version_id": latest.record_id,
        "latest_version_rules_num": len(rules),
    }
    await tx.records.replace(DICTIONARY, record.record_id, document)
    return latest


def _without(rules: Rules, strings: set[Any]) -> Rules:
    return [rule for rule in rules if rule["string_to_replace"] not in strings]


def _shown(record: Record) -> Document:
    return {
        "id": record.record_id,
        **record.document,
        "creation_time_unix": record.created_at,
    }
