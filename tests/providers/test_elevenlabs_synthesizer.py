import asyncio
import base64
import json
import time
from itertools import accumulate

import numpy as np
import pytest

from providers.provider_rig import (
    Script,
    ScriptedServer,
    all_of,
    closing_s,
    failure,
    head,
    timed_answer,
    timed_line,
)
from turnwise.audio.alignment import Alignment
from turnwise.base.errors import (
    ConfigError,
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from turnwise.providers.ports import SoundPiece, VoiceOptions
from turnwise.providers.tts.elevenlabs import SPEC, ElevenLabsSynthesizer

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(SPEC.missing() is not None, reason=str(SPEC.missing())),
]

TEXT = "Hello there."
OPTIONS = VoiceOptions(
    voice="a voice/ä", language="de-AT", speed=2.0, stability=0.3, similarity_boost=0.9
)


async def said(
    server: ScriptedServer, *scripts: Script, text: str = TEXT, **options: object
) -> list[SoundPiece]:
    server.scripts = list(scripts)
    synthesizer = ElevenLabsSynthesizer(**{"base_url": server.url, "api_key": "k", **options})  # type: ignore[arg-type]
    try:
        return await all_of(synthesizer.speak(text, OPTIONS))
    finally:
        await synthesizer.aclose()


def answer(*lines: bytes) -> Script:
    return [head(200), *lines]


def text_of(pieces: list[SoundPiece]) -> str:
    return "".join(piece.alignment.text for piece in pieces)


