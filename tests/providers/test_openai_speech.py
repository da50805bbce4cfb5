import asyncio
import time
import wave
from io import BytesIO

import numpy as np
import pytest

from providers.provider_rig import (
    Script,
    ScriptedServer,
    all_of,
    failure,
    head,
    utterance,
    whole,
)
from turnwise.base.errors import (
    ConfigError,
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from turnwise.providers.ports import ListeningOptions, SoundPiece, VoiceOptions, Words
from turnwise.providers.stt.openai_compatible import SPEC, OpenAiTranscriber, wav
from turnwise.providers.tts.openai_compatible import OpenAiSynthesizer

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(SPEC.missing() is not None, reason=str(SPEC.missing())),
]

SOUND = np.arange(3200, dtype=np.int16)
GOOD_WORDS = whole(b'{"text": " Hello there. "}')
TEXT = "Hello there, how are you today?"


def sound(samples: int, *, cut: int = 0) -> bytes:
    data = np.full(samples, 500, np.int16).tobytes()
    return data[: len(data) - cut]


async def heard(server: ScriptedServer, *scripts: Script, **options: object) -> list[Words]:
    server.scripts = list(scripts)
    transcriber = OpenAiTranscriber(**{"base_url": server.url, "api_key": "k", **options})  # type: ignore[arg-type]
    listening = ListeningOptions(language="de-AT", keywords=("Turnwise", "Graz"))
    try:
        return await all_of(transcriber.transcribe(utterance(SOUND), listening))
    finally:
        await transcriber.aclose()


async def said(
    server: ScriptedServer, *scripts: Script, text: str = TEXT, voice: str = "", **options: object
) -> list[SoundPiece]:
    server.scripts = list(scripts)
    synthesizer = OpenAiSynthesizer(**{"base_url": server.url, "api_key": "k", **options})  # type: ignore[arg-type]
    try:
        return await all_of(synthesizer.speak(text, VoiceOptions(voice=voice, speed=1.1)))
    finally:
        await synthesizer.aclose()


# --- hearing -------------------------------------------------------------------------------------


async def test_one_request_gives_the_final_words(server: ScriptedServer) -> None:
    assert await heard(server, GOOD_WORDS) == [Words("Hello there.", final=True)]
    request = server.asked[0]
    assert request.path == "/v1/audio/transcriptions"
    assert request.headers["authorization"] == "Bearer k"
    assert wav(SOUND.tobytes()) in request.body
    for field in (b"whisper-1", b"\r\nde\r\n", b"Turnwise, Graz"):
        assert field in request.body


def test_a_wav_holds_the_sound() -> None:
    with wave.open(BytesIO(wav(SOUND.tobytes()))) as reader:
        assert reader.getparams()[:4] == (1, 2, 16_000, 3200)
        assert reader.readframes(3200) == SOUND.tobytes()


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"[]", b"{}", b'{"text": null}', b'"text"', b"\xff\xfe"]
)
async def test_an_answer_without_words_is_broken(server: ScriptedServer, body: bytes) -> None:
    with pytest.raises(ProviderBroken):
        await heard(server, whole(body))


# --- speaking ------------------------------------------------------------------------------------


async def test_sound_comes_in_pieces_with_all_characters(server: ScriptedServer) -> None:
    pieces = await said(server, [head(200, "audio/pcm"), sound(24_000), sound(7_000)])
    assert sum(len(piece.samples) for piece in pieces) == 31_000
    assert "".join(piece.alignment.text for piece in pieces) == TEXT
    assert all(piece.alignment.estimated for piece in pieces)
    assert pieces[0].alignment.text == "He"
    request = server.asked[0]
    assert request.path == "/v1/audio/speech"
    assert request.json == {
        "model": "tts-1",
        "input": TEXT,
        "voice": "alloy",
        "speed": 1.1,
        "response_format": "pcm",
    }


async def test_sound_that_is_shorter_than_usual_has_all_characters(server: ScriptedServer) -> None:
    pieces = await said(server, [head(200, "audio/pcm"), sound(3_000)])
    assert "".join(piece.alignment.text for piece in pieces) == TEXT


async def test_sound_that_is_longer_than_usual_keeps_a_character_for_its_end(
    server: ScriptedServer,
) -> None:
    pieces = await said(server, [head(200, "audio/pcm"), sound(240_001)])
    assert "".join(piece.alignment.text for piece in pieces) == TEXT
    assert pieces[-1].alignment.text == "?"


async def test_samples_may_be_cut_anywhere(server: ScriptedServer) -> None:
    data = sound(9_000)
    pieces = await said(
        server, [head(200, "audio/pcm"), data[:1], 0.01, data[1:7001], 0.01, data[7001:]]
    )
    assert (np.concatenate([piece.samples for piece in pieces]) == 500).all()


