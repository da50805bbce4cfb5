import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
import pytest

from providers.provider_rig import can_speak, spoken
from turnwise.audio.pcm import Pcm
from turnwise.audio.speech_gate import Offset, Onset
from turnwise.base.errors import ConfigError
from turnwise.base.units import Hertz
from turnwise.cli.talk_sound import Ear, FileSource, Loudspeaker, Microphone, Track
from turnwise.cli.talk_wav import WavFile, read_wav
from turnwise.providers.ports import LISTENING_HZ
from turnwise.testing.virtual_loop import run as run_virtually

RATE = Hertz(8000)


@dataclass
class Time:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def ones(samples: int) -> Pcm:
    return np.ones(samples, np.int16)


# --- the agent's side ---------------------------------------------------------------------------


def test_the_track_puts_sound_where_it_is_heard(tmp_path: Path) -> None:
    time = Time(50.0)
    track = Track(tmp_path / "x.wav", RATE, time)
    time.now_s = 50.5
    track.play(ones(800))
    time.now_s = 50.55
    track.play(ones(800) * 2)  # follows on, though it came earlier
    assert track.left_s() == pytest.approx(0.15, abs=0.001)
    time.now_s = 51.0
    assert track.left_s() == 0
    track.close()
    sound, _ = read_wav(tmp_path / "x.wav")
    assert len(sound) == 8000
    assert sound[[3999, 4000, 4799, 4800, 5599, 5600]].tolist() == [0, 1, 1, 2, 2, 0]


def test_the_track_keeps_only_what_was_heard_before_an_interruption(tmp_path: Path) -> None:
    time = Time()
    track = Track(tmp_path / "x.wav", RATE, time)
    track.play(ones(800))
    track.play(ones(800))
    time.now_s = 0.15
    track.drop()
    assert track.left_s() == 0
    track.play(ones(8) * 3)
    track.close()
    sound, _ = read_wav(tmp_path / "x.wav")
    assert sound.tolist() == [1] * 1200 + [3] * 8


def test_a_track_without_a_file_only_counts() -> None:
    track = Track(None, RATE, Time())
    track.play(ones(800))
    assert track.left_s() == 0.1
    track.close()


# --- the user's side ----------------------------------------------------------------------------


def test_a_file_is_sent_in_real_time_when_its_turn_comes(tmp_path: Path) -> None:
    WavFile(tmp_path / "x.wav", RATE).write(ones(1000))
    source = FileSource(tmp_path / "x.wav")

    async def listen() -> list[tuple[float, int, bool]]:
        heard = []
        clock = asyncio.get_running_loop().time
        began = clock()
        async for chunk in source.chunks(RATE):
            heard.append((round(clock() - began, 3), int(chunk.sum()), source.said.is_set()))
            assert len(chunk) == 320
            if len(heard) == 2:
                source.begin.set()
            if len(heard) == 7:
                return heard
        raise AssertionError

    assert run_virtually(listen()) == [
        (0.04, 0, False),
        (0.08, 0, False),
        (0.12, 320, False),
        (0.16, 320, False),
        (0.2, 320, False),
        (0.24, 40, False),
        (0.28, 0, True),
    ]


@pytest.mark.skipif(not can_speak(), reason="nothing here can speak")
def test_the_ear_knows_when_the_user_stopped() -> None:
    sound = spoken("are you open on sunday", lead_ms=500, tail_ms=1000)
    hears_all_s = len(sound) / LISTENING_HZ

    async def listen() -> tuple[list[object], float | None]:
        ear = Ear(LISTENING_HZ)
        noticed: list[object] = []
        for end in range(640, len(sound), 640):
            found = await ear.hear(sound[end - 640 : end], 100 + end / LISTENING_HZ)
            if found is not None:
                noticed.append(type(found))
                assert ear.quiet.is_set() == isinstance(found, Offset)
        await ear.aclose()
        return noticed, ear.stopped_at

    noticed, stopped_at = asyncio.run(listen())
    assert noticed[0] is Onset
    assert noticed[-1] is Offset
    assert stopped_at == pytest.approx(100 + hears_all_s - 1, abs=0.35)


