"""From stored agents to personas: the one that begins, and those that take over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from typing_extensions import override

from turnwise.agents.config import ConversationConfig, SupportedVoice, read_agent
from turnwise.agents.overrides import merged
from turnwise.agents.variables import SYSTEM, MissingVariables, Variables
from turnwise.base.errors import Error
from turnwise.gateway.custom_llm import CustomLlms
from turnwise.gateway.facts import NO_PHONE, PhoneCall, environment_facts, keep_time, platform_facts
from turnwise.gateway.handshake import (
    Installation,
    Prepared,
    Supplies,
    informed,
    prepare,
    stored_documents,
)
from turnwise.gateway.mcp_casting import McpCast
from turnwise.knowledge.library import Library
from turnwise.outgoing import Outgoing
from turnwise.providers.ports import ListeningOptions, VoiceOptions
from turnwise.runtime.choice import NoSuchVersion, Wanted, chosen
from turnwise.runtime.configured import PRODUCTION, Configured
from turnwise.runtime.integrations import integrated
from turnwise.runtime.live_variables import LiveVariables
from turnwise.runtime.persona import (
    CannotTakeOver,
    Casting,
    LacksVariables,
    Persona,
    Transfer,
)
from turnwise.runtime.stored_tools import stored_tools
from turnwise.runtime.tool_values import ConversationValues, Tokens
from turnwise.runtime.toolkit import Toolkit
from turnwise.store import Store, Vault
from turnwise.tools.integrations.runner import IntegrationTools
from turnwise.tools.mcp import McpClient
from turnwise.tools.mocks import Mock, mocks_of
from turnwise.tools.ports import ToolRunner
from turnwise.tools.webhook import WebhookTools
from turnwise.wire.client_messages import ConversationInitiationClientData
from turnwise.wire.errors import WireError

Json = dict[str, Any]

_APART = "an agent that a client brings along may not use what is stored here"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What agents are prepared with."""

    store: Store
    installation: Installation
    custom_llms: CustomLlms
    library: Library = field(default_factory=Library)
    outgoing: Outgoing | None = None
    """The way to webhooks; None: there is none, and no webhook tool runs."""
    vault: Vault | None = None
    tokens: Tokens | None = None
    """Remembers tokens of auth connections; there where `outgoing` is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """One conversation, as far as agents depend on it."""

    conversation_id: str
    init: ConversationInitiationClientData
    environment: str | None = None
    open_to_client: bool = False
    """Whether the client brought the agent along."""
    phone: PhoneCall = NO_PHONE
    """Of a phone call."""
    rehearsal: bool = False
    """Whether placeholders stand in for variables that nobody gives: a test, not a call."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a persona came from."""

    document: Mapping[str, Any]
    init: ConversationInitiationClientData


