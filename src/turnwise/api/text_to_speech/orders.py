"""What is to be spoken, and how: a request, understood."""

from dataclasses import dataclass
from typing import Any

from turnwise.agents.pronunciation import Pronunciation
from turnwise.api.errors import Malformed, NotOffered
from turnwise.api.pronunciation_rules import pronunciation
from turnwise.api.serving import Call
from turnwise.api.sound_formats import SoundFormat, sound_format
from turnwise.api.voice_catalogue import (
    MOST_CHARS,
    check_speakable,
    local_voices,
    settings_of,
    synthesizer_of,
)
from turnwise.providers.ports import Synthesizer, VoiceOptions

LANGUAGE = "en"
"""Where neither the request nor the voice says one."""
MOST_DICTIONARIES = 3

_NOT_YET = ("audio_effects", "apply_language_text_normalization")
"""Parts of the body that would be heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Everything needed to speak."""

    synthesizer: Synthesizer
    text: str
    options: VoiceOptions
    pronunciation: Pronunciation
    format: SoundFormat


async def order_of(call: Call) -> Order:
    """Return what a request wants.

    Raises:
        Malformed: If there is nothing to speak, or too much, or no such format.
        NotFound: If there is no such voice or dictionary.
        NotOffered: If a part of the request would be heard and is not served.
    """
    deps, body, voice_id = call.deps, call.body, call.path["voice_id"]
    synthesizer = synthesizer_of(deps)
    for name in _NOT_YET:
        if body.get(name):
            raise NotOffered(f"This server does not offer {name} yet; leave it out.")
    text = _checked_text(body["text"])
    locators = body.get("pronunciation_dictionary_locators") or ()
    if len(locators) > MOST_DICTIONARIES:
        raise Malformed(f"At most {MOST_DICTIONARIES} pronunciation dictionaries can be used.")
    await check_speakable(deps, voice_id)
    async with deps.store.reading() as tx:
        kept = await settings_of(tx, voice_id)
        rules = await pronunciation(tx, locators)
    said = {key: value for key, value in (body.get("voice_settings") or {}).items() if value}
    return Order(
        synthesizer=synthesizer,
        text=text,
        options=_options(voice_id, await _language(call), {**kept, **said}),
        pronunciation=rules,
        format=sound_format(call.query["output_format"]),
    )


def _checked_text(text: str) -> str:
    if not text.strip():
        raise Malformed("The text is empty.", code="input_text_empty")
    if len(text) > MOST_CHARS:
        raise Malformed(f"The text has more than {MOST_CHARS} characters.", code="text_too_long")
    return text


async def _language(call: Call) -> str:
    if told := call.body.get("language_code"):
        return str(told)
    for voice in await local_voices(call.deps):
        if voice.voice_id == call.path["voice_id"] and voice.language:
            return voice.language
    return LANGUAGE


def _options(voice_id: str, language: str, settings: dict[str, Any]) -> VoiceOptions:
    usual = VoiceOptions()

    def number(name: str) -> float:
        value = settings.get(name)
        return float(getattr(usual, name) if value is None else value)

    speed = number("speed")
    if not 0.25 <= speed <= 4:
        raise Malformed("The speed should be from 0.25 to 4; 1 is usual.")
    return VoiceOptions(
        voice=voice_id,
        language=language,
        speed=speed,
        stability=number("stability"),
        similarity_boost=number("similarity_boost"),
    )
