"""What a client may send, with all that published clients get wrong.

Laws: a field that is null counts as absent; fields without a name here survive; a `type` without a
name here is `Unknown`, to be ignored.
Shapes: agent.asyncapi.yaml (packages repository, 2026-08), in short in spec/wire-protocol.md, 1.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, model_validator

from turnwise.agents.overrides import canonical

Json = dict[str, Any]

_SECRET_CHARS = 16


def _no_when_null(value: object) -> object:
    return False if value is None else value


_Flag = Annotated[bool, BeforeValidator(_no_when_null)]


class _Object(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class SourceInfo(_Object):
    """Which client this is."""

    source: str | None = None
    version: str | None = None


class ToolMockConfig(_Object):
    """Which tools are not really called."""

    mocking_strategy: str | None = None
    """`none`, `all` or `selected`."""
    mocked_tool_names: list[str] | None = None
    fallback_strategy: str | None = None
    """`raise_error` or `call_real_tool`."""


class ConversationInitiationClientData(_Object):
    """The first message: what this conversation has of its own. All but `type` is optional."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    type: Literal["conversation_initiation_client_data"] = "conversation_initiation_client_data"
    conversation_config_override: Json | None = None
    """As sent; `override` is the same put right."""
    custom_llm_extra_body: Json | None = None
    dynamic_variables: Json | None = None
    user_id: str | None = None
    source_info: SourceInfo | None = None
    tool_mock_config: ToolMockConfig | None = None
    branch_id: str | None = None
    environment: str | None = None
    starting_workflow_node_id: str | None = None
    procedure_ids: list[str] | None = None
    start_procedure_ids: list[str] | None = None

    @property
    def override(self) -> Json:
        """The override as published: slips put right, nulls and empty groups left out."""
        return canonical(self.conversation_config_override or {})

    @property
    def text_only(self) -> bool:
        """Whether the client asks for a conversation without sound."""
        return bool(self.override.get("conversation", {}).get("text_only"))


@dataclass(frozen=True, slots=True)
class UserAudioChunk:
    """Sound of the user. The one message without a `type`."""

    audio: bytes
    """In the format the metadata announced; of any length."""


class Pong(_Object):
    """Answers a ping."""

    type: Literal["pong"] = "pong"
    event_id: int | None = None
    """Of the ping; None from clients that take 0 for nothing (Patter)."""


class UserMessage(_Object):
    """A typed turn."""

    type: Literal["user_message"] = "user_message"
    text: str | None = None
    """None: nothing was typed."""
    rich_content_id: str | None = None
    user_identifier: str | None = None


class UserActivity(_Object):
    """The user does something: do not disturb."""

    type: Literal["user_activity"] = "user_activity"


class ContextualUpdate(_Object):
    """Something the agent should know, without an answer."""

    type: Literal["contextual_update"] = "contextual_update"
    text: str
    context_id: str | None = None
    """A later one of the same id takes its place."""


class ClientToolResult(_Object):
    """What a client tool answered."""

    type: Literal["client_tool_result"] = "client_tool_result"
    tool_call_id: str
    result: StrictStr
    """A text and nothing else: the hosted service closes with 1008 otherwise."""
    is_error: _Flag = False
    error_type: str | None = None


class McpToolApprovalResult(_Object):
    """Whether the user lets an MCP tool run."""

    type: Literal["mcp_tool_approval_result"] = "mcp_tool_approval_result"
    tool_call_id: str
    is_approved: bool


class Feedback(_Object):
    """What the user thinks of a reply."""

    type: Literal["feedback"] = "feedback"
    event_id: int
    score: Literal["like", "dislike"] | None = None
    """None takes it back."""


class FileInput(_Object):
    """A file that was uploaded before."""

    type: Literal["file_input"] = "file_input"
    file_id: str


class MultimodalMessage(_Object):
    """A typed turn with files."""

    type: Literal["multimodal_message"] = "multimodal_message"
    text: UserMessage | None = None
    file: FileInput | None = None
    files: list[FileInput] | None = None

    @property
    def words(self) -> str | None:
        """What was typed."""
        return self.text.text if self.text is not None else None

    @property
    def file_ids(self) -> tuple[str, ...]:
        """All files, each once: the Python SDK names the first one twice."""
        named = [self.file, *(self.files or ())]
        return tuple(dict.fromkeys(each.file_id for each in named if each is not None))


class PostCallWebhook(_Object):
    """Where to send something after the call."""

    url: str
    hmac_secret: str | None = Field(default=None, repr=False)
    """Signs it; at least 16 characters. None: it is not signed."""


class EnclaveSetupConfig(_Object):
    """The agent itself, before the first message: the on-premises handshake of the SDKs."""

    type: Literal["enclave_setup_config"] = "enclave_setup_config"
    agent_config_dict: Json | None = None
    override_agent_config_list: list[Json] | None = None
    """Partial configurations, one on top of the other."""
    tools_config_list: list[Json] | None = None
    prompt_knowledge_base: list[str] | None = None
    """In the place of the knowledge of the prompt."""
    bedrock_inference_profile: str | None = None
    post_call_transcription_webhook_url: str | None = None
    post_call_audio_webhook_url: str | None = None
    post_call_transcription_webhook: PostCallWebhook | None = None
    post_call_audio_webhook: PostCallWebhook | None = None

    @model_validator(mode="after")
    def _webhooks_are_sound(self) -> "EnclaveSetupConfig":
        # spec/semantics.md, 2.7
        for name, url, webhook in (
            ("transcription", self.post_call_transcription_webhook_url,
             self.post_call_transcription_webhook),
            ("audio", self.post_call_audio_webhook_url, self.post_call_audio_webhook),
        ):  # fmt: skip
            if url is not None and webhook is not None:
                message = f"post_call_{name}_webhook and its older _url are both set; set one"
                raise ValueError(message)
            secret = webhook.hmac_secret if webhook is not None else None
            if secret is not None and len(secret) < _SECRET_CHARS:
                message = (
                    f"post_call_{name}_webhook.hmac_secret has {len(secret)} characters; "
                    f"at least {_SECRET_CHARS} are needed"
                )
                raise ValueError(message)
        return self


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a type that is not known here. To be ignored."""

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    """All of it."""


ClientMessage = (
    ConversationInitiationClientData
    | UserAudioChunk
    | Pong
    | UserMessage
    | UserActivity
    | ContextualUpdate
    | ClientToolResult
    | McpToolApprovalResult
    | Feedback
    | MultimodalMessage
    | EnclaveSetupConfig
    | Unknown
)

TypedClientMessage = (
    ConversationInitiationClientData
    | Pong
    | UserMessage
    | UserActivity
    | ContextualUpdate
    | ClientToolResult
    | McpToolApprovalResult
    | Feedback
    | MultimodalMessage
    | EnclaveSetupConfig
)
"""Those that have a `type` and are read by it."""
