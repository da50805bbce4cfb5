"""What holds for every transcriber that speaks by a socket: ways to fail, and to stop."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection

from providers.provider_rig import (
    ScriptedServer,
    all_of,
    closing_s,
    endless,
    until_error,
    utterance,
)
from providers.socket_rig import SocketServer, result, transcript
from turnwise.audio.pcm import Pcm, silence
from turnwise.base.errors import (
    ConfigError,
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from turnwise.providers import registry
from turnwise.providers.ports import ListeningOptions, Transcriber, Words

pytestmark = pytest.mark.anyio

SOUND = np.arange(16_000, dtype=np.int16)


@pytest.fixture(params=["deepgram", "elevenlabs"])
def make(request: pytest.FixtureRequest, sockets: SocketServer) -> Callable[..., Transcriber]:
    def made(**options: object) -> Transcriber:
        defaults = {"base_url": sockets.url, "api_key": "k", "timeout_s": 1.0}
        return registry.create("stt", request.param, **{**defaults, **options})

    return made


async def heard(transcriber: Transcriber, sound: Pcm = SOUND) -> list[Words]:
    return await all_of(transcriber.transcribe(utterance(sound), ListeningOptions()))


async def test_all_sound_arrives_and_words_come_before_its_end(
    make: Callable[..., Transcriber], sockets: SocketServer
) -> None:
    more = asyncio.Event()

    async def speech() -> AsyncGenerator[Pcm, None]:
        yield SOUND[:4000]
        await asyncio.wait_for(more.wait(), 5)
        yield SOUND[4000:]

    told = []
    async for words in make().transcribe(speech(), ListeningOptions()):
        told.append(words)
        more.set()
    assert told[0] == Words("hello", final=False)
    assert told[-1] == Words("hello there", final=True)
    assert sockets.sound == SOUND.tobytes()
    await asyncio.wait_for(sockets.gone.wait(), 1)
    assert sockets.close_code == 1000


@pytest.mark.parametrize(
    ("status", "expected", "handshakes"),
    [
        (400, ProviderRefused, 1),
        (401, ProviderRefused, 1),
        (402, ProviderRefused, 1),
        (403, ProviderRefused, 1),
        (404, ProviderRefused, 1),
        (429, ProviderUnavailable, 2),
        (500, ProviderUnavailable, 2),
        (503, ProviderUnavailable, 2),
        (504, ProviderTimeout, 2),
    ],
)
async def test_a_refused_handshake_becomes_an_error(
    make: Callable[..., Transcriber],
    sockets: SocketServer,
    status: int,
    expected: type[ProviderError],
    handshakes: int,
) -> None:
    sockets.refusals = [(status, {})] * 2
    with pytest.raises(ProviderError) as caught:
        await heard(make())
    assert type(caught.value) is expected
    assert caught.value.status == status
    assert len(sockets.asked) == handshakes


async def test_a_failure_that_passes_costs_no_word(
    make: Callable[..., Transcriber], sockets: SocketServer
) -> None:
    sockets.refusals = [(503, {"Retry-After": "0.1"})]
    assert (await heard(make()))[-1] == Words("hello there", final=True)
    assert sockets.sound == SOUND.tobytes()


async def test_a_long_retry_after_is_not_waited_for(
    make: Callable[..., Transcriber], sockets: SocketServer
) -> None:
    sockets.refusals = [(429, {"Retry-After": "20"})]
    with pytest.raises(ProviderUnavailable):
        await heard(make())
    assert len(sockets.asked) == 1


async def test_no_server_is_unavailable(make: Callable[..., Transcriber]) -> None:
    with pytest.raises(ProviderUnavailable):
        await heard(make(base_url="ws://127.0.0.1:9/v1"))


async def test_a_handshake_that_hangs_is_a_timeout(
    make: Callable[..., Transcriber], server: ScriptedServer
) -> None:
    server.scripts = [[5.0]]
    with pytest.raises(ProviderTimeout):
        await heard(make(base_url=server.url, timeout_s=0.2))


async def test_an_answer_that_is_no_http_is_broken(
    make: Callable[..., Transcriber], server: ScriptedServer
) -> None:
    server.scripts = [[b"hello\r\n\r\n"]]
    with pytest.raises(ProviderBroken):
        await heard(make(base_url=server.url))


async def test_no_answer_after_the_end_is_a_timeout(
    make: Callable[..., Transcriber], sockets: SocketServer
) -> None:
    async def swallow(connection: ServerConnection) -> None:
        while True:
            await sockets.receive(connection)

    sockets.act = swallow
    began = time.monotonic()
    with pytest.raises(ProviderTimeout):
        await heard(make(timeout_s=0.3))
    assert 0.3 <= time.monotonic() - began < 1.5


async def test_a_silent_service_is_waited_for_while_the_utterance_goes_on(
    make: Callable[..., Transcriber], sockets: SocketServer
) -> None:
    async def speech() -> AsyncGenerator[Pcm, None]:
        yield SOUND[:4000]
        await asyncio.sleep(0.5)
        yield SOUND[4000:]

    told = await all_of(make(timeout_s=0.2).transcribe(speech(), ListeningOptions()))
    assert told[-1] == Words("hello there", final=True)


@pytest.mark.parametrize("code", [1000, 1008, 1011])
async def test_a_socket_closed_in_mid_stream_is_broken(
    make: Callable[..., Transcriber], sockets: SocketServer, code: int
) -> None:
    async def leave(connection: ServerConnection) -> None:
        await sockets.receive(connection)
        await connection.close(code)

    sockets.act = leave
    with pytest.raises(ProviderBroken) as caught:
        await all_of(make().transcribe(endless(), ListeningOptions()))
    assert caught.value.status == code


async def test_a_connection_that_is_cut_is_broken(
    make: Callable[..., Transcriber], sockets: SocketServer
) -> None:
    async def cut(connection: ServerConnection) -> None:
        await sockets.receive(connection)
        connection.transport.abort()

    sockets.act = cut
    with pytest.raises(ProviderBroken):
        await all_of(make().transcribe(endless(), ListeningOptions()))


@pytest.mark.parametrize("message", ["", "hello", "[]", "1", "null", b"\xff\xfe", '{"a":'])
async def test_garbage_is_broken(
    make: Callable[..., Transcriber], sockets: SocketServer, message: str | bytes
) -> None:
    async def babble(connection: ServerConnection) -> None:
        await connection.send(message)
        await connection.wait_closed()

    sockets.act = babble
    await until_error(make().transcribe(endless(), ListeningOptions()), ProviderBroken)


async def test_messages_of_unknown_types_are_left_alone(
    make: Callable[..., Transcriber], sockets: SocketServer
) -> None:
    async def chat(connection: ServerConnection) -> None:
        await connection.send('{"type": "News", "message_type": "news", "text": "x"}')
        await connection.send("{}")
        await sockets._service(connection)(connection)

    sockets.act = chat
    assert (await heard(make()))[-1] == Words("hello there", final=True)


async def test_stopping_closes_the_socket_at_once(
    make: Callable[..., Transcriber], sockets: SocketServer
) -> None:
    stream = make().transcribe(endless(), ListeningOptions())
    await anext(stream)
    began = time.monotonic()
    await stream.aclose()
    assert time.monotonic() - began < 0.1
    await asyncio.wait_for(sockets.gone.wait(), 1)
    assert sockets.close_code == 1000  # it said goodbye


async def test_stopping_does_not_wait_for_a_goodbye(
    make: Callable[..., Transcriber], sockets: SocketServer
) -> None:
    async def doze(connection: ServerConnection) -> None:
        await connection.send(result("x"))
        await connection.send(transcript("partial", "x"))
        connection.transport.pause_reading()
        await connection.wait_closed()

    sockets.act = doze
    assert await closing_s(make().transcribe(endless(), ListeningOptions())) < 0.1


async def test_stopping_does_not_wait_for_a_service_that_reads_nothing(
    make: Callable[..., Transcriber], sockets: SocketServer
) -> None:
    async def doze(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await connection.wait_closed()

    async def flood() -> AsyncGenerator[Pcm, None]:
        while True:
            yield silence(160_000)
            await asyncio.sleep(0)

    sockets.act = doze
    task = asyncio.ensure_future(  # noqa: TID251 - to be cancelled from outside
        all_of(make(timeout_s=30.0).transcribe(flood(), ListeningOptions()))
    )
    await asyncio.sleep(0.5)
    assert not task.done()
    task.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 0.1


async def test_a_service_that_takes_no_sound_is_a_timeout(
    make: Callable[..., Transcriber], sockets: SocketServer
) -> None:
    async def doze(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await connection.wait_closed()

    async def flood() -> AsyncGenerator[Pcm, None]:
        while True:
            yield silence(160_000)
            await asyncio.sleep(0)

    sockets.act = doze
    with pytest.raises(ProviderTimeout, match="took no sound"):
        await all_of(make(timeout_s=0.3).transcribe(flood(), ListeningOptions()))


async def test_a_failing_source_of_sound_is_no_failure_of_the_service(
    make: Callable[..., Transcriber],
) -> None:
    async def fails() -> AsyncGenerator[Pcm, None]:
        yield SOUND
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught:
        await all_of(make().transcribe(fails(), ListeningOptions()))
    assert caught.group_contains(ZeroDivisionError)


@pytest.mark.parametrize("base_url", ["localhost:8000", "ftp://x/v1", "wss://", "wss://x:y/v1"])
async def test_an_address_that_is_none_is_the_operators_mistake(
    make: Callable[..., Transcriber], base_url: str
) -> None:
    with pytest.raises(ConfigError, match="base_url is"):
        make(base_url=base_url)


async def test_without_sound_nobody_is_asked(
    make: Callable[..., Transcriber], sockets: SocketServer
) -> None:
    assert await heard(make(), silence(0)) == [Words("", final=True)]
    assert sockets.asked == []


async def test_neither_key_nor_words_are_logged(
    make: Callable[..., Transcriber], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    assert (await heard(make(api_key="S3CRET")))[-1].text == "hello there"
    ours = [each.getMessage() for each in caplog.records if each.name != "websockets.server"]
    assert not [told for told in ours if "S3CRET" in told or "hello" in told]
