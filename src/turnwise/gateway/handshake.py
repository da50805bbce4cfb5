"""Who wants to talk, to which agent, and how: everything that is decided before the first word."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from turnwise.agents.config import (
    Agent,
    ConversationConfig,
    KnowledgeLocator,
    read_agent,
    view,
)
from turnwise.agents.overrides import (
    Overridden,
    apply,
    check_start,
    extra_body,
    merged,
    with_language,
)
from turnwise.agents.prompt import Document
from turnwise.agents.tools import Tool, Toolset, tools_of
from turnwise.agents.variables import SYSTEM, TIMEZONE, MissingVariables, Variables
from turnwise.audio.formats import AudioFormat, parse_format
from turnwise.gateway.prompting import Brief
from turnwise.knowledge.library import Shelf
from turnwise.tools.mcp_definitions import with_own_settings
from turnwise.turns.policy import Policy
from turnwise.wire.client_messages import ConversationInitiationClientData, EnclaveSetupConfig
from turnwise.wire.errors import WireError
from turnwise.wire.manners import policy_of

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A conversation that can begin."""

    config: ConversationConfig
    brief: Brief
    policy: Policy
    variables: Variables
    tools: tuple[Tool, ...]
    output_format: AudioFormat
    input_format: AudioFormat
    agent_id: str = ""
    branch_id: str | None = None
    most_at_once: int | None = None
    """Conversations that the agent may have at the same time; None: no limit."""
    warnings: tuple[str, ...] = ()
    """What the client asked for and did not get."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What of the server's settings matters here."""

    permissive: bool = False
    enclave_agents: str = "apart"
    """Agents that clients bring along: `off`, `apart` from all that is stored here, or `full`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplies:
    """What an agent has in a conversation beyond its own document."""

    tools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Stored tools by what `tool_ids` calls them."""
    language: str | None = None
    """In which it goes on; None: the one that it or the client chose."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The environment variables that it may say, named `system__env_…`."""
    open_to_client: bool = False
    """Whether the client brought it along and may override all of it."""
    rehearsal: bool = False
    """Whether placeholders stand in for variables that nobody gives: a test, not a call."""


def prepare(
    document: Mapping[str, Any],
    init: ConversationInitiationClientData,
    system: Mapping[str, Any],
    installation: Installation,
    supplies: Supplies,
) -> Prepared:
    """Return how a conversation is held.

    Args:
        document: The agent as stored.
        init: The client's first message.
        system: The platform's own variables, named `system__…`.
        installation: Settings of this server.
        supplies: What it has beyond its document.

    Raises:
        OverrideForbidden, MissingVariables, ShapeError, FormatError: If it cannot be held.
    """
    agent = read_agent(document)
    permissive = installation.permissive or supplies.open_to_client
    overridden, body = _overridden(document, init, agent, permissive=permissive)
    chosen = overridden.config
    if supplies.language is not None:
        chosen = with_language(chosen, supplies.language)
    config = view(ConversationConfig, chosen)
    toolset = _toolset(config, init, supplies)
    own = {**system, **supplies.environment}
    rehearsal = supplies.rehearsal or permissive
    variables = _variables(config, toolset, init, own, rehearsal=rehearsal)
    toolset = replace(toolset, tools=tuple(_told(tool, variables) for tool in toolset.tools))
    template, config = config.agent.prompt.prompt, _filled(config, variables)
    brief = _brief(config, agent, toolset.tools, body, _channel(init))
    limit = agent.platform_settings.call_limits.agent_concurrency_limit
    return Prepared(
        config=config,
        brief=replace(brief, user_id=init.user_id, template=template),
        policy=policy_of(config, toolset.tools),
        variables=variables,
        tools=toolset.tools,
        output_format=parse_format(config.tts.agent_output_audio_format),
        input_format=parse_format(config.asr.user_input_audio_format),
        agent_id=agent.agent_id,
        branch_id=document.get("branch_id"),
        most_at_once=limit if limit >= 0 else None,
        warnings=tuple(f"override {path} has no effect" for path in overridden.ignored)
        + tuple(f"there is no tool {tool_id}" for tool_id in toolset.missing)
        + _not_taken(init, body),
    )


