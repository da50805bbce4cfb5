"""Accepted shorthands and synonyms, put into their published form.

Clients that the hosted service takes send older or shorter spellings: a system tool as `{}`, node
types under their former names, parameters of a tool as a list. Each is known by the published shape
in which it stands; everything else stays as it is.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from turnwise.contract.defaults import REF, Json, Schema, members, resolved

Object = dict[str, Any]

NODE_TYPES: Final = {
    "dispatch_tool": "tool",
    "agent_transfer": "standalone_agent",
    "transfer_to_number": "phone_number",
}
"""Former types of a workflow's nodes, each with the present one."""

APPROVAL_POLICIES: Final = {"always_ask": "require_approval_all"}
"""Former names of what an MCP server's tools may do, each with the present one."""

DEEPEST: Final = 100
"""How far to follow a value: what is nested deeper is no one's configuration."""

EDITOR_ONLY: Final = {"id", "value_type", "required", "name"}
"""Keys of a listed parameter that its schema does not have."""


def normalised(value: Json, schema: Schema, shapes: Mapping[str, Schema]) -> Json:
    """Return a value in its published form; it shares with the argument what did not change."""
    return _Reader(shapes).read(value, schema)


class _Reader:
    """Walks a value along its schema."""

    def __init__(self, shapes: Mapping[str, Schema]) -> None:
        self._shapes = shapes
        self._depth = 0

    def read(self, value: Json, schema: Schema) -> Json:
        if not isinstance(value, dict | list) or self._depth > DEEPEST:
            return value
        self._depth += 1
        result = self._named(value, schema)
        self._depth -= 1
        return result

    def _named(self, value: Json, schema: Schema) -> Json:
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(REF)
            rewrite = REWRITES.get(name.removesuffix("-Input").removesuffix("-Output"))
            return self._inside(rewrite(value) if rewrite else value, self._shapes[name])
        return self._inside(value, schema)

    def _inside(self, value: Json, schema: Schema) -> Json:
        if "$ref" in schema:
            return self.read(value, schema)
        if alternatives := members(schema):
            for member in self._candidates(value, schema, alternatives):
                value = self.read(value, member)
            return value
        if isinstance(value, list):
            items = schema.get("items", {})
            return [self.read(item, items) for item in value]
        result = dict(value)
        for name, part in schema.get("properties", {}).items():
            if name in result:
                result[name] = self.read(result[name], part)
        rest = schema.get("additionalProperties")
        if isinstance(rest, Mapping):
            for name in result.keys() - schema.get("properties", {}).keys():
                result[name] = self.read(result[name], rest)
        return result

    def _candidates(
        self,
        value: Json,
        schema: Schema,
        alternatives: tuple[Schema, ...],
    ) -> tuple[Schema, ...]:
        """Return the members of a union that a value may be meant for."""
        discriminator = schema.get("discriminator")
        if discriminator and isinstance(value, dict):
            tag = value.get(discriminator["propertyName"])
            ref = discriminator["mapping"].get(tag) if isinstance(tag, str) else None
            return ({"$ref": ref},) if ref else ()
        kind = "array" if isinstance(value, list) else "object"
        return tuple(
            member
            for member in alternatives
            if members(member) or resolved(member, self._shapes).get("type") in {kind, None}
        )


def _agent(value: Json) -> Json:
    """Put a workflow that stands in `conversation_config` next to it."""
    match value:
        case {"conversation_config": {"workflow": dict() as workflow, **config}}:
            return {"workflow": workflow, **value, "conversation_config": config}
        case _:
            return value


def _workflow(value: Json) -> Json:
    match value:
        case {"nodes": dict() as nodes}:
            return {**value, "nodes": {key: _node(node) for key, node in nodes.items()}}
        case _:
            return value


def _node(node: Json) -> Json:
    match node:
        case {"type": str(former)} if former in NODE_TYPES:
            return {**node, "type": NODE_TYPES[former]}
        case _:
            return node


