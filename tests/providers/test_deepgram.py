import json

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection

from providers.provider_rig import all_of, utterance
from providers.socket_rig import METADATA, SocketServer, result
from turnwise.base.errors import ProviderBroken, ProviderRefused
from turnwise.providers.ports import ListeningOptions, Words
from turnwise.providers.stt.deepgram import Deepgram

pytestmark = pytest.mark.anyio

SOUND = np.arange(4000, dtype=np.int16)


async def heard(
    sockets: SocketServer, *messages: str, keywords: tuple[str, ...] = (), **options: object
) -> list[Words]:
    """What comes of these answers to the end of an utterance; without them, of the usual ones."""

    async def answer(connection: ServerConnection) -> None:
        while isinstance(await sockets.receive(connection), bytes):
            pass
        for message in messages:
            await connection.send(message)

    sockets.act = answer if messages else None
    transcriber = Deepgram(**{"base_url": sockets.url, "api_key": "k", **options})  # type: ignore[arg-type]
    listening = ListeningOptions(language="de-CH", keywords=keywords)
    return await all_of(transcriber.transcribe(utterance(SOUND), listening))


async def test_what_is_sent(sockets: SocketServer) -> None:
    await heard(sockets, keywords=("Turnwise", "Graz & Linz"))
    request = sockets.asked[0]
    assert request.path.startswith("/v1/listen?")
    assert request.headers["authorization"] == "Token k"
    assert sockets.query() == [
        ("model", "nova-3"),
        ("language", "de-CH"),
        ("encoding", "linear16"),
        ("sample_rate", "16000"),
        ("channels", "1"),
        ("interim_results", "true"),
        ("punctuate", "true"),
        ("endpointing", "false"),
        ("keyterm", "Turnwise"),
        ("keyterm", "Graz & Linz"),
    ]
    assert [len(each) for each in sockets.got[:-1]] == [4096, 3904]  # 100 ms or more, and the rest
    assert sockets.messages == [{"type": "CloseStream"}]


async def test_options_change_what_is_sent(sockets: SocketServer) -> None:
    parameters = {"smart_format": "true", "punctuate": "false"}
    options = {"model": "nova-2-phonecall", "language": "multi", "parameters": parameters}
    await heard(sockets, keywords=("Graz",), api_key=None, **options)
    query = dict(sockets.query())
    assert (query["model"], query["language"]) == ("nova-2-phonecall", "multi")
    assert (query["smart_format"], query["punctuate"]) == ("true", "false")
    assert query["keywords"] == "Graz"  # the older models have no keyterms
    assert "authorization" not in sockets.asked[0].headers


async def test_segments_that_stay_and_one_that_changes_are_one_text(sockets: SocketServer) -> None:
    told = await heard(
        sockets,
        result("hello"),
        result("hello"),
        result("Hello there.", is_final=True),
        json.dumps({"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.1}),
        result(""),
        result("how"),
        result("How are", is_final=True),
        result("", is_final=True),
        json.dumps(METADATA),
        result("after the end"),
    )
    assert told == [
        Words("hello", final=False),
        Words("Hello there.", final=False),
        Words("Hello there. how", final=False),
        Words("Hello there. How are", final=False),
        Words("Hello there. How are", final=True),
    ]


async def test_words_of_nobody_are_empty(sockets: SocketServer) -> None:
    empty = json.dumps({"type": "Results", "is_final": True, "channel": {"alternatives": []}})
    assert await heard(sockets, empty, json.dumps(METADATA)) == [Words("", final=True)]


async def test_a_close_without_metadata_is_an_end_too(sockets: SocketServer) -> None:
    told = await heard(sockets, result("Hello.", is_final=True))
    assert told[-1] == Words("Hello.", final=True)


@pytest.mark.parametrize(
    "channel",
    [
        None,
        1,
        {},
        {"alternatives": 1},
        {"alternatives": [{}]},
        {"alternatives": [{"transcript": 1}]},
    ],
)
async def test_results_without_words_are_broken(sockets: SocketServer, channel: object) -> None:
    with pytest.raises(ProviderBroken):
        await heard(sockets, json.dumps({"type": "Results", "channel": channel}))


async def test_a_message_of_failure_is_a_refusal_that_repeats_nothing_said(
    sockets: SocketServer,
) -> None:
    failure = {"type": "Error", "variant": "SchemaError", "description": "d", "message": "said"}
    with pytest.raises(ProviderRefused, match="SchemaError") as caught:
        await heard(sockets, json.dumps(failure))
    assert "said" not in str(caught.value)
