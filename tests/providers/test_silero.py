import asyncio
import shutil
import time
from collections.abc import Awaitable
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from providers.provider_rig import can_speak, frames_of, listening, spoken
from turnwise.audio.pcm import Pcm, silence
from turnwise.audio.speech_gate import SpeechGate
from turnwise.base.errors import ProviderBroken, ProviderRefused, ProviderUnavailable
from turnwise.providers.ports import Frames, VoiceOptions
from turnwise.providers.tts.espeak import Espeak
from turnwise.providers.vad.onnx_weights import read_weights
from turnwise.providers.vad.silero import SPEC, Silero, _bundled

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(SPEC.missing() is not None, reason=str(SPEC.missing())),
]

TEXT = "Hello there. I would like to book a table for two people on Friday evening."


def judged_by_onnx(frames: Frames) -> list[float]:
    """The probabilities of the published model, run as published."""
    runtime: Any = pytest.importorskip("onnxruntime")
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = runtime.InferenceSession(str(_bundled()), settings, ["CPUExecutionProvider"])
    state = np.zeros((2, 1, 128), np.float32)
    context = np.zeros((1, 64), np.float32)
    rate = np.array(16_000, np.int64)
    told = []
    for frame in frames:
        sound = np.concatenate([context, frame[None] / np.float32(32768)], axis=1)
        probability, state = session.run(None, {"input": sound, "state": state, "sr": rate})
        context = sound[:, -64:]
        told.append(float(probability[0, 0]))
    return told


def speech() -> Pcm:
    if not can_speak():
        pytest.skip("nothing here can speak")
    return spoken(TEXT)


def noise(seed: int, frames: int, level: float = 2000.0) -> Frames:
    sound = np.random.default_rng(seed).normal(0, level, (frames, 512))
    return sound.astype(np.int16)


@pytest.fixture(params=[True, False], ids=["in a thread", "on the loop"])
def detector(request: pytest.FixtureRequest) -> Silero:
    return Silero(own_thread=request.param)


async def of(judging: Awaitable[list[float]]) -> list[float]:
    return await judging


async def judged(detector: Silero, frames: Frames, at_once: int = 1) -> list[float]:
    stream = detector.open()
    told: list[float] = []
    for start in range(0, len(frames), at_once):
        told += await stream.judge(frames[start : start + at_once])
    stream.close()
    return told


def corpus() -> dict[str, Pcm]:
    """Pauses inside of sentences, six voices where flite speaks too, noise, a telephone line."""
    sounds = {f"espeak {voice}": _by_espeak(voice) for voice in ("en-us", "en-gb+f2", "de+m3")}
    if shutil.which("flite"):
        sounds |= {f"flite {voice}": spoken(TEXT, voice=voice) for voice in ("rms", "slt", "kal16")}
    clean = sounds["espeak en-us"]
    random = np.random.default_rng(3)
    for name, level in (("a little", 300), ("much", 3_000)):
        noisy = clean + random.normal(0, level, len(clean))
        sounds[f"{name} noise"] = noisy.clip(-32_768, 32_767).astype(np.int16)
    sounds["telephone"] = listening(listening(clean, 16_000, 8_000), 8_000)
    sounds["only noise"] = noise(1, 60).reshape(-1)
    return sounds


def _by_espeak(voice: str) -> Pcm:
    async def speak() -> Pcm:
        engine = Espeak()
        options = VoiceOptions(voice=voice)
        pieces = [piece.samples async for piece in engine.speak(TEXT, options)]
        await engine.aclose()
        return listening(np.concatenate(pieces), engine.rate_hz)

    return np.concatenate([silence(8_000), asyncio.run(speak()), silence(8_000)])


async def test_it_judges_as_the_published_model_and_decides_as_it_would(detector: Silero) -> None:
    sounds = await asyncio.to_thread(corpus)
    frames = {name: frames_of(sound) for name, sound in sounds.items()}
    async with asyncio.TaskGroup() as tasks:
        jobs = {
            name: tasks.create_task(judged(detector, each, at_once=4))
            for name, each in frames.items()
        }
    await detector.aclose()
    for name, job in jobs.items():
        told, published = job.result(), judged_by_onnx(frames[name])
        assert np.abs(np.array(told) - published).max() < 1e-4, name
        ours, theirs = SpeechGate(), SpeechGate()
        decisions = [ours.push(probability) for probability in told]
        assert decisions == [theirs.push(probability) for probability in published], name
        assert any(decisions) == (name != "only noise"), name


async def test_it_hears_speech_and_not_silence(detector: Silero) -> None:
    frames = frames_of(await asyncio.to_thread(speech))
    told = await judged(detector, frames, at_once=len(frames))
    await detector.aclose()
    assert max(told[:12]) < 0.2
    assert max(told) > 0.9


