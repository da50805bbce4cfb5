"""Typed, read-only views of what the runtime acts on in a stored agent.

Laws: the stored document is never changed; a field that is missing or null has its published
default; what is not named here is kept as it is and not looked at.
Defaults are those of the published OpenAPI document (November 2026); a test compares them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from turnwise.base.errors import ShapeError

Document = Mapping[str, Any]
"""A stored JSON object."""


class View(BaseModel):
    """A part of a stored document; fields without a name here are kept as extras."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())

    nullable: ClassVar[frozenset[str]] = frozenset()
    """Fields whose null means something else than their default."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: object) -> object:
        # PATCH: an explicit null resets a field (spec/semantics.md, 1.1)
        if not isinstance(data, Mapping):
            return data
        return {key: v for key, v in data.items() if v is not None or key in cls.nullable}


class Asr(View):
    """How the user is transcribed (`conversation_config.asr`)."""

    quality: str = "high"
    provider: str = "scribe_realtime"
    user_input_audio_format: str = "pcm_16000"
    keywords: list[str] = []
    """Words that are likelier than usual."""


class SoftTimeout(View):
    """Fillers (`conversation_config.turn.soft_timeout_config`)."""

    timeout_seconds: float = -1.0
    """-1 switches it off."""
    message: str = "Hhmmmm...yeah."
    additional_soft_timeout_messages: list[str] = []
    use_llm_generated_message: bool = False
    randomize_fillers: bool = False
    max_soft_timeouts_per_generation: int = 1
    llm_generated_message_prompt_override: str | None = None
    disable_until_first_user_message: bool = False


class Turn(View):
    """Turn taking (`conversation_config.turn`). Seconds; -1 is never."""

    turn_timeout: float = 7.0
    initial_wait_time: float | None = None
    silence_end_call_timeout: float = -1
    mode: str = "turn"
    turn_eagerness: str = "normal"
    spelling_patience: str = "auto"
    speculative_turn: bool = False
    retranscribe_on_turn_timeout: bool = False
    turn_model: str = "turn_v3"
    interruption_ignore_terms: list[str] = []
    interruption_ignore_term_languages: list[str] = []
    merge_with_default_ignore_terms: bool = False
    transcribe_on_disabled_interruptions: bool = False
    soft_timeout_config: SoftTimeout = SoftTimeout()


class SupportedVoice(View):
    """One of several voices an agent may speak in (`tts.supported_voices`)."""

    label: str
    voice_id: str
    description: str | None = None
    language: str | None = None
    model_family: str | None = None
    stability: float | None = None
    speed: float | None = None
    similarity_boost: float | None = None


class AudioTag(View):
    """A way of speaking the model may ask for (`tts.suggested_audio_tags`)."""

    tag: str
    description: str | None = None


class Tts(View):
    """How the agent speaks (`conversation_config.tts`)."""

    model_id: str = "eleven_flash_v2"
    voice_id: str = "cjVigY5qzO86Huf0OWal"
    supported_voices: list[SupportedVoice] = []
    expressive_mode: bool = True
    suggested_audio_tags: list[AudioTag] = []
    agent_output_audio_format: str = "pcm_16000"
    optimize_streaming_latency: int = 3
    stability: float = 0.5
    speed: float = 1.0
    similarity_boost: float = 0.8
    text_normalisation_type: str = "system_prompt"
    pronunciation_dictionary_locators: list[dict[str, Any]] = []
    enable_phoneme_tags: bool = True


class FileInput(View):
    """Whether files may be attached (`conversation.file_input`)."""

    enabled: bool = True
    max_files_in_memory: int = 10
    max_files_per_conversation: int = 10


class BackgroundSound(View):
    """What is heard behind the agent (`conversation.background_sound`)."""

    source_type: str | None = None
    source_id: str | None = None
    volume: float = 0.15
    crossfade_loop: bool = True


class DtmfInput(View):
    """How keys that the person presses are taken in (`conversation.dtmf_input_settings`)."""

    dtmf_input_timeout: float = Field(default=2.0, ge=0.5, le=10)
    """Seconds without a further key after which they are told."""
    hash_terminator: bool = True
    """Whether `#` ends them at once."""
    redact_input: bool = False
    """Whether the record does not show them."""


class Conversation(View):
    """The frame of a conversation (`conversation_config.conversation`)."""

    text_only: bool = False
    max_duration_seconds: int = 600
    client_events: list[str] = []
    """What the client wants to be told; empty: the default selection."""
    file_input: FileInput = FileInput()
    monitoring_enabled: bool = False
    monitoring_events: list[str] = []
    background_sound: BackgroundSound = BackgroundSound()
    dtmf_input_settings: DtmfInput | None = None
    source_attribution: bool = False


class Translation(View):
    """A text of the agent in another language."""

    text: str
    source_hash: str = ""


class LanguagePreset(View):
    """What changes in another language (`conversation_config.language_presets.<code>`)."""

    overrides: dict[str, Any] = {}
    """A partial `conversation_config`."""
    first_message_translation: Translation | None = None
    soft_timeout_translation: Translation | None = None


class DynamicVariables(View):
    """Values of variables in tests and rehearsals (`agent.dynamic_variables`)."""

    dynamic_variable_placeholders: dict[str, Any] = {}


class KnowledgeLocator(View):
    """A document the agent knows (`prompt.knowledge_base`)."""

    id: str
    name: str = ""
    type: str = "text"
    usage_mode: str = "auto"


class Rag(View):
    """Retrieval (`prompt.rag`)."""

    enabled: bool = False
    embedding_model: str = "e5_mistral_7b_instruct"
    max_vector_distance: float = 0.6
    max_documents_length: int = 50_000
    max_retrieved_rag_chunks_count: int = 20
    num_candidates: int | None = None
    query_rewrite_prompt_override: str | None = None


class CustomLlm(View):
    """A language model that the owner runs (`prompt.custom_llm`)."""

    url: str = ""
    model_id: str | None = None
    api_key: dict[str, Any] | None = None
    """Where the key is: `secret_id`, or `env_var_label`."""
    auth_connection: dict[str, Any] | None = None
    request_headers: dict[str, Any] = {}
    """Texts, or where the text is."""
    api_version: str | None = None
    api_type: str = "chat_completions"


class BackupLlm(View):
    """Who is asked when the model fails (`prompt.backup_llm_config`)."""

    preference: str = "default"
    """`default`, `disabled` or `override`."""
    order: list[str] = []
    """Of `override`."""


class Prompt(View):
    """What the language model is told, and which one (`agent.prompt`)."""

    nullable = frozenset({"temperature"})

    prompt: str = ""
    llm: str = "gemini-2.5-flash"
    reasoning_effort: str | None = None
    service_tier: str | None = None
    """`standard` or `fast`, for models that have tiers."""
    thinking_budget: int | None = None
    """0: the model should not think."""
    enable_parallel_tool_calls: bool | None = None
    enable_reasoning_summary: bool = False
    temperature: float | None = 0.0
    """None: the request says nothing about it (spec/semantics.md, 13)."""
    max_tokens: int = -1
    """0 or less: no limit."""
    tool_ids: list[str] = []
    tool_ids_strict: bool = False
    built_in_tools: dict[str, Any] = {}
    mcp_server_ids: list[str] = []
    native_mcp_server_ids: list[str] = []
    knowledge_base: list[KnowledgeLocator] = []
    custom_llm: CustomLlm | None = None
    ignore_default_personality: bool = True
    rag: Rag = Rag()
    timezone: str | None = None
    backup_llm_config: BackupLlm = BackupLlm()
    cascade_timeout_seconds: float = 4.0
    tools: list[dict[str, Any]] = []


class Persona(View):
    """Who speaks (`conversation_config.agent`)."""

    first_message: str = ""
    language: str = "en"
    hinglish_mode: bool = False
    dynamic_variables: DynamicVariables = DynamicVariables()
    disable_first_message_interruptions: bool = False
    max_conversation_duration_message: str = ""
    text_behavior_overrides: dict[str, Any] | None = None
    prompt: Prompt = Prompt()


class ConversationConfig(View):
    """All of `conversation_config`."""

    asr: Asr = Asr()
    turn: Turn = Turn()
    tts: Tts = Tts()
    conversation: Conversation = Conversation()
    language_presets: dict[str, LanguagePreset] = {}
    agent: Persona = Persona()


class Overrides(View):
    """What a client may change (`platform_settings.overrides`); all false by default."""

    conversation_config_override: dict[str, Any] = {}
    """A tree of permissions: true where a field may be overridden."""
    custom_llm_extra_body: bool = False
    enable_conversation_initiation_client_data_from_webhook: bool = False
    enable_starting_workflow_node_id_from_client: bool = False
    enable_procedure_ids_from_client: bool = False


class AllowedHost(View):
    """A page that may start conversations."""

    hostname: str


class Auth(View):
    """Who may start a conversation (`platform_settings.auth`)."""

    enable_auth: bool = False
    allowlist: list[AllowedHost] = []
    require_origin_header: bool = False
    shareable_token: str | None = None


class Toggle(View):
    """Something that is on or off."""

    is_enabled: bool = False


class Guardrails(View):
    """What keeps the agent on its task (`platform_settings.guardrails`)."""

    version: str = "1"
    focus: Toggle = Toggle()
    prompt_injection: Toggle = Toggle()


class CallLimits(View):
    """How many calls an agent takes (`platform_settings.call_limits`)."""

    agent_concurrency_limit: int = -1
    """Calls at once; less than 0: no limit."""


class PlatformSettings(View):
    """What of `platform_settings` a conversation depends on."""

    overrides: Overrides = Overrides()
    auth: Auth = Auth()
    guardrails: Guardrails = Guardrails()
    call_limits: CallLimits = CallLimits()


class Agent(View):
    """A stored agent."""

    agent_id: str = ""
    name: str = ""
    conversation_config: ConversationConfig = ConversationConfig()
    platform_settings: PlatformSettings = PlatformSettings()
    workflow: dict[str, Any] = Field(default_factory=dict)


V = TypeVar("V", bound=View)


def view(kind: type[V], document: object) -> V:
    """Return a view of a stored document.

    Args:
        kind: What the document should be: `Agent`, `ConversationConfig`, …
        document: As stored, or as a client sent it.

    Raises:
        ShapeError: If it is not; names the place, never the value.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ShapeError(".".join(map(str, first["loc"])), first["msg"]) from error


def read_agent(document: Document) -> Agent:
    """Return the view of a stored agent.

    Raises:
        ShapeError: If a field the runtime acts on is of another type than published.
    """
    return view(Agent, document)
