"""Sound of a room: packets put in order, holes filled, frames on time, Opus there and back."""

import asyncio
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.audio.pcm import Pcm, silence
from turnwise.gateway.webrtc import opus
from turnwise.gateway.webrtc.jitter import MOST_WAITING, Arrived, JitterBuffer, UserSound
from turnwise.gateway.webrtc.playing import QUIET_FRAMES, AgentTrack, Player

FRAME = opus.FRAME_SAMPLES


def tone(frames: int) -> Pcm:
    time_s = np.arange(frames * FRAME) / 48_000
    return (9_000 * np.sin(2 * np.pi * 440 * time_s)).astype(np.int16)


def packet(number: int, source: int = 1, start: int = 0) -> Arrived:
    sequence, time = (start + number) % 65_536, (start + number) * FRAME % (1 << 32)
    return Arrived(source, sequence, time, opus.SILENT_PACKET)


def ordered(numbers: list[int], start: int = 0) -> list[int]:
    buffer = JitterBuffer()
    ready = [each for number in numbers for each in buffer.add(packet(number, start=start))]
    return [(each.sequence - start) % 65_536 for each in ready]


@pytest.mark.parametrize(
    ("came", "passed_on"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3]),
        ([0, 2, 1, 3], [0, 1, 2, 3]),
        ([0, 1, 1, 2, 0], [0, 1, 2]),
        ([0, 2, 3], [0]),
        ([0, 2, 3, 4], [0, 2, 3, 4]),
        ([0, 2, 3, 4, 1, 5], [0, 2, 3, 4, 5]),
        ([0, 1, 30_000, 30_001], [0, 1, 30_000, 30_001]),
    ],
)
@pytest.mark.parametrize("start", [0, 65_534])
def test_packets_are_passed_on_in_order(came: list[int], passed_on: list[int], start: int) -> None:
    assert ordered(came, start) == passed_on


@given(st.permutations(range(MOST_WAITING)))
def test_a_little_disorder_loses_nothing(order: list[int]) -> None:
    numbers = [0, *(1 + each for each in order)]
    assert ordered(numbers) == sorted(numbers)


def test_another_source_begins_anew() -> None:
    buffer = JitterBuffer()
    came = [packet(5), packet(6), packet(100, source=2), packet(101, source=2)]
    assert [each.source for one in came for each in buffer.add(one)] == [1, 1, 2, 2]
    assert buffer.lost == 0


def test_what_is_lost_becomes_silence_of_the_same_length() -> None:
    sound = UserSound()
    pieces = [piece for number in (0, 1, 4, 5, 6) for piece in sound.take(packet(number))]
    assert sum(map(len, pieces)) == 7 * FRAME


def test_a_microphone_that_was_off_for_long_leaves_no_hole_to_fill() -> None:
    sound = UserSound()
    came = [packet(0), Arrived(1, 1, 60 * 48_000, opus.SILENT_PACKET)]
    assert sum(len(piece) for each in came for piece in sound.take(each)) == 2 * FRAME


def test_a_broken_packet_is_silence() -> None:
    assert not opus.Decoder().decode(b"\xff" * 40).any()


def test_opus_there_and_back_is_the_same_sound() -> None:
    encoder, decoder = opus.Encoder(), opus.Decoder()
    said = tone(50)
    packets = [encoder.encode(said[first : first + FRAME]) for first in range(0, len(said), FRAME)]
    heard = np.concatenate([decoder.decode(each) for each in packets])
    assert len(heard) == len(said)
    spectrum = np.abs(np.fft.rfft(heard[FRAME * 10 :].astype(float)))
    assert abs(np.argmax(spectrum) * 48_000 / (len(heard) - FRAME * 10) - 440) < 2


class Told(list[bool]):
    def __call__(self, active: bool) -> None:  # noqa: FBT001 - as the player calls it
        self.append(active)


def test_the_player_sends_sound_then_its_tail_then_silence() -> None:
    told = Told()
    player = Player(told)
    player.put(tone(3)[: FRAME * 2 + 100])
    packets = [player.next_packet() for _ in range(3 + 1 + QUIET_FRAMES)]
    assert all(each != opus.SILENT_PACKET for each in packets[:4])
    assert set(packets[4:]) == {opus.SILENT_PACKET}
    assert told == [True, False]


def test_short_pauses_are_no_end_of_speaking() -> None:
    told = Told()
    player = Player(told)
    for _ in range(3):
        player.put(tone(2))
        for _ in range(QUIET_FRAMES):
            player.next_packet()
    assert told == [True]


def test_what_is_cleared_is_not_heard() -> None:
    player = Player(Told())
    player.put(tone(100))
    player.next_packet()
    before = player.busy
    player.clear()
    assert [before, player.busy] == [True, False]
    player.next_packet()  # what the encoder has left
    assert player.next_packet() == opus.SILENT_PACKET


class Clock:
    """Seconds that go on when somebody looks."""

    def __init__(self, steps: list[float]) -> None:
        self._times = itertools.accumulate([0.0, *steps])

    def __call__(self) -> float:
        return next(self._times)


def stamps(steps: list[float]) -> list[int]:
    """Times of the packets, in frames, where so much passes between the looks at the clock."""

    async def play() -> list[int]:
        track = AgentTrack(Player(Told()), Clock(steps))
        return [((await track.recv()).pts or 0) // FRAME for _ in steps]

    return asyncio.run(play())


def test_a_track_that_is_late_catches_up_without_drift() -> None:
    assert stamps([0.0, 0.1, 0.0, 0.0, 0.0, 0.0]) == [0, 1, 2, 3, 4, 5]


def test_a_track_that_stood_still_leaves_the_time_out() -> None:
    assert stamps([0.0, 10.0, 0.0]) == [0, 500, 501]


def test_silence_is_what_the_decoder_takes_for_silence() -> None:
    assert (opus.Decoder().decode(opus.SILENT_PACKET) == silence(FRAME)).all()