def whole(pieces: list[SoundPiece]) -> Alignment:
    """The alignment of all pieces, times from the begin of the first."""
    begins = accumulate((len(piece.samples) // 24 for piece in pieces), initial=0)
    joined = Alignment()
    for piece, begin_ms in zip(pieces, begins, strict=False):
        joined = joined.join(piece.alignment.shift(begin_ms))
    return joined


async def test_what_is_sent(server: ScriptedServer) -> None:
    await said(server, timed_answer(TEXT), rate_hz=16_000)
    request = server.asked[0]
    path = "/v1/text-to-speech/a%20voice%2F%C3%A4/stream/with-timestamps"
    assert request.path == f"{path}?output_format=pcm_16000"
    assert request.headers["xi-api-key"] == "k"
    assert request.json == {
        "text": TEXT,
        "model_id": "eleven_flash_v2_5",
        "voice_settings": {"stability": 0.3, "similarity_boost": 0.9, "speed": 1.2},
        "language_code": "de",
    }


async def test_older_models_are_not_told_the_language(server: ScriptedServer) -> None:
    await said(server, timed_answer(TEXT), model="eleven_multilingual_v2", api_key=None)
    assert "language_code" not in server.asked[0].json
    assert "xi-api-key" not in server.asked[0].headers


async def test_each_piece_has_whole_characters_at_the_times_told(server: ScriptedServer) -> None:
    pieces = await said(server, answer(timed_line("Hello", 0, 40), timed_line(" there.", 200, 60)))
    assert [piece.alignment.text for piece in pieces] == ["Hell", "o there", "."]
    assert [len(piece.samples) / 24 for piece in pieces] == [160, 400, 60]
    assert pieces[1].alignment.starts_ms == (0, 40, 100, 160, 220, 280, 340)
    assert whole(pieces).durations_ms == (40,) * 5 + (60,) * 7
    assert not any(piece.alignment.estimated for piece in pieces)


def times_of(chars: str, ms_per_char: int = 50) -> object:
    return json.loads(timed_line(chars, 0, ms_per_char))["alignment"]


def sound_of(ms: int, **more: object) -> bytes:
    sound = base64.b64encode(bytes(2 * 24 * ms)).decode()
    return json.dumps({"audio_base64": sound, **more}).encode() + b"\n"


async def test_times_may_come_before_their_sound(server: ScriptedServer) -> None:
    lines = [sound_of(320, alignment=times_of(TEXT)), sound_of(280, alignment=None)]
    pieces = await said(server, answer(*lines))
    assert [piece.alignment.text for piece in pieces] == ["Hello ", "there", "."]
    assert whole(pieces).starts_ms == tuple(range(0, 600, 50))


async def test_times_may_come_after_their_sound(server: ScriptedServer) -> None:
    times = json.dumps({"audio_base64": None, "alignment": times_of(TEXT)}).encode() + b"\n"
    pieces = await said(server, answer(sound_of(320), times, sound_of(280)))
    assert pieces[0].alignment.text == ""
    assert len(pieces[0].samples) == 24 * 300  # the last bit waits for characters
    assert text_of(pieces) == TEXT
    assert whole(pieces).starts_ms[:8] == (300,) * 7 + (350,)


async def test_a_long_pause_is_not_held_back(server: ScriptedServer) -> None:
    pause = times_of("a b", 1000)
    pieces = await said(server, answer(sound_of(1500, alignment=pause), sound_of(1500)), text="a b")
    assert [len(piece.samples) // 24 for piece in pieces] == [1480, 1500, 20]
    assert [piece.alignment.text for piece in pieces] == ["a ", "b", ""]
    assert pieces[0].alignment.ends_ms[-1] == 1480  # no character outlasts its piece


async def test_sound_without_any_times_has_its_text_at_the_end(server: ScriptedServer) -> None:
    pieces = await said(server, answer(sound_of(500), sound_of(500)))
    assert [piece.alignment.text for piece in pieces] == ["", "", TEXT]
    assert (pieces[-1].alignment.estimated, len(pieces[-1].samples)) == (True, 480)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Hello.", " Hello."),
        ("  Hello. ", "Hello."),
        ("Hello,\n\nyou.", "Hello, you. "),
        ("<b>Hi</b> you", "Hi you"),
        ("Hi \U0001f600 you", "Hi you"),
        ("null \0 and \ud83d a", "null  and ? a"),
        ("It costs 5 €", "It costs five euros"),
        ("Hello", ""),
        ("a", "zzz"),
    ],
)
async def test_every_character_comes_once_whatever_the_service_tells(
    server: ScriptedServer, text: str, told: str
) -> None:
    lines = [timed_line(told[at : at + 4], 50 * at) for at in range(0, len(told), 4)]
    pieces = await said(server, answer(*(lines or [timed_line("x", 0, alignment=None)])), text=text)
    assert text_of(pieces) == text
    for piece in pieces:
        assert max(piece.alignment.ends_ms, default=0) <= len(piece.samples) // 24


async def test_what_is_left_out_does_not_move_what_is_told(server: ScriptedServer) -> None:
    pieces = await said(server, answer(timed_line(" Hi you", 0, 100)), text="<b>Hi</b> you")
    times = dict(zip(whole(pieces).chars, whole(pieces).starts_ms, strict=True))
    assert (times["H"], times["i"], times["y"], times["u"]) == (100, 200, 400, 600)


async def test_normalised_times_serve_where_there_are_no_others(server: ScriptedServer) -> None:
    pieces = await said(server, answer(timed_line(TEXT, 0, alignment=None)))
    assert whole(pieces).starts_ms == tuple(range(0, 600, 50))


async def test_lines_may_be_cut_anywhere(server: ScriptedServer) -> None:
    body = b"\n".join(timed_line(f"{chars}", at) for chars, at in (("Hello", 0), (" there.", 250)))
    body = body.replace(b'"Hello', b'"\xe2\x80\xa8Hello')  # a line separator is no end of a line
    cut: list[bytes | float] = [
        step for at in range(0, len(body), 4001) for step in (body[at : at + 4001], 0.001)
    ]
    pieces = await said(server, [head(200), *cut])
    assert sum(len(piece.samples) for piece in pieces) == 24 * 600
    assert text_of(pieces) == TEXT


async def test_punctuation_may_have_no_sound_and_words_may_not(server: ScriptedServer) -> None:
    assert text_of(await said(server, answer(timed_line("", 0)), text="...")) == "..."
    with pytest.raises(ProviderBroken):
        await said(server, answer(timed_line("", 0)))


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b"[]\n",
        b"{}\n",
        b'{"audio_base64": 1}\n',
        b'{"audio_base64": "!!"}\n',
        b'{"audio_base64": "AA=="}\n' * 3,  # a sample and a half
        b'{"audio_base64": "AAA=", "alignment": 1}\n',
        b'{"audio_base64": "AAA=", "alignment": {"characters": ["a"]}}\n',
        timed_line("Hello", 0).replace(b'["H", ', b"["),
        b'{"detail": {"status": "x", "message": "no"}}\n',
    ],
)
async def test_garbage_is_broken(server: ScriptedServer, line: bytes) -> None:
    with pytest.raises(ProviderBroken):
        await said(server, answer(line))