def _built_in_tools(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    return {
        name: _system_tool({"name": name, **tool}, name) if isinstance(tool, dict) else tool
        for name, tool in value.items()
    }


def _system_tool(value: Json, kind: str | None = None) -> Json:
    """Give a system tool its `params`, which may stand unwrapped beside the name or be missing."""
    if not isinstance(value, dict):
        return value
    params = value.get("params")
    if isinstance(params, dict):
        kind = params.get("system_tool_type") or kind or value.get("name")
        return {**value, "params": {"system_tool_type": kind, **params}}
    kind = kind or value.get("system_tool_type") or value.get("name")
    loose = {key: part for key, part in value.items() if key not in SYSTEM_TOOL_FIELDS}
    kept = {key: part for key, part in value.items() if key in SYSTEM_TOOL_FIELDS}
    return {**kept, "params": {"system_tool_type": kind, **loose}}


SYSTEM_TOOL_FIELDS: Final = frozenset(
    {
        "type",
        "name",
        "description",
        "response_timeout_secs",
        "disable_interruptions",
        "interruption_mode",
        "force_pre_tool_speech",
        "pre_tool_speech",
        "assignments",
        "tool_call_sound",
        "tool_call_sound_behavior",
        "tool_error_handling_mode",
    }
)
"""What a system tool has beside its `params`."""


def _webhook_request(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    result = dict(value)
    if isinstance(listed := value.get("path_params_schema"), list):
        result["path_params_schema"] = _by_name(listed)
    if isinstance(listed := value.get("query_params_schema"), list):
        result["query_params_schema"] = _listed_object(listed) if listed else None
    if isinstance(listed := value.get("request_body_schema"), list):
        result["request_body_schema"] = {"type": "object", **_listed_object(listed)}
    if isinstance(listed := value.get("request_headers"), list):
        result["request_headers"] = {part["name"]: _header(part) for part in listed if _name(part)}
    return result


def _client_tool(value: Json) -> Json:
    match value:
        case {"parameters": [*listed]}:
            return {**value, "parameters": {"type": "object", **_listed_object(listed)}}
        case _:
            return value


def _object_schema(value: Json) -> Json:
    """Make a map of the `properties` that are a list, and of `required` their names."""
    match value:
        case {"properties": [*listed]}:
            kept = {key: part for key, part in value.items() if key not in EDITOR_ONLY}
            return {**kept, **_listed_object(listed)}
        case {"required": bool()}:
            return {key: part for key, part in value.items() if key not in EDITOR_ONLY}
        case _:
            return value


def _listed_object(listed: list[Json]) -> Object:
    needed = [name for part in listed if (name := _name(part)) and part.get("required")]
    return {"properties": _by_name(listed), "required": needed}


def _by_name(listed: list[Json]) -> Object:
    return {name: _schema(part) for part in listed if (name := _name(part))}


def _schema(part: Object) -> Object:
    inner = _object_schema(part)
    lists = {"required": needed} if isinstance(needed := inner.get("required"), list) else {}
    return {key: value for key, value in inner.items() if key not in EDITOR_ONLY} | lists


def _name(part: Json) -> str | None:
    name = part.get("id") or part.get("name") if isinstance(part, dict) else None
    return name if isinstance(name, str) else None


def _header(part: Object) -> Json:
    for key in ("secret_id", "variable_name", "env_var_label"):
        if key in part:
            return {key: part[key]}
    return part.get("value")


def _mcp_server(value: Json) -> Json:
    match value:
        case {"approval_policy": str(former)} if former in APPROVAL_POLICIES:
            return {**value, "approval_policy": APPROVAL_POLICIES[former]}
        case _:
            return value


REWRITES: Final[Mapping[str, Callable[[Json], Json]]] = {
    "Body_Create_Agent_v1_convai_agents_create_post": _agent,
    "Body_Patches_an_Agent_settings_v1_convai_agents__agent_id__patch": _agent,
    "Body_Create_a_new_branch_v1_convai_agents__agent_id__branches_post": _agent,
    "Body_Create_agent_draft_v1_convai_agents__agent_id__drafts_post": _agent,
    "AdhocAgentConfigOverrideForTestRequestModel": _agent,
    "AgentWorkflowRequestModel": _workflow,
    "BuiltInTools": _built_in_tools,
    "BuiltInToolsWorkflowOverride": _built_in_tools,
    "SystemToolConfig": _system_tool,
    "WebhookToolApiSchemaConfig": _webhook_request,
    "ClientToolConfig": _client_tool,
    "ObjectJsonSchemaProperty": _object_schema,
    "QueryParamsJsonSchema": _object_schema,
    "MCPServerConfig": _mcp_server,
    "MCPApprovalPolicyUpdateRequestModel": _mcp_server,
    "MCPServerConfigUpdateRequestModel": _mcp_server,
}
"""What to do with a value of each shape, by its name without `-Input` or `-Output`."""
