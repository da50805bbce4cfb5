import io
import struct
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from api.api_kit import KEY, error_of
from turnwise.api import Deps, create_api
from turnwise.api.errors import Malformed
from turnwise.api.sound_formats import sound_format
from turnwise.api.speech_to_text import recordings
from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ProviderUnavailable
from turnwise.providers.ports import LISTENING_HZ
from turnwise.providers.stt.scripted import Scripted

pytestmark = pytest.mark.anyio

PATH = "/v1/speech-to-text"
TOKENS = "/v1/single-use-token"
TEXTS = ["hello there", "good bye"]


def tone(ms: int, rate_hz: int = 16_000) -> Pcm:
    at = np.arange(ms * rate_hz // 1000) / rate_hz
    sound: Pcm = np.rint(8_000 * np.sin(2 * np.pi * 300 * at)).astype(np.int16)
    return sound


def gap(ms: int, rate_hz: int = 16_000) -> Pcm:
    return np.zeros(ms * rate_hz // 1000, np.int16)


def two_utterances(rate_hz: int = 16_000) -> Pcm:
    """Speech from 1.0 to 2.0 s and from 3.0 to 3.5 s."""
    parts = [gap(1_000, rate_hz), tone(1_000, rate_hz), gap(1_000, rate_hz), tone(500, rate_hz)]
    return np.concatenate([*parts, gap(1_000, rate_hz)])


def wav(samples: Pcm, rate_hz: int = 16_000, *, channels: int = 1, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate_hz)
        if width == 1:
            writer.writeframes((samples // 256 + 128).astype(np.uint8).tobytes())
        else:
            wide = samples.astype("<i4") << 16
            octets = wide.view(np.uint8).reshape(-1, 4)[:, 4 - width :]
            writer.writeframes(octets.tobytes())
    return file.getvalue()


@asynccontextmanager
async def reach(deps: Deps, **more: object) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_api(replace(deps, **more)))  # type: ignore[arg-type]
    headers = {"xi-api-key": KEY}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://t", headers=headers
    ) as client:
        yield client


async def convert(client: httpx.AsyncClient, data: bytes, **form: object) -> httpx.Response:
    return await client.post(
        PATH, data={"model_id": "scribe_v1", **form}, files={"file": ("a.wav", data)}
    )


async def test_speech_to_text_has_the_words_of_each_utterance(client: httpx.AsyncClient) -> None:
    answer = await convert(client, wav(two_utterances()), language_code="en")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["text"] == "hello there good bye"
    assert (body["language_code"], body["language_probability"]) == ("en", 1.0)
    assert body["audio_duration_secs"] == 4.5
    words = body["words"]
    assert "".join(word["text"] for word in words) == body["text"]
    assert [word["type"] for word in words] == ["word", "spacing"] * 3 + ["word"]
    assert words[0]["start"] == pytest.approx(1.0, abs=0.1)
    assert words[2]["end"] == pytest.approx(2.0, abs=0.1)
    assert words[4]["start"] == pytest.approx(3.0, abs=0.1)
    assert words[6]["end"] == pytest.approx(3.5, abs=0.1)
    times = [time for word in words for time in (word["start"], word["end"])]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("granularity", "timed", "lettered"),
    [("word", True, False), ("none", False, False), ("character", True, True)],
)
async def test_times_are_as_fine_as_wanted(
    client: httpx.AsyncClient, granularity: str, *, timed: bool, lettered: bool
) -> None:
    answer = await convert(client, wav(two_utterances()), timestamps_granularity=granularity)
    word = answer.json()["words"][0]
    assert (word["start"] is not None) == timed
    assert (word["characters"] is not None) == lettered
    if lettered:
        assert "".join(each["text"] for each in word["characters"]) == word["text"]


@pytest.mark.parametrize(
    "encode",
    [
        lambda: wav(two_utterances(8_000), 8_000),
        lambda: wav(two_utterances(44_100), 44_100),
        lambda: wav(np.repeat(two_utterances(), 2), channels=2),
        *(lambda width=width: wav(two_utterances(), width=width) for width in (1, 3, 4)),
    ],
)
async def test_any_wav_file_of_plain_samples_is_read(
    client: httpx.AsyncClient, encode: Callable[[], bytes]
) -> None:
    body = (await convert(client, encode())).json()
    assert body["text"] == "hello there good bye"
    assert body["audio_duration_secs"] == pytest.approx(4.5, abs=0.01)


async def test_bare_samples_are_read(client: httpx.AsyncClient) -> None:
    data = two_utterances().tobytes()
    body = (await convert(client, data, file_format="pcm_s16le_16")).json()
    assert body["text"] == "hello there good bye"
    answer = await convert(client, data + b"x", file_format="pcm_s16le_16")
    assert error_of(answer)["code"] == "invalid_audio"


@pytest.mark.parametrize("name", ["mp3_44100_128", "opus_48000_64"])
async def test_coded_sound_is_read(client: httpx.AsyncClient, name: str) -> None:
    pytest.importorskip("av")
    pytest.importorskip("lameenc")
    kind = sound_format(name)
    encoder = kind.make()
    data = encoder.push(two_utterances(kind.rate_hz)) + encoder.flush()
    body = (await convert(client, data)).json()
    assert body["text"] == "hello there good bye"
    assert body["audio_duration_secs"] == pytest.approx(4.5, abs=0.2)


async def test_each_channel_has_a_transcript_if_wanted(client: httpx.AsyncClient) -> None:
    left, right = two_utterances(), np.roll(two_utterances(), 8_000)
    data = wav(np.stack([left, right], axis=1).reshape(-1), channels=2)
    body = (await convert(client, data, use_multi_channel="true")).json()
    assert [each["channel_index"] for each in body["transcripts"]] == [0, 1]
    second = body["transcripts"][1]["words"][0]
    assert (second["channel_index"], second["start"]) == (1, pytest.approx(1.5, abs=0.1))


async def test_silence_has_no_words(client: httpx.AsyncClient) -> None:
    body = (await convert(client, wav(gap(2_000)))).json()
    assert (body["text"], body["words"]) == ("", [])
    assert (body["language_code"], body["language_probability"]) == ("en", 0.0)


async def test_without_a_detector_all_is_one_utterance(deps: Deps) -> None:
    ears = Scripted(texts=TEXTS)
    async with reach(deps, detector=None, transcriber=ears) as client:
        body = (await convert(client, wav(two_utterances()))).json()
    assert body["text"] == "hello there"
    assert ears.heard_ms == [4_500]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"text", "invalid_audio"),
        (b"RIFF\0\0\0\0WAVE", "invalid_audio"),
        (wav(gap(0)), "invalid_audio"),
        (wav(np.zeros(12, np.int16), channels=6), "invalid_audio"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "invalid_audio"),
    ],
)
async def test_what_has_no_sound_is_refused(
    client: httpx.AsyncClient, data: bytes, code: str
) -> None:
    pytest.importorskip("av")
    answer = await convert(client, data)
    assert answer.status_code == 400
    assert error_of(answer)["code"] == code


