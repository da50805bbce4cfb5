"""All seven formats of sound in both directions, on the bare socket, judged by spectrum."""

import shutil

import numpy as np
import pytest

from acceptance.callers import Caller
from acceptance.house import House, agent
from acceptance.speech import FORMATS, HZ, at_rate, likeness, pause, share, spoken

pytestmark = pytest.mark.acceptance

BEST = "flite" if shutil.which("flite") else "espeak"
HOURS = "We are open from ten to six."
ADDRESS = "Our address is twelve Market Street."
ESPEAK_HZ = 22_050
ALIKE = 0.35
"""Measured: other words, and these at a wrong rate, reach 0.15."""


@pytest.mark.parametrize("name", FORMATS)
def test_both_sides_are_understood(house: House, name: str) -> None:
    config = {
        "tts": {"agent_output_audio_format": name},
        "asr": {"user_input_audio_format": name},
    }
    agent_id = house.create(agent(ADDRESS, HOURS, config=config))
    with Caller(house.socket_url(agent_id)) as caller:
        told = caller.wait("conversation_initiation_metadata")
        event = told["conversation_initiation_metadata_event"]
        assert event["agent_output_audio_format"] == event["user_input_audio_format"] == name
        caller.wait_for_quiet(0.6)
        _check_sound(caller, name)
        caller.speak(np.concatenate([spoken("what is your address", BEST), pause(0.8)]), name)
        caller.wait("user_transcript")
        caller.wait("agent_response", 2)
        if FORMATS[name] > 8_000:  # the transcriber knows no telephones
            assert "address" in caller.transcripts()[0]
            assert caller.replies() == [HOURS, ADDRESS]


def _check_sound(caller: Caller, name: str) -> None:
    rate = FORMATS[name]
    sound = caller.sound(name)
    assert likeness(at_rate(sound, rate, HZ), HOURS) > ALIKE
    assert share(sound, rate, 80, 4_000) > 0.8
    if rate > 8_000:  # not a telephone's sound at a higher rate
        assert share(sound, rate, 4_000, rate / 2) > 0.005
    if rate > ESPEAK_HZ:  # and nothing that the voice does not have
        assert share(sound, rate, ESPEAK_HZ / 2 + 400, rate / 2) < 0.001


def test_the_clients_formats_are_taken_from_its_first_message(house: House) -> None:
    """Of all clients only Patter asks for formats, and needs them."""
    permitted = {"tts": {"output_format": True, "agent_output_audio_format": True}}
    permitted["asr"] = {"input_format": True, "user_input_audio_format": True}
    settings = {"overrides": {"conversation_config_override": permitted}}
    agent_id = house.create(agent("", HOURS, settings=settings))
    override = {"tts": {"output_format": "ulaw_8000"}, "asr": {"input_format": "ulaw_8000"}}
    init = {
        "type": "conversation_initiation_client_data",
        "conversation_config_override": override,
    }
    with Caller(house.socket_url(agent_id), init) as caller:
        told = caller.wait("conversation_initiation_metadata")
        event = told["conversation_initiation_metadata_event"]
        assert event["agent_output_audio_format"] == "ulaw_8000"
        assert event["user_input_audio_format"] == "ulaw_8000"
        caller.wait_for_quiet(0.6)
        assert likeness(at_rate(caller.sound("ulaw_8000"), 8_000, HZ), HOURS) > ALIKE
