"""`/v1/convai/agent-testing`: all its operations."""

from dataclasses import replace

from turnwise.api import folders
from turnwise.api.access import is_mine
from turnwise.api.agent_testing import views
from turnwise.api.agent_testing.views import FOLDER_PREFIX, PREFIX, TEST
from turnwise.api.errors import Conflict, NotFound
from turnwise.api.folders import FOLDER, Folders
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import Page, Record, RecordQuery, Transaction

agent_testing = Slice()

TYPES = ("llm", "tool", "simulation")
ROOT = "root"
"""What clients call the top level where a folder is asked for."""


@agent_testing.serve("POST /v1/convai/agent-testing/create")
async def create_test(call: Call) -> Answer:
    """Store a test of an agent."""
    filled = call.filled()
    document, parent = views.stored(filled), _folder(filled.get("parent_folder_id"))
    async with call.deps.store.writing() as tx:
        await folders.required(tx, TEST, parent)
        record = await tx.records.create(
            TEST,
            document,
            prefix=PREFIX,
            name=filled["name"],
            parent=parent,
            label=document["type"],
        )
    return {"id": record.record_id}


@agent_testing.serve("GET /v1/convai/agent-testing/{test_id}")
async def get_test(call: Call) -> Answer:
    """Return a test."""
    async with call.deps.store.reading() as tx:
        return views.shown(await views.found(tx, call.path["test_id"], folder=False))


@agent_testing.serve("PUT /v1/convai/agent-testing/{test_id}")
async def replace_test(call: Call) -> Answer:
    """Store another test in place of one; it stays in its folder if none is named."""
    filled = call.filled()
    document, to = views.stored(filled), _folder(filled.get("parent_folder_id"))
    async with call.deps.store.writing() as tx:
        before = await views.found(tx, call.path["test_id"], folder=False, lock=True)
        await folders.required(tx, TEST, to)
        record = await tx.records.replace(
            TEST,
            before.record_id,
            document,
            name=filled["name"],
            parent=before.parent if to is None else to,
            label=document["type"],
        )
    assert record is not None  # it is locked
    return views.shown(record)


@agent_testing.serve("DELETE /v1/convai/agent-testing/{test_id}")
async def delete_test(call: Call) -> Answer:
    """Forget a test; agents that name it run the others."""
    async with call.deps.store.writing() as tx:
        record = await views.found(tx, call.path["test_id"], folder=False, lock=True)
        await tx.records.delete(TEST, record.record_id)
    return {}


@agent_testing.serve("GET /v1/convai/agent-testing")
async def list_tests(call: Call) -> Answer:
    """Return a page of tests, the newest first; of folders as well where they are asked for."""
    asked = call.query
    labels = tuple(asked.get("types") or TYPES)
    if asked.get("include_folders"):
        labels = (*labels, FOLDER)
    parent = asked.get("parent_folder_id")
    hidden = asked["sharing_mode"] != "all" or not is_mine(asked.get("created_by_user_id"))
    query = RecordQuery(
        kind=TEST,
        page_size=asked["page_size"],
        cursor=asked.get("cursor"),
        search=asked.get("search") or "",
        parents=(_folder(parent),) if parent else None,
        labels=labels,
        ids=() if hidden else None,
    )
    async with call.deps.store.reading() as tx:
        first = asked["sort_mode"] == "folders_first"
        page = await (_folders_first(tx, query) if first else tx.records.list(query))
        tests = await views.summaries(tx, page.items)
    return {
        "tests": tests,
        "next_cursor": page.next_cursor,
        "has_more": page.next_cursor is not None,
    }


@agent_testing.serve("POST /v1/convai/agent-testing/summaries")
async def get_summaries(call: Call) -> Answer:
    """Return tests by id; those that are gone are left out."""
    async with call.deps.store.reading() as tx:
        known = await tx.records.many(TEST, call.body["test_ids"])
        tests = await views.summaries(tx, known.values())
    return {"tests": {each["id"]: each for each in tests}}


