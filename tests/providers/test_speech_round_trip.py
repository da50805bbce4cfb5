"""Text, spoken aloud, noticed, and heard: with the engines that work right after install."""

import asyncio

import numpy as np
import pytest

from providers.provider_rig import all_of, frames_of, listening, spoken, utterance
from turnwise.audio.pcm import Pcm, silence
from turnwise.audio.speech_gate import Offset, Onset, SpeechGate
from turnwise.providers import registry
from turnwise.providers.ports import ListeningOptions, VoiceOptions
from turnwise.providers.spec import Kind

NEEDED: tuple[tuple[Kind, str], ...] = (
    ("tts", "espeak"),
    ("vad", "silero"),
    ("stt", "pocketsphinx"),
)
MISSING = [
    each.reason
    for kind, name in NEEDED
    for each in registry.available(kind)
    if each.full_name == f"{kind}/{name}" and each.reason
]

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(bool(MISSING), reason="; ".join(MISSING)),
]

TEXT = "what are your opening hours on sunday morning"


async def by_espeak() -> Pcm:
    synthesizer = registry.create("tts", "espeak")
    pieces = await all_of(synthesizer.speak(TEXT, VoiceOptions()))
    sound = np.concatenate([piece.samples for piece in pieces])
    pause = silence(16 * 500)
    return np.concatenate([pause, listening(sound, synthesizer.rate_hz), pause])


async def by_the_best_voice() -> Pcm:
    return await asyncio.to_thread(spoken, TEXT)


@pytest.mark.parametrize("voice", [by_espeak, by_the_best_voice])
async def test_what_is_spoken_is_noticed_and_heard(voice: object) -> None:
    sound: Pcm = await voice()  # type: ignore[operator]
    detector = registry.create("vad", "silero")
    frames = frames_of(sound, detector.frame_samples)
    probabilities = await detector.open().judge(frames)
    await detector.aclose()
    gate = SpeechGate()
    turns = [turn for each in probabilities if (turn := gate.push(each))]
    assert isinstance(turns[0], Onset)
    assert isinstance(turns[-1], Offset)
    assert -100 <= turns[0].at_ms - turns[0].speech_ms - 500 <= 250  # a soft consonant is late
    end_ms = turns[-1].at_ms - turns[-1].silence_ms
    assert abs(end_ms - (len(sound) / 16 - 500)) <= 350

    transcriber = registry.create("stt", "pocketsphinx", workers=1)
    heard = sound[16 * (turns[0].at_ms - 320) : 16 * turns[-1].at_ms]
    told = await all_of(transcriber.transcribe(utterance(heard), ListeningOptions()))
    await transcriber.aclose()
    assert told[-1].final
    assert set(told[-1].text.split()) & set(TEXT.split())
