"""Which voices the synthesizers have, and who stands for the voices of the hosted service."""

import importlib.util

import pytest

from providers import tiny_models
from turnwise.providers import registry
from turnwise.providers.ports import Synthesizer, VoiceOptions, voices_of
from turnwise.providers.tts import espeak
from turnwise.providers.tts.espeak_engine import engine
from turnwise.providers.tts.scripted import Scripted
from turnwise.providers.wire_voices import WIRE_VOICES, alike, has_wire_form

pytestmark = pytest.mark.anyio


def made(name: str) -> Synthesizer:
    spec = next(each.spec for each in registry.available("tts") if each.full_name == name)
    if spec is None or spec.missing():
        pytest.skip(f"{name} is not installed")
    if spec.model is None:
        return registry.create("tts", name.partition("/")[2])
    if importlib.util.find_spec("onnx") is None:
        pytest.skip("onnx is not installed")
    return registry.create("tts", name.partition("/")[2], path=tiny_models.folder_of(name))


@pytest.mark.parametrize("name", ["tts/espeak", "tts/kokoro", "tts/piper"])
async def test_a_synthesizer_speaks_with_each_voice_that_it_has(name: str) -> None:
    synthesizer = made(name)
    try:
        voices = await voices_of(synthesizer)
        assert voices
        assert len({voice.voice_id for voice in voices}) == len(voices)
        for voice in voices[:2]:
            options = VoiceOptions(voice=voice.voice_id, language=voice.language or "en")
            pieces = [piece async for piece in synthesizer.speak("Hi.", options)]
            assert "".join(piece.alignment.text for piece in pieces) == "Hi."
    finally:
        await synthesizer.aclose()


async def test_a_synthesizer_need_not_know_its_voices() -> None:
    assert await voices_of(Scripted()) == ()


@pytest.mark.parametrize("voice_id", WIRE_VOICES)
def test_a_well_known_voice_keeps_its_gender_and_is_always_the_same(voice_id: str) -> None:
    pytest.importorskip("espeakng_loader")
    options = VoiceOptions(voice=voice_id)
    name = espeak.voice_name(options, engine())
    assert name == espeak.voice_name(options, engine())
    gender = WIRE_VOICES[voice_id].gender
    wanted = {"female": "f", "male": "m"}.get(gender, name.partition("+")[2][0])
    assert name.partition("+")[2].startswith(wanted)


def test_local_voices_stand_for_others_of_their_gender() -> None:
    assert alike("21m00Tcm4TlvDq8ikWAM", ["a"], ["b"]) == ["a"]
    assert alike("pNInz6obpgDQGcFmaJgB", ["a"], ["b"]) == ["b"]
    assert alike("pNInz6obpgDQGcFmaJgB", ["a"], []) == ("a",)
    assert alike("SAz9YHcvj6GT2YYXdXww", ["a"], ["b"]) == ("a", "b")
    assert alike("mine", ["a"], ["b"]) == ("a", "b")


def test_ids_of_the_hosted_service_are_recognised_by_their_form() -> None:
    assert all(map(has_wire_form, WIRE_VOICES))
    assert not has_wire_form("en-us+f2")
    assert not has_wire_form("21m00Tcm4TlvDq8ikWAM0")
