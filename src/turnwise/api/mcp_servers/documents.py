"""An MCP server's document: how it is reached, and which of its tools are approved."""

from collections.abc import Iterator, Mapping
from typing import Any

from turnwise.api.access import ACCESS
from turnwise.api.identity import USER_ID
from turnwise.api.references import uses_of
from turnwise.store import Record, Reference
from turnwise.tools.mcp_definitions import tool_hash

Object = dict[str, Any]

KIND = "mcp_server"
CONFIG = "config"
APPROVED = "approved_definitions"
"""Where the document keeps what was approved of each tool, by its name."""
PER_TOOL = "require_approval_per_tool"


def shown(record: Record, agents: list[Object]) -> Object:
    """Return a server as clients read it.

    Args:
        record: The server.
        agents: Who uses it, as dependents.
    """
    document = {key: value for key, value in record.document.items() if key != APPROVED}
    return {
        **document,
        "id": record.record_id,
        "access_info": ACCESS,
        "dependent_agents": agents,
        "metadata": {"created_at": record.created_at, "owner_user_id": USER_ID},
    }


def references(config: Mapping[str, Any]) -> tuple[Reference, ...]:
    """Return what the settings of a server refer to."""
    return uses_of(_values(config))


def approving(document: Object, body: Mapping[str, Any]) -> Object:
    """Return the document with a tool approved; an older approval of it is replaced.

    Args:
        document: The server.
        body: The approval, with its defaults.
    """
    name, schema = body["tool_name"], body.get("input_schema") or {}
    approval = {
        "tool_name": name,
        "tool_hash": tool_hash(body["tool_description"], schema),
        "approval_policy": body["approval_policy"],
    }
    hashes = [*_without(document[CONFIG], "tool_approval_hashes", name), approval]
    definition = {"description": body["tool_description"], "input_schema": schema}
    return {
        **document,
        CONFIG: document[CONFIG] | {"tool_approval_hashes": hashes},
        APPROVED: {**document.get(APPROVED, {}), name: definition},
    }


def disapproving(document: Object, tool_name: str) -> Object | None:
    """Return the document with a tool no longer approved; None: it was not."""
    hashes = document[CONFIG].get("tool_approval_hashes") or []
    left = _without(document[CONFIG], "tool_approval_hashes", tool_name)
    if len(left) == len(hashes):
        return None
    definitions = {
        name: each for name, each in document.get(APPROVED, {}).items() if name != tool_name
    }
    config = document[CONFIG] | {"tool_approval_hashes": left}
    return {**document, CONFIG: config, APPROVED: definitions}


def tool_config(document: Object, tool_name: str) -> Object | None:
    """Return the settings of one tool; None: it has none."""
    found = document[CONFIG].get("tool_config_overrides") or []
    return next((each for each in found if each["tool_name"] == tool_name), None)


def with_tool_config(document: Object, tool_name: str, settings: Object | None) -> Object:
    """Return the document with other settings of one tool; None: with none."""
    left = _without(document[CONFIG], "tool_config_overrides", tool_name)
    overrides = left if settings is None else [*left, settings]
    return {**document, CONFIG: document[CONFIG] | {"tool_config_overrides": overrides}}


def approval_status(record: Record, tool: Mapping[str, Any]) -> Object:
    """Return whether a tool that a server has now is approved as it is now."""
    name = tool["name"]
    hashes = record.document[CONFIG].get("tool_approval_hashes") or []
    approval = next((each for each in hashes if each["tool_name"] == name), None)
    status: Object = {
        "tool_id": f"mcp:{record.record_id}:{name}",
        "state": "not_approved",
        "approval_policy": None,
        "approved_definition": None,
    }
    if approval is None:
        return status
    status["approval_policy"] = approval.get("approval_policy")
    current = tool_hash(tool.get("description") or "", tool.get("inputSchema") or {})
    if approval["tool_hash"] == current:
        return status | {"state": "up_to_date"}
    approved = record.document.get(APPROVED, {}).get(name)
    return status | {"state": "needs_review", "approved_definition": approved}


def _without(config: Mapping[str, Any], key: str, tool_name: str) -> list[Object]:
    return [each for each in config.get(key) or [] if each["tool_name"] != tool_name]


def _values(config: Mapping[str, Any]) -> Iterator[object]:
    for key in ("url", "secret_token", "auth_connection"):
        yield config.get(key)
    for key in ("request_headers", "request_meta"):
        yield from (config.get(key) or {}).values()
