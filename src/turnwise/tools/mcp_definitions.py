"""From what an MCP server offers to tools as an agent has them."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from turnwise.agents.tools import Tool, normalise
from turnwise.tools.approvals import APPROVAL_S
from turnwise.tools.schema_overrides import offered, overridden, readable

Json = dict[str, Any]

NAME_CHARS = 64
"""Longest name of a tool that language models take."""
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]+")
_MANNERS = (
    "pre_tool_speech",
    "force_pre_tool_speech",
    "interruption_mode",
    "disable_interruptions",
    "execution_mode",
    "tool_call_sound",
    "tool_call_sound_behavior",
    "response_timeout_secs",
)
"""What a server says for all of its tools, and a tool for itself."""
_SILENCE = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class McpSettings:
    """An MCP server as an agent has it."""

    server_id: str
    config: Mapping[str, Any]
    """As stored."""
    integration_type: str = "mcp_server"
    """`mcp_server` or `mcp_integration`."""

    @property
    def name(self) -> str:
        """What its owner calls it."""
        return str(self.config.get("name") or self.server_id)

    def needs_approval(self, name: str, description: str, schema: Mapping[str, Any]) -> bool:
        """Return whether the user must approve of each call of a tool.

        Args:
            name: As the server calls it.
            description: As the server has it now.
            schema: Its parameters now.
        """
        policy = self.config.get("approval_policy")
        if policy != "require_approval_per_tool":
            return policy != "auto_approve_all"
        approved = next(
            (
                each
                for each in self.config.get("tool_approval_hashes") or ()
                if each.get("tool_name") == name
            ),
            None,
        )
        # a tool that is not what it was when it was approved needs the user, as an unknown one does
        return (
            approved is None
            or approved.get("approval_policy") != "auto_approved"
            or approved.get("tool_hash") != tool_hash(description, schema)
        )


def tool_hash(description: str, input_schema: Mapping[str, Any]) -> str:
    """Return what is approved of a tool, as SHA-256 of its description and parameters."""
    definition = {"description": description, "parameters": input_schema}
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def is_sound(listed: Mapping[str, Any]) -> bool:
    """Return whether a tool as it was listed can be offered to a model."""
    schema = listed.get("inputSchema") or {}
    return (
        bool(listed.get("name"))
        and isinstance(schema, Mapping)
        and schema.get("type", "object") == "object"
        and isinstance(schema.get("properties", {}), Mapping)
    )


def tool_of(settings: McpSettings, listed: Mapping[str, Any]) -> Tool:
    """Return a tool as an agent has it; its name may be that of another one.

    Args:
        settings: The server.
        listed: A sound tool, as MCP describes it.
    """
    name, told = str(listed["name"]), str(listed.get("description") or "")
    schema = listed.get("inputSchema") or {}
    own = _own(settings.config, name)
    needs_approval = settings.needs_approval(name, told, schema)
    overrides = own.get("input_overrides") or {}
    changed = overridden({"type": "object", **schema}, overrides)
    raw: Json = {
        **_manners(settings.config, own),
        "type": "mcp",
        "name": _cut(_NO_NAME.sub("_", name)),
        "description": told,
        "integration_type": settings.integration_type,
        "mcp_server_id": settings.server_id,
        "mcp_server_name": settings.name,
        "mcp_tool_name": name,
        "mcp_tool_description": told,
        "mcp_input_schema": schema,
        "approval_policy": settings.config.get("approval_policy") or "require_approval_all",
        "parameters": overridden({"type": "object", **readable(schema)}, overrides),
        "assignments": own.get("assignments") or [],
        # by MCP the error of a tool is for the model, which may put it right
        "tool_error_handling_mode": "passthrough",
    }
    tool = normalise(raw, tool_id=f"mcp:{settings.server_id}:{name}")
    patience_s = tool.response_timeout_secs
    if patience_s is not None and needs_approval:
        patience_s += APPROVAL_S
    # whole, as the server wrote it: no keyword of JSON Schema is lost on the way to the model
    return replace(tool, parameters=offered(changed), response_timeout_secs=patience_s)


def with_own_settings(tool: Tool) -> Tool:
    """Return a tool that an agent names by itself, with what is stored of it put into effect.

    What its server says of it does not count: such a tool has overrides and an approval of its own.
    """
    raw = tool.raw
    schema = raw.get("parameters") or raw.get("mcp_input_schema")
    overrides = raw.get("input_overrides")
    if isinstance(overrides, Mapping) and isinstance(schema, Mapping):
        whole = {"type": "object", **schema}
        filled = overridden({"type": "object", **readable(schema)}, overrides)
        parameters = offered(overridden(whole, overrides))
        tool = replace(tool, raw={**raw, "parameters": filled}, parameters=parameters)
    if raw.get("approval_policy") != "auto_approve_all" and tool.response_timeout_secs is not None:
        patience_s = tool.response_timeout_secs + APPROVAL_S
        tool = replace(tool, response_timeout_secs=patience_s)
    return tool


def mocks_of(settings: McpSettings, tool: Tool) -> list[Mapping[str, Any]]:
    """Return the prepared answers of a tool, for sessions that call none."""
    own = _own(settings.config, str(tool.raw.get("mcp_tool_name")))
    return list(own.get("response_mocks") or ())


def uniquely(tools: Iterable[Tool], taken: Collection[str]) -> tuple[Tool, ...]:
    """Return tools under names that are not taken; one that is gets its server's before it."""
    names = set(taken)
    named = []
    for tool in tools:
        server = _NO_NAME.sub("_", str(tool.raw.get("mcp_server_name") or "mcp"))
        name = tool.name if tool.name not in names else _cut(f"{server}_{tool.name}")
        number = 2
        while name in names:
            name = f"{_cut(tool.name, NAME_CHARS - 4)}_{number}"
            number += 1
        names.add(name)
        named.append(replace(tool, name=name))
    return tuple(named)


def _cut(name: str, chars: int = NAME_CHARS) -> str:
    return name[:chars]


def _own(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    overrides = config.get("tool_config_overrides") or ()
    found = (each for each in overrides if each.get("tool_name") == name)
    return next(found, {})


def _manners(config: Mapping[str, Any], own: Mapping[str, Any]) -> Json:
    manners = {
        key: config.get(key) if own.get(key) is None else own[key]
        for key in _MANNERS
        if own.get(key) is not None or config.get(key) is not None
    }
    if manners.get("tool_call_sound") == _SILENCE:
        del manners["tool_call_sound"]
    return manners