class Cast(Casting):
    """The personas of one conversation."""

    def __init__(self, house: House, meeting: Meeting) -> None:
        self._house = house
        self._meeting = meeting
        self._sources: dict[str, _Source] = {}
        self._mocked: dict[str, Sequence[Mock]] = {}
        self._begun: Prepared | None = None
        self.variables = LiveVariables()
        """Of the conversation; known once its first agent is prepared."""
        self._shut = meeting.open_to_client and house.installation.enclave_agents != "full"
        """Whether the agent may use nothing that is stored here."""
        self._mcp: McpCast | None = None
        if house.outgoing is not None and house.tokens is not None:
            values = ConversationValues(self._configured(), house.tokens)
            self._mcp = McpCast(house.store, house.outgoing, values, self._now)
            self._mocked = self._mcp.servers.mocked

    async def first(self, document: Mapping[str, Any]) -> Prepared:
        """Return how the conversation begins.

        Args:
            document: The agent as stored, or as the client brought it along.

        Raises:
            Error: If it cannot; as `prepare`.
        """
        if self._meeting.open_to_client and self._house.installation.enclave_agents == "off":
            raise WireError("this server holds no agents that clients bring along")
        source = _Source(document, self._meeting.init)
        self._begun = prepared = await self._prepared(source, _facts(document, self._meeting))
        self.variables = LiveVariables(prepared.variables)
        keep_time(self.variables)
        return self._live(prepared)

    def persona(self, prepared: Prepared) -> Persona:
        """Return the persona of a prepared agent."""
        config = prepared.config
        persona = Persona(
            agent_id=prepared.agent_id,
            policy=prepared.policy,
            ask=prepared.brief.ask,
            ask_filler=prepared.brief.ask_filler,
            tools=prepared.tools,
            voice=_voice(config),
            listening=ListeningOptions(
                language=config.agent.language, keywords=tuple(config.asr.keywords)
            ),
            language=config.agent.language,
            first_message=config.agent.first_message,
            branch_id=prepared.branch_id,
        )
        return persona if self._mcp is None else self._mcp.equipped(persona)

    def toolkit(self, client: McpClient) -> Toolkit:
        """Return what the tools of the conversation are run with.

        Args:
            client: Is told of MCP servers and their calls.
        """
        init = self._meeting.init
        asked = init.tool_mock_config
        self._mocked |= (init.model_extra or {}).get("tool_mock_overrides") or {}
        return Toolkit(
            runners=self._runners(client),
            variables=self.variables,
            mocks=mocks_of(None if asked is None else asked.model_dump(), self._mocked),
            casting=self,
            servers=None if self._mcp is None else self._mcp.servers,
        )

    def _runners(self, client: McpClient) -> dict[str, ToolRunner]:
        house = self._house
        if house.outgoing is None or house.tokens is None or self._mcp is None:
            return {}
        values = ConversationValues(self._configured(), house.tokens)
        webhooks = WebhookTools(house.outgoing, values)
        return {
            "webhook": webhooks,
            "api_integration_webhook": IntegrationTools(webhooks),
            "mcp": self._mcp.runner(client),
        }

    @override
    async def transferred(
        self, transfer: Transfer, present: Persona, variables: Variables
    ) -> Persona:
        agent_id = str(transfer.get("agent_id") or "")
        if self._shut:
            raise CannotTakeOver(_APART)
        if not agent_id or transfer.get("is_workflow_node_transfer") is True:
            raise CannotTakeOver("This transfer leads to no agent.")
        if agent_id == present.agent_id and not transfer.get("branch_id"):
            raise CannotTakeOver("The conversation is with this agent already.")
        try:
            document = await self._stored(agent_id, transfer)
            init = self._meeting.init
            assert self._begun is not None, "agents hand over after the beginning"
            heir = _heir(document, transfer, self._begun, init)
            source = _Source(heir, _told_on(init, variables))
            language = present.language if _speaks(source.document, present.language) else None
            system = {**_of_platform(variables), SYSTEM + "current_agent_id": agent_id}
            prepared = await self._prepared(source, system, language)
        except MissingVariables as error:
            raise LacksVariables(f"The other agent cannot take over: {error}") from error
        except Error as error:
            raise CannotTakeOver(f"The other agent cannot take over: {error}") from error
        for name, value in prepared.variables.values.items():
            if name not in variables.values:
                self.variables.assign(name, value)
        persona = self.persona(self._live(prepared))
        if transfer.get("preserve_voice_settings") is True:
            return replace(persona, voice=replace(present.voice, language=persona.language))
        return persona

    @override
    async def in_language(self, present: Persona, language: str, variables: Variables) -> Persona:
        source = self._sources[present.agent_id]
        given = {name: v for name, v in variables.values.items() if not name.startswith(SYSTEM)}
        init = source.init.model_copy(update={"dynamic_variables": given})
        again = _Source(source.document, init)
        try:
            prepared = await self._prepared(again, _of_platform(variables), language)
        except Error as error:
            raise CannotTakeOver(f"The language cannot be switched: {error}") from error
        return self.persona(self._live(prepared))

    async def _prepared(
        self, source: _Source, system: Mapping[str, Any], language: str | None = None
    ) -> Prepared:
        house, meeting = self._house, self._meeting
        tool_ids = [] if self._shut else _tool_ids(source)
        tools = await stored_tools(house.store, tool_ids)
        for name, stored in tools.items():
            self._mocked[name] = stored.get("response_mocks") or ()
        document = source.document
        if not self._shut:
            tools, document = await integrated(house.store, tools, document)
        prepared = prepare(
            document,
            source.init,
            system,
            house.installation,
            Supplies(
                tools=tools,
                language=language,
                environment=await environment_facts(source.document, self._configured()),
                open_to_client=meeting.open_to_client,
                rehearsal=meeting.rehearsal,
            ),
        )
        config = prepared.config
        documents, rag = stored_documents(config), config.agent.prompt.rag
        if documents and self._shut:
            prepared = replace(prepared, warnings=(*prepared.warnings, f"no documents: {_APART}"))
            documents = []
        prepared = informed(prepared, await house.library.shelf(house.store, documents, rag))
        endpoint = await house.custom_llms.endpoint(
            config.agent.prompt, prepared.variables, meeting.environment, shut=self._shut
        )
        self._sources[prepared.agent_id] = source
        if self._mcp is not None:
            prepared = await self._mcp.enlist(source.document, prepared, open_to_client=self._shut)
        return replace(prepared, brief=replace(prepared.brief, endpoint=endpoint))

    def _live(self, prepared: Prepared) -> Prepared:
        """Return the same agent, told what tools assign to variables."""
        brief = replace(prepared.brief, variables=self.variables.kept)
        return replace(prepared, brief=brief)

    def _now(self) -> Variables:
        """Return the variables as they are at this moment."""
        return self.variables.now()

    def _configured(self) -> Configured:
        house, environment = self._house, self._meeting.environment
        return Configured(
            store=house.store,
            vault=house.vault,
            environment=environment or PRODUCTION,
            shut=self._shut,
        )

    async def _stored(self, agent_id: str, transfer: Transfer) -> Json:
        async with self._house.store.reading() as tx:
            record = await tx.agents.get(agent_id)
            if record is None:
                raise CannotTakeOver("There is no such agent.")
            branch_id = transfer.get("branch_id") or None
            wanted = Wanted(
                branch_id=branch_id, key=self._meeting.init.user_id or self._meeting.conversation_id
            )
            try:
                return await chosen(tx, record, wanted)
            except NoSuchVersion as error:
                raise CannotTakeOver(str(error)) from error


