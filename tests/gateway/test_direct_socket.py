from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from turnwise.gateway.direct_socket import (
    LARGE_BYTES,
    MOST_AHEAD,
    DirectSocket,
    direct_socket,
)

pytestmark = pytest.mark.anyio


class Transport:
    """Notes whether it is read."""

    def __init__(self) -> None:
        self.reads = True
        self.changes = 0
        self.written = b""
        self.closed = False

    def pause_reading(self) -> None:
        assert self.reads
        self.reads, self.changes = False, self.changes + 1

    def resume_reading(self) -> None:
        assert not self.reads
        self.reads, self.changes = True, self.changes + 1

    def get_extra_info(self, _name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True


@pytest.fixture
async def transport() -> Transport:
    return Transport()


@pytest.fixture
async def protocol(transport: Transport) -> DirectSocket:
    async def app(_scope: object, _receive: object, _send: object) -> None:
        raise AssertionError("not asked")

    config = Config(app, interface="asgi3")
    config.load()
    made = DirectSocket(config, ServerState(), {})
    made.transport = transport  # type: ignore[assignment]
    return made


def arrives(protocol: DirectSocket, *frames: bytes) -> None:
    protocol.curr_msg_data_type = "text"
    protocol.frames = list(frames)
    protocol.send_receive_event_to_app()


async def taken(protocol: DirectSocket) -> str:
    return str((await protocol.receive())["text"])  # type: ignore[typeddict-item]


async def test_messages_that_are_taken_in_time_never_stop_the_reading(
    protocol: DirectSocket, transport: Transport
) -> None:
    for number in range(100):
        arrives(protocol, f"{number}".encode())
        assert await taken(protocol) == f"{number}"
    assert transport.changes == 0


async def test_where_many_wait_reading_stops_until_all_were_taken(
    protocol: DirectSocket, transport: Transport
) -> None:
    for number in range(MOST_AHEAD):
        arrives(protocol, f"{number}".encode())
        assert transport.reads
    arrives(protocol, b"one ", b"more")
    arrives(protocol, b"read before it stopped")
    assert transport.changes == 1
    said = [await taken(protocol) for _ in range(MOST_AHEAD + 2)]
    assert said[-2:] == ["one more", "read before it stopped"]
    assert transport.reads
    assert transport.changes == 2


async def test_a_large_one_is_the_last_that_is_read(
    protocol: DirectSocket, transport: Transport
) -> None:
    arrives(protocol, b"x" * LARGE_BYTES)
    assert not transport.reads
    assert len(await taken(protocol)) == LARGE_BYTES
    assert transport.reads


class Open:
    """A connection that is open, and what its listener took."""

    def __init__(self) -> None:
        async def app(_scope: object, _receive: object, _send: object) -> None:
            """Do nothing: there is no loop that would run it."""

        config = Config(app, interface="asgi3")
        config.load()
        self.transport = Transport()
        loop = Loop()
        self.socket = DirectSocket(config, ServerState(), {}, _loop=loop)  # type: ignore[arg-type]
        self.socket.connection_made(self.transport)  # type: ignore[arg-type]
        client = ClientProtocol(parse_uri("ws://127.0.0.1/"))
        client.send_request(client.connect())
        self.socket.data_received(b"".join(client.data_to_send()))
        found = direct_socket(self.socket.scope)  # type: ignore[arg-type]
        assert found is self.socket
        self.socket.conn.send_response(self.socket.response)
        self.socket.conn.data_to_send()
        self.socket.handshake_complete = True
        self.socket.queue.get_nowait()  # that it is connected
        self.taken: list[bytes] = []
        self.refused: bytes | None = None

    def take(self, payload: bytes) -> bool:
        if payload == self.refused:
            return False
        self.taken.append(payload)
        return True

    def get(self, data: bytes, cuts: Sequence[int] = ()) -> None:
        """Let bytes arrive, cut at some positions."""
        places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
        for start, end in pairwise(places):
            if end > start:
                self.socket.data_received(data[start:end])


class Loop:
    """Runs nothing."""

    def create_task(self, coroutine: object) -> "Loop":
        coroutine.close()  # type: ignore[attr-defined]
        return self

    def add_done_callback(self, _: object) -> None:
        """Nothing is ever done."""


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


def message(data: bytes, parts: int, opcode: Opcode = Opcode.TEXT) -> bytes:
    """Return one message in some fragments, with a ping between them."""
    size = len(data) // parts + 1
    pieces = [data[start : start + size] for start in range(0, max(1, len(data)), size)]
    last = len(pieces) - 1
    frames = [
        frame(opcode if not number else Opcode.CONT, piece, fin=number == last)
        for number, piece in enumerate(pieces)
    ]
    return PING.join(frames)


PING = frame(Opcode.PING, b"still there?")
LENGTHS = st.sampled_from([0, 1, 125, 126, 127, 4_300, 65_535, 65_536, LARGE_BYTES, 70_000])
MESSAGES = st.lists(st.tuples(LENGTHS, st.integers(1, 3), st.booleans()), max_size=5)


@given(messages=MESSAGES, cuts=st.lists(st.integers(0, 300_000), max_size=12))
def test_however_the_bytes_are_cut_each_message_comes_whole_and_in_order(
    messages: list[tuple[int, int, bool]], cuts: list[int]
) -> None:
    connection = Open()
    connection.socket.listen(connection.take)
    sent = [(bytes([97 + number]) * length) for number, (length, _, _) in enumerate(messages)]
    opcodes = [Opcode.TEXT if text else Opcode.BINARY for _, _, text in messages]
    data = b"".join(
        message(each, parts, opcode)
        for each, (_, parts, _), opcode in zip(sent, messages, opcodes, strict=True)
    )
    connection.get(data, cuts)
    assert connection.taken == sent
    assert connection.transport.written.count(b"still there?") == data.count(PING)
    assert not connection.transport.closed


async def test_what_came_before_is_handed_over_first() -> None:
    connection = Open()
    connection.get(frame(Opcode.TEXT, b"early"))
    connection.get(frame(Opcode.TEXT, b"x" * LARGE_BYTES))
    connection.socket.listen(connection.take)
    assert connection.transport.changes == 2  # it had stopped, and goes on
    connection.get(frame(Opcode.TEXT, b"late"))
    assert [len(each) for each in connection.taken] == [5, LARGE_BYTES, 4]


async def test_what_a_listener_does_not_take_and_all_after_it_come_the_usual_way() -> None:
    connection = Open()
    connection.refused = b"wrong"
    connection.socket.listen(connection.take)
    texts = (b"right", b"wrong", b"after it")
    whole = b"".join(frame(Opcode.TEXT, text) for text in texts)
    connection.get(whole, [3, 20, 23])
    assert connection.taken == [b"right"]
    assert await taken(connection.socket) == "wrong"
    assert await taken(connection.socket) == "after it"


async def test_an_early_message_that_is_not_taken_stays_where_it_was() -> None:
    connection = Open()
    connection.refused = b"wrong"
    connection.get(frame(Opcode.TEXT, b"wrong") + frame(Opcode.TEXT, b"next"))
    connection.socket.listen(connection.take)
    assert [await taken(connection.socket) for _ in range(2)] == ["wrong", "next"]
    assert not connection.taken


@pytest.mark.parametrize(
    "data",
    [
        Frame(Opcode.TEXT, b"no mask").serialize(mask=False),
        frame(Opcode.TEXT, b"begun", fin=False) + frame(Opcode.TEXT, b"another"),
        frame(Opcode.CONT, b"never begun"),
    ],
    ids=["without a mask", "a message inside of another", "the rest of nothing"],
)
async def test_what_breaks_the_protocol_closes_the_connection(data: bytes) -> None:
    connection = Open()
    connection.socket.listen(connection.take)
    connection.get(data)
    assert connection.transport.closed
    assert connection.taken == []
    assert (await connection.socket.receive())["type"] == "websocket.disconnect"


async def test_bytes_that_are_no_text_close_the_connection_when_nobody_takes_them() -> None:
    connection = Open()
    connection.refused = b"\xff"
    connection.socket.listen(connection.take)
    connection.get(frame(Opcode.TEXT, b"\xff"))
    assert connection.transport.closed


async def test_a_client_that_closes_is_answered() -> None:
    connection = Open()
    connection.socket.listen(connection.take)
    connection.get(frame(Opcode.TEXT, b"bye") + frame(Opcode.CLOSE, b"\x03\xe8"))
    assert connection.taken == [b"bye"]
    ended = await connection.socket.receive()
    assert ended["code"] == 1000  # type: ignore[typeddict-item]
    assert connection.socket.say(b"too late") is False


async def test_it_speaks_while_the_client_reads() -> None:
    connection = Open()
    assert connection.socket.say(b"hello")
    assert connection.transport.written == Frame(Opcode.TEXT, b"hello").serialize(mask=False)
    connection.socket.pause_writing()
    assert not connection.socket.say(b"not now")
    connection.socket.resume_writing()
    assert connection.socket.say(b"now")
