"""A caller on one socket, a scripted agent on the other."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from turnwise.bridge.actor import protocol_named
from turnwise.bridge.agents import AgentServer, for_channel
from turnwise.bridge.channel import Channel
from turnwise.bridge.speaker import Trailer
from turnwise.bridge.toolbox import Reports, Toolbox

Json = dict[str, Any]
Agent = Callable[[ServerConnection], Awaitable[None]]
Caller = Callable[[ClientConnection], Awaitable[None]]

NO_TRAILER = Trailer(after_ms=60_000)
SOON = Trailer(after_ms=50)


def metadata(rate: int = 24_000) -> Json:
    event = {
        "conversation_id": "conv_1",
        "agent_output_audio_format": f"pcm_{rate}",
        "user_input_audio_format": f"pcm_{rate}",
    }
    kind = "conversation_initiation_metadata"
    return {"type": kind, f"{kind}_event": event}


def audio(data: bytes, number: int) -> Json:
    event = {"audio_base_64": base64.b64encode(data).decode(), "event_id": number}
    return {"type": "audio", "audio_event": event}


async def tell(socket: ServerConnection, *messages: Json) -> None:
    for message in messages:
        await socket.send(json.dumps(message))


async def get(socket: ServerConnection) -> Json:
    message = json.loads(await socket.recv())
    assert isinstance(message, dict)
    return message


async def nothing_more(socket: ServerConnection) -> None:
    """Wait until the other side is gone."""
    try:
        async for _ in socket:
            pass
    except ConnectionClosed:
        return


def meet(
    agent: Agent, caller: Caller, protocol: str = "binary", trailer: Trailer = NO_TRAILER
) -> None:
    """Let an agent and a caller meet over the bridge; what either of them finds wrong is raised."""
    faults: list[BaseException] = []

    async def careful(socket: ServerConnection) -> None:
        try:
            assert (await get(socket))["type"] == "conversation_initiation_client_data"
            await agent(socket)
        except BaseException as fault:
            faults.append(fault)
            raise

    async def scene() -> None:
        async with (
            asyncio.timeout(20),
            asyncio.TaskGroup() as tasks,
            serve(careful, "127.0.0.1", 0) as there,
        ):
            port = next(iter(there.sockets)).getsockname()[1]
            tools = {"look_up": lambda given: {"found": given}}
            channel = Channel(
                server=AgentServer(f"http://127.0.0.1:{port}"),
                agent_id="agent_1",
                protocol=protocol_named(protocol),
                toolbox=Toolbox(tools, Reports(engine_url="", simulation_id=""), tasks),
                trailer=trailer,
            )
            async with await channel.listen("127.0.0.1", 0) as here:
                own = next(iter(here.sockets)).getsockname()[1]
                async with connect(f"ws://127.0.0.1:{own}/voice") as socket:
                    await caller(socket)

    asyncio.run(scene())
    assert not faults, faults


def test_sound_goes_both_ways_and_either_may_hang_up() -> None:
    async def agent(socket: ServerConnection) -> None:
        assert socket.request is not None
        assert socket.request.path == "/v1/convai/conversation?agent_id=agent_1"
        await tell(socket, metadata(), audio(b"\1\0\2\0", 1))
        assert await get(socket) == {"user_audio_chunk": base64.b64encode(b"\3\0").decode()}
        await tell(socket, audio(b"\4\0", 2))
        await socket.close(1000)

    async def caller(socket: ClientConnection) -> None:
        assert await socket.recv() == b"\1\0\2\0"
        await socket.send(b"\3\0")
        assert await socket.recv() == b"\4\0"
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1000

    meet(agent, caller)


@pytest.mark.parametrize("how", ["close", "end"])
def test_the_caller_hangs_up(how: str) -> None:
    async def agent(socket: ServerConnection) -> None:
        await tell(socket, metadata(), audio(b"\1\0", 1))
        await nothing_more(socket)
        assert socket.close_code == 1000

    async def caller(socket: ClientConnection) -> None:
        assert json.loads(await socket.recv()) == {"type": "audio", "audio": "AQA="}
        if how == "end":
            await socket.send('{"type": "end"}')
            await socket.wait_closed()
            assert socket.close_code == 1000

    meet(agent, caller, "json")


def test_the_end_is_told_where_the_protocol_has_a_word_for_it() -> None:
    async def agent(socket: ServerConnection) -> None:
        await tell(socket, metadata(), audio(b"\1\0", 1))
        await socket.close(1000)

    async def caller(socket: ClientConnection) -> None:
        heard = [json.loads(frame) async for frame in socket]
        assert [message["type"] for message in heard] == ["audio", "end"]

    meet(agent, caller, "json")


def test_silence_follows_each_turn_and_not_an_interruption() -> None:
    async def agent(socket: ServerConnection) -> None:
        await tell(socket, metadata(), audio(b"\1\0", 1), audio(b"\2\0", 1))
        assert await get(socket)  # the caller heard the silence
        interruption = {"type": "interruption", "interruption_event": {"event_id": 2}}
        # sound of the turn that is over comes late, and is not heard
        await tell(socket, audio(b"\3\0", 2), interruption, audio(b"\4\0", 2), audio(b"\5\0", 3))
        await nothing_more(socket)

    async def caller(socket: ClientConnection) -> None:
        assert [await socket.recv(), await socket.recv()] == [b"\1\0", b"\2\0"]
        assert await socket.recv() == bytes(81_600)
        await socket.send(b"\0\0")
        heard = [await socket.recv()]
        while heard[-1] != b"\5\0":
            heard.append(await socket.recv())
        assert heard in ([b"\5\0"], [b"\3\0", b"\5\0"])
        assert await socket.recv() == bytes(81_600)

    meet(agent, caller, trailer=SOON)


def test_pings_and_tools_are_answered() -> None:
    call = {
        "tool_name": "look_up",
        "tool_call_id": "call_1",
        "parameters": {"id": 7},
        "event_id": 3,
    }
    unknown = {**call, "tool_name": "what", "tool_call_id": "call_2"}

    async def agent(socket: ServerConnection) -> None:
        await tell(socket, metadata(), {"type": "of tomorrow"}, {"no": "type"})
        await socket.send("no json")
        await tell(socket, {"type": "ping", "ping_event": {"event_id": 9, "ping_ms": None}})
        assert await get(socket) == {"type": "pong", "event_id": 9}
        await tell(socket, {"type": "client_tool_call", "client_tool_call": call})
        answer = await get(socket)
        assert answer["tool_call_id"] == "call_1"
        assert answer["result"] == '{"found":{"id":7}}'
        assert not answer["is_error"]
        await tell(socket, {"type": "client_tool_call", "client_tool_call": unknown})
        assert (await get(socket))["is_error"]
        await socket.close(1000)

    async def caller(socket: ClientConnection) -> None:
        await socket.wait_closed()
        assert socket.close_code == 1000

    meet(agent, caller)


def test_an_agent_of_another_format_is_understood() -> None:
    tone = (8_000 * np.sin(np.arange(16_000) * 2 * np.pi * 440 / 16_000)).astype("<i2")

    async def agent(socket: ServerConnection) -> None:
        await tell(socket, metadata(16_000), audio(tone.tobytes(), 1))
        heard = 0
        while heard < 16_000 * 2 * 0.9:
            heard += len(base64.b64decode((await get(socket))["user_audio_chunk"]))
        assert heard < 16_000 * 2 * 1.1
        await socket.close(1000)

    async def caller(socket: ClientConnection) -> None:
        heard = b""
        while len(heard) < 48_000 * 0.9:
            frame = await socket.recv()
            assert isinstance(frame, bytes)
            heard += frame
        assert len(heard) < 48_000 * 1.1
        spectrum = np.abs(np.fft.rfft(np.frombuffer(heard, "<i2")[2_000:22_000]))
        assert int(np.argmax(spectrum)) == pytest.approx(440 * 20_000 / 24_000, abs=2)
        for _ in range(10):
            await socket.send(heard[:4_800])
        await socket.wait_closed()

    meet(agent, caller)


@pytest.mark.parametrize(
    ("protocol", "frame", "code"), [("binary", "text", 1003), ("json", b"\0\0", 1003)]
)
def test_a_frame_of_the_other_protocol_ends_the_call(
    protocol: str, frame: str | bytes, code: int
) -> None:
    async def agent(socket: ServerConnection) -> None:
        await tell(socket, metadata())
        await nothing_more(socket)

    async def caller(socket: ClientConnection) -> None:
        await socket.send(frame)
        await socket.wait_closed()
        assert socket.close_code == code
        assert "--protocol" in (socket.close_reason or "")

    meet(agent, caller, protocol)


def test_an_end_by_a_failure_is_no_hang_up() -> None:
    error = {"code": 1002, "error_type": "llm_timeout", "message": "The model is late. " * 20}

    async def agent(socket: ServerConnection) -> None:
        await tell(socket, metadata(), {"type": "error", "error_event": error})
        await socket.close(1002, "llm_timeout")

    async def caller(socket: ClientConnection) -> None:
        await socket.wait_closed()
        assert socket.close_code == 1011
        assert (socket.close_reason or "").startswith("The model is late.")

    meet(agent, caller)


def test_without_an_agent_the_caller_learns_why() -> None:
    async def scene() -> None:
        async with asyncio.TaskGroup() as tasks:
            toolbox = Toolbox({}, Reports(engine_url="", simulation_id=""), tasks)
            for key in ("", "sk_1"):
                channel = Channel(
                    server=AgentServer("http://127.0.0.1:1", key),
                    agent_id="agent_1",
                    protocol=protocol_named("binary"),
                    toolbox=toolbox,
                )
                async with await channel.listen("127.0.0.1", 0) as here:
                    port = next(iter(here.sockets)).getsockname()[1]
                    async with connect(f"ws://127.0.0.1:{port}/voice") as socket:
                        await socket.wait_closed()
                        assert socket.close_code == 1011
                        assert "no conversation" in (socket.close_reason or "")
                    with pytest.raises(InvalidStatus, match="404"):
                        await connect(f"ws://127.0.0.1:{port}/elsewhere")

    asyncio.run(scene())


def test_an_agent_is_made_with_the_formats_of_the_channel() -> None:
    document = {
        "name": "Riley",
        "conversation_config": {"tts": {"voice_id": "v"}, "agent": {"language": "en"}},
    }
    assert for_channel(document) == {
        "name": "Riley",
        "conversation_config": {
            "agent": {"language": "en"},
            "asr": {"user_input_audio_format": "pcm_24000"},
            "tts": {"voice_id": "v", "agent_output_audio_format": "pcm_24000"},
        },
    }
    assert document["conversation_config"] == {
        "tts": {"voice_id": "v"},
        "agent": {"language": "en"},
    }
