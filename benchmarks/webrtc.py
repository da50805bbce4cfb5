"""Calls over WebRTC: time to connect, to the first sound, many at once, and drift.

    python benchmarks/webrtc.py [--rounds 10] [--calls 25] [--seconds 20] [--drift-minutes 10]

The server has one core and scripted minds behind the real speech detector; the callers have the
others. The callers are aiortc's, and take packets as they come: what a browser adds is not in it.

- connected: from the first byte of the signalling socket to both channels and the sound;
- first sound: from the first message to the first packet that is not silent, and from the last
  sample of a question to the first sound of the answer; beside it the same over the conversation
  socket, where the first sound is the first `audio` message;
- calls at once: how late packets of 20 ms come, against the earliest of their call; how many are
  left out or lost; CPU of the server, and of the callers, for each second of a call;
- drift: the agent's samples against this machine's clock, over minutes.
"""

import argparse
import asyncio
import base64
import json
import os
import statistics
import time
from collections.abc import Callable, Coroutine, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import numpy as np
from served import KEY, Served, cores, serve_turnwise, served
from websockets.asyncio.client import connect

from turnwise.audio.pcm import Pcm
from turnwise.audio.resample import Resampler
from turnwise.base.units import Hertz
from turnwise.providers.ports import VoiceOptions
from turnwise.providers.registry import create
from turnwise.testing.room_caller import FRAME_SAMPLES, INIT, RATE_HZ, Heard, RoomCaller, packets_of

CHUNK = 320
"""Samples in 20 ms at the rate of the conversation socket."""
FRAME_MS = 20
RAMP_S = 0.2
"""Between callers who come: not all at once."""
FIGURES = ("connected", "greeting", "answer")


def question() -> Pcm:
    """Return a question at 16 kHz that ends with its last sample."""

    async def speak() -> Pcm:
        voice = create("tts", "espeak")
        pieces = [piece.samples async for piece in voice.speak("hello", VoiceOptions())]
        resampler = Resampler(voice.rate_hz, Hertz(16_000))
        sound = np.concatenate([resampler.push(np.concatenate(pieces)), resampler.flush()])
        loud = np.flatnonzero(np.abs(sound) > 400)
        return sound[loud[0] : loud[-1]]

    return asyncio.run(speak())


def at_48k(sound: Pcm) -> Pcm:
    resampler = Resampler(Hertz(16_000), Hertz(RATE_HZ))
    return np.concatenate([resampler.push(sound), resampler.flush()])


def token_of(server: Served) -> str:
    agent_id = parse_qs(urlsplit(server.address).query)["agent_id"][0]
    url = f"{server.url}/v1/convai/conversation/token?agent_id={agent_id}"
    with urlopen(Request(url, headers={"xi-api-key": KEY}), timeout=20) as answer:
        return str(json.load(answer)["token"])


def caller_of(server: Served) -> RoomCaller:
    return RoomCaller(server.url.replace("http", "ws", 1), token_of(server))


def first_sound(heard: Sequence[Heard], after: float) -> float | None:
    return next((each.at - after for each in heard if each.at > after and not each.silent), None)


async def room_round(server: Served, said: Sequence[bytes]) -> dict[str, float]:
    """Return seconds: connected, to the greeting, to the answer."""
    began = time.monotonic()
    async with caller_of(server) as caller:
        await caller.join()
        await caller.begin()
        connected = caller.happened.init_at - began
        heard = caller.happened.heard
        greeting = await caller.until(lambda: first_sound(heard, caller.happened.init_at))
        await quiet(lambda: heard[-1].silent)
        caller.microphone.say(said)
        ends = time.monotonic() + len(said) * FRAME_MS / 1_000
        await asyncio.sleep(ends - time.monotonic())
        answer = await caller.until(lambda: first_sound(heard, ends))
        await caller.send(leave={})
        await caller.closed()
    return {"connected": connected, "greeting": greeting, "answer": answer}


async def socket_round(server: Served, sound: Pcm) -> dict[str, float]:
    """Return seconds: connected, to the greeting, to the answer."""
    began = time.monotonic()
    async with connect(server.address, max_size=None) as socket:
        init_at = time.monotonic()
        await socket.send(json.dumps(INIT))
        came: list[float] = []

        async def listen() -> None:
            async for text in socket:
                came.extend([time.monotonic()] * (json.loads(text)["type"] == "audio"))

        listening = asyncio.get_running_loop().create_task(listen())
        await quiet(lambda: bool(came) and time.monotonic() - came[-1] > 1)
        ends = await say(socket, sound)
        await quiet(lambda: came[-1] > ends)
        listening.cancel()
    answer = next(each for each in came if each > ends)
    return {"connected": init_at - began, "greeting": came[0] - init_at, "answer": answer - ends}


async def say(socket: Any, sound: Pcm) -> float:  # noqa: ANN401 - of the library
    """Send a question in real time, and silence behind it; return when its last sample was sent."""
    silence = np.zeros(16_000, np.int16)
    tape, began, ends = np.concatenate([sound, silence]), time.monotonic(), 0.0
    for number, first in enumerate(range(0, len(tape), CHUNK)):
        await asyncio.sleep(max(0.0, began + number * FRAME_MS / 1_000 - time.monotonic()))
        chunk = base64.b64encode(tape[first : first + CHUNK].tobytes()).decode()
        await socket.send(json.dumps({"user_audio_chunk": chunk}))
        if first < len(sound):
            ends = time.monotonic()
    return ends