async def test_a_playlist_leads_nowhere(client: httpx.AsyncClient, tmp_path: Path) -> None:
    pytest.importorskip("av")
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav(two_utterances()))
    for text in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {secret}\n",
        f"#EXTM3U\n#EXTINF:9,\n{secret}\n",
    ):
        assert (await convert(client, text.encode())).status_code == 400


async def test_what_only_ffmpeg_reads_says_so_without_it(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "find_spec", lambda _: None)
    floats = bytearray(wav(tone(100)))
    struct.pack_into("<H", floats, 20, 3)  # samples are of floating point
    for data in (b"ID3" + bytes(100), bytes(floats)):
        answer = await convert(client, data)
        assert error_of(answer)["code"] == "unsupported_file_format"
        assert "turnwise[media]" in error_of(answer)["message"]


def test_a_recording_has_a_longest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MOST_SECS", 1)
    assert recordings.read(tone(1_000).tobytes(), bare=True).secs == 1
    with pytest.raises(Malformed, match="At most 1 seconds"):
        recordings.read(tone(1_001).tobytes(), bare=True)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"diarize": "true"}, 501),
        ({"webhook": "true"}, 501),
        ({"source_url": "http://x"}, 501),
        ({"entity_detection": "all"}, 501),
        ({"no_verbatim": "true"}, 501),
        ({"additional_formats": '[{"format": "srt"}]'}, 501),
        ({"additional_formats": '[{"format": "odd"}]'}, 422),
        ({"use_multi_channel": "true", "multichannel_output_style": "combined"}, 501),
        ({"num_speakers": "33"}, 422),
        ({"timestamps_granularity": "odd"}, 422),
        ({"temperature": "0.5", "seed": "1", "keyterms": ["Turnwise"]}, 200),
    ],
)
async def test_what_would_change_the_answer_is_not_ignored(
    client: httpx.AsyncClient, form: dict[str, object], status: int
) -> None:
    assert (await convert(client, wav(tone(500)), **form)).status_code == status


async def test_a_form_without_a_file_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, data={"model_id": "scribe_v1"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "file"]
    answer = await client.post(PATH, files={"file": b"x"})
    assert answer.json()["detail"][0]["loc"] == ["body", "model_id"]


async def test_an_engine_that_is_away_is_told(deps: Deps) -> None:
    broken = Scripted(error=ProviderUnavailable("stt/x", "away"))
    for transcriber, status in ((broken, 503), (None, 501)):
        async with reach(deps, transcriber=transcriber) as client:
            assert (await convert(client, wav(two_utterances()))).status_code == status


async def test_a_single_use_token_stands_for_a_key_once(client: httpx.AsyncClient) -> None:
    token = (await client.post(f"{TOKENS}/batch_scribe")).json()["token"]
    other = (await client.post(f"{TOKENS}/tts_websocket")).json()["token"]
    del client.headers["xi-api-key"]

    async def status(query: str) -> int:
        form = {"data": {"model_id": "scribe_v1"}, "files": {"file": wav(tone(500))}}
        return (await client.post(f"{PATH}{query}", **form)).status_code  # type: ignore[arg-type]

    assert await status("") == 401
    assert await status("?token=odd") == 401
    assert await status(f"?token={other}") == 401
    assert await status(f"?token={token}") == 200
    assert await status(f"?token={token}") == 401
    assert (await client.post(f"{TOKENS}/batch_scribe")).status_code == 401


async def test_a_single_use_token_is_too_old_after_a_quarter_of_an_hour(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await client.post(f"{TOKENS}/batch_scribe")).json()["token"]
    monkeypatch.setattr("turnwise.api.token_box.LIFETIME_SECS", -5)
    form = {"data": {"model_id": "scribe_v1"}, "files": {"file": wav(tone(500))}}
    del client.headers["xi-api-key"]
    answer = await client.post(f"{PATH}?token={token}", **form)  # type: ignore[arg-type]
    assert answer.status_code == 401


async def test_an_unknown_kind_of_token_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{TOKENS}/odd")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["path", "token_type"]


def test_sound_is_listened_to_at_one_rate() -> None:
    assert len(recordings.read(wav(tone(1_000, 8_000), 8_000), bare=False).mixed()) == LISTENING_HZ