# --- devices ------------------------------------------------------------------------------------


@dataclass
class Stream:
    """A stream of the sound library, which calls back from wherever it likes."""

    samplerate: int
    channels: int
    dtype: str
    callback: Callable[..., None]
    latency: float | None = None
    open: bool = False

    def start(self) -> None:
        self.open = True

    def close(self) -> None:
        self.open = False

    def __enter__(self) -> Self:
        self.callback(np.full((480, 1), 7, np.int16), 480, None, None)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Devices:
    rates: dict[str, float] = field(default_factory=dict)
    streams: list[Stream] = field(default_factory=list)

    def module(self) -> Any:  # noqa: ANN401 - a package without types
        module: Any = ModuleType("sounddevice")
        module.PortAudioError = OSError
        module.query_devices = self.query
        module.InputStream = module.OutputStream = self.stream
        return module

    def query(self, *, kind: str) -> dict[str, float]:
        if kind not in self.rates:
            raise ValueError(f"no {kind}")
        return {"default_samplerate": self.rates[kind]}

    def stream(self, **options: Any) -> Stream:  # noqa: ANN401 - as the package's own
        self.streams.append(Stream(**options))
        return self.streams[-1]


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Devices:
    found = Devices({"input": 12_000.0, "output": 8000.0})
    monkeypatch.setitem(sys.modules, "sounddevice", found.module())
    return found


def test_the_microphone_is_heard_at_the_rate_of_the_conversation(devices: Devices) -> None:
    async def listen() -> Pcm:
        async for chunk in Microphone().chunks(Hertz(12_000)):
            return chunk
        raise AssertionError

    chunk = asyncio.run(listen())
    assert chunk.tolist() == [7] * 480
    assert devices.streams[0].samplerate == 12_000


def test_the_loudspeaker_plays_until_it_is_interrupted(devices: Devices) -> None:
    speaker = Loudspeaker(Track(None, RATE, Time()), RATE)
    speaker.play(ones(5))
    wanted = np.full((4, 1), 9, np.int16)
    devices.streams[0].callback(wanted, 4, None, None)
    assert wanted[:, 0].tolist() == [1, 1, 1, 1]
    devices.streams[0].callback(wanted, 4, None, None)
    assert wanted[:, 0].tolist() == [1, 0, 0, 0]
    speaker.play(ones(5))
    assert speaker.left_s() > 0
    speaker.drop()
    assert speaker.left_s() == 0
    devices.streams[0].callback(wanted, 4, None, None)
    assert wanted[:, 0].tolist() == [0, 0, 0, 0]
    speaker.close()
    assert not devices.streams[0].open


def test_a_machine_without_devices_is_told_of_the_other_ways(devices: Devices) -> None:
    devices.rates.clear()
    with pytest.raises(ConfigError, match=r"has no microphone, .*: use --text"):
        Microphone()
    with pytest.raises(ConfigError, match=r"has no loudspeaker, .*: use --text"):
        Loudspeaker(Track(None, RATE, Time()), RATE)


def test_a_device_that_is_taken_is_one_sentence(
    devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(**_: object) -> Stream:
        raise OSError("Device unavailable")

    async def listen() -> None:
        async for _ in Microphone().chunks(RATE):
            return

    for name in ("InputStream", "OutputStream"):
        monkeypatch.setattr(sys.modules["sounddevice"], name, taken)
    with pytest.raises(ConfigError, match=r"the microphone cannot be used \(Device unavailable\)"):
        asyncio.run(listen())
    with pytest.raises(ConfigError, match="the loudspeaker cannot be used"):
        Loudspeaker(Track(None, RATE, Time()), RATE)