async def test_sound_is_passed_on_as_it_comes(server: ScriptedServer) -> None:
    server.scripts = [[head(200, "audio/pcm"), sound(4_800), 0.3, sound(4_800)]]
    synthesizer = OpenAiSynthesizer(base_url=server.url)
    began = time.monotonic()
    at = [time.monotonic() - began async for _ in synthesizer.speak(TEXT, VoiceOptions())]
    await synthesizer.aclose()
    assert at[-1] - at[0] > 0.2


@pytest.mark.parametrize(
    ("voice", "told"),
    [("", "alloy"), ("21m00Tcm4TlvDq8ikWAM", "alloy"), ("nova", "nova"), ("anna", "coral")],
)
async def test_voices_are_named_as_the_server_names_them(
    server: ScriptedServer, voice: str, told: str
) -> None:
    script = [head(200, "audio/pcm"), sound(3_000)]
    await said(server, script, voice=voice, voices={"anna": "coral"})
    assert server.asked[0].json["voice"] == told


@pytest.mark.parametrize("data", [b"", sound(3_000, cut=1)], ids=["none", "half a sample"])
async def test_sound_that_is_none_is_broken(server: ScriptedServer, data: bytes) -> None:
    with pytest.raises(ProviderBroken):
        await said(server, [head(200, "audio/pcm"), data])


async def test_spaces_are_not_sent(server: ScriptedServer) -> None:
    pieces = await said(server, text="  ")
    assert [piece.alignment.text for piece in pieces] == ["  "]
    assert server.asked == []


async def test_closing_hangs_up(server: ScriptedServer) -> None:
    server.scripts = [[head(200, "audio/pcm"), sound(4_800), 10.0]]
    synthesizer = OpenAiSynthesizer(base_url=server.url)
    stream = synthesizer.speak(TEXT, VoiceOptions())
    await anext(stream)
    began = time.monotonic()
    await stream.aclose()
    assert time.monotonic() - began < 0.1
    async with asyncio.timeout(1):
        await server.hung_up.wait()
    await synthesizer.aclose()


# --- both: what goes wrong -----------------------------------------------------------------------


@pytest.mark.parametrize("ask", [heard, said])
@pytest.mark.parametrize(
    ("status", "expected", "requests"),
    [
        (302, ProviderBroken, 1),
        (400, ProviderRefused, 1),
        (401, ProviderRefused, 1),
        (402, ProviderRefused, 1),
        (404, ProviderRefused, 1),
        (408, ProviderTimeout, 2),
        (429, ProviderUnavailable, 2),
        (500, ProviderUnavailable, 2),
        (504, ProviderTimeout, 2),
    ],
)
async def test_an_http_status_becomes_an_error(
    server: ScriptedServer,
    ask: object,
    status: int,
    expected: type[ProviderError],
    requests: int,
) -> None:
    with pytest.raises(ProviderError) as caught:
        await ask(server, failure(status))  # type: ignore[operator]
    assert type(caught.value) is expected
    assert caught.value.status == status
    assert len(server.asked) == requests


async def test_a_failure_that_passes_is_not_noticed(server: ScriptedServer) -> None:
    assert len(await heard(server, failure(503), GOOD_WORDS)) == 1


async def test_a_short_retry_after_is_waited_for(server: ScriptedServer) -> None:
    began = time.monotonic()
    await heard(server, failure(429, Retry_After="0.5"), GOOD_WORDS)
    assert 0.5 <= time.monotonic() - began < 1.5


@pytest.mark.parametrize("after", ["20", "Wed, 21 Oct 2026 07:28:00 GMT", "-1"])
async def test_a_long_retry_after_is_not_waited_for(server: ScriptedServer, after: str) -> None:
    with pytest.raises(ProviderUnavailable):
        await heard(server, failure(429, Retry_After=after), GOOD_WORDS)
    assert len(server.asked) == 1


async def test_no_server_is_unavailable() -> None:
    transcriber = OpenAiTranscriber(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ProviderUnavailable):
        await all_of(transcriber.transcribe(utterance(SOUND), ListeningOptions()))
    await transcriber.aclose()


@pytest.mark.parametrize("ask", [heard, said])
async def test_a_slow_server_is_a_timeout(server: ScriptedServer, ask: object) -> None:
    with pytest.raises(ProviderTimeout):
        await ask(server, [5.0], timeout_s=0.2)  # type: ignore[operator]


@pytest.mark.parametrize("ask", [heard, said])
async def test_an_answer_cut_off_is_unavailable(server: ScriptedServer, ask: object) -> None:
    with pytest.raises(ProviderUnavailable):
        await ask(server, [head(200, Content_Length="9999"), sound(100)])  # type: ignore[operator]


@pytest.mark.parametrize("ask", [heard, said])
async def test_an_answer_that_is_no_http_is_an_error(server: ScriptedServer, ask: object) -> None:
    with pytest.raises(ProviderError):
        await ask(server, [b"hello\r\n\r\n"])  # type: ignore[operator]


async def test_an_address_that_is_none_is_the_operators_mistake() -> None:
    with pytest.raises(ConfigError, match="localhost"):
        OpenAiTranscriber(base_url="localhost:8000")
