"""`/v1/models`: what clients may call the one engine that speaks here."""

from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.voice_catalogue import MOST_CHARS, local_voices
from turnwise.contract import load
from turnwise.store import Document

models = Slice()

NAMES = {
    "eleven_multilingual_v2": "Multilingual v2",
    "eleven_flash_v2_5": "Flash v2.5",
    "eleven_flash_v2": "Flash v2",
    "eleven_turbo_v2_5": "Turbo v2.5",
    "eleven_turbo_v2": "Turbo v2",
    "eleven_v3": "v3",
}
"""Models of the hosted service that agents and clients name."""

DESCRIPTION = "A model of the hosted service. Here the speech engine of this server speaks for it."


@models.serve("GET /v1/models")
async def list_models(call: Call) -> Answer:
    """Return the models that clients may name; the engine of this server speaks for all."""
    if call.deps.synthesizer is None:
        return []
    languages = {voice.language or "en" for voice in await local_voices(call.deps)} or {"en"}
    return [_shown(model_id, name, sorted(languages)) for model_id, name in NAMES.items()]


def _shown(model_id: str, name: str, languages: list[str]) -> Document:
    document: Document = (
        load()
        .shape("ModelResponseModel")
        .filled(
            {
                "model_id": model_id,
                "name": name,
                "description": DESCRIPTION,
                "can_be_finetuned": False,
                "can_do_text_to_speech": True,
                "can_do_voice_conversion": False,
                "can_use_style": False,
                "can_use_speaker_boost": False,
                "serves_pro_voices": False,
                "token_cost_factor": 0.0,
                "requires_alpha_access": False,
                "max_characters_request_free_user": MOST_CHARS,
                "max_characters_request_subscribed_user": MOST_CHARS,
                "maximum_text_length_per_request": MOST_CHARS,
                "languages": [{"language_id": code, "name": code} for code in languages],
                "model_rates": {"character_cost_multiplier": 0.0},
                "concurrency_group": "standard",
            }
        )
    )
    return document
