"""Which messages a client gets: the agent's `client_events`, and what is always sent."""

from collections.abc import Collection

EVENTS = frozenset(
    {
        "conversation_initiation_metadata",
        "asr_initiation_metadata",
        "ping",
        "audio",
        "interruption",
        "user_transcript",
        "tentative_user_transcript",
        "agent_response",
        "agent_response_correction",
        "agent_response_complete",
        "agent_response_metadata",
        "agent_chat_response_part",
        "agent_reasoning_response_part",
        "client_tool_call",
        "mcp_tool_call",
        "mcp_connection_status",
        "agent_tool_request",
        "agent_tool_response",
        "agent_tool_response_full_payload",
        "vad_score",
        "context_usage",
        "guardrail_triggered",
        "dtmf_request",
        "client_error",
        "rich_content",
        "internal_turn_probability",
        "internal_tentative_agent_response",
    }
)
"""What `client_events` may name."""  # spec/wire-protocol.md, 1.3

ALWAYS = frozenset(
    {
        "conversation_initiation_metadata",
        "ping",
        "client_tool_call",
        "error",
        "queue_status",
        "agent_typing",
        "external_agent_connected",
        "external_agent_disconnected",
    }
)
"""Sent whatever was selected: no client works without them, or none can select them."""

DEFAULT = ALWAYS | frozenset(
    {
        "audio",
        "interruption",
        "agent_response",
        "agent_response_correction",
        "user_transcript",
        "tentative_user_transcript",
        "mcp_tool_call",
        "mcp_connection_status",
        "agent_tool_request",
        "agent_tool_response",
    }
)
"""Sent to a client of an agent that selects nothing."""  # spec/semantics.md, 5


def selected(client_events: Collection[str], *, text_only: bool = False) -> frozenset[str]:
    """Return the types of the messages that are sent.

    Args:
        client_events: Of the agent; empty or null elements: the default.
        text_only: Whether the conversation has no sound: then words are sent as they are written.
    """
    if client_events:
        return ALWAYS | frozenset(client_events)
    return DEFAULT | {"agent_chat_response_part"} if text_only else DEFAULT