def _facts(document: Mapping[str, Any], meeting: Meeting) -> Json:
    return platform_facts(
        document,
        meeting.conversation_id,
        given=meeting.init.dynamic_variables,
        text_only=meeting.init.text_only,
        phone=meeting.phone,
    )


def _heir(
    document: Json, transfer: Transfer, begun: Prepared, init: ConversationInitiationClientData
) -> Json:
    """Return an agent with what it inherits from the one that began: events and formats."""
    config = begun.config
    inherited: Json = {
        "conversation": {
            "text_only": config.conversation.text_only,
            "client_events": config.conversation.client_events,
        },
        "tts": {"agent_output_audio_format": config.tts.agent_output_audio_format},
        "asr": {"user_input_audio_format": config.asr.user_input_audio_format},
    }
    if transfer.get("preserve_client_tts_overrides") is True:
        inherited["tts"] |= init.override.get("tts") or {}
    return merged(document, {"conversation_config": inherited})


def _told_on(
    init: ConversationInitiationClientData, variables: Variables
) -> ConversationInitiationClientData:
    """Return what a client said in the beginning, as far as it is for an agent that takes over."""
    given = {name: v for name, v in variables.values.items() if not name.startswith(SYSTEM)}
    return init.model_copy(
        update={
            "conversation_config_override": None,
            "dynamic_variables": given,
            "starting_workflow_node_id": None,
            "procedure_ids": None,
        }
    )


def _voice(config: ConversationConfig) -> VoiceOptions:
    tts = config.tts
    own = VoiceOptions(
        voice=tts.voice_id,
        language=config.agent.language,
        speed=tts.speed,
        stability=tts.stability,
        similarity_boost=tts.similarity_boost,
    )
    others = ((each.label, _other_voice(each, own)) for each in tts.supported_voices)
    return replace(own, labelled=tuple(others))


def _other_voice(voice: SupportedVoice, own: VoiceOptions) -> VoiceOptions:
    chosen = {
        "language": voice.language,
        "speed": voice.speed,
        "stability": voice.stability,
        "similarity_boost": voice.similarity_boost,
    }
    told = {name: value for name, value in chosen.items() if value is not None}
    return replace(own, voice=voice.voice_id, **told)  # type: ignore[arg-type]


def _tool_ids(source: _Source) -> list[str]:
    stored = read_agent(source.document).conversation_config.agent.prompt.tool_ids
    prompt = source.init.override.get("agent", {}).get("prompt", {})
    asked = prompt.get("tool_ids") if isinstance(prompt, Mapping) else None
    return [*stored, *(asked if isinstance(asked, list) else [])]


def _speaks(document: Mapping[str, Any], language: str) -> bool:
    config = read_agent(document).conversation_config
    return language == config.agent.language or language in config.language_presets


def _of_platform(variables: Variables) -> Json:
    return {name: value for name, value in variables.values.items() if name.startswith(SYSTEM)}
