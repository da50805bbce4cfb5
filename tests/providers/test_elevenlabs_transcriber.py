import asyncio
import base64
from collections.abc import AsyncGenerator

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection

from providers.provider_rig import endless, until_error, utterance
from providers.socket_rig import SocketServer, failure_message, transcript
from turnwise.audio.pcm import Pcm
from turnwise.base.errors import (
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from turnwise.providers.ports import ListeningOptions, Words
from turnwise.providers.stt.elevenlabs import ElevenLabsTranscriber

pytestmark = pytest.mark.anyio

SOUND = np.arange(16_000, dtype=np.int16)


async def heard(
    sockets: SocketServer,
    *messages: str,
    before: tuple[str, ...] = (),
    until: str = "",
    sound: Pcm = SOUND,
    keywords: tuple[str, ...] = (),
    **options: object,
) -> list[Words]:
    """What comes of these answers to the commit.

    Those before it come at once, and the utterance goes on until they have been told.
    """

    async def answer(connection: ServerConnection) -> None:
        for message in before:
            await connection.send(message)
        while not sockets.messages or not sockets.messages[-1]["commit"]:
            await sockets.receive(connection)
        for message in messages:
            await connection.send(message)

    async def speech() -> AsyncGenerator[Pcm, None]:
        async for frame in utterance(sound):
            yield frame
        if until:
            await asyncio.wait_for(told_enough.wait(), 5)

    sockets.act = answer if messages or before else None
    transcriber = ElevenLabsTranscriber(**{"base_url": sockets.url, "api_key": "k", **options})  # type: ignore[arg-type]
    listening = ListeningOptions(language="de-AT", keywords=keywords)
    told_enough = asyncio.Event()
    told = []
    async for words in transcriber.transcribe(speech(), listening):
        told.append(words)
        if words.text == until:
            told_enough.set()
    return told


async def test_what_is_sent(sockets: SocketServer) -> None:
    await heard(sockets, keywords=("Turnwise", "x" * 21, *map(str, range(60))))
    request = sockets.asked[0]
    assert request.path.startswith("/v1/speech-to-text/realtime?")
    assert request.headers["xi-api-key"] == "k"
    assert sockets.query()[:6] == [
        ("model_id", "scribe_v2_realtime"),
        ("audio_format", "pcm_16000"),
        ("commit_strategy", "manual"),
        ("language_code", "de"),
        ("keyterms", "Turnwise"),
        ("keyterms", "0"),
    ]
    assert len(sockets.query()) == 4 + 50  # the service takes no more, and no longer ones
    *chunks, commit = sockets.messages
    assert chunks[0] == {
        "message_type": "input_audio_chunk",
        "audio_base_64": base64.b64encode(SOUND[:2048].tobytes()).decode(),
        "commit": False,
        "sample_rate": 16_000,
    }
    assert commit == {**chunks[0], "audio_base_64": "", "commit": True}


async def test_options_change_what_is_sent(sockets: SocketServer) -> None:
    await heard(sockets, api_key=None, model="scribe_v9", parameters={"no_verbatim": "true"})
    query = dict(sockets.query())
    assert (query["model_id"], query["no_verbatim"]) == ("scribe_v9", "true")
    assert "xi-api-key" not in sockets.asked[0].headers


async def test_a_short_word_is_made_long_enough(sockets: SocketServer) -> None:
    assert (await heard(sockets, sound=SOUND[:800]))[-1] == Words("hello there", final=True)
    assert sockets.sound == SOUND[:800].tobytes() + bytes(16_000 - 1600)


async def test_partial_words_change_and_committed_ones_stay(sockets: SocketServer) -> None:
    told = await heard(
        sockets,
        transcript("partial", " how "),
        transcript("committed", "How are you?"),
        before=(
            transcript("partial", "hello"),
            transcript("partial", "hello"),
            transcript("committed", "Hello there."),  # the service commits what grows too long
        ),
        until="Hello there.",
    )
    assert told == [
        Words("hello", final=False),
        Words("Hello there.", final=False),
        Words("Hello there. how", final=False),
        Words("Hello there. How are you?", final=True),
    ]


@pytest.mark.parametrize("kind", ["commit_throttled", "insufficient_audio_activity"])
async def test_too_little_sound_to_commit_is_no_failure(sockets: SocketServer, kind: str) -> None:
    before = (transcript("committed", "Yes."),)
    told = await heard(sockets, failure_message(kind), before=before, until="Yes.")
    assert told[-1] == Words("Yes.", final=True)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("auth_error", ProviderRefused),
        ("quota_exceeded", ProviderRefused),
        ("unaccepted_terms", ProviderRefused),
        ("invalid_request", ProviderRefused),
        ("input_error", ProviderRefused),
        ("chunk_size_exceeded", ProviderRefused),
        ("rate_limited", ProviderUnavailable),
        ("queue_overflow", ProviderUnavailable),
        ("resource_exhausted", ProviderUnavailable),
        ("session_time_limit_exceeded", ProviderUnavailable),
        ("transcriber_error", ProviderUnavailable),
        ("error", ProviderUnavailable),
    ],
)
async def test_a_message_of_failure_becomes_an_error(
    sockets: SocketServer, kind: str, expected: type[ProviderError]
) -> None:
    with pytest.raises(expected, match=kind):
        await heard(sockets, before=(failure_message(kind),))


