"""The official Python SDK about voices, speech and dictionaries: it parses every answer."""

import base64
import io
import wave
from typing import Any

import httpx
import numpy as np
import pytest
from elevenlabs import PronunciationDictionaryVersionLocator, VoiceSettings
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import (
    GetVoicesResponse,
    GetVoicesV2Response,
    Model,
    SpeechToTextChunkResponseModel,
    Voice,
)

RACHEL = "21m00Tcm4TlvDq8ikWAM"
TEXT = "Hello there. How are you?"


def test_voices_search_get_and_settings(sdk: ElevenLabs) -> None:
    found = sdk.voices.search(search="rachel", page_size=5)
    assert isinstance(found, GetVoicesV2Response)
    assert [voice.voice_id for voice in found.voices] == [RACHEL]
    assert isinstance(sdk.voices.get_all(), GetVoicesResponse)
    assert isinstance(sdk.voices.get(RACHEL), Voice)
    assert sdk.voices.settings.get_default().stability == 0.5
    sdk.voices.settings.update(RACHEL, request=VoiceSettings(speed=1.1))
    assert sdk.voices.settings.get(RACHEL).speed == 1.1
    with pytest.raises(ApiError) as caught:
        sdk.voices.get("nobody")
    assert caught.value.body["detail"]["code"] == "voice_not_found"


def test_models_list(sdk: ElevenLabs) -> None:
    models = sdk.models.list()
    assert models
    assert all(isinstance(model, Model) for model in models)


def test_text_to_speech_convert_and_stream(sdk: ElevenLabs) -> None:
    speech = sdk.text_to_speech
    whole = b"".join(speech.convert(RACHEL, text=TEXT, output_format="pcm_16000"))
    streamed = b"".join(speech.stream(RACHEL, text=TEXT, output_format="pcm_16000"))
    assert whole == streamed
    assert np.abs(np.frombuffer(whole, "<i2")).max() > 5_000
    file = b"".join(speech.convert(RACHEL, text=TEXT, output_format="wav_24000"))
    with wave.open(io.BytesIO(file)) as reader:
        assert reader.getframerate() == 24_000


def test_text_to_speech_with_timestamps(sdk: ElevenLabs) -> None:
    speech = sdk.text_to_speech
    whole = speech.convert_with_timestamps(RACHEL, text=TEXT, output_format="pcm_16000")
    assert whole.alignment is not None
    assert "".join(whole.alignment.characters) == TEXT
    pieces = list(speech.stream_with_timestamps(RACHEL, text=TEXT, output_format="pcm_16000"))
    assert len(pieces) > 1
    sound = b"".join(base64.b64decode(piece.audio_base_64) for piece in pieces)
    assert sound == base64.b64decode(whole.audio_base_64)


def test_speech_to_text_convert(sdk: ElevenLabs) -> None:
    tone = np.rint(8_000 * np.sin(np.arange(16_000) / 8)).astype("<i2").tobytes()
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(tone)
    heard = sdk.speech_to_text.convert(model_id="scribe_v1", file=file.getvalue())
    assert isinstance(heard, SpeechToTextChunkResponseModel)
    assert heard.text in {"hello there", "good bye"}
    assert [word.type for word in heard.words] == ["word", "spacing", "word"]


def test_single_use_token_takes_the_place_of_a_key(sdk: ElevenLabs) -> None:
    token = sdk.tokens.single_use.create("batch_scribe").token
    base_url = str(sdk._client_wrapper.get_base_url())
    with httpx.Client(base_url=base_url) as http:
        for status in (200, 401):
            answer = http.post(
                "/v1/speech-to-text",
                params={"token": token},
                data={"model_id": "scribe_v1", "file_format": "pcm_s16le_16"},
                files={"file": bytes(32_000)},
            )
            assert answer.status_code == status


def test_pronunciation_dictionaries(sdk: ElevenLabs) -> None:
    dictionaries = sdk.pronunciation_dictionaries
    rule = {"type": "alias", "string_to_replace": "UN", "alias": "United Nations"}
    rules: Any = [rule]
    made = dictionaries.create_from_rules(name="Words", rules=rules)
    read = dictionaries.get(made.id)
    assert read.latest_version_id == made.version_id
    assert read.rules[0].string_to_replace == "UN"
    text = b"".join(dictionaries.download(made.id, made.version_id)).decode()
    again = dictionaries.create_from_file(name="Again", file=("a.pls", text.encode()))
    assert dictionaries.get(again.id).rules[0].alias == "United Nations"
    more: Any = [{**rule, "string_to_replace": "EU", "alias": "Union"}]
    assert dictionaries.rules.add(made.id, rules=more).version_rules_num == 2
    assert dictionaries.rules.remove(made.id, rule_strings=["UN"]).version_rules_num == 1
    assert dictionaries.rules.set(made.id, rules=more).version_rules_num == 1
    assert dictionaries.update(made.id, name="New", archived=True).name == "New"
    listed = dictionaries.list(include_archived=False)
    assert [each.id for each in listed.pronunciation_dictionaries] == [again.id]
    locator = PronunciationDictionaryVersionLocator(pronunciation_dictionary_id=again.id)
    spoken = sdk.text_to_speech.convert_with_timestamps(
        RACHEL,
        text="The UN.",
        output_format="pcm_16000",
        pronunciation_dictionary_locators=[locator],
    )
    assert spoken.normalized_alignment is not None
    assert "".join(spoken.normalized_alignment.characters) == "The United Nations."
