"""A voice as clients read it."""

from collections.abc import Mapping
from typing import Any

from turnwise.contract import load
from turnwise.providers.ports import Voice
from turnwise.providers.wire_voices import WIRE_VOICES
from turnwise.store import Document

HOSTED = "A voice of the hosted service. Here a local voice speaks for it, always the same one."
LOCAL = "A voice of this server."
MODEL_ID = "eleven_multilingual_v2"
"""What clients call the model that speaks; all are the same here."""
CATEGORY = "premade"


def shown(voice: Voice, settings: Mapping[str, Any] | None) -> Document:
    """Return a voice in the published shape.

    Args:
        voice: Which one.
        settings: What it was set to; None: the answer should not say.
    """
    labels = {"gender": voice.gender, "language": voice.language}
    verified = [{"language": voice.language, "model_id": MODEL_ID}] if voice.language else []
    document: Document = (
        load()
        .shape("VoiceResponseModel")
        .filled(
            {
                "voice_id": voice.voice_id,
                "name": voice.name,
                "category": CATEGORY,
                "labels": {name: value for name, value in labels.items() if value},
                "description": HOSTED if voice.voice_id in WIRE_VOICES else LOCAL,
                "settings": None if settings is None else shown_settings(settings),
                "high_quality_base_model_ids": [MODEL_ID],
                "verified_languages": verified,
                "is_owner": False,
            }
        )
    )
    return document


def shown_settings(settings: Mapping[str, Any]) -> Document:
    """Return what a voice is set to, with the published defaults."""
    document: Document = load().shape("VoiceSettingsResponseModel").filled(dict(settings))
    return document
