"""An agent on the telephone, whichever carrier brings the call."""

from collections.abc import Mapping
from typing import Any

from turnwise.agents.overrides import merged
from turnwise.wire.client_messages import ConversationInitiationClientData

Json = dict[str, Any]

_ALWAYS: Json = {
    "text_only": False,
    # who is told nothing else can still be interrupted, and hears
    "client_events": ["audio", "interruption"],
}


def on_the_phone(document: Mapping[str, Any]) -> Json:
    """Return a stored agent as it is on the phone: it speaks, and there is no program to tell."""
    return merged(document, {"conversation_config": {"conversation": _ALWAYS}})


def spoken(init: ConversationInitiationClientData) -> ConversationInitiationClientData:
    """Return what a call is to begin with, less what a telephone cannot have."""
    override = init.override
    conversation = {k: v for k, v in override.get("conversation", {}).items() if k not in _ALWAYS}
    tts = {k: v for k, v in override.get("tts", {}).items() if k != "agent_output_audio_format"}
    asr = {k: v for k, v in override.get("asr", {}).items() if k != "user_input_audio_format"}
    kept = {**override, "conversation": conversation, "tts": tts, "asr": asr}
    kept = {name: section for name, section in kept.items() if section}
    return init.model_copy(update={"conversation_config_override": kept or None})
