import base64
import io
import json
import wave
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import httpx
import numpy as np
import pytest
from typing_extensions import override

from api.api_kit import KEY, error_of
from turnwise.agents.pronunciation import Pronunciation
from turnwise.api import Deps, create_api
from turnwise.api.sound_formats import sound_format
from turnwise.api.text_to_speech import routes
from turnwise.api.text_to_speech.orders import Order
from turnwise.audio import alaw, mulaw
from turnwise.base.errors import ProviderBroken, ProviderRefused, ProviderUnavailable
from turnwise.providers.ports import SoundPiece, Voice, VoiceOptions
from turnwise.providers.tts.scripted import Scripted

pytestmark = pytest.mark.anyio

RACHEL = "21m00Tcm4TlvDq8ikWAM"
PATH = f"/v1/text-to-speech/{RACHEL}"
TEXT = "Hello there. How are you?"
LENGTH_S = len(TEXT) * 0.06


@asynccontextmanager
async def reach(deps: Deps, **more: object) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_api(replace(deps, **more)))  # type: ignore[arg-type]
    headers = {"xi-api-key": KEY}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://t", headers=headers
    ) as client:
        yield client


def needs(output_format: str) -> None:
    package = {"mp3": "lameenc", "opus": "av"}.get(output_format.partition("_")[0])
    if package and find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


async def spoken(client: httpx.AsyncClient, output_format: str, path: str = PATH) -> httpx.Response:
    params = {"output_format": output_format}
    answer = await client.post(path, params=params, json={"text": TEXT})
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("path", [PATH, f"{PATH}/stream"])
@pytest.mark.parametrize(
    ("output_format", "media_type", "rate_hz"),
    [
        ("pcm_8000", "audio/pcm", 8_000),
        ("pcm_16000", "audio/pcm", 16_000),
        ("pcm_44100", "audio/pcm", 44_100),
        ("ulaw_8000", "audio/basic", 8_000),
        ("alaw_8000", "audio/x-alaw-basic", 8_000),
    ],
)
async def test_text_to_speech_gives_bare_sound(
    client: httpx.AsyncClient, path: str, output_format: str, media_type: str, rate_hz: int
) -> None:
    answer = await spoken(client, output_format, path)
    assert answer.headers["content-type"] == media_type
    samples = {
        "pcm": lambda data: np.frombuffer(data, "<i2"),
        "ulaw": mulaw.decode,
        "alaw": alaw.decode,
    }[output_format.partition("_")[0]](answer.content)
    assert len(samples) == pytest.approx(LENGTH_S * rate_hz, abs=3)
    assert np.abs(samples).max() > 5_000


async def test_text_to_speech_gives_a_wav_file(client: httpx.AsyncClient) -> None:
    answer = await spoken(client, "wav_22050")
    with wave.open(io.BytesIO(answer.content)) as reader:
        assert (reader.getframerate(), reader.getnchannels()) == (22_050, 1)
        assert reader.getnframes() == pytest.approx(LENGTH_S * 22_050, abs=3)


@pytest.mark.parametrize("path", [PATH, f"{PATH}/stream"])
@pytest.mark.parametrize("output_format", ["mp3_44100_128", "mp3_22050_32", "opus_48000_32"])
async def test_text_to_speech_gives_coded_sound(
    client: httpx.AsyncClient, path: str, output_format: str
) -> None:
    needs(output_format)
    answer = await spoken(client, output_format, path)
    av = pytest.importorskip("av")
    with av.open(io.BytesIO(answer.content)) as container:
        frames = list(container.decode(audio=0))
    seconds = sum(frame.samples for frame in frames) / frames[0].sample_rate
    assert seconds == pytest.approx(LENGTH_S, abs=0.1)
    assert frames[0].sample_rate == int(output_format.split("_")[1])


async def test_the_usual_format_is_mp3(client: httpx.AsyncClient) -> None:
    needs("mp3")
    answer = await client.post(PATH, json={"text": TEXT})
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["request-id"] == answer.headers["x-trace-id"]


