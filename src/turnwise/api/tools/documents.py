"""A tool's document: what is stored of what a client sent, and what a client gets to see."""

from collections.abc import Iterator, Mapping
from typing import Any

from turnwise.api.access import ACCESS
from turnwise.api.references import uses_of
from turnwise.store import Record, Reference

Object = dict[str, Any]

KIND = "tool"
ANSWER_ONLY = frozenset({"id", "access_info", "usage_stats"})
"""Keys of an answer: a client that sends them does not store them."""


def stored(body: Object) -> Object:
    """Return the document of a tool.

    Args:
        body: In the published shape, with its defaults.
    """
    return {key: value for key, value in body.items() if key not in ANSWER_ONLY}


def shown(record: Record, usage: Record | None) -> Object:
    """Return a tool as clients read it.

    Args:
        record: The tool.
        usage: Its record of `tool_usage`; None: it was never called.
    """
    return {
        **record.document,
        "id": record.record_id,
        "access_info": ACCESS,
        "usage_stats": _usage(usage.document if usage else {}),
    }


def references(config: Mapping[str, Any]) -> tuple[Reference, ...]:
    """Return what the settings of a tool refer to."""
    found = uses_of(_values(config.get("api_schema") or {}))
    if config.get("type") == "mcp":
        return (*found, ("mcp_server", str(config["mcp_server_id"])))
    if config.get("type") == "api_integration_webhook":
        connection = str(config["api_integration_connection_id"])
        return (*found, ("integration_connection", connection))
    return found


def without_tool(document: Object, tool_id: str) -> Object:
    """Return an agent's settings that refer to a tool no more."""
    return {key: _without(key, value, tool_id) for key, value in document.items()}


def _without(key: str, value: object, tool_id: str) -> object:
    if isinstance(value, list):
        if key in {"tool_ids", "additional_tool_ids"}:
            return [each for each in value if each != tool_id]
        left = [each for each in value if not _is_locator(each, tool_id)]
        return [_without("", each, tool_id) for each in left]
    return without_tool(value, tool_id) if isinstance(value, dict) else value


def _is_locator(value: object, tool_id: str) -> bool:
    return isinstance(value, dict) and value.get("tool_id") == tool_id


def _values(api_schema: Mapping[str, Any]) -> Iterator[object]:
    yield api_schema.get("url")
    yield api_schema.get("auth_connection")
    yield from (api_schema.get("request_headers") or {}).values()


def _usage(counted: Mapping[str, Any]) -> Object:
    calls = counted.get("total_calls", 0)
    total_secs = counted.get("total_latency_secs", 0.0)
    return {"total_calls": calls, "avg_latency_secs": total_secs / calls if calls else 0.0}
