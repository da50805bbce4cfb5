"""The tools of an agent, from all the places and notations they are stored in, in one form.

Laws: each name once, the first place wins (records by `tool_ids`, then inline `tools`, then
`built_in_tools`); the stored definition is kept as it is in `raw`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from turnwise.agents.config import ConversationConfig, Prompt
from turnwise.agents.schemas import advertised, as_object, complete, of_literals, variables_of
from turnwise.agents.system_tools import SYSTEM_TOOLS, describe, parameters_of
from turnwise.agents.variables import SECRET, SYSTEM, Variables, names_in

Json = dict[str, Any]
Stored = Mapping[str, Any]

# the one of MCP tools is their own (spec/agent-config-tree.md)
_TIMEOUT_SECS = {"mcp": 30.0}
_DEFAULT_TIMEOUT_SECS = 20.0
_MANNERS = frozenset(
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
        "execution_mode",
        "params",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool as all else here sees it."""

    name: str
    kind: str
    """`client`, `webhook`, `system`, `mcp`, …: the wire's `tool_type`."""
    description: str
    """For the language model."""
    parameters: Stored = field(default_factory=dict)
    """JSON Schema of an object: what the language model gives."""
    execution_mode: str = "immediate"
    """`immediate`, `post_tool_speech` or `async`."""
    expects_response: bool = True
    """Whether the reply waits for the answer. Only client tools may say no."""
    response_timeout_secs: float | None = _DEFAULT_TIMEOUT_SECS
    """None waits for ever (the wire's -1)."""
    interruption_mode: str = "allow"
    """`allow`, `disable_during_tool` or `disable_during_tool_and_turn`."""
    pre_tool_speech: str = "auto"
    """`auto`, `force` or `off`."""
    system_type: str | None = None
    """A system tool's `system_tool_type`; None for others."""
    params: Stored = field(default_factory=dict)
    """A system tool's configuration."""
    id: str | None = None
    """Of its record; None for inline and built-in ones."""
    raw: Stored = field(default_factory=dict)
    """The stored definition; a built-in tool's with its name and type written out."""

    @property
    def placeholders(self) -> Json:
        """Values of its own variables in tests and rehearsals."""
        own = self.raw.get("dynamic_variables")
        found = own.get("dynamic_variable_placeholders") if isinstance(own, Mapping) else None
        return dict(found) if isinstance(found, Mapping) else {}

    @property
    def schema(self) -> Json:
        """All its parameters, in the stored notation, whoever gives them.

        Of a webhook: those of path, query and body together.
        """
        return dict(self.parameters) if self.kind == "system" else _schema_of(self.kind, self.raw)

    @property
    def is_read_only(self) -> bool:
        """Whether it changes nothing in the world, so that it may run before a turn is taken.

        Said by `turnwise_read_only`, which is ours; there is no published field.
        """
        return self.raw.get("turnwise_read_only") is True

    def arguments(self, given: Mapping[str, Any], variables: Variables) -> Json:
        """Return what a client is sent: the model's arguments, constants and variables filled in.

        For tools of other kinds it is the flat union of their parameters.
        """
        filled = complete(self.schema, given, variables)
        return {name: value for name, value in filled.items() if name != "tool_call_id"}


@dataclass(frozen=True, slots=True)
class Toolset:
    """The tools of an agent."""

    tools: tuple[Tool, ...] = ()
    missing: tuple[str, ...] = ()
    """Entries of `tool_ids` without a record."""

    def named(self, name: str) -> Tool | None:
        """Return the tool of this name."""
        return next((tool for tool in self.tools if tool.name == name), None)

    def only(self, allowed: Collection[str]) -> "Toolset":
        """Return the tools that a list allows, by id or name, or `__system_` and a name."""

        def is_allowed(tool: Tool) -> bool:
            names = {tool.id, tool.name, f"__system_{tool.name}"}
            return not names.isdisjoint(allowed)

        tools = tuple(tool for tool in self.tools if is_allowed(tool))
        known = {name for tool in tools for name in (tool.name, f"__system_{tool.name}")}
        return Toolset(tools, tuple(each for each in self.missing if each not in known))

    def required_variables(self) -> frozenset[str]:
        """Return the variables that must have a value before the conversation begins.

        Not needed are the platform's own, secrets, and those that another tool's answer assigns.
        """  # spec/semantics.md, 8
        assigned = {name for tool in self.tools for name in _assigned(tool.raw)}
        needed: set[str] = set()
        for tool in self.tools:
            needed |= {*variables_of(tool.schema), *names_in(tool.raw), *_in_headers(tool.raw)}
        ours = {name for name in needed if name.startswith((SYSTEM, SECRET))}
        return frozenset(needed - assigned - ours)


def tools_of(config: ConversationConfig, records: Mapping[str, Stored] | None = None) -> Toolset:
    """Return the tools of an agent.

    Args:
        config: Its configuration, overrides applied.
        records: Stored tools by id: the record (`{"tool_config": …}`) or the definition itself.
    """
    prompt = config.agent.prompt
    own = config.agent.language
    languages = [own, *(code for code in config.language_presets if code != own)]
    found: dict[str, Tool] = {}
    missing: list[str] = []
    for tool_id in prompt.tool_ids:
        if (stored := _record(tool_id, records or {})) is None:
            missing.append(tool_id)
        else:
            _add(found, normalise(stored, languages, tool_id=tool_id))
    for stored in prompt.tools:
        _add(found, normalise(stored, languages))
    for stored in _built_in(prompt):
        _add(found, normalise(stored, languages))
    return Toolset(tuple(found.values()), tuple(missing))


