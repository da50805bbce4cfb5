"""What every provider must do, for every provider of the registry."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from providers import tiny_models
from providers.provider_rig import (
    ScriptedServer,
    all_of,
    can_speak,
    closing_s,
    endless,
    frames_of,
    kind_answer,
    spoken,
    utterance,
)
from providers.vendor_wires import greeting
from turnwise.audio.pcm import Pcm, silence
from turnwise.base.errors import ProviderError, ProviderUnavailable
from turnwise.providers import registry
from turnwise.providers.llm.scripted import Reply
from turnwise.providers.ports import (
    LanguageModel,
    ListeningOptions,
    ModelMessage,
    ModelRequest,
    SpeechDetector,
    Synthesizer,
    TextDelta,
    ToolSpec,
    Transcriber,
    Usage,
    VoiceOptions,
    Words,
)
from turnwise.providers.spec import Kind

pytestmark = pytest.mark.anyio

FAILURE = ProviderUnavailable("x/scripted", "as told")
NOWHERE = "http://127.0.0.1:9/v1"

OPTIONS: dict[str, Callable[[str], dict[str, object]]] = {
    "stt/pocketsphinx": lambda _: {"workers": 1},
    "stt/openai": lambda url: {"base_url": url},
    "stt/deepgram": lambda url: {"base_url": url},
    "stt/elevenlabs": lambda url: {"base_url": url},
    "stt/scripted": lambda _: {"texts": ["hello there"]},
    "llm/openai": lambda url: {"base_url": url},
    "llm/anthropic": lambda url: {"base_url": url.removesuffix("/v1")},
    "llm/google": lambda url: {"base_url": url.removesuffix("/v1")},
    "llm/custom": lambda url: {"url": url},
    "tts/openai": lambda url: {"base_url": url},
    "tts/elevenlabs": lambda url: {"base_url": url},
    "llm/scripted": lambda _: {"replies": ["Hello there, you."], "word_ms": 5},
}
"""What a provider needs to answer, given a server that does."""

SPEAKS_BY_SOCKET = {"stt/deepgram", "stt/elevenlabs"}

FAILING: dict[str, dict[str, object]] = {
    "stt/openai": {"base_url": NOWHERE, "attempts": 1},
    "stt/deepgram": {"base_url": NOWHERE, "attempts": 1},
    "stt/elevenlabs": {"base_url": NOWHERE, "attempts": 1},
    "stt/scripted": {"error": FAILURE},
    "llm/openai": {"base_url": NOWHERE, "attempts": 1},
    "llm/anthropic": {"base_url": NOWHERE, "attempts": 1},
    "llm/google": {"base_url": NOWHERE, "attempts": 1},
    "llm/custom": {"url": NOWHERE, "attempts": 1},
    "tts/openai": {"base_url": NOWHERE, "attempts": 1},
    "tts/elevenlabs": {"base_url": NOWHERE, "attempts": 1},
    "llm/scripted": {"replies": [Reply("x", error=FAILURE)]},
    "tts/scripted": {"error": FAILURE},
}
"""What makes a provider fail; others know only some languages."""

TEXTS = [
    "Hello there, how can I help you today?",
    "It costs $42.50 (or 40 € in cash) — “really”, 50% off!",
    "One.\n\nTwo;  three...   ",
    "  leading space",
    "a",
    "\u00dcber \u65e5\u672c \U0001f600 na\u00efve\u0301",
    "null \0 and half \ud83d a pair",
    "<b>tags</b> & [[codes]] {braces}",
    "...",
    "   ",
]


def names(kind: Kind) -> list[Any]:
    return [
        pytest.param(
            each.full_name,
            marks=pytest.mark.skipif(reason is not None, reason=f"{each.full_name}: {reason}"),
        )
        for each in registry.available(kind)
        for reason in [each.reason or tiny_models.missing(each.full_name)]
    ]


def made(full_name: str, server: ScriptedServer, **options: object) -> Any:  # noqa: ANN401 - of any kind
    kind, _, name = full_name.partition("/")
    server.answer = lambda asked: greeting(asked.path) or kind_answer(asked)
    url = server.sockets.url if full_name in SPEAKS_BY_SOCKET else server.url
    defaults = OPTIONS[full_name](url) if full_name in OPTIONS else {}
    if full_name in tiny_models.BUILDERS:
        defaults = {"path": tiny_models.folder_of(full_name)}
    return registry.create(kind, name, **{**defaults, **options})  # type: ignore[call-overload]


async def some_speech() -> Pcm:
    return await asyncio.to_thread(spoken, "hello there") if can_speak() else silence(16_000)


# --- all -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "full_name", [n for kind in ("vad", "stt", "llm", "tts") for n in names(kind)]
)
async def test_it_closes(full_name: str, server: ScriptedServer) -> None:
    provider = made(full_name, server)
    await asyncio.wait_for(provider.aclose(), 5)


# --- synthesizers --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("full_name", names("tts"))
async def test_every_character_is_spoken_once_in_order(
    full_name: str, text: str, server: ScriptedServer
) -> None:
    synthesizer: Synthesizer = made(full_name, server)
    pieces = await all_of(synthesizer.speak(text, VoiceOptions()))
    await synthesizer.aclose()
    assert "".join(piece.alignment.text for piece in pieces) == text
    for piece in pieces:
        assert piece.samples.dtype == np.int16
        assert piece.samples.ndim == 1
        length_ms = len(piece.samples) * 1000 / synthesizer.rate_hz
        assert max(piece.alignment.ends_ms, default=0) <= length_ms + 1


@pytest.mark.parametrize("full_name", names("tts"))
async def test_no_text_is_no_sound(full_name: str, server: ScriptedServer) -> None:
    synthesizer: Synthesizer = made(full_name, server)
    assert await all_of(synthesizer.speak("", VoiceOptions())) == []
    await synthesizer.aclose()


@pytest.mark.parametrize("full_name", names("tts"))
async def test_speech_comes_in_pieces_and_stops_when_told(
    full_name: str, server: ScriptedServer
) -> None:
    synthesizer: Synthesizer = made(full_name, server)
    text = "This is a long text that nobody wants to hear to its end. " * 40
    assert await closing_s(synthesizer.speak(text, VoiceOptions())) < 0.1
    again = await all_of(synthesizer.speak("Hello there, how are you today?", VoiceOptions()))
    assert len(again) > 1
    await synthesizer.aclose()


@pytest.mark.parametrize("full_name", names("tts"))
async def test_speech_that_cannot_be_had_is_a_provider_error(
    full_name: str, server: ScriptedServer
) -> None:
    synthesizer: Synthesizer = made(full_name, server, **FAILING.get(full_name, {}))
    with pytest.raises(ProviderError):
        await all_of(synthesizer.speak("hello", VoiceOptions(language="xx")))
    await synthesizer.aclose()


@pytest.mark.parametrize("full_name", names("tts"))
async def test_many_speak_at_once_and_each_gets_its_own(
    full_name: str, server: ScriptedServer
) -> None:
    synthesizer: Synthesizer = made(full_name, server)
    texts = [f"Number {number}, please come to the desk." for number in range(8)]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(all_of(synthesizer.speak(text, VoiceOptions()))) for text in texts
        ]
    await synthesizer.aclose()
    heard = ["".join(piece.alignment.text for piece in task.result()) for task in tasks]
    assert heard == texts


# --- transcribers --------------------------------------------------------------------------------


@pytest.mark.parametrize("full_name", names("stt"))
async def test_the_last_words_and_only_they_are_final(
    full_name: str, server: ScriptedServer
) -> None:
    transcriber: Transcriber = made(full_name, server)
    told = await all_of(transcriber.transcribe(utterance(await some_speech()), ListeningOptions()))
    await transcriber.aclose()
    assert [words.final for words in told] == [False] * (len(told) - 1) + [True]
    assert "hello" in told[-1].text


@pytest.mark.parametrize("full_name", names("stt"))
async def test_an_utterance_without_sound_is_over_at_once(
    full_name: str, server: ScriptedServer
) -> None:
    transcriber: Transcriber = made(full_name, server)
    told = await all_of(transcriber.transcribe(utterance(silence(0)), ListeningOptions()))
    await transcriber.aclose()
    assert told[-1].final
    assert full_name == "stt/scripted" or told == [Words("", final=True)]


@pytest.mark.parametrize("full_name", names("stt"))
async def test_a_transcription_stops_when_told(full_name: str, server: ScriptedServer) -> None:
    transcriber: Transcriber = made(full_name, server)
    for after_s in (0.3, 0.05):
        stream = transcriber.transcribe(endless(), ListeningOptions())
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(all_of(stream), after_s)
        assert time.monotonic() - began < after_s + 0.1
    await transcriber.aclose()


@pytest.mark.parametrize("full_name", names("stt"))
async def test_words_that_cannot_be_had_are_a_provider_error(
    full_name: str, server: ScriptedServer
) -> None:
    transcriber: Transcriber = made(full_name, server, **FAILING.get(full_name, {}))
    with pytest.raises(ProviderError):
        await all_of(
            transcriber.transcribe(utterance(silence(3200)), ListeningOptions(language="xx"))
        )
    await transcriber.aclose()


# --- language models -----------------------------------------------------------------------------

GREETING = [
    ModelMessage(role="system", text="You are a kind agent. The shop opens at nine o'clock."),
    ModelMessage(role="assistant", text="Hello."),
    ModelMessage(role="user", text="When does the shop open?"),
]
TOOL = ToolSpec(
    name="get_weather",
    description="Get the weather.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}},
)


@pytest.mark.parametrize("full_name", names("llm"))
async def test_an_answer_comes_in_pieces_and_usage_last(
    full_name: str, server: ScriptedServer
) -> None:
    model: LanguageModel = made(full_name, server)
    events = await all_of(model.stream(ModelRequest(messages=GREETING, tools=[TOOL])))
    await model.aclose()
    assert sum(isinstance(each, TextDelta) for each in events) > 1
    assert isinstance(events[-1], Usage)
    assert all(each.text for each in events if isinstance(each, TextDelta))


@pytest.mark.parametrize("full_name", names("llm"))
async def test_an_answer_stops_when_told(full_name: str, server: ScriptedServer) -> None:
    model: LanguageModel = made(full_name, server)
    assert await closing_s(model.stream(ModelRequest(messages=GREETING))) < 0.1
    assert await all_of(model.stream(ModelRequest(messages=GREETING)))
    await model.aclose()


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [ModelMessage(role="system", text="")],
        [ModelMessage(role="user", text="")],
        [ModelMessage(role="assistant", text="")],
        [ModelMessage(role="tool", text="", tool_call_id="1", tool_name="x")],
    ],
    ids=["nothing", "system", "user", "assistant", "tool"],
)
@pytest.mark.parametrize("full_name", names("llm"))
async def test_an_empty_request_is_survived(
    full_name: str, messages: list[ModelMessage], server: ScriptedServer
) -> None:
    model: LanguageModel = made(full_name, server)
    try:
        assert await all_of(model.stream(ModelRequest(messages=messages)))
    except ProviderError:
        pass
    finally:
        await model.aclose()


@pytest.mark.parametrize("full_name", names("llm"))
async def test_an_answer_that_cannot_be_had_is_a_provider_error(
    full_name: str, server: ScriptedServer
) -> None:
    if full_name == "llm/offline":
        pytest.skip("it has nothing that could fail")
    model: LanguageModel = made(full_name, server, **FAILING[full_name])
    with pytest.raises(ProviderError):
        await all_of(model.stream(ModelRequest(messages=GREETING)))
    await model.aclose()


# --- detectors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("full_name", names("vad"))
async def test_silence_is_not_speech(full_name: str, server: ScriptedServer) -> None:
    detector: SpeechDetector = made(full_name, server)
    stream = detector.open()
    told = await stream.judge(frames_of(silence(16_000), detector.frame_samples))
    assert len(told) == 16_000 // detector.frame_samples
    assert all(0 <= probability < 0.3 for probability in told)
    assert await stream.judge(frames_of(silence(0), detector.frame_samples)) == []
    stream.close()
    await detector.aclose()


@pytest.mark.parametrize("full_name", names("vad"))
async def test_speech_is_speech(full_name: str, server: ScriptedServer) -> None:
    if not can_speak():
        pytest.skip("nothing here can speak")
    detector: SpeechDetector = made(full_name, server)
    frames = frames_of(await some_speech(), detector.frame_samples)
    stream = detector.open()
    assert max(await stream.judge(frames)) > 0.8
    await detector.aclose()


@pytest.mark.parametrize("full_name", names("vad"))
async def test_a_closed_detector_is_a_provider_error(
    full_name: str, server: ScriptedServer
) -> None:
    detector: SpeechDetector = made(full_name, server)
    stream = detector.open()
    await detector.aclose()
    with pytest.raises(ProviderError):
        await stream.judge(frames_of(silence(1024), detector.frame_samples))
