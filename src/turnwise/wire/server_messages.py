"""What the server may send: every message there is a source for.

Each message is flat here; on the wire its fields stand under `body` (`{"type": …, "<body>": {…}}`).
Shapes: agent.asyncapi.yaml (Swift SDK, 2026-06, and packages repository, 2026-08), in short in
spec/wire-protocol.md, 1.3. `dtmf_request` has no known shape and is not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from turnwise.audio.alignment import Alignment
from turnwise.wire.server_model import Part, ServerModel, event_number
from turnwise.wire.tool_messages import (
    AgentToolRequest,
    AgentToolResponse,
    AgentToolResponseFullPayload,
    ClientToolCall,
    McpConnectionStatus,
    McpToolCall,
)

Json = dict[str, Any]


class ConversationInitiationMetadata(ServerModel):
    """The first message of every conversation, once."""

    body = "conversation_initiation_metadata_event"
    type: Literal["conversation_initiation_metadata"] = "conversation_initiation_metadata"
    conversation_id: str
    agent_output_audio_format: str
    user_input_audio_format: str


class AsrInitiationMetadata(ServerModel):
    """About the transcriber; free."""

    body = "asr_initiation_metadata_event"
    type: Literal["asr_initiation_metadata"] = "asr_initiation_metadata"


class Ping(ServerModel):
    """Asks for a pong."""

    body = "ping_event"
    always = frozenset({"ping_ms"})  # the Python SDK indexes it (spec/wire-protocol.md, 0, item 8)
    type: Literal["ping"] = "ping"
    event_id: int = event_number()
    ping_ms: int | None = Field(default=None, ge=1)
    """Time to the client and back; None while it is not known."""


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound of the agent. Its fields are under `audio_event`."""

    event_id: int
    audio: bytes
    """In the announced format."""
    alignment: Alignment | None = None
    """When each character is heard, from the start of this sound."""
    is_final: bool = False
    """Whether it is the last of the reply."""


class Attachment(Part):
    """A file that comes with a reply."""

    url: str
    name: str
    mime_type: str


class AgentResponse(ServerModel):
    """The agent's words, complete up to its next tool."""

    body = "agent_response_event"
    type: Literal["agent_response"] = "agent_response"
    agent_response: str
    event_id: int = event_number()
    attachments: list[Attachment] | None = None


class AgentResponseCorrection(ServerModel):
    """What of the agent's words was heard, after an interruption."""

    body = "agent_response_correction_event"
    type: Literal["agent_response_correction"] = "agent_response_correction"
    original_agent_response: str
    corrected_agent_response: str
    event_id: int = event_number()


class AgentChatResponsePart(ServerModel):
    """The agent's words as they are written."""

    body = "text_response_part"
    renamed: ClassVar[Mapping[str, str]] = {"part": "type"}
    type: Literal["agent_chat_response_part"] = "agent_chat_response_part"
    text: str
    """Empty in `start` and `stop`."""
    part: Literal["start", "delta", "stop"]
    """`type` in the body."""
    event_id: int = event_number()


class AgentReasoningResponsePart(ServerModel):
    """The model's thoughts as they are written; experimental."""

    body = "reasoning_response_part"
    renamed: ClassVar[Mapping[str, str]] = {"part": "type"}
    type: Literal["agent_reasoning_response_part"] = "agent_reasoning_response_part"
    text: str
    part: Literal["start", "delta", "stop"]
    """`type` in the body."""
    event_id: str
    """A text here, and here only."""


class AgentResponseComplete(ServerModel):
    """The reply is over."""

    body = "agent_response_complete_event"
    type: Literal["agent_response_complete"] = "agent_response_complete"
    event_id: int = event_number()


class AgentResponseMetadata(ServerModel):
    """What a custom language model said beside its words."""

    body = "agent_response_metadata_event"
    type: Literal["agent_response_metadata"] = "agent_response_metadata"
    metadata: Json
    event_id: int = event_number()


class UserTranscript(ServerModel):
    """What the user said in a spoken turn."""

    body = "user_transcription_event"
    type: Literal["user_transcript"] = "user_transcript"
    user_transcript: str
    event_id: int = event_number()


