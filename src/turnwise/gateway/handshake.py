"""Who wants to talk, to which agent, and how: everything that is decided before the first word."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turnwise.agents.config import Agent, ConversationConfig, read_agent, view
from turnwise.agents.overrides import Overridden, apply, check_start, extra_body, merged
from turnwise.agents.prompt import Document
from turnwise.agents.tools import Tool, Toolset, tools_of
from turnwise.agents.variables import MissingVariables, Variables
from turnwise.audio.formats import AudioFormat, parse_format
from turnwise.gateway.prompting import Brief
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
    warnings: tuple[str, ...] = ()
    """What the client asked for and did not get."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What of the server's settings matters here."""

    permissive: bool = False
    model: str = ""


def prepare(
    document: Mapping[str, Any],
    init: ConversationInitiationClientData,
    system: Mapping[str, Any],
    installation: Installation,
    *,
    open_to_client: bool = False,
) -> Prepared:
    """Return how a conversation is held.

    Args:
        document: The agent as stored.
        init: The client's first message.
        system: The platform's own variables, named `system__…`.
        installation: Settings of this server.
        open_to_client: Whether the client brought the agent along and may override all of it.

    Raises:
        OverrideForbidden, MissingVariables, ShapeError, FormatError: If it cannot be held.
    """
    agent = read_agent(document)
    permissive = installation.permissive or open_to_client
    overridden, body = _overridden(document, init, agent, permissive=permissive)
    config = view(ConversationConfig, overridden.config)
    toolset = tools_of(config)
    variables = _variables(config, toolset, init, system)
    config = _filled(config, variables)
    return Prepared(
        config=config,
        brief=_brief(config, agent, toolset.tools, installation.model, body),
        policy=policy_of(config, toolset.tools),
        variables=variables,
        tools=toolset.tools,
        output_format=parse_format(config.tts.agent_output_audio_format),
        input_format=parse_format(config.asr.user_input_audio_format),
        warnings=tuple(f"override {path} has no effect" for path in overridden.ignored)
        + tuple(f"there is no tool {tool_id}" for tool_id in toolset.missing),
    )


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
) -> Variables:
    placeholders = _placeholders(config, toolset.tools)
    variables = Variables.of(init.dynamic_variables, placeholders=placeholders, system=system)
    if missing := variables.missing(toolset.required_variables()):
        raise MissingVariables("tools", missing)
    return variables


def _brief(
    config: ConversationConfig, agent: Agent, tools: tuple[Tool, ...], model: str, body: Json
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
        model=model,
        extra_body=body,
        text_channel="chat" if config.conversation.text_only else None,
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
    soft = config.turn.soft_timeout_config
    soft = soft.model_copy(
        update={
            "message": variables.fill(soft.message),
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
