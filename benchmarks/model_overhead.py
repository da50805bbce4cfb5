"""What the server adds between a language model and the ear, over real sockets.

    python benchmarks/model_overhead.py [--turns 40] [--hedging]

The model is a server of OpenAI's chat completions in this process, the voice takes no time, and the
user writes. Two figures, each without tools and with 20 tools of 10 parameters:

- asking: from the user's message being sent to the whole request being at the model;
- answering: from the model's first words being sent to the first sound being here. The first words
  are a whole sentence, so that nothing waits for its end.

On a machine that is busy with other things, "least" says most.
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

import uvicorn
import websockets

from turnwise.main import Application, claim, listen, prepare_house, uvicorn_options
from turnwise.settings import Settings

KEY = "sk_bench"
TOOLS, PARAMETERS = 20, 10
WORDS = ("All right, here it is. ", "That ", "is ", "all.")
WORD_S = 0.005
WARM_UP = 5

Json = dict[str, Any]


def settings_for(port: int, data: str, model: str, *, hedging: bool) -> Settings:
    return Settings(
        port=port,
        data=Path(data),
        api_key=KEY,
        log_level="error",
        vad="energy",
        stt="scripted",
        tts="scripted",
        llm="openai",
        llm_base_url=model,
        llm_model="m",
        llm_hedging=hedging,
    )


def serve(settings: Settings) -> None:
    with claim(settings.data), listen(settings) as listening:
        asyncio.run(prepare_house(settings))
        config = uvicorn.Config(Application(settings), **uvicorn_options(settings))
        uvicorn.Server(config).run(sockets=[listening])


@dataclass
class Model:
    """Answers every request with the same words, and notes when."""

    asked: float = 0.0
    spoke: float = 0.0
    size: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                await reader.readexactly(length)
                self.asked, self.size = time.perf_counter(), length
                await self.answer(writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        for number, word in enumerate(WORDS):
            if number == 0:
                self.spoke = time.perf_counter()
            writer.write(chunk({"content": word}))
            await writer.drain()
            await asyncio.sleep(WORD_S)
        writer.write(chunk({}, "stop") + framed(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await writer.drain()


def chunk(delta: Json, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return framed(f"data: {json.dumps({**body, 'choices': [choice]})}\n\n".encode())


def framed(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@dataclass
class Figures:
    """Milliseconds, one for each turn."""

    asking: list[float] = field(default_factory=list)
    answering: list[float] = field(default_factory=list)


async def measure(url: str, model: Model, turns: int) -> Figures:
    figures = Figures()
    async with websockets.connect(url, max_size=None, compression=None) as ws:
        await ws.send('{"type":"conversation_initiation_client_data"}')
        for number in range(turns + WARM_UP):
            sent = time.perf_counter()
            await ws.send('{"type":"user_message","text":"Go on"}')
            heard, spoken_s = 0.0, 0.0
            while not heard or time.perf_counter() < heard + spoken_s:
                try:
                    text = str(await asyncio.wait_for(ws.recv(), 0.05))
                except TimeoutError:
                    continue
                if '"type":"audio"' in text[:60]:
                    heard = heard or time.perf_counter()
                    sound = json.loads(text)["audio_event"]["audio_base_64"]
                    spoken_s += len(sound) * 3 / 4 / 32_000
                elif '"type":"ping"' in text[:60]:
                    event = json.loads(text)["ping_event"]["event_id"]
                    await ws.send(json.dumps({"type": "pong", "event_id": event}))
            if number >= WARM_UP:
                figures.asking.append((model.asked - sent) * 1000)
                figures.answering.append((heard - model.spoke) * 1000)
    return figures


def tools() -> list[Json]:
    properties = {
        f"parameter_{n}": {"type": "string", "description": f"The value number {n} of the tool"}
        for n in range(PARAMETERS)
    }
    schema = {"type": "object", "properties": properties, "required": list(properties)[:3]}
    return [
        {
            "type": "client",
            "name": f"tool_number_{n}",
            "description": f"Does thing number {n}, when the user asks for it in so many words.",
            "expects_response": True,
            "parameters": schema,
        }
        for n in range(TOOLS)
    ]


async def create_agent(base: str, described: list[Json]) -> str:
    """Make an agent that is silent until it is written to; waits for the server."""
    import httpx2

    prompt = {"prompt": "You are brief.", "tools": described}
    body = {"conversation_config": {"agent": {"prompt": prompt}}}
    headers = {"xi-api-key": KEY}
    async with httpx2.AsyncClient(base_url=base, headers=headers, timeout=120) as http:
        for _ in range(600):
            try:
                made = await http.post("/v1/convai/agents/create", json=body)
                made.raise_for_status()
                return str(made.json()["agent_id"])
            except httpx2.ConnectError:
                await asyncio.sleep(0.1)
    raise SystemExit("the server did not start")


def percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {
        "least": round(min(values), 2),
        "p50": round(cuts[49], 2),
        "p95": round(cuts[94], 2),
    }


async def run(turns: int, *, hedging: bool) -> None:
    model = Model()
    backend = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    place = f"http://127.0.0.1:{backend.sockets[0].getsockname()[1]}/v1"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory() as data:
        settings = settings_for(port, data, place, hedging=hedging)
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(settings,))
        server.start()
        try:
            asking: list[float] = []
            for described in ([], tools()):
                agent = await create_agent(f"http://127.0.0.1:{port}", described)
                url = f"ws://127.0.0.1:{port}/v1/convai/conversation?agent_id={agent}"
                found = await measure(url, model, turns)
                asking.append(statistics.median(found.asking))
                row = {
                    "tools": len(described),
                    "request bytes": model.size,
                    "asking ms": percentiles(found.asking),
                    "answering ms (p50 <= 5)": percentiles(found.answering),
                }
                print(json.dumps(row))
            print(json.dumps({"tools add ms (< 5)": round(asking[1] - asking[0], 2)}))
        finally:
            server.terminate()
            server.join()
            backend.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--hedging", action="store_true", help="with `llm_hedging` on")
    options = parser.parse_args()
    asyncio.run(run(options.turns, hedging=options.hedging))


if __name__ == "__main__":
    main()