@pytest.mark.parametrize(
    ("status", "expected", "requests"),
    [
        (401, ProviderRefused, 1),
        (402, ProviderRefused, 1),
        (403, ProviderRefused, 1),
        (422, ProviderRefused, 1),
        (429, ProviderUnavailable, 2),
        (500, ProviderUnavailable, 2),
    ],
)
async def test_an_http_status_becomes_an_error(
    server: ScriptedServer, status: int, expected: type[ProviderError], requests: int
) -> None:
    with pytest.raises(expected) as caught:
        await said(server, failure(status))
    assert caught.value.status == status
    assert len(server.asked) == requests


async def test_a_service_that_hangs_is_a_timeout(server: ScriptedServer) -> None:
    with pytest.raises(ProviderTimeout):
        await said(server, [5.0], timeout_s=0.2)
    with pytest.raises(ProviderTimeout):
        await said(server, [head(200), timed_line("Hello", 0), 5.0], timeout_s=0.2)


async def test_an_answer_cut_off_is_unavailable(server: ScriptedServer) -> None:
    with pytest.raises(ProviderUnavailable):
        await said(server, [head(200, Content_Length="99999"), timed_line("Hello", 0)])


async def test_stopping_hangs_up_at_once(server: ScriptedServer) -> None:
    server.scripts = [[head(200), timed_line("Hello", 0), 30.0]]
    synthesizer = ElevenLabsSynthesizer(base_url=server.url)
    assert await closing_s(synthesizer.speak(TEXT, OPTIONS)) < 0.1
    await asyncio.wait_for(server.hung_up.wait(), 1)
    await synthesizer.aclose()


async def test_the_first_sound_does_not_wait_for_the_rest(server: ScriptedServer) -> None:
    server.scripts = [[head(200), timed_line("Hello", 0), 1.0, timed_line(" there.", 250)]]
    synthesizer = ElevenLabsSynthesizer(base_url=server.url)
    stream = synthesizer.speak(TEXT, OPTIONS)
    began = time.monotonic()
    assert (await anext(stream)).alignment.text == "Hell"
    assert time.monotonic() - began < 0.5
    await stream.aclose()
    await synthesizer.aclose()


async def test_one_connection_serves_one_text_after_the_other() -> None:
    body = timed_line(TEXT, 0)
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while asked := await reader.readuntil(b"\r\n\r\n"):
            length = next(
                line for line in asked.lower().split(b"\r\n") if b"content-length" in line
            )
            await reader.readexactly(int(length.partition(b":")[2]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    synthesizer = ElevenLabsSynthesizer(base_url=url)
    for _ in range(3):
        assert text_of(await all_of(synthesizer.speak(TEXT, OPTIONS))) == TEXT
    await synthesizer.aclose()
    server.close()
    assert connections == 1


def test_options_that_cannot_be_are_the_operators_mistake() -> None:
    with pytest.raises(ConfigError, match="rate_hz is 11025"):
        ElevenLabsSynthesizer(rate_hz=11_025)
    with pytest.raises(ConfigError, match="base_url is"):
        ElevenLabsSynthesizer(base_url="localhost")


async def test_the_official_client_understands_the_scripted_service(server: ScriptedServer) -> None:
    client = pytest.importorskip("elevenlabs.client")
    server.answer = lambda _: timed_answer(TEXT)
    sdk = client.AsyncElevenLabs(api_key="k", base_url=server.url.removesuffix("/v1"))
    lines = [
        line
        async for line in sdk.text_to_speech.stream_with_timestamps(
            "v", text=TEXT, model_id="eleven_flash_v2_5", output_format="pcm_24000"
        )
    ]
    assert "".join("".join(line.alignment.characters) for line in lines) == f" {TEXT}"
    assert lines[0].alignment.character_start_times_seconds[:2] == [0.0, 0.05]
    theirs = np.frombuffer(b"".join(base64.b64decode(line.audio_base_64) for line in lines), "<i2")
    pieces = await said(server, timed_answer(TEXT))
    assert np.array_equal(np.concatenate([piece.samples for piece in pieces]), theirs)
    path = "/v1/text-to-speech/v/stream/with-timestamps?output_format=pcm_24000"
    assert server.asked[0].path == path