async def test_a_stream_is_judged_alone_as_among_thirty_others(detector: Silero) -> None:
    all_frames = [noise(seed, 20, level=200.0 * seed) for seed in range(31)]
    alone = [await judged(detector, frames) for frames in all_frames]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(judged(detector, frames)) for frames in all_frames]
    await detector.aclose()
    assert np.abs(np.array(alone) - [task.result() for task in tasks]).max() < 1e-5


async def test_a_burst_is_judged_in_order_and_starves_nobody(detector: Silero) -> None:
    frames = noise(3, 200)
    frames[100:] //= 50
    one_by_one = await judged(detector, frames)
    burst, other = detector.open(), detector.open()
    async with asyncio.TaskGroup() as group:
        whole = group.create_task(of(burst.judge(frames)))
        await asyncio.sleep(0)
        await other.judge(noise(4, 1))
        assert not whole.done()
    await detector.aclose()
    assert np.abs(np.array(whole.result()) - one_by_one).max() < 1e-5


async def test_two_calls_at_once_on_one_stream_are_judged_in_order(detector: Silero) -> None:
    frames = noise(5, 30)
    in_turn = await judged(detector, frames)
    stream = detector.open()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(of(stream.judge(frames[:20])))
        second = group.create_task(of(stream.judge(frames[20:])))
    await detector.aclose()
    assert first.result() + second.result() == pytest.approx(in_turn, abs=1e-5)


async def test_a_slot_is_new_for_the_next_stream(detector: Silero) -> None:
    frames = noise(6, 10)
    fresh = await judged(detector, frames)
    await judged(detector, noise(7, 10, level=9000.0))
    assert await judged(detector, frames) == pytest.approx(fresh, abs=1e-6)
    await detector.aclose()


async def test_more_streams_than_the_first_slots_are_judged(detector: Silero) -> None:
    frames = noise(8, 3)
    expected = await judged(detector, frames)
    streams = [detector.open() for _ in range(150)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(of(stream.judge(frames))) for stream in streams]
    await detector.aclose()
    assert all(task.result() == pytest.approx(expected, abs=1e-5) for task in tasks)


async def fails(judging: Awaitable[object]) -> None:
    with pytest.raises(ProviderUnavailable):
        await judging


async def test_closing_fails_whoever_waits(detector: Silero) -> None:
    closed, dropped = detector.open(), detector.open()
    async with asyncio.timeout(1), asyncio.TaskGroup() as group:
        group.create_task(fails(closed.judge(noise(9, 5000))))
        group.create_task(fails(dropped.judge(noise(9, 5000))))
        await asyncio.sleep(0.01)
        closed.close()
        closed.close()
        await fails(closed.judge(noise(9, 1)))
        await detector.aclose()
    await fails(dropped.judge(noise(9, 1)))


async def test_a_caller_who_gives_up_leaves_the_stream_in_order(detector: Silero) -> None:
    frames = noise(10, 300)
    in_turn = await judged(detector, frames)
    stream = detector.open()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.002):
            await stream.judge(frames[:280])
    assert await stream.judge(frames[280:]) == pytest.approx(in_turn[280:], abs=1e-5)
    await detector.aclose()


async def test_a_net_that_breaks_lets_nobody_wait(detector: Silero) -> None:
    whole = detector._net
    broken = copy(whole)
    broken._hidden_gates = whole._hidden_gates[:1]
    detector._net = broken
    stream = detector.open()
    with pytest.raises(ProviderBroken, match="the net failed"):
        async with asyncio.timeout(1):
            await stream.judge(noise(11, 3))
    detector._net = whole
    assert len(await stream.judge(noise(11, 3))) == 3
    await detector.aclose()


def test_a_file_that_is_no_such_net_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    for content in (b"", b"\x3a\x02\x08", b"no model at all", _bundled().read_bytes()[:100_000]):
        path.write_bytes(content)
        with pytest.raises(ProviderRefused, match="other"):
            Silero(path=path)
    with pytest.raises(ProviderRefused, match="missing"):
        Silero(path=tmp_path / "missing.onnx")


def test_the_other_branch_is_the_net_of_the_other_rate() -> None:
    basis = [
        array.shape
        for name, array in read_weights(_bundled(), "else_branch").items()
        if name.endswith("forward_basis_buffer")
    ]
    assert basis == [(130, 1, 128)]


async def test_a_burst_waits_for_silent_streams_only_once(detector: Silero) -> None:
    stream, *silent = (detector.open() for _ in range(5))
    await stream.judge(noise(12, 1))
    began = time.monotonic()
    await stream.judge(noise(12, 100))
    await detector.aclose()
    assert time.monotonic() - began < 100 * 0.008 / 2
    assert silent