def _add(found: dict[str, Tool], tool: Tool) -> None:
    found.setdefault(tool.name, tool)


def _record(tool_id: str, records: Mapping[str, Stored]) -> Stored | None:
    # ids first, then names: some put names there (spec/semantics.md, 44 no. 35)
    named = (each for each in records.values() if _definition(each).get("name") == tool_id)
    stored = records.get(tool_id) or next(named, None)
    return None if stored is None else _definition(stored)


def _definition(record: Stored) -> Stored:
    inner = record.get("tool_config")
    return inner if isinstance(inner, Mapping) else record


def _built_in(prompt: Prompt) -> Iterator[Json]:
    for name, stored in prompt.built_in_tools.items():
        if isinstance(stored, Mapping):
            own_name = stored.get("name") or name
            yield {"system_tool_type": name, **stored, "name": own_name, "type": "system"}


def normalise(stored: Stored, languages: Sequence[str] = (), *, tool_id: str | None = None) -> Tool:
    """Return a stored definition in the one form.

    Accepted beside the published notation: no `type`, and a system tool without `params` or with
    its parameters not wrapped in them.
    """  # spec/semantics.md, 44 no. 8
    kind = str(stored.get("type") or _guess(stored))
    name = str(stored.get("name") or "")
    description = str(stored.get("description") or "")
    params = _params(stored) if kind == "system" else {}
    system_type = str(params.get("system_tool_type") or name) if kind == "system" else None
    if system_type is not None:
        description = describe(system_type, params, description)
        parameters = parameters_of(system_type, params, languages)
    else:
        parameters = advertised(_schema_of(kind, stored))
    return Tool(
        name=name or (system_type or ""),
        kind=kind,
        description=description,
        parameters=parameters,
        execution_mode=str(stored.get("execution_mode") or "immediate"),
        expects_response=kind != "client" or bool(stored.get("expects_response")),
        response_timeout_secs=_timeout(kind, stored.get("response_timeout_secs")),
        interruption_mode=_interruption_mode(stored),
        pre_tool_speech=_pre_tool_speech(stored),
        system_type=system_type,
        params=params,
        id=tool_id,
        raw=stored,
    )


def _guess(stored: Stored) -> str:
    if "api_schema" in stored:
        return "webhook"
    return "system" if "params" in stored or stored.get("name") in SYSTEM_TOOLS else "client"


def _params(stored: Stored) -> Json:
    wrapped = stored.get("params")
    loose = {key: value for key, value in stored.items() if key not in _MANNERS}
    return {**loose, **wrapped} if isinstance(wrapped, Mapping) else loose


def _timeout(kind: str, stored: object) -> float | None:
    if not isinstance(stored, int | float):
        return _TIMEOUT_SECS.get(kind, _DEFAULT_TIMEOUT_SECS)
    return float(stored) if stored > 0 else None


def _interruption_mode(stored: Stored) -> str:
    mode = str(stored.get("interruption_mode") or "allow")
    legacy = mode == "allow" and stored.get("disable_interruptions") is True
    return "disable_during_tool" if legacy else mode


def _pre_tool_speech(stored: Stored) -> str:
    speech = str(stored.get("pre_tool_speech") or "auto")
    legacy = speech == "auto" and stored.get("force_pre_tool_speech") is True
    return "force" if legacy else speech


def _schema_of(kind: str, stored: Stored) -> Json:
    """Return all parameters of a stored tool in one flat object, whoever gives them."""
    if kind == "mcp":
        return as_object(stored.get("parameters") or stored.get("mcp_input_schema"))
    api = stored.get("api_schema")
    if not isinstance(api, Mapping):
        return as_object(stored.get("parameters"))
    return _joined(
        of_literals(api.get("path_params_schema")),
        of_literals(api.get("query_params_schema")),
        as_object(api.get("request_body_schema")),
    )


def _joined(*schemas: Json) -> Json:
    properties: Json = {}
    required: list[str] = []
    for schema in schemas:
        for name, leaf in (schema.get("properties") or {}).items():
            properties.setdefault(name, leaf)
        required += [name for name in schema.get("required") or () if name not in required]
    joined: Json = {"type": "object", "properties": properties, "required": required}
    for schema in schemas:
        if schema.get("required_constraints"):
            joined["required_constraints"] = schema["required_constraints"]
    return joined


def _in_headers(stored: Stored) -> Iterable[str]:
    api = stored.get("api_schema")
    headers = api.get("request_headers") if isinstance(api, Mapping) else None
    for header in headers.values() if isinstance(headers, Mapping) else ():
        if isinstance(header, Mapping) and header.get("variable_name"):
            yield str(header["variable_name"])


def _assigned(stored: Stored) -> Iterable[str]:
    for each in stored.get("assignments") or ():
        if isinstance(each, Mapping) and each.get("dynamic_variable"):
            yield str(each["dynamic_variable"])
