"""How a conversation ends on the wire: close code, error message and what the record says.

Codes and error types: spec/semantics.md, 2.6, and spec/wire-protocol.md, 1.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from turnwise.agents.overrides import OverrideForbidden
from turnwise.agents.variables import MissingVariables
from turnwise.base.errors import Error, FormatError, ShapeError
from turnwise.wire.errors import WireError, close_reason
from turnwise.wire.server_messages import ErrorMessage

NORMAL = 1000
OPERATIONAL = 1002
CONTRACT = 1008
INTERNAL = 1011
REFUSED = 3000
QUEUE_TIMED_OUT = 4300

CLOSE_CODES: Mapping[str, int] = {
    "max_duration_exceeded": NORMAL,
    "llm_timeout": OPERATIONAL,
    "transport_receive_timeout": OPERATIONAL,
    "asyncio_timeout": OPERATIONAL,
    "http_exception": OPERATIONAL,
    "safety_violation": OPERATIONAL,
    "llm_error": OPERATIONAL,
    "custom_llm_error": OPERATIONAL,
    "cascade_brain_error": OPERATIONAL,
    "asr_transcription_error": OPERATIONAL,
    "vad_error": OPERATIONAL,
    "turn_probability_error": OPERATIONAL,
    "tts_cascade_error": OPERATIONAL,
    "redis_timeout_error": OPERATIONAL,
    "websocket_disconnect": OPERATIONAL,
    "invalid_message": CONTRACT,
    "telephony_agent_error": CONTRACT,
    "mcp_tool_error": CONTRACT,
    "mcp_https_error": CONTRACT,
    "value_error": CONTRACT,
    "missing_fields": CONTRACT,
    "override_error": CONTRACT,
    "missing_dynamic_variable": CONTRACT,
    "missing_dynamic_variable_transfer": CONTRACT,
    "unknown": INTERNAL,
    "unknown_websocket_crash": INTERNAL,
}
"""Close code by `error_type`."""

# the engine's words for what the wire calls otherwise
_ERROR_TYPES: Mapping[str, str] = {
    "tts_error": "tts_cascade_error",
    "tts_timeout": "tts_cascade_error",
    "tool_loop": "llm_error",
    "empty_reply": "llm_error",
}

_SENTENCES: Mapping[str, str] = {
    "max_duration_exceeded": "The conversation reached its maximum duration.",
    "llm_timeout": "The language model did not answer in time.",
    "llm_error": "The language model could not answer.",
    "custom_llm_error": "The agent's own language model could not answer.",
    "cascade_brain_error": "No language model could answer, nor any of its backups.",
    "tts_cascade_error": "The agent's voice is not available.",
    "asr_transcription_error": "The user can no longer be heard.",
    "vad_error": "The user can no longer be heard.",
    "safety_violation": "The conversation was ended by a guardrail.",
    "missing_dynamic_variable_transfer": "The agent that should take over lacks variables.",
    "transport_receive_timeout": "Nothing came from the client for too long.",
}

_GOOD_ENDS: Mapping[str, str] = {
    "silence_end_call_timeout": "The user was silent for too long",
    "silence": "Nobody was heard for too long",
    "client disconnected": "Client disconnected",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How the socket is closed and the record is finished."""

    code: int
    """Close code."""
    reason: str
    """Of the close frame, at most 123 bytes; empty for a good end."""
    error: ErrorMessage | None
    """Sent before the close; None for a good end."""
    termination_reason: str
    """For the record."""


def close_code(error_type: str) -> int:
    """Return the close code of an `error_type`; an unknown one is ours to explain."""
    return CLOSE_CODES.get(error_type, INTERNAL)


def ending(reason: str) -> Ending:
    """Return how a conversation ends that the engine ended (`End`).

    Args:
        reason: The engine's. One that is no known failure is somebody's own words, and a good end.
    """
    error_type = _ERROR_TYPES.get(reason, reason)
    if error_type not in CLOSE_CODES:
        return Ending(NORMAL, "", None, _GOOD_ENDS.get(reason, reason))
    return _failed(error_type, _SENTENCES.get(error_type, error_type))


def refusal(error: Error, *, transfer: bool = False) -> Ending:
    """Return how a conversation ends that an error of ours makes impossible.

    Args:
        error: What is wrong.
        transfer: Whether it came up when another agent was to take over.
    """
    match error:
        case WireError():
            message = _error_message(error.close_code, error.error_type, str(error))
            return Ending(error.close_code, error.reason, message, str(error))
        case OverrideForbidden():
            return _failed("override_error", str(error))
        case MissingVariables():
            kind = "missing_dynamic_variable"
            return _failed(f"{kind}_transfer" if transfer else kind, str(error))
        case ShapeError() | FormatError():
            return _failed("value_error", str(error))
        case _:
            return crash()


def crash() -> Ending:
    """Return how a conversation ends by a fault of ours. Says nothing of it to the client."""
    return _failed("unknown_websocket_crash", "Something went wrong on the server.")


# texts seen by third parties (spec/wire-protocol.md, 1.4); the upgrade is accepted, then closed,
# because clients show the reason of a close and nothing of a refused upgrade
UNKNOWN_AGENT = Ending(
    REFUSED,
    "The AI agent you are trying to reach does not exist.",
    None,
    "The AI agent you are trying to reach does not exist.",
)
NOT_AUTHORIZED = Ending(
    REFUSED,
    "Could not authorize the conversation.",
    None,
    "Could not authorize the conversation.",
)
TOO_MANY = Ending(
    QUEUE_TIMED_OUT,
    "too many concurrent connections",
    None,
    "too many concurrent connections",
)


def host_refused(host: str) -> Ending:
    """Return how a conversation ends whose page is not on the agent's allowlist."""
    text = f"Host {host} is not allowed to connect to this agent"
    return Ending(REFUSED, close_reason(text), None, text)


def _failed(error_type: str, text: str) -> Ending:
    code = close_code(error_type)
    return Ending(code, close_reason(text), _error_message(code, error_type, text), text)


def _error_message(code: int, error_type: str, text: str) -> ErrorMessage:
    return ErrorMessage(code=code, error_type=error_type, message=text, reason=close_reason(text))