class TentativeUserTranscript(ServerModel):
    """What the user seems to be saying."""

    body = "tentative_user_transcription_event"
    type: Literal["tentative_user_transcript"] = "tentative_user_transcript"
    user_transcript: str
    event_id: int = event_number()


class Interruption(ServerModel):
    """Throw away all sound of this turn and earlier ones, now."""

    body = "interruption_event"
    type: Literal["interruption"] = "interruption"
    event_id: int = event_number()
    reason: str | None = None


class VadScore(ServerModel):
    """How sure the detector is that the user speaks."""

    body = "vad_score_event"
    type: Literal["vad_score"] = "vad_score"
    vad_score: float = Field(ge=0, le=1)


class ContextUsage(ServerModel):
    """How full the model's context is."""

    body = "context_usage_event"
    type: Literal["context_usage"] = "context_usage"
    event_id: int = event_number()
    model: str
    context_tokens: int
    context_limit_tokens: int


class GuardrailTriggered(ServerModel):
    """A guardrail was hit."""

    body = "guardrail_triggered_event"
    bare = True
    type: Literal["guardrail_triggered"] = "guardrail_triggered"
    guardrail_name: str | None = None


class InternalTurnProbability(ServerModel):
    """How sure the turn model is."""

    body = "turn_probability_internal_event"
    type: Literal["internal_turn_probability"] = "internal_turn_probability"
    turn_probability: float = Field(ge=0, le=1)


class InternalTentativeAgentResponse(ServerModel):
    """A reply to a turn that is not taken yet."""

    body = "tentative_agent_response_internal_event"
    type: Literal["internal_tentative_agent_response"] = "internal_tentative_agent_response"
    tentative_agent_response: str


class RichContent(ServerModel):
    """Something to show; experimental."""

    body = "rich_content"
    type: Literal["rich_content"] = "rich_content"
    rich_content_id: str
    component: str
    props: Json
    event_id: int = event_number()


class AgentTyping(ServerModel):
    """A person who took over is typing."""

    body = "agent_typing_event"
    type: Literal["agent_typing"] = "agent_typing"
    is_typing: bool
    duration_ms: int | None = None


class ExternalAgentConnected(ServerModel):
    """A person took over."""

    body = "external_agent_connected_event"
    bare = True
    type: Literal["external_agent_connected"] = "external_agent_connected"


class ExternalAgentDisconnected(ServerModel):
    """The person who took over left."""

    body = "external_agent_disconnected_event"
    bare = True
    type: Literal["external_agent_disconnected"] = "external_agent_disconnected"


class QueueStatus(ServerModel):
    """Where the client stands in the queue."""

    body = "queue_status_event"
    type: Literal["queue_status"] = "queue_status"
    status: Literal["waiting", "admitted", "timed_out"]


class ErrorMessage(ServerModel):
    """Why the socket is about to be closed."""

    body = "error_event"
    type: Literal["error"] = "error"
    code: int
    """The close code: 1000, 1002, 1008 or 1011."""
    error_type: str | None = None
    message: str | None = None
    reason: str | None = None
    debug_message: str | None = None
    details: Json | None = None


class ClientError(ServerModel):
    """The same in newer words."""

    body = "error_event"
    type: Literal["client_error"] = "client_error"
    code: int
    error_name: str
    message: str | None = None


ServerMessage = (
    ConversationInitiationMetadata
    | AsrInitiationMetadata
    | Ping
    | Audio
    | AgentResponse
    | AgentResponseCorrection
    | AgentChatResponsePart
    | AgentReasoningResponsePart
    | AgentResponseComplete
    | AgentResponseMetadata
    | UserTranscript
    | TentativeUserTranscript
    | Interruption
    | VadScore
    | ClientToolCall
    | AgentToolRequest
    | AgentToolResponse
    | AgentToolResponseFullPayload
    | McpToolCall
    | McpConnectionStatus
    | ContextUsage
    | GuardrailTriggered
    | InternalTurnProbability
    | InternalTentativeAgentResponse
    | RichContent
    | AgentTyping
    | ExternalAgentConnected
    | ExternalAgentDisconnected
    | QueueStatus
    | ErrorMessage
    | ClientError
)