_NOT_STARTED = {
    "starting_workflow_node_id": "workflows",
    "procedure_ids": "procedures",
    "start_procedure_ids": "procedures",
}
"""Where a client may ask to begin, and what is missing for it."""


def _not_taken(init: ConversationInitiationClientData, body: Json) -> tuple[str, ...]:
    """Return what the client sent beside overrides and is not used, for the record."""
    forged = sorted(name for name in init.dynamic_variables or {} if name.startswith(SYSTEM))
    told = [f"variable {name} is the platform's own" for name in forged if name != TIMEZONE]
    if init.custom_llm_extra_body and not body:
        told.append("custom_llm_extra_body has no effect: the agent does not allow it")
    told += [
        f"{name} has no effect: there are no {what}"
        for name, what in _NOT_STARTED.items()
        if getattr(init, name)
    ]
    return tuple(told)


def _toolset(
    config: ConversationConfig, init: ConversationInitiationClientData, supplies: Supplies
) -> Toolset:
    """Return the tools of a conversation: all the agent has, or only those the client lists."""
    toolset = tools_of(config, supplies.tools)
    tools = (with_own_settings(tool) if tool.kind == "mcp" else tool for tool in toolset.tools)
    toolset = replace(toolset, tools=tuple(tools))
    agent = init.override.get("agent") or {}
    strict = (agent.get("prompt") or {}).get("tool_ids_strict") is True
    return toolset.only(config.agent.prompt.tool_ids) if strict else toolset


def _told(tool: Tool, variables: Variables) -> Tool:
    """Return a tool with the variables of what a model is told of it filled in."""
    parameters = variables.fill(tool.parameters)
    return replace(tool, description=variables.fill(tool.description), parameters=parameters)


def _channel(init: ConversationInitiationClientData) -> str:
    """Return where a conversation comes from, as `text_behavior_overrides` calls it."""
    return (init.source_info.source if init.source_info else None) or "unknown"


def informed(prepared: Prepared, shelf: Shelf) -> Prepared:
    """Return a conversation that knows the stored documents of its agent as well."""
    brief = prepared.brief
    return replace(
        prepared,
        brief=replace(brief, knowledge=(*brief.knowledge, *shelf.whole), retrieve=shelf.found),
        warnings=prepared.warnings
        + tuple(f"there is no document {document_id}" for document_id in shelf.missing),
    )


def stored_documents(config: ConversationConfig) -> list[KnowledgeLocator]:
    """Return the documents that an agent refers to, less those that it brings along."""
    known = config.agent.prompt.knowledge_base
    return [locator for locator in known if not getattr(locator, "text", "")]


def _overridden(
    document: Mapping[str, Any],
    init: ConversationInitiationClientData,
    agent: Agent,
    *,
    permissive: bool,
) -> tuple[Overridden, Json]:
    """Return the configuration with the client's overrides, and its extra body, if allowed."""
    overrides = agent.platform_settings.overrides
    check_start(
        overrides,
        starting_workflow_node_id=init.starting_workflow_node_id,
        procedure_ids=init.procedure_ids,
        start_procedure_ids=init.start_procedure_ids,
        permissive=permissive,
    )
    body = extra_body(init.custom_llm_extra_body, overrides, permissive=permissive)
    overridden = apply(
        document.get("conversation_config") or {},
        init.conversation_config_override,
        agent.platform_settings,
        permissive=permissive,
    )
    return overridden, body


def _variables(
    config: ConversationConfig,
    toolset: Toolset,
    init: ConversationInitiationClientData,
    system: Mapping[str, Any],
    *,
    rehearsal: bool,
) -> Variables:
    # no defaults of calls: a name that nobody gave must not be read out to a caller
    placeholders = _placeholders(config, toolset.tools) if rehearsal else {}
    variables = Variables.of(init.dynamic_variables, placeholders=placeholders, system=system)
    if missing := variables.missing(toolset.required_variables()):
        raise MissingVariables("tools", missing)
    return variables


