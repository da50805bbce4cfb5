import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from turnwise.gateway.reading_ahead import LARGE_BYTES, MOST_AHEAD, ReadingAhead

pytestmark = pytest.mark.anyio


class Transport:
    """Notes whether it is read."""

    def __init__(self) -> None:
        self.reads = True
        self.changes = 0

    def pause_reading(self) -> None:
        assert self.reads
        self.reads, self.changes = False, self.changes + 1

    def resume_reading(self) -> None:
        assert not self.reads
        self.reads, self.changes = True, self.changes + 1


@pytest.fixture
async def transport() -> Transport:
    return Transport()


@pytest.fixture
async def protocol(transport: Transport) -> ReadingAhead:
    async def app(_scope: object, _receive: object, _send: object) -> None:
        raise AssertionError("not asked")

    config = Config(app, interface="asgi3")
    config.load()
    made = ReadingAhead(config, ServerState(), {})
    made.transport = transport  # type: ignore[assignment]
    return made


def arrives(protocol: ReadingAhead, *frames: bytes) -> None:
    protocol.curr_msg_data_type = "text"
    protocol.frames = list(frames)
    protocol.send_receive_event_to_app()


async def taken(protocol: ReadingAhead) -> str:
    return str((await protocol.receive())["text"])  # type: ignore[typeddict-item]


async def test_messages_that_are_taken_in_time_never_stop_the_reading(
    protocol: ReadingAhead, transport: Transport
) -> None:
    for number in range(100):
        arrives(protocol, f"{number}".encode())
        assert await taken(protocol) == f"{number}"
    assert transport.changes == 0


async def test_where_many_wait_reading_stops_until_all_were_taken(
    protocol: ReadingAhead, transport: Transport
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
    protocol: ReadingAhead, transport: Transport
) -> None:
    arrives(protocol, b"x" * LARGE_BYTES)
    assert not transport.reads
    assert len(await taken(protocol)) == LARGE_BYTES
    assert transport.reads
