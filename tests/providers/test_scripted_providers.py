import time

import numpy as np
import pytest

from providers.provider_rig import all_of, until_error, utterance
from turnwise.audio.pcm import silence
from turnwise.base.errors import ProviderUnavailable
from turnwise.providers.llm import scripted as llm
from turnwise.providers.ports import (
    ListeningOptions,
    ModelMessage,
    ModelRequest,
    TextDelta,
    ToolCall,
    Usage,
    VoiceOptions,
    Words,
)
from turnwise.providers.stt import scripted as stt
from turnwise.providers.tts import scripted as tts
from turnwise.providers.vad.energy import Energy

pytestmark = pytest.mark.anyio

ERROR = ProviderUnavailable("x/scripted", "as told")
REQUEST = ModelRequest(messages=[ModelMessage(role="user", text="one two")])


async def test_a_tone_tells_the_length_of_its_text() -> None:
    voice = tts.Scripted(rate_hz=16_000, ms_per_char=50, chars_per_piece=8)
    pieces = await all_of(voice.speak("Hello there, you.", VoiceOptions()))
    sound = np.concatenate([piece.samples for piece in pieces])
    assert [piece.alignment.text for piece in pieces] == ["Hello th", "ere, you", "."]
    assert len(sound) == 17 * 50 * 16
    strongest = np.abs(np.fft.rfft(sound)).argmax() * 16_000 / len(sound)
    assert strongest == pytest.approx(tts.pitch_hz(17), abs=2)
    assert pieces[1].alignment.starts_ms == tuple(range(0, 400, 50))
    assert voice.spoken == ["Hello there, you."]


async def test_a_silent_voice_is_faster_at_speed_two() -> None:
    voice = tts.Scripted(rate_hz=8000, ms_per_char=40, silent=True)
    (piece,) = await all_of(voice.speak("ab", VoiceOptions(speed=2)))
    assert not piece.samples.any()
    assert len(piece.samples) == 2 * 20 * 8


async def test_a_voice_fails_when_told() -> None:
    voice = tts.Scripted(chars_per_piece=1, error=ERROR, error_after_pieces=2, latency_ms=20)
    began = time.monotonic()
    told = await until_error(voice.speak("abcd", VoiceOptions()))
    assert [piece.alignment.text for piece in told] == ["a", "b"]
    assert time.monotonic() - began >= 0.02


async def test_utterances_get_their_texts() -> None:
    ear = stt.Scripted(texts=["one two three", "four"], ms_per_word=100)
    options = ListeningOptions()
    assert await all_of(ear.transcribe(utterance(silence(16 * 250)), options)) == [
        Words("one", final=False),
        Words("one two", final=False),
        Words("one two three", final=True),
    ]
    for expected in ("four", "", ""):
        told = await all_of(ear.transcribe(utterance(silence(160)), options))
        assert told == [Words(expected, final=True)]
    assert ear.heard_ms == [250, 10, 10, 10]


async def test_texts_may_be_repeated_and_fail() -> None:
    ear = stt.Scripted(texts=["a", "b"], repeat=True, ms_per_word=0)
    told = [
        (await all_of(ear.transcribe(utterance(silence(160)), ListeningOptions())))[-1].text
        for _ in range(3)
    ]
    assert told == ["a", "b", "a"]
    with pytest.raises(ProviderUnavailable):
        await all_of(
            stt.Scripted(error=ERROR).transcribe(utterance(silence(160)), ListeningOptions())
        )


async def test_replies_come_in_turn_and_the_last_one_again() -> None:
    model = llm.Scripted(replies=["One two.", llm.Reply("Bye.", tools=(("end_call", {"a": 1}),))])
    assert await all_of(model.stream(REQUEST)) == [
        TextDelta("One "),
        TextDelta("two."),
        Usage(2, 2),
    ]
    call = ToolCall(id="call_1_0", name="end_call", arguments='{"a": 1}')
    assert await all_of(model.stream(REQUEST)) == [TextDelta("Bye."), call, Usage(2, 1)]
    assert TextDelta("Bye.") in await all_of(model.stream(REQUEST))
    assert model.requests == [REQUEST] * 3


async def test_replies_may_be_written_and_fail() -> None:
    model = llm.Scripted(replies=lambda request: request.messages[-1].text.upper())
    assert (await all_of(model.stream(REQUEST)))[:2] == [TextDelta("ONE "), TextDelta("TWO")]
    model = llm.Scripted(replies=[llm.Reply("One two three", error=ERROR, error_after_words=1)])
    assert await until_error(model.stream(REQUEST)) == [TextDelta("One ")]


async def test_what_is_loud_is_speech() -> None:
    detector = Energy(frame_samples=160)
    tone = 10_000 * np.sin(np.arange(160) / 3)
    frames = np.stack([tone, tone / 60, 0 * tone]).astype(np.int16)
    told = await detector.open().judge(frames)
    assert told[0] == 1
    assert 0 < told[1] < 0.5
    assert told[2] == 0
    stream = detector.open()
    stream.close()
    with pytest.raises(ProviderUnavailable):
        await stream.judge(frames)