@agent_testing.serve("POST /v1/convai/agent-testing/bulk-move")
async def move_tests(call: Call) -> Answer:
    """Put tests and folders into another folder: all of them or none."""
    to = _folder(call.body.get("move_to"))
    async with call.deps.store.writing() as tx:
        await folders.required(tx, TEST, to)
        for record_id in call.body["entity_ids"]:
            record = await tx.records.get(TEST, record_id, lock=True)
            if record is None:
                raise NotFound(f"Test with id {record_id} not found.", code="test_not_found")
            await folders.move(tx, record, to)
    return {}


@agent_testing.serve("POST /v1/convai/agent-testing/folders")
async def create_folder(call: Call) -> Answer:
    """Make a folder."""
    name, parent = call.body["name"], _folder(call.body.get("parent_folder_id"))
    async with call.deps.store.writing() as tx:
        await folders.required(tx, TEST, parent)
        record = await tx.records.create(
            TEST, {}, prefix=FOLDER_PREFIX, name=name, parent=parent, label=FOLDER
        )
    return {"id": record.record_id, "name": name}


@agent_testing.serve("GET /v1/convai/agent-testing/folders/{folder_id}")
async def get_folder(call: Call) -> Answer:
    """Return a folder."""
    async with call.deps.store.reading() as tx:
        return await _shown(tx, await views.found(tx, call.path["folder_id"], folder=True))


@agent_testing.serve("PATCH /v1/convai/agent-testing/folders/{folder_id}")
async def rename_folder(call: Call) -> Answer:
    """Rename a folder."""
    async with call.deps.store.writing() as tx:
        before = await views.found(tx, call.path["folder_id"], folder=True, lock=True)
        record = await tx.records.replace(
            TEST, before.record_id, before.document, name=call.body["name"]
        )
        assert record is not None  # it is locked
        return await _shown(tx, record)


@agent_testing.serve("DELETE /v1/convai/agent-testing/folders/{folder_id}")
async def delete_folder(call: Call) -> Answer:
    """Forget a folder; one that is not empty only with `force`, and then all that is in it."""
    async with call.deps.store.writing() as tx:
        record = await views.found(tx, call.path["folder_id"], folder=True, lock=True)
        tree = await Folders.read(tx, TEST)
        held, _ = await tree.counts(tx, record.record_id)
        if held and not call.query["force"]:
            raise Conflict(
                f"Folder {record.record_id} is not empty; delete it with force=true,"
                " and all that is in it is deleted as well.",
                code="folder_not_empty",
            )
        for folder_id in tree.within(record.record_id):
            await tx.records.delete_children(TEST, folder_id)
        await tx.records.delete(TEST, record.record_id)
    return None


async def _shown(tx: Transaction, record: Record) -> Answer:
    tree = await Folders.read(tx, TEST)
    count, _ = await tree.counts(tx, record.record_id)
    return {
        "id": record.record_id,
        "name": record.name,
        "folder_path": views.segments(tree.path(record.parent)),
        "children_count": count,
    }


async def _folders_first(tx: Transaction, query: RecordQuery) -> Page[Record]:
    """Return a page of two lists, one behind the other; a cursor's first letter tells which."""
    found: tuple[Record, ...] = ()
    at, cursor = (query.cursor or "f")[0], (query.cursor or "f")[1:] or None
    if at == "f" and FOLDER in query.labels:
        page = await tx.records.list(replace(query, labels=(FOLDER,), cursor=cursor))
        if page.next_cursor is not None:
            return Page(items=page.items, next_cursor=f"f{page.next_cursor}")
        found, cursor = page.items, None
    labels = tuple(label for label in query.labels if label != FOLDER)
    left = query.page_size - len(found)
    if not labels or (left == 0 and not await _any(tx, query, labels)):
        return Page(items=found, next_cursor=None)
    if left == 0:
        return Page(items=found, next_cursor="t")
    page = await tx.records.list(replace(query, labels=labels, cursor=cursor, page_size=left))
    more = f"t{page.next_cursor}" if page.next_cursor is not None else None
    return Page(items=(*found, *page.items), next_cursor=more)


async def _any(tx: Transaction, query: RecordQuery, labels: tuple[str, ...]) -> bool:
    page = await tx.records.list(replace(query, labels=labels, cursor=None, page_size=1))
    return bool(page.items)


def _folder(folder_id: str | None) -> str | None:
    return None if folder_id == ROOT else folder_id
