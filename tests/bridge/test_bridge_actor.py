"""The caller's side: two ways to put sound into frames, and silence behind each turn."""

import asyncio

import pytest

from turnwise.base.errors import ConfigError
from turnwise.bridge.actor import FORMAT, Violation, protocol_named
from turnwise.bridge.speaker import Speaker, Trailer

SOON = Trailer(length_ms=1_700, after_ms=60)
SILENCE = bytes(24_000 * 2 * 17 // 10)


@pytest.mark.parametrize(
    ("name", "frame", "sound"),
    [
        ("binary", b"\1\2\3\4", b"\1\2\3\4"),
        ("json", '{"type":"audio","audio":"AQIDBA=="}', b"\1\2\3\4"),
        ("json", '{"type":"end"}', None),
        ("json", '{"type":"of tomorrow"}', b""),
    ],
)
def test_a_frame_is_sound_or_the_end(name: str, frame: str | bytes, sound: bytes | None) -> None:
    assert protocol_named(name).read(frame) == sound


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("binary", "hello"),
        ("json", b"\1\2"),
        ("json", "no json"),
        ("json", "[1]"),
        ("json", '{"audio":"AQI="}'),
        ("json", '{"type":"audio"}'),
        ("json", '{"type":"audio","audio":"%%"}'),
        ("json", '{"type":"audio","audio":7}'),
    ],
)
def test_what_is_no_frame_of_the_protocol_is_a_violation(name: str, frame: str | bytes) -> None:
    with pytest.raises(Violation):
        protocol_named(name).read(frame)


@pytest.mark.parametrize("name", ["binary", "json"])
def test_what_is_sent_can_be_read(name: str) -> None:
    protocol = protocol_named(name)
    assert protocol.read(protocol.sound(b"\1\2\3\4")) == b"\1\2\3\4"
    assert protocol.farewell is None or protocol.read(protocol.farewell) is None


def test_there_are_two_protocols() -> None:
    with pytest.raises(ConfigError, match="binary or json"):
        protocol_named("xml")


def test_the_defaults_are_those_of_the_channel() -> None:
    assert (Trailer().length_ms, Trailer().after_ms) == (1_700, 400)
    assert FORMAT.bytes_in(1_000) == 48_000


class Caller:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._news = asyncio.Event()

    async def hear(self, data: bytes) -> None:
        self.heard.append(data)
        self._news.set()

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                self._news.clear()
                await self._news.wait()


def test_silence_follows_a_turn_once() -> None:
    async def scene() -> list[bytes]:
        speaker, caller = Speaker(SOON), Caller()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(speaker.run(caller.hear))
            for sound in (b"one", b"two", b"three"):
                speaker.play(sound)
                await asyncio.sleep(0.01)  # shorter than the silence waits
            await caller.wait(4)
            await asyncio.sleep(0.15)  # would be long enough for another one
            speaker.finish()
        return caller.heard

    assert asyncio.run(scene()) == [b"one", b"two", b"three", SILENCE]


def test_an_interruption_drops_what_waits_and_the_silence() -> None:
    async def scene() -> list[bytes]:
        speaker, caller = Speaker(SOON), Caller()
        speaker.play(b"never heard")
        speaker.interrupt()
        await asyncio.sleep(0.15)
        speaker.play(b"after it")
        speaker.finish()
        await speaker.run(caller.hear)
        return caller.heard

    assert asyncio.run(scene()) == [b"after it"]
