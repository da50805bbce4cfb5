"""Many documents: listed, summarised, searched; and the agents that know them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from turnwise.api import listing
from turnwise.api.access import is_mine
from turnwise.api.errors import NotFound
from turnwise.api.folders import FOLDER, Folders
from turnwise.api.knowledge_base import changing, dependency, documents
from turnwise.api.knowledge_base.documents import Object
from turnwise.api.serving import Answer, Call, Slice
from turnwise.knowledge.library import KNOWLEDGE
from turnwise.store import CursorRejected, Record, Transaction

finding = Slice()

Place = list[Any]
"""What a row is sorted by, the id last: it stands where it stood when others come and go."""


@finding.serve("GET /v1/convai/knowledge-base")
async def list_documents(call: Call) -> Answer:
    """Return a page of documents and folders."""
    asked = call.query
    async with call.deps.store.reading() as tx:
        tree = await Folders.read(tx, KNOWLEDGE)
        rows = await tx.records.all(KNOWLEDGE, labels=asked.get("types") or ())
        chosen = _chosen(rows, asked, tree) if is_mine(asked.get("created_by_user_id")) else []
        page, cursor = _page(chosen, asked)
        summaries = await _summaries(tx, page, tree)
    return {
        "documents": [summaries[row.record_id] for row in page],
        "next_cursor": cursor,
        "has_more": cursor is not None,
    }


@finding.serve("GET /v1/convai/knowledge-base/summaries")
async def get_summaries(call: Call) -> Answer:
    """Return documents and folders by id, without what they say."""
    asked: list[str] = call.query["document_ids"]
    async with call.deps.store.reading() as tx:
        known = await tx.records.many(KNOWLEDGE, asked)
        summaries = await _summaries(tx, list(known.values()), await Folders.read(tx, KNOWLEDGE))
    unknown = {
        each: changing.failure(
            NotFound(f"Document with id {each} not found.", code="document_not_found")
        )
        for each in asked
        if each not in known
    }
    return unknown | {
        each: {"status": "success", "data": summary} for each, summary in summaries.items()
    }


@finding.serve("GET /v1/convai/knowledge-base/search")
async def search_documents(call: Call) -> Answer:
    """Return the documents that speak of something, the best first, each with its best passage."""
    asked = call.query
    async with call.deps.store.reading() as tx:
        records = await tx.records.all(KNOWLEDGE, labels=asked.get("types") or ())
    hits = await call.deps.library.search(call.deps.store, records, asked["query"])
    page, cursor = listing.page_of(
        hits, lambda hit: hit.document_id, asked.get("cursor"), asked["page_size"]
    )
    by_id = {record.record_id: record for record in records}
    async with call.deps.store.reading() as tx:
        shown = [by_id[hit.document_id] for hit in page]
        summaries = await _summaries(tx, shown, await Folders.read(tx, KNOWLEDGE))
    return {
        "results": [
            {
                "document": summaries[hit.document_id],
                "search_snippet": [
                    {"value": value, "is_hit": is_hit} for value, is_hit in hit.snippet
                ],
                "score": hit.score,
            }
            for hit in page
        ],
        "next_cursor": cursor,
    }


@finding.serve("GET /v1/convai/knowledge-base/{documentation_id}/dependent-agents")
async def get_dependent_agents(call: Call) -> Answer:
    """Return the agents that know a document, by itself or through a folder."""
    return await _dependents(call, [call.path["documentation_id"]])


@finding.serve("POST /v1/convai/knowledge-base/dependent-agents")
async def get_dependent_agents_of_many(call: Call) -> Answer:
    """Return the agents that know any of some documents."""
    return await _dependents(call, call.body["document_ids"])


async def _dependents(call: Call, document_ids: Sequence[str]) -> Answer:
    asked = call.query
    async with call.deps.store.reading() as tx:
        tree = await Folders.read(tx, KNOWLEDGE)
        records = [await documents.found(tx, each) for each in document_ids]
        paths = {record.record_id: tree.path(record.parent) for record in records}
        agents: dict[str, list[str]] = {}
        found = await dependency.agents_of(tx, paths, asked["dependent_type"])
        for named in found.values():
            for agent_id, ids in named.items():
                agents[agent_id] = list(dict.fromkeys([*agents.get(agent_id, []), *ids]))
        page, cursor = listing.page_of(
            sorted(agents), lambda each: each, asked.get("cursor"), asked["page_size"]
        )
        shown = await dependency.shown(tx, {each: agents[each] for each in page})
    return {"agents": shown, "next_cursor": cursor, "has_more": cursor is not None}


async def _summaries(
    tx: Transaction, records: Sequence[Record], tree: Folders
) -> dict[str, Object]:
    paths = {record.record_id: tree.path(record.parent) for record in records}
    users = await dependency.agents_of(tx, paths)
    found: dict[str, Object] = {}
    for record in records:
        counts = None
        if record.label == FOLDER:
            counts = await tree.counts(tx, record.record_id)
        agents = await dependency.shown(tx, users[record.record_id])
        path = paths[record.record_id]
        found[record.record_id] = documents.summary(record, path, agents, counts)
    return found


def _chosen(rows: Sequence[Record], asked: Mapping[str, Any], tree: Folders) -> list[Record]:
    start = (asked.get("search") or "").casefold()
    parent, ancestor = asked.get("parent_folder_id"), asked.get("ancestor_folder_id")
    below = set(tree.within(ancestor)) if ancestor else set()
    return [
        row
        for row in rows
        if row.name.casefold().startswith(start)
        and (not parent or row.parent == parent)
        and (not ancestor or row.parent in below)
    ]


def _page(rows: Sequence[Record], asked: Mapping[str, Any]) -> tuple[list[Record], str | None]:
    by, down = asked.get("sort_by") or "created_at", asked["sort_direction"] == "desc"
    size, first = asked["page_size"], bool(asked["folders_first"])
    # what was made within one second stands in the order it was made in
    placed = [(_place(row, number, by), row) for number, row in enumerate(rows)]
    placed.sort(key=lambda each: each[0], reverse=down)
    if first:
        placed.sort(key=lambda each: each[1].label != FOLDER)
    if cursor := asked.get("cursor"):
        was_folder, last = _opened(cursor, [by, down, first])
        placed = [
            (place, row)
            for place, row in placed
            if _is_after((place, row.label == FOLDER), (last, was_folder), down=down, first=first)
        ]
    page = placed[:size]
    if len(placed) <= size:
        return [row for _, row in page], None
    place, row = page[-1]
    sealed = listing.sealed(json.dumps([[by, down, first], row.label == FOLDER, place]))
    return [row for _, row in page], sealed


def _place(row: Record, number: int, by: str) -> Place:
    values: dict[str, str | int] = {
        "name": row.name.casefold(),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "size": int(row.document.get("size_bytes", 0)),
    }
    return [values[by], row.created_at, number, row.record_id]


def _is_after(
    place: tuple[Place, bool], last: tuple[Place, bool], *, down: bool, first: bool
) -> bool:
    if first and place[1] != last[1]:
        return last[1]
    return place[0] < last[0] if down else place[0] > last[0]


def _opened(cursor: str, order: list[Any]) -> tuple[bool, Place]:
    try:
        made_for, was_folder, place = json.loads(listing.opened(cursor))
    except (ValueError, TypeError, RecursionError) as exc:
        raise CursorRejected("the cursor is not one that this list gave") from exc
    if made_for != order or not isinstance(place, list) or len(place) != 4:
        raise CursorRejected("the cursor was given for another list or another order")
    return bool(was_folder), place
