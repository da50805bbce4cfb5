"""An agent's document: what is stored of what a client sent, and what a client gets to see."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from turnwise.api.agents.merge import Object, Path, filled, merged, misplaced
from turnwise.api.errors import Invalid, Problem, problem
from turnwise.store import AgentRecord, AgentRow

UNNAMED = "New agent"

NULLABLE: frozenset[Path] = frozenset(
    {
        ("conversation_config", "agent", "prompt", "temperature"),
        ("conversation_config", "agent", "prompt", "ignore_default_personality"),
        ("platform_settings", "widget", "show_avatar_when_collapsed"),
    }
)
"""Places that have a default and may be null all the same (published shapes, November 2026)."""

ANSWER_ONLY = frozenset(
    {
        "agent_id",
        "metadata",
        "phone_numbers",
        "whatsapp_accounts",
        "access_info",
        "version_id",
        "branch_id",
        "main_branch_id",
        "version_description",
    }
)
"""Keys of an answer, or of one request alone: a client that sends them does not store them."""

ACCESS: Object = {
    "is_creator": True,
    "creator_name": "Turnwise",
    "creator_email": "",
    "role": "admin",
}
"""Whoever holds a key of this server is its administrator."""


@cache
def defaults() -> Object:
    """Return the published defaults of a new agent; not to be changed."""
    text = files("turnwise.api.agents").joinpath("defaults.json").read_text(encoding="utf-8")
    published: Object = json.loads(text)
    return {"name": UNNAMED, "tags": [], **published}


def created(body: Object) -> Object:
    """Return the document of a new agent.

    Raises:
        Invalid: If the body is not in the published shape.
    """
    problems = _problems(body)
    if body.get("conversation_config") is None:
        problems.append(problem("missing", ["body", "conversation_config"], "Field required"))
    if problems:
        raise Invalid(problems)
    return _filled(_stored_part(body))


def changed(document: Object, body: Object) -> Object:
    """Return the document of an agent after a patch.

    Raises:
        Invalid: If the body is not in the published shape.
    """
    if problems := _problems(body):
        raise Invalid(problems)
    return _filled(merged(document, _stored_part(body)))


def shown(record: AgentRecord) -> Object:
    """Return an agent as clients read it."""
    return {
        "agent_id": record.agent_id,
        "phone_numbers": [],
        "whatsapp_accounts": [],
        "access_info": ACCESS,
        "version_id": None,
        "branch_id": None,
        "main_branch_id": None,
        "procedures": {},
        **record.document,
        "metadata": {
            "created_at_unix_secs": record.created_at,
            "updated_at_unix_secs": record.updated_at,
        },
    }


def shown_row(row: AgentRow) -> Object:
    """Return an agent as clients find it in a list."""
    return {
        "agent_id": row.agent_id,
        "name": row.name,
        "voice_id": row.voice_id,
        "tags": list(row.tags),
        "created_at_unix_secs": row.created_at,
        "updated_at_unix_secs": row.updated_at,
        "access_info": ACCESS,
        "last_call_time_unix_secs": row.last_call_at,
        "archived": row.archived,
    }


def _filled(document: Object) -> Object:
    return filled(document, defaults(), NULLABLE)


def _stored_part(body: Object) -> Object:
    return {key: value for key, value in body.items() if key not in ANSWER_ONLY}


def _problems(body: Object) -> list[Problem]:
    found = [
        problem("dict_type", ["body", *place], "Input should be an object")
        for place in misplaced(body, defaults())
    ]
    if not isinstance(name := body.get("name"), str | None):
        found.append(problem("string_type", ["body", "name"], "Input should be a valid string"))
    elif name is not None and "\0" in name:
        found.append(problem("value_error", ["body", "name"], "Input should have no character NUL"))
    return found + _tag_problems(body.get("tags"))


def _tag_problems(tags: Any) -> list[Problem]:  # noqa: ANN401  # anything a client may send
    if tags is None:
        return []
    if not isinstance(tags, list):
        return [problem("list_type", ["body", "tags"], "Input should be a valid list")]
    return [
        problem("string_type", ["body", "tags", index], "Input should be a valid string")
        for index, tag in enumerate(tags)
        if not isinstance(tag, str)
    ]