async def test_a_format_that_cannot_be_made_says_what_can(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnwise.api.sound_formats.find_spec", lambda _: None)
    for output_format in ("mp3_44100_128", "opus_48000_64"):
        params = {"output_format": output_format}
        answer = await client.post(PATH, params=params, json={"text": TEXT})
        assert answer.status_code == 400
        detail = error_of(answer)
        assert detail["code"] == "output_format_not_available"
        assert "pcm" in detail["message"]


def times(told: dict[str, list[Any]]) -> list[tuple[Any, Any, Any]]:
    return list(
        zip(
            told["characters"],
            told["character_start_times_seconds"],
            told["character_end_times_seconds"],
            strict=True,
        )
    )


async def test_with_timestamps_tells_when_each_character_is_heard(
    client: httpx.AsyncClient,
) -> None:
    answer = await spoken(client, "pcm_16000", f"{PATH}/with-timestamps")
    body = answer.json()
    assert len(base64.b64decode(body["audio_base64"])) == pytest.approx(LENGTH_S * 32_000, abs=9)
    assert times(body["alignment"]) == [
        (char, pytest.approx(0.06 * index), pytest.approx(0.06 * (index + 1)))
        for index, char in enumerate(TEXT)
    ]
    assert body["alignment"] == body["normalized_alignment"]


async def test_the_stream_with_timestamps_has_the_same_in_pieces(
    client: httpx.AsyncClient,
) -> None:
    whole = (await spoken(client, "pcm_22050", f"{PATH}/with-timestamps")).json()
    answer = await spoken(client, "pcm_22050", f"{PATH}/stream/with-timestamps")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len(lines) >= 2
    sound = b"".join(base64.b64decode(line["audio_base64"]) for line in lines)
    assert sound == base64.b64decode(whole["audio_base64"])
    told = [each for line in lines if line["alignment"] for each in times(line["alignment"])]
    assert told == times(whole["alignment"])


async def test_a_dictionary_changes_what_is_spoken_and_not_what_is_written(
    client: httpx.AsyncClient,
) -> None:
    rule = {"type": "alias", "string_to_replace": "UN", "alias": "United Nations"}
    answer = await client.post(
        "/v1/pronunciation-dictionaries/add-from-rules", json={"name": "d", "rules": [rule]}
    )
    locator = {"pronunciation_dictionary_id": answer.json()["id"]}
    body = {"text": "The UN.", "pronunciation_dictionary_locators": [locator]}
    for path in (f"{PATH}/with-timestamps", f"{PATH}/stream/with-timestamps"):
        params = {"output_format": "pcm_16000"}
        answer = await client.post(path, params=params, json=body)
        lines = [json.loads(line) for line in answer.text.splitlines()]
        told = [each for line in lines if line["alignment"] for each in times(line["alignment"])]
        spoken = [
            each
            for line in lines
            if line["normalized_alignment"]
            for each in times(line["normalized_alignment"])
        ]
        assert "".join(char for char, _, _ in told) == "The UN."
        assert "".join(char for char, _, _ in spoken) == "The United Nations."
        assert told[4] == ("U", pytest.approx(0.24), pytest.approx(0.66))
        assert told[-1][2] == spoken[-1][2] == pytest.approx(19 * 0.06)


@pytest.mark.parametrize(
    ("settings", "kept", "speed"),
    [
        ({}, {}, 1.0),
        ({"speed": 2}, {}, 2.0),
        ({}, {"speed": 0.5}, 0.5),
        ({"speed": 1}, {"speed": 2}, 1),
    ],
)
async def test_the_speed_is_that_of_the_request_or_of_the_voice(
    client: httpx.AsyncClient, settings: dict[str, float], kept: dict[str, float], speed: float
) -> None:
    if kept:
        await client.post(f"/v1/voices/{RACHEL}/settings/edit", json=kept)
    answer = await client.post(
        PATH, params={"output_format": "pcm_8000"}, json={"text": TEXT, "voice_settings": settings}
    )
    seconds = len(answer.content) / 16_000
    assert seconds == pytest.approx(LENGTH_S / speed, rel=0.02)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (PATH, {}, 422, None),
        (PATH, {"text": 1}, 422, None),
        (PATH, {"text": "a", "voice_settings": {"stability": 7}}, 422, None),
        (f"{PATH}?output_format=mp3_1", {"text": "a"}, 422, None),
        (PATH, {"text": ""}, 400, "input_text_empty"),
        (PATH, {"text": " \n"}, 400, "input_text_empty"),
        (PATH, {"text": "a" * 40_001}, 400, "text_too_long"),
        (PATH, {"text": "a", "voice_settings": {"speed": 99}}, 400, "invalid_request"),
        (
            PATH,
            {
                "text": "a",
                "pronunciation_dictionary_locators": [{"pronunciation_dictionary_id": "x"}],
            },
            404,
            "pronunciation_dictionary_not_found",
        ),
        (PATH, {"text": "a", "apply_language_text_normalization": True}, 501, "not_implemented"),
    ],
)
async def test_a_bad_order_is_refused(
    client: httpx.AsyncClient, path: str, body: object, status: int, code: str | None
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == status
    if code:
        assert error_of(answer)["code"] == code


async def test_hints_for_other_engines_are_taken(client: httpx.AsyncClient) -> None:
    body = {
        "text": TEXT,
        "model_id": "eleven_flash_v2_5",
        "seed": 1,
        "previous_text": "Before.",
        "next_text": "After.",
        "previous_request_ids": ["r"],
        "apply_text_normalization": "off",
        "language_code": "de",
    }
    params = {"output_format": "pcm_16000", "enable_logging": "false"}
    assert (await client.post(PATH, params=params, json=body)).status_code == 200


class Choir(Scripted):
    async def voices(self) -> list[Voice]:
        return [Voice(voice_id="low", name="Low", language="de")]


@pytest.mark.parametrize(
    ("voice_id", "status"), [("low", 200), (RACHEL, 200), ("a" * 20, 200), ("high", 404)]
)
async def test_any_voice_of_the_hosted_service_can_be_spoken_with(
    deps: Deps, voice_id: str, status: int
) -> None:
    async with reach(deps, synthesizer=Choir()) as client:
        answer = await client.post(
            f"/v1/text-to-speech/{voice_id}?output_format=pcm_16000", json={"text": "a"}
        )
    assert answer.status_code == status
    if status == 404:
        assert error_of(answer)["code"] == "voice_not_found"


@pytest.mark.parametrize("path", [PATH, f"{PATH}/stream", f"{PATH}/with-timestamps"])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ProviderRefused("tts/x", "no such language"), 400),
        (ProviderUnavailable("tts/x", "away"), 503),
        (ProviderBroken("tts/x", "odd"), 503),
    ],
)
async def test_an_engine_that_fails_before_the_first_sound_is_an_error(
    deps: Deps, path: str, error: Exception, status: int
) -> None:
    broken = Scripted(error=error)  # type: ignore[arg-type]
    async with reach(deps, synthesizer=broken) as client:
        answer = await client.post(path, params={"output_format": "pcm_16000"}, json={"text": TEXT})
    assert answer.status_code == status
    assert error_of(answer)["code"] == error.code  # type: ignore[attr-defined]


async def test_without_an_engine_nobody_speaks(deps: Deps) -> None:
    async with reach(deps, synthesizer=None) as client:
        assert (await client.post(PATH, json={"text": TEXT})).status_code == 501


class Endless(Scripted):
    """Speaks until it is told to stop."""

    stopped = False

    @override
    async def speak(self, text: str, options: VoiceOptions) -> AsyncGenerator[SoundPiece, None]:
        try:
            while True:
                async for piece in super().speak(text, options):
                    yield piece
        finally:
            self.stopped = True


async def test_who_stops_listening_stops_the_engine() -> None:
    engine = Endless()
    order = Order(
        synthesizer=engine,
        text=TEXT,
        options=VoiceOptions(),
        pronunciation=Pronunciation(),
        format=sound_format("pcm_16000"),
    )
    for made in (routes._sound(order), routes._lines(order)):
        engine.stopped = False
        body = await routes._begun(made)
        assert await anext(body)
        assert await anext(body)
        assert not engine.stopped
        await body.aclose()
        assert engine.stopped