@pytest.mark.parametrize("kind", ["commit_throttled", "insufficient_audio_activity"])
async def test_too_little_sound_before_the_commit_is_a_failure(
    sockets: SocketServer, kind: str
) -> None:
    async def answer(connection: ServerConnection) -> None:
        await connection.send(failure_message(kind))
        await connection.wait_closed()

    sockets.act = answer
    transcriber = ElevenLabsTranscriber(base_url=sockets.url)
    await until_error(transcriber.transcribe(endless(), ListeningOptions()), ProviderUnavailable)


@pytest.mark.parametrize("message", ['{"message_type": "partial_transcript"}', transcript("x", "")])
async def test_a_close_or_an_answer_without_the_words_is_broken(
    sockets: SocketServer, message: str
) -> None:
    with pytest.raises(ProviderBroken):
        await heard(sockets, message)


async def test_the_official_client_understands_the_scripted_service(sockets: SocketServer) -> None:
    realtime = pytest.importorskip("elevenlabs.realtime")
    scribe = realtime.ScribeRealtime("k", base_url=sockets.url.removesuffix("/v1"))
    scribe.base_url = scribe.base_url.replace("http://", "ws://")
    connection = await scribe.connect(
        {
            "model_id": "scribe_v2_realtime",
            "audio_format": realtime.AudioFormat.PCM_16000,
            "sample_rate": 16_000,
            "commit_strategy": realtime.CommitStrategy.MANUAL,
            "language_code": "en",
            "keyterms": ["Graz"],
        }
    )
    told: list[tuple[str, str]] = []
    over = asyncio.Event()
    for name in ("session_started", "partial_transcript", "committed_transcript", "error"):
        connection.on(name, lambda data: told.append((data["message_type"], data.get("text", ""))))
    connection.on("committed_transcript", lambda _: over.set())
    chunk = base64.b64encode(SOUND[:8000].tobytes()).decode()
    await connection.send({"audio_base_64": chunk})
    await connection.send({"audio_base_64": chunk})
    await connection.commit()
    await asyncio.wait_for(over.wait(), 5)
    await connection.close()
    assert told == [
        ("session_started", ""),
        ("partial_transcript", "hello"),
        ("partial_transcript", "hello there"),
        ("committed_transcript", "hello there"),
    ]
    theirs = sockets.query()
    await heard(sockets, keywords=("Graz",))
    ours = sockets.query()
    assert {name for name, _ in ours} <= {name for name, _ in theirs}
    assert sockets.messages[-1] == sockets.messages[2]  # the commit
