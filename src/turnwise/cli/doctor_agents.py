"""Which settings of the stored agents nothing acts on, for `turnwise doctor`.

The database is read without opening the store, which would bring its schema up to date.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from turnwise.agents.stored_only import STORED_ONLY, without_effect
from turnwise.settings import Settings

_QUERY = """
    SELECT agent_id, name, document FROM agents
    WHERE NOT archived ORDER BY created_at DESC LIMIT 1000
"""
_BUILT_IN = ("built_in_tools{}", "tools[]")

Row = dict[str, object]
_Stored = tuple[str, str, Mapping[str, Any]]


async def idle_settings(settings: Settings) -> list[Row]:
    """Return a line for each setting of an agent that has no effect here.

    A database that is not there, or cannot be read, has no agents: its own check tells.
    """
    return [
        {"agent": f"{agent_id} ({name})", "has no effect": place, "because": _why(place)}
        for agent_id, name, document in await _agents(settings.store_url)
        for place in without_effect(document)
    ]


def _why(place: str) -> str:
    return STORED_ONLY[place.replace(*_BUILT_IN)]


async def _agents(url: str) -> list[_Stored]:
    if url.startswith("sqlite"):
        return list(_from_file(Path(url.partition(":///")[2].partition("?")[0])))
    try:
        import asyncpg  # noqa: PLC0415 - of the extra `postgres`
    except ImportError:
        return []
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        connection = await asyncpg.connect(f"postgresql://{url.partition('://')[2]}")
        try:
            rows = await connection.fetch(_QUERY)
        finally:
            await connection.close()
        return [(agent_id, name, json.loads(text)) for agent_id, name, text in rows]
    return []


def _from_file(file: Path) -> Iterator[_Stored]:
    if not file.exists():
        return
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database,
    ):
        for agent_id, name, text in database.execute(_QUERY).fetchall():
            yield agent_id, name, json.loads(text)
