"""The resources that are posted as they are read: one row of a table for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from turnwise.api.auth_connections.documents import CREATED_BY, SECRETS, shape_of
from turnwise.contract import Problem
from turnwise.moving.source import PAGE_SIZE, Json
from turnwise.moving.transfer import Row, Transfer, listed
from turnwise.runtime.configured import PRODUCTION, variable_id

PLACEHOLDER: Final = "set-again-after-the-move"
"""Stands where a secret value was, which no API gives out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """How the things of one kind are listed, read and posted."""

    kind: str
    """For people."""
    record: str
    """The kind of their records here."""
    path: str
    """Of the list; one thing is at `path/ID`."""
    rows: str
    """Key of the rows in the answer of the list."""
    prefix: str
    """Of the ids that this server gives."""
    body: Callable[[Json], Json]
    """Makes what is posted from what was read."""
    query: Mapping[str, Any] = field(default_factory=lambda: {"page_size": PAGE_SIZE})
    newest_first: bool = False
    """How the list is sorted."""
    is_whole: bool = True
    """Whether the list shows all there is of each."""
    id_key: str = "id"
    make: str = ""
    """Where it is posted; empty: `path`."""
    more_ids: Callable[[Json], Mapping[str, str | None]] = lambda _: {}
    """Further ids to keep, by the prefix that this server gives."""
    here: Callable[[Row], str] | None = None
    """The id that it has here; None: its own."""
    always_there: str = ""
    """Id of one that no workspace is without."""


def without(*keys: str) -> Callable[[Json], Json]:
    """Return what leaves out these keys of an answer and keeps all others, known or not."""
    return lambda document: {key: each for key, each in document.items() if key not in keys}


def _secret(row: Json) -> Json:
    return {"type": "new", "name": row.get("name"), "value": PLACEHOLDER}


def _connection(row: Json) -> Json:
    body = _CONNECTION(row)
    kind = body.get("auth_type")
    problems = shape_of(CREATED_BY, kind).problems(body) if kind in CREATED_BY else []
    return body | {key: PLACEHOLDER for key in map(_missing, problems) if key in SECRETS}


def _missing(problem: Problem) -> str:
    return str(problem["loc"][-1]) if problem["type"] == "missing" else ""


def _dictionary(document: Json) -> Json:
    keys = ("name", "description", "rules")
    return {key: document[key] for key in keys if document.get(key) is not None}


def _item(row: Json) -> Json:
    definition = row.get("definition")
    return definition if isinstance(definition, dict) else {}


_SHOWN = ("id", "access_info")
_STATUS = ("status", "status_detail", "status_updated_at")
_MADE = ("workspace_id", "created_at_unix_secs", "updated_at_unix_secs", "created_by_user_id")
_CONNECTION = without(*_SHOWN, "used_by", *_STATUS)

SECRET: Final = Resource(
    kind="secrets",
    record="secret",
    path="/v1/convai/secrets",
    rows="secrets",
    id_key="secret_id",
    prefix="secret_",
    newest_first=True,
    body=_secret,
)
CONNECTION: Final = Resource(
    kind="auth connections",
    record="auth_connection",
    path="/v1/workspace/auth-connections",
    rows="auth_connections",
    query={},
    prefix="authconn_",
    body=_connection,
)
VARIABLE: Final = Resource(
    kind="environment variables",
    record="environment_variable",
    path="/v1/convai/environment-variables",
    rows="environment_variables",
    prefix="",
    newest_first=True,
    body=without(*_SHOWN, *_MADE),
    here=lambda row: variable_id(str(row.listed.get("label"))),
)
ENVIRONMENT: Final = Resource(
    kind="environments",
    record="environment",
    path="/v1/convai/environments",
    rows="environments",
    id_key="name",
    query={},
    prefix="",
    body=lambda row: {"name": row.get("name")},
    always_there=PRODUCTION,
)
TAG: Final = Resource(
    kind="tags",
    record="tag",
    path="/v1/convai/tags",
    rows="conversation_tags",
    id_key="tag_id",
    prefix="tag_",
    newest_first=True,
    body=without("tag_id", "workspace_id", "owner_user_id", "created_at_unix_secs"),
)
ITEM: Final = Resource(
    kind="analysis items",
    record="analysis_item",
    path="/v1/convai/analysis-items",
    rows="analysis_items",
    prefix="anlitm_",
    newest_first=True,
    body=_item,
    more_ids=lambda row: {"anlver_": row.get("current_version_id")},
)
TOOL: Final = Resource(
    kind="tools",
    record="tool",
    path="/v1/convai/tools",
    rows="tools",
    query={"page_size": PAGE_SIZE, "sort_direction": "asc", "sort_by": "created_at"},
    is_whole=False,
    prefix="tool_",
    body=without(*_SHOWN, "usage_stats"),
)
MCP_SERVER: Final = Resource(
    kind="MCP servers",
    record="mcp_server",
    path="/v1/convai/mcp-servers",
    rows="mcp_servers",
    query={},
    prefix="mcp_",
    body=without(*_SHOWN, "dependent_agents", "metadata"),
)
DICTIONARY: Final = Resource(
    kind="pronunciation dictionaries",
    record="pronunciation_dictionary",
    path="/v1/pronunciation-dictionaries",
    rows="pronunciation_dictionaries",
    query={"page_size": PAGE_SIZE, "include_archived": True, "sort_direction": "ASCENDING"},
    is_whole=False,
    prefix="pd_",
    make="/v1/pronunciation-dictionaries/add-from-rules",
    body=_dictionary,
    more_ids=lambda document: {"pdv_": document.get("latest_version_id")},
)


async def move(transfer: Transfer, resource: Resource) -> None:
    """Move all of one kind.

    Raises:
        SourceLost: If the source is gone.
    """
    rows = await transfer.rows(
        resource.kind, resource.path, resource.rows, resource.query, id_key=resource.id_key
    )
    rows = [row for row in rows if row.id != resource.always_there]
    here = resource.here or _own_id
    there = await transfer.records(resource.record, [here(row) for row in rows])
    known = {row.id for row in rows if here(row) in there}
    new = transfer.new(resource.kind, rows[::-1] if resource.newest_first else rows, known)

    async def one(row: Row) -> Json:
        return await transfer.source.ask(f"{resource.path}/{row.id}")

    fetch = listed if resource.is_whole else one
    await transfer.each(resource.kind, new, fetch, partial(_keep, transfer, resource))


def _own_id(row: Row) -> str:
    return row.id


async def _keep(transfer: Transfer, resource: Resource, row: Row, document: Json) -> None:
    ids = {resource.prefix: row.id, **resource.more_ids(document)}
    answer = await transfer.target.make(
        resource.make or resource.path,
        resource.body(document),
        ids,
        at=row.at,
        shown=None if resource.here else (resource.id_key, row.id),
    )
    if resource.here and (here := answer.get("id")) != row.id:
        transfer.report.by_hand.append(
            f"{resource.kind}: {row.title} has the id {here} here; agents and tools name its label"
        )
    if document.get("archived_time_unix"):
        path = f"{resource.path}/{row.id}"
        await transfer.target.send("PATCH", path, {"archived": True})
