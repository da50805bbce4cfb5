"""Everything in a database as files, and back: to another machine, or another kind of database.

A folder holds `NAME.jsonl` for each table, one row in each line, `conversations.jsonl`, one
document in each line, and `export.json`, which says which schema they are of. What is there already
is left as it is: a transfer that was cut off is begun again. API keys stay out: their digests are
worth nothing without the pepper of the data folder.
"""

import json
from asyncio import to_thread
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select, text, tuple_

from turnwise.base.errors import ConfigError
from turnwise.store.connections import Connection
from turnwise.store.conversation_ports import ConversationQuery
from turnwise.store.sql import SqlStore
from turnwise.store.tables import AGENT_TAGS, AGENTS, RECORDS, USES

MANIFEST = "export.json"
CONVERSATIONS = "conversations"
TABLES = (AGENTS, AGENT_TAGS, RECORDS, USES)
"""In an order in which what a row refers to comes before it."""

_ROWS = 200
_OPEN = frozenset({"initiated", "in-progress"})

Json = dict[str, Any]
Step = Callable[[str, int], None]
"""Is told what is moved, and how many of it are done."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a transfer did with one table."""

    rows: int
    """As many as there are in the source."""
    new: int
    """As many as the target had not."""


async def write_out(store: SqlStore, folder: Path, step: Step) -> dict[str, Moved]:
    """Write everything into a folder, which is made. Conversations that go on are left out.

    Raises:
        ConfigError: If the folder cannot be written to.
    """
    try:
        await to_thread(folder.mkdir, parents=True, exist_ok=True)
        moved = {table.name: await _write(store, table, folder, step) for table in TABLES}
        moved[CONVERSATIONS] = await _write_conversations(store, folder, step)
        manifest = json.dumps({"schema": await _schema(store)})
        (folder / MANIFEST).write_text(manifest, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot be written to: {error.strerror}") from error
    return moved


async def read_in(store: SqlStore, folder: Path, step: Step) -> dict[str, Moved]:
    """Store what is in a folder and not yet in the database, some hundred rows at a time.

    Raises:
        ConfigError: If the folder is no export, or one of another schema.
    """
    await _check(store, folder)
    moved = {}
    for table in TABLES:
        moved[table.name] = await _read(store, table, folder, step)
    moved[CONVERSATIONS] = await _read_conversations(store, folder, step)
    return moved


async def _schema(store: SqlStore) -> str:
    async with store.reading() as tx:
        found = await tx.connection.execute(text("SELECT version_num FROM alembic_version"))
        return str(found.scalar_one())


async def _check(store: SqlStore, folder: Path) -> None:
    try:
        about = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{folder} is no export: it has no readable {MANIFEST}; `turnwise export` makes one"
        ) from error
    ours = await _schema(store)
    if about.get("schema") != ours:
        raise ConfigError(
            f"{folder} is of the schema {about.get('schema')!r}, this version has {ours!r};"
            " export and import with the same version"
        )


# --- rows ---------------------------------------------------------------------------------------


async def _write(store: SqlStore, table: Table, folder: Path, step: Step) -> Moved:
    done = 0
    part = folder / f"{table.name}.part"
    with part.open("w", encoding="utf-8") as file:
        async with store.reading() as tx:
            async for rows in _pages(tx.connection, table):
                file.writelines(map(_line, rows))
                done += len(rows)
                step(table.name, done)
    part.replace(folder / f"{table.name}.jsonl")
    return Moved(rows=done, new=done)


async def _pages(connection: Connection, table: Table) -> AsyncIterator[list[Json]]:
    """Yield the rows in the order of their keys: none twice, also while others write."""
    keys = list(table.primary_key.columns)
    last: tuple[Any, ...] | None = None
    while True:
        query = select(table).order_by(*keys).limit(_ROWS)
        if last is not None:
            query = query.where(tuple_(*keys) > tuple_(*last))
        rows = [dict(row) for row in (await connection.execute(query)).mappings()]
        if not rows:
            return
        yield rows
        last = tuple(rows[-1][key.name] for key in keys)


async def _read(store: SqlStore, table: Table, folder: Path, step: Step) -> Moved:
    keys = list(table.primary_key.columns)
    done = new = 0
    for rows in _lines(folder / f"{table.name}.jsonl"):
        wanted = {tuple(row[key.name] for key in keys): row for row in rows}
        async with store.writing() as tx:
            query = select(*keys).where(tuple_(*keys).in_(list(wanted)))
            for there in await tx.connection.execute(query):
                del wanted[tuple(there)]
            if wanted:
                await tx.connection.execute(table.insert(), list(wanted.values()))
        done, new = done + len(rows), new + len(wanted)
        step(table.name, done)
    return Moved(rows=done, new=new)


def _line(row: Json) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


def _lines(file: Path) -> Iterator[list[Json]]:
    if not file.exists():
        return
    with file.open(encoding="utf-8") as lines:
        try:
            while batch := [json.loads(line) for line in islice(lines, _ROWS)]:
                yield batch
        except ValueError as error:
            raise ConfigError(
                f"{file} holds a line that is not JSON; export again, then import again"
            ) from error


# --- conversations: their columns are made from their documents -----------------------------------


async def _write_conversations(store: SqlStore, folder: Path, step: Step) -> Moved:
    done, cursor = 0, None
    part = folder / f"{CONVERSATIONS}.part"
    with part.open("w", encoding="utf-8") as file:
        async with store.reading() as tx:
            while True:
                query = ConversationQuery(page_size=_ROWS, cursor=cursor, descending=False)
                page = await tx.conversations.list(query)
                for row in page.items:
                    document = await tx.conversations.get(row.head["conversation_id"])
                    if document is not None and document["status"] not in _OPEN:
                        file.write(_line(document))
                        done += 1
                step(CONVERSATIONS, done)
                if (cursor := page.next_cursor) is None:
                    break
    part.replace(folder / f"{CONVERSATIONS}.jsonl")
    return Moved(rows=done, new=done)


async def _read_conversations(store: SqlStore, folder: Path, step: Step) -> Moved:
    done = new = 0
    for documents in _lines(folder / f"{CONVERSATIONS}.jsonl"):
        async with store.writing() as tx:
            there = set(
                await tx.conversations.known([each["conversation_id"] for each in documents])
            )
            for document in documents:
                if document["conversation_id"] not in there:
                    there.add(document["conversation_id"])
                    await tx.conversations.begin(document)
                    await tx.conversations.finish(document)
                    new += 1
        done += len(documents)
        step(CONVERSATIONS, done)
    return Moved(rows=done, new=new)