async def quiet(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - a probe
            await asyncio.sleep(0.01)


async def long_call(
    server: Served, said: Sequence[bytes], seconds: float, after_s: float = 0.0
) -> list[Heard]:
    """Return what one hears who asks a question every 5 seconds."""
    await asyncio.sleep(after_s)
    async with caller_of(server) as caller:
        await caller.join()
        await caller.begin()
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            await asyncio.sleep(min(5.0, left))
            caller.microphone.say(said)
        heard = list(caller.happened.heard)
        await caller.send(leave={})
        await caller.closed()
        return heard


def lateness_ms(heard: Sequence[Heard]) -> list[float]:
    """Return how late each packet came, against the earliest of the call."""
    came = [1_000 * (each.at - heard[0].at) - _ms_since(heard[0], each) for each in heard]
    earliest = min(came)
    return [each - earliest for each in came]


def _ms_since(first: Heard, later: Heard) -> float:
    return ((later.time - first.time) % (1 << 32)) * 1_000 / RATE_HZ


def lost(heard: Sequence[Heard]) -> int:
    """Return how many packets did not come: the callers are too slow to read them."""
    steps = ((b.sequence - a.sequence) % (1 << 16) for a, b in pairwise(heard))
    return sum(step - 1 for step in steps if 0 < step < 1 << 15)


def left_out(heard: Sequence[Heard]) -> int:
    """Return how many packets the server did not send, because it stood still for long."""
    return round(_ms_since(heard[0], heard[-1]) / FRAME_MS) + 1 - len(heard) - lost(heard)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    return float(np.percentile(values, share))


def show_rounds(server: Served, sound: Pcm, said: Sequence[bytes], rounds: int) -> None:
    found: dict[str, list[dict[str, float]]] = {"WebRTC": [], "socket": []}
    for _ in range(rounds):
        found["WebRTC"].append(asyncio.run(room_round(server, said)))
        found["socket"].append(asyncio.run(socket_round(server, sound)))
    print(f"{'ms, median (worst)':<22}{'connected':>18}{'greeting':>18}{'answer':>18}")
    for way, each in found.items():
        columns = (
            f"{1_000 * statistics.median(values):>9.0f} ({1_000 * max(values):>5.0f})"
            for values in (
                [one[key] for one in each] for key in ("connected", "greeting", "answer")
            )
        )
        print(f"{way:<22}" + "  ".join(columns))


def show_many(server: Served, said: Sequence[bytes], calls: int, seconds: float) -> None:
    async def together() -> list[list[Heard]]:
        jobs: list[Coroutine[Any, Any, list[Heard]]] = []
        async with asyncio.TaskGroup() as tasks:
            jobs += [long_call(server, said, seconds, RAMP_S * each) for each in range(calls)]
            running = [tasks.create_task(job) for job in jobs]
        return [task.result() for task in running]

    before, own, began = cpu_s(server.pid), time.process_time(), time.monotonic()
    heard = asyncio.run(together())
    spent, took = cpu_s(server.pid) - before, time.monotonic() - began
    late = [value for each in heard for value in lateness_ms(each[50:])]
    print(
        f"{calls} calls of {seconds:g} s: packets late p50 {percentile(late, 50):.0f} ms,"
        f" p99 {percentile(late, 99):.0f} ms, worst {max(late):.0f} ms;"
        f" of {sum(map(len, heard))} packets the server left {sum(map(left_out, heard))} out"
        f" and {sum(map(lost, heard))} were lost on the way;"
        f" server {1_000 * spent / (calls * seconds):.1f} ms CPU a call-second"
        f" ({100 * spent / took:.0f} % of a core),"
        f" callers {1_000 * (time.process_time() - own) / (calls * seconds):.1f} ms"
    )


def show_drift(server: Served, said: Sequence[bytes], minutes: float) -> None:
    heard = asyncio.run(long_call(server, said, minutes * 60))
    window = 500  # ten seconds: the earliest packet of each tells when it was due
    late = [1_000 * (each.at - heard[0].at) - _ms_since(heard[0], each) for each in heard]
    first, last = min(late[:window]), min(late[-window:])
    print(
        f"drift over {minutes:g} min: {last - first:+.1f} ms"
        f" ({len(heard)} packets of {FRAME_SAMPLES} samples,"
        f" {left_out(heard)} left out, {lost(heard)} lost)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--calls", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--drift-minutes", type=float, default=0.0)
    chosen = parser.parse_args()
    sound = question()
    said = packets_of(at_48k(sound))
    with cores() as core, served(serve_turnwise, core, agent=True) as server:
        asyncio.run(room_round(server, said))  # what is made once is made now
        if chosen.rounds:
            show_rounds(server, sound, said, chosen.rounds)
        if chosen.calls:
            show_many(server, said, chosen.calls, chosen.seconds)
        if chosen.drift_minutes:
            show_drift(server, said, chosen.drift_minutes)


if __name__ == "__main__":
    main()
