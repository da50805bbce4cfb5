"""What the server itself adds to a turn, over a real socket, with providers of known delay.

    python benchmarks/turn_latency.py [--calls 1 50] [--turns 6]

Each call speaks in real time, waits for the answer, and at last speaks over one. Two figures:

- added: from the turn being taken (`user_transcript`) to the first sound, less the 100 ms that the
  scripted model and voice take;
- barge-in: from the first sample of the user's speech being sent to `interruption`, less the VAD
  window (the speech that must be over before it counts, rounded up to frames, and the chunk).
"""

import argparse
import asyncio
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pybase64
import uvicorn
import websockets

from turnwise.audio.speech_gate import GateSettings
from turnwise.main import Application, claim, listen, prepare_house, uvicorn_options
from turnwise.providers.registry import create
from turnwise.runtime.session import Minds
from turnwise.settings import Settings

MODEL_MS, VOICE_MS = 50, 50
MOST_REPLIES = 5_000
KEY = "sk_bench"


def minds() -> Minds:
    """Return scripted minds behind the real speech detector."""
    long = "is quite a long answer, so that somebody may speak over it, and it goes on. "
    # each another one: what was spoken twice is remembered, and takes the voice no time
    replies = [f"Number {number} {long}" for number in range(MOST_REPLIES)]
    return Minds(
        model=create("llm", "scripted", replies=replies, latency_ms=MODEL_MS),
        synthesizer=create("tts", "scripted", latency_ms=VOICE_MS, ms_per_char=30),
        transcriber=create("stt", "scripted", texts=["hello you"], repeat=True, latency_ms=50),
        detector=create("vad", "silero"),
    )


def serve(port: int, data: str) -> None:
    settings = Settings(port=port, data=Path(data), api_key=KEY, log_level="error")
    with claim(settings.data), listen(settings) as listening:
        asyncio.run(prepare_house(settings))
        config = uvicorn.Config(Application(settings, minds), **uvicorn_options(settings))
        uvicorn.Server(config).run(sockets=[listening])


async def speech() -> np.ndarray[Any, Any]:
    """Return half a second of speech at 16 kHz that begins with its first sample."""
    from turnwise.audio.resample import Resampler
    from turnwise.providers.ports import VoiceOptions

    voice = create("tts", "espeak")
    pieces = [piece.samples async for piece in voice.speak("Hello you there.", VoiceOptions())]
    await voice.aclose()
    resampler = Resampler(voice.rate_hz, 16_000)  # type: ignore[arg-type]
    sound = np.concatenate([resampler.push(np.concatenate(pieces)), resampler.flush()])
    first = int(np.flatnonzero(np.abs(sound) > 1_000)[0])
    return sound[first : first + 12_800]


@dataclass
class Figures:
    """Milliseconds, one for each turn or barge-in."""

    added: list[float] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)


@dataclass
class Caller:
    """One call."""

    sound: np.ndarray[Any, Any]
    figures: Figures
    turns: int
    chunk_ms: int
    taken: float = 0.0
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    silent: asyncio.Event = field(default_factory=asyncio.Event)
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    began: float = 0.0

    async def call(self, url: str) -> None:
        async with websockets.connect(url, max_size=None, compression=None) as self.ws:
            await self.ws.send('{"type":"conversation_initiation_client_data"}')
            reading = asyncio.create_task(self.read())  # noqa: TID251 - ends with the socket
            for number in range(self.turns):
                self.answered.clear()
                await self.say()
                await self.until(self.answered)
                last = number == self.turns - 1
                await self.quiet_for(0.8 if last else 4.0)
            self.cut.clear()
            self.began = time.perf_counter()
            await self.say()
            await self.until(self.cut)
            reading.cancel()

    async def say(self) -> None:
        await self.send(self.sound)

    async def quiet_for(self, seconds: float) -> None:
        await self.send(np.zeros(int(16_000 * seconds), np.int16))

    async def until(self, event: asyncio.Event) -> None:
        deadline = time.perf_counter() + 15
        while not event.is_set() and time.perf_counter() < deadline:
            await self.quiet_for(self.chunk_ms / 1000)

    async def send(self, sound: np.ndarray[Any, Any]) -> None:
        step = 16 * self.chunk_ms
        due = time.perf_counter()
        for first in range(0, len(sound), step):
            data = pybase64.b64encode(sound[first : first + step].astype("<i2").tobytes()).decode()
            await self.ws.send(f'{{"user_audio_chunk":"{data}"}}')
            due += self.chunk_ms / 1000
            await asyncio.sleep(max(0.0, due - time.perf_counter()))

    async def read(self) -> None:
        async for text in self.ws:
            now = time.perf_counter()
            head = str(text)[:60]
            if '"type":"audio"' in head:
                if self.taken:
                    self.figures.added.append((now - self.taken) * 1000 - MODEL_MS - VOICE_MS)
                    self.taken = 0.0
                    self.answered.set()
            elif '"type":"user_transcript"' in head:
                self.taken = now
            elif '"type":"interruption"' in head and self.began and not self.cut.is_set():
                self.figures.quiet.append((now - self.began) * 1000)
                self.cut.set()


def percentiles(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {"n": len(values), "p50": round(values[0], 1) if values else -1.0}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"n": len(values), "p50": round(cuts[49], 1), "p95": round(cuts[94], 1)}


async def measure(
    port: int, agent: str, calls: int, turns: int, chunk_ms: int
) -> dict[str, object]:
    url = f"ws://127.0.0.1:{port}/v1/convai/conversation?agent_id={agent}"
    sound, figures = await speech(), Figures()
    async with asyncio.TaskGroup() as tasks:
        for number in range(calls):
            tasks.create_task(Caller(sound, figures, turns, chunk_ms).call(url))
            await asyncio.sleep(2.0 / calls if number < calls - 1 else 0)
    gate = GateSettings()
    frames = -(-gate.start_ms // gate.frame_ms)
    window = frames * gate.frame_ms + gate.frame_ms + chunk_ms
    beyond = [ms - window for ms in figures.quiet]
    return {
        "calls": calls,
        "chunk ms": chunk_ms,
        "added ms (p50 <= 15, p95 <= 30)": percentiles(figures.added),
        f"interruption ms beyond the window of {window} ms (<= 40)": percentiles(beyond),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, nargs="*", default=[1, 50])
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--chunk-ms", type=int, default=100, help="sound in each message")
    options = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(port, data))
        server.start()
        try:
            agent = _agent(port)
            for calls in options.calls:
                turns = options.turns * 5 if calls == 1 else options.turns
                print(json.dumps(asyncio.run(measure(port, agent, calls, turns, options.chunk_ms))))
        finally:
            server.terminate()
            server.join()


def _agent(port: int) -> str:
    """Make an agent that is silent until it is spoken to; waits for the server."""
    import httpx

    body = {"conversation_config": {"agent": {"prompt": {"prompt": "You are brief."}}}}
    for _ in range(200):
        try:
            made = httpx.post(
                f"http://127.0.0.1:{port}/v1/convai/agents/create",
                json=body,
                headers={"xi-api-key": KEY},
            )
            return str(made.json()["agent_id"])
        except httpx.ConnectError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