def _brief(
    config: ConversationConfig, agent: Agent, tools: tuple[Tool, ...], body: Json, channel: str
) -> Brief:
    knowledge = (
        Document(name=locator.name, text=text)
        for locator in config.agent.prompt.knowledge_base
        if (text := getattr(locator, "text", ""))
    )
    return Brief(
        config=config,
        guardrails=agent.platform_settings.guardrails,
        tools=tools,
        knowledge=tuple(knowledge),
        extra_body=body,
        text_channel=channel if config.conversation.text_only else None,
    )


def _placeholders(config: ConversationConfig, tools: tuple[Tool, ...]) -> Json:
    found: Json = {}
    for tool in tools:
        found |= tool.placeholders
    return found | config.agent.dynamic_variables.dynamic_variable_placeholders


def _filled(config: ConversationConfig, variables: Variables) -> ConversationConfig:
    """Return the configuration with the variables of everything that is said or told filled in."""
    agent = config.agent
    variables.require("first message", agent.first_message)
    variables.require("prompt", agent.prompt.prompt)
    variables.require("maximum duration message", agent.max_conversation_duration_message)
    soft = config.turn.soft_timeout_config
    if soft.timeout_seconds > 0:
        messages = (soft.message, *soft.additional_soft_timeout_messages)
        written = soft.llm_generated_message_prompt_override
        told = (written,) if soft.use_llm_generated_message else messages
        variables.require("soft timeout message", *told)
    prompt = agent.prompt.model_copy(update={"prompt": variables.fill(agent.prompt.prompt)})
    persona = agent.model_copy(
        update={
            "prompt": prompt,
            "first_message": variables.fill(agent.first_message),
            "max_conversation_duration_message": variables.fill(
                agent.max_conversation_duration_message
            ),
        }
    )
    soft = soft.model_copy(
        update={
            "message": variables.fill(soft.message),
            "llm_generated_message_prompt_override": variables.fill(
                soft.llm_generated_message_prompt_override
            ),
            "additional_soft_timeout_messages": variables.fill(
                soft.additional_soft_timeout_messages
            ),
        }
    )
    turn = config.turn.model_copy(update={"soft_timeout_config": soft})
    return config.model_copy(update={"agent": persona, "turn": turn})


def brought_along(setup: EnclaveSetupConfig, conversation_id: str) -> Json:
    """Return the agent that a client brings in its first message: nothing is stored here.

    Partial configurations apply in order on top; tools and knowledge take the place of the agent's.

    Raises:
        WireError: If there is no agent in it, or a tool is none.
    """  # spec/semantics.md, 2.7
    document = dict(setup.agent_config_dict or {})
    if not document:
        raise WireError(
            "enclave_setup_config has no agent_config_dict; it should hold the agent",
            error_type="missing_fields",
        )
    if "conversation_config" not in document:
        document = {"conversation_config": document}
    for partial in setup.override_agent_config_list or []:
        document = merged(document, partial)
    prompt: Json = {}
    if setup.tools_config_list is not None:
        tools = [tool.get("tool_config", tool) for tool in setup.tools_config_list]
        if any(not isinstance(tool, dict) or not tool.get("name") for tool in tools):
            raise WireError("tools_config_list: each tool should have a name")
        prompt["tools"] = tools
        prompt["tool_ids"] = []
    if setup.prompt_knowledge_base is not None:
        prompt["knowledge_base"] = [
            {"id": f"kb_{number}", "name": f"document {number}", "type": "text", "text": text}
            for number, text in enumerate(setup.prompt_knowledge_base, 1)
        ]
    if prompt:
        document = merged(document, {"conversation_config": {"agent": {"prompt": prompt}}})
    return {"agent_id": f"agent_of_{conversation_id}", "name": "", **document}


def is_public(agent: Agent) -> bool:
    """Return whether anybody may talk to the agent."""
    return not agent.platform_settings.auth.enable_auth


def allows_host(agent: Agent, origin: str | None) -> bool:
    """Return whether a page of this origin may talk to the agent."""
    auth = agent.platform_settings.auth
    if not origin:
        return not auth.require_origin_header
    host = origin.partition("://")[2] or origin
    allowed = {entry.hostname for entry in auth.allowlist}
    return not allowed or host in allowed or host.partition(":")[0] in allowed
