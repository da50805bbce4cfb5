"""A carrier's media stream as a line: what comes in, what goes out, how it ends."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.websockets import WebSocket

from turnwise.gateway.carriers.in_order import HELD, InOrder
from turnwise.gateway.carriers.line import (
    DRAIN_S,
    MOST_A_SECOND,
    MOST_WAITING,
    START_S,
    CarrierLine,
)
from turnwise.gateway.line import LineGone
from turnwise.testing import run
from turnwise.wire import closing
from turnwise.wire.carriers import KeyPressed, SoundPlayed
from turnwise.wire.client_messages import ClientToolResult, UserAudioChunk
from turnwise.wire.errors import WireError
from turnwise.wire.server_messages import Audio, Interruption, Ping
from turnwise.wire.tool_messages import ClientToolCall
from turnwise.wire.twilio import Twilio

Json = dict[str, Any]

START: Json = {"event": "start", "start": {"streamSid": "MZ1", "callSid": "CA1"}}
STOP: Json = {"event": "stop"}
FRAME = b"\x01" * 160


def media(number: int | None = None, sound: bytes = FRAME) -> Json:
    chunk = {} if number is None else {"chunk": str(number)}
    return {"event": "media", "media": {"payload": base64.b64encode(sound).decode(), **chunk}}


def mark(name: str) -> Json:
    return {"event": "mark", "mark": {"name": name}}


@dataclass
class Socket:
    """The server's end of a socket, under the test's control."""

    sent: list[Json] = field(default_factory=list)
    closed: tuple[int, str] | None = None
    broken: bool = False
    _coming: asyncio.Queue[Json] = field(default_factory=asyncio.Queue)

    def say(self, *messages: Json) -> None:
        for message in messages:
            self._coming.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    def say_bytes(self, message: Json) -> None:
        received = {"type": "websocket.receive", "bytes": json.dumps(message).encode()}
        self._coming.put_nowait(received)

    def leave(self) -> None:
        self._coming.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def receive(self) -> Json:
        return await self._coming.get()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if self.broken:
            raise OSError
        if message["type"] == "websocket.send":
            self.sent.append(json.loads(message["text"]))
        elif message["type"] == "websocket.close":
            self.closed = (message["code"], message["reason"])

    async def opened(self) -> CarrierLine:
        self._coming.put_nowait({"type": "websocket.connect"})
        socket = WebSocket({"type": "websocket"}, self.receive, self.send)
        await socket.accept()
        return CarrierLine(socket, Twilio())


Test = Callable[[Socket, CarrierLine], Awaitable[None]]


def with_line(test: Test, *, started: bool = True) -> Socket:
    """Run a test in virtual time; no task may be left."""

    async def run_it() -> Socket:
        socket = Socket()
        line = await socket.opened()
        if started:
            socket.say({"event": "connected"}, START)
            await line.started()
        await test(socket, line)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return socket

    return run(run_it())


def audio(sound: bytes = FRAME) -> Audio:
    return Audio(1, sound)


# --- how it begins ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([media()], "start should come first"),
        ([mark("1")], "start should come first"),
        ([{"event": "dtmf", "dtmf": {"digit": "1"}}], "start should come first"),
        ([{"event": "start"}], "start is null"),
        ([], f"no start came within {START_S:g} s"),
        ([{"event": "connected"}], f"no start came within {START_S:g} s"),
    ],
)
def test_a_stream_that_does_not_begin_is_refused(messages: list[Json], reason: str) -> None:
    async def test(socket: Socket, line: CarrierLine) -> None:
        socket.say(*messages)
        with pytest.raises(WireError, match=reason):
            await line.started()

    with_line(test, started=False)


@pytest.mark.parametrize("stop", [True, False])
def test_a_carrier_may_go_before_it_begins(*, stop: bool) -> None:
    async def test(socket: Socket, line: CarrierLine) -> None:
        if stop:
            socket.say(STOP)
        else:
            socket.leave()
        with pytest.raises(LineGone):
            await line.started()

    with_line(test, started=False)


# --- what comes in ------------------------------------------------------------------------------


def test_frames_are_joined_in_order() -> None:
    async def test(socket: Socket, line: CarrierLine) -> None:
        one, two, three, four = (bytes([n]) * 160 for n in range(1, 5))
        socket.say(media(1, one), media(3, three), media(2, two), media(2, two), media(4, four))
        assert await line.receive() == UserAudioChunk(one + two + three)
        socket.say_bytes(media(5))
        assert await line.receive() == UserAudioChunk(four + FRAME)

    with_line(test)


def test_a_frame_that_is_missing_is_not_waited_for_long() -> None:
    order = InOrder()
    assert order.take(b"a", 10) == b"a"
    waiting = [order.take(bytes([n]), n) for n in range(12, 12 + HELD)]
    assert waiting == [b""] * HELD
    assert order.take(b"z", 12 + HELD) == bytes(range(12, 12 + HELD)) + b"z"
    assert order.take(b"late", 11) == b""
    assert order.take(b"unnumbered", None) == b"unnumbered"


def test_keys_and_the_end_are_told() -> None:
    async def test(socket: Socket, line: CarrierLine) -> None:
        socket.say({"event": "dtmf", "dtmf": {"digit": "5"}}, {"event": "future"}, STOP, media())
        assert await line.receive() == KeyPressed("5")
        with pytest.raises(LineGone) as gone:
            await line.receive()
        assert gone.value.close_code == 1000

    with_line(test)


@pytest.mark.parametrize("wrong", [START, {"event": 5}])
def test_what_is_wrong_later_is_refused_too(wrong: Json) -> None:
    async def test(socket: Socket, line: CarrierLine) -> None:
        socket.say(wrong)
        with pytest.raises(WireError):
            await line.receive()

    with_line(test)


def test_a_flood_is_refused() -> None:
    async def test(socket: Socket, line: CarrierLine) -> None:
        socket.say(*[media()] * MOST_A_SECOND)
        for _ in range((MOST_A_SECOND - 2) // 2):  # the greeting and the start count, too
            await line.receive()
        socket.say(*[media()] * 2)
        with pytest.raises(WireError, match="messages a second"):
            await line.receive()

    with_line(test)


# --- what goes out ------------------------------------------------------------------------------


async def sent_by(line: CarrierLine, socket: Socket) -> list[str]:
    """What is sent when no more is put in line; the carrier reads, and says no more."""
    line.finish()
    await line.run()
    return [each["event"] for each in socket.sent]


def test_each_piece_has_a_mark_and_is_told_when_it_was_played() -> None:
    async def test(socket: Socket, line: CarrierLine) -> None:
        line.send([Ping(event_id=1), audio(), audio()])
        socket.say(mark("0"), mark("0"), mark("7"), mark("x"), mark("1"))
        assert await line.receive() == SoundPlayed(0)
        assert await line.receive() == SoundPlayed(1)
        assert await sent_by(line, socket) == ["media", "mark", "media", "mark"]

    with_line(test)


def test_an_interruption_clears_and_voids_what_was_not_played() -> None:
    async def test(socket: Socket, line: CarrierLine) -> None:
        line.send([audio(), audio(), Interruption(event_id=1), audio()])
        socket.say(mark("0"), mark("1"), mark("2"))
        assert await line.receive() == SoundPlayed(2)
        told = await sent_by(line, socket)
        assert told == ["media", "mark", "media", "mark", "clear", "media", "mark"]

    with_line(test)


def test_there_is_no_program_to_run_a_tool() -> None:
    async def test(socket: Socket, line: CarrierLine) -> None:
        call = ClientToolCall(
            tool_name="t", tool_call_id="call_1", parameters={}, event_id=1, expects_response=True
        )
        line.send([call])
        answer = await line.receive()
        assert isinstance(answer, ClientToolResult)
        assert (answer.tool_call_id, answer.is_error) == ("call_1", True)

    with_line(test)


def test_a_carrier_that_does_not_read_is_noticed() -> None:
    async def test(socket: Socket, line: CarrierLine) -> None:
        line.send([audio()] * (MOST_WAITING // 2))
        assert not line.too_slow.is_set()
        line.send([audio()])
        assert line.too_slow.is_set()

    with_line(test)


# --- how it ends --------------------------------------------------------------------------------


def ending_after(*messages: Json, leaves: bool = False) -> float:
    """How long the end waits for the last words, in seconds."""
    waited = 0.0

    async def test(socket: Socket, line: CarrierLine) -> None:
        nonlocal waited
        loop = asyncio.get_running_loop()
        line.send([audio()])
        line.finish()
        loop.call_later(1, socket.say, *messages)
        if leaves:
            loop.call_later(1, socket.leave)
        began = loop.time()
        await line.run()
        waited = loop.time() - began

    with_line(test)
    return waited


def test_the_last_words_are_heard_before_the_end_but_not_waited_for_long() -> None:
    assert ending_after(media(), mark("0")) == pytest.approx(1)
    assert ending_after(STOP) == pytest.approx(1)
    assert ending_after({"event": 5}) == pytest.approx(1)
    assert ending_after(leaves=True) == pytest.approx(1)
    assert ending_after(media()) == pytest.approx(DRAIN_S)


def test_the_socket_is_closed_once_with_the_reason() -> None:
    async def test(socket: Socket, line: CarrierLine) -> None:
        assert (await line.first()).init is line.init
        assert line.heard_at > 0
        await line.close(closing.NOT_AUTHORIZED)
        await line.close(closing.crash())

    assert with_line(test).closed == (3000, "Could not authorize the conversation.")


def test_a_carrier_that_is_gone_is_left_alone() -> None:
    async def test(socket: Socket, line: CarrierLine) -> None:
        socket.broken = True
        line.send([audio()])
        line.finish()
        await line.run()
        await line.close(closing.crash())

    assert with_line(test).closed is None
