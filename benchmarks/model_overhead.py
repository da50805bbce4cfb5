"""What the server adds between a language model and the ear, over real sockets.

    python benchmarks/model_overhead.py [--turns 40] [--hedging]

The model is a server of OpenAI's chat completions in this process, the voice takes no time, and the
user writes. Three figures, without tools and with 20 tools of 10 parameters:

- asking: from the user's message being sent to the whole request being at the model;
- returning: from a tool's answer being sent to the next request being at the model;
- answering: from the model's first words being sent to the first sound being here. The first words
  are a whole sentence, so that nothing waits for its end.

Each is told as it passed on the wall clock, and as time of a processor that the server used
meanwhile, in all its threads. Where other programs use the machine too, only the second says what
the server adds.
"""

import argparse
import asyncio
import json
import math
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
import websockets

from turnwise.main import Application, claim, listen, prepare_house, uvicorn_options
from turnwise.settings import Settings

KEY = "sk_bench"
TOOLS, PARAMETERS = 20, 10
WORDS = ("Yes. ", "It ", "is.")
USE_A_TOOL = "Use it"
REQUIRED = ["parameter_0", "parameter_1", "parameter_2"]
WORD_S = 0.005
SETTLED_S = 0.05
"""A tool takes so long: what the server does beside it is done then."""
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


@dataclass(frozen=True)
class Moment:
    """When something was, in milliseconds."""

    wall: float
    used: float
    """Of a processor, by the server, so far."""

    def since(self, other: "Moment") -> "Moment":
        return Moment(self.wall - other.wall, self.used - other.used)


Now = Callable[[], Moment]


def clock_of(process: int) -> Now:
    """Return a clock that also reads how long a process used a processor."""
    # clock_getcpuclockid(3): all threads of the process, whoever asks
    used = (~process << 3) | 2 if sys.platform == "linux" else time.CLOCK_PROCESS_CPUTIME_ID
    return lambda: Moment(time.perf_counter() * 1000, time.clock_gettime(used) * 1000)


@dataclass
class Model:
    """Answers every request with the same words, or with a tool's call; notes when."""

    now: Now
    asked: Moment = Moment(0, 0)
    spoke: Moment = Moment(0, 0)
    size: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                body = await reader.readexactly(length)
                self.asked, self.size = self.now(), length
                await self.answer(writer, json.loads(body)["messages"][-1])
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, writer: asyncio.StreamWriter, last: Json) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        if last["role"] == "user" and last["content"] == USE_A_TOOL:
            arguments = json.dumps(dict.fromkeys(REQUIRED, "a value"))
            function = {"name": "tool_number_0", "arguments": arguments}
            call = {"index": 0, "id": "call", "type": "function", "function": function}
            writer.write(chunk({"tool_calls": [call]}) + chunk({}, "tool_calls"))
        else:
            await self.talk(writer)
        writer.write(framed(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await writer.drain()

    async def talk(self, writer: asyncio.StreamWriter) -> None:
        for number, word in enumerate(WORDS):
            if number == 0:
                self.spoke = self.now()
            writer.write(chunk({"content": word}))
            await writer.drain()
            await asyncio.sleep(WORD_S)
        writer.write(chunk({}, "stop"))


def chunk(delta: Json, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return framed(f"data: {json.dumps({**body, 'choices': [choice]})}\n\n".encode())


def framed(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@dataclass
class Figures:
    """One for each turn."""

    asking: list[Moment] = field(default_factory=list)
    returning: list[Moment] = field(default_factory=list)
    answering: list[Moment] = field(default_factory=list)

    def note(self, turn: "Turn", model: Model) -> None:
        asked = turn.asked or model.asked
        self.asking.append(asked.since(turn.sent))
        if turn.returned is not None:
            self.returning.append(model.asked.since(turn.returned))
        assert turn.heard is not None
        self.answering.append(turn.heard.since(model.spoke))


@dataclass
class Turn:
    """One message of the user and what came of it."""

    sent: Moment
    asked: Moment | None = None
    """When the first request was there, if a tool was called."""
    returned: Moment | None = None
    """When the tool's answer was sent."""
    heard: Moment | None = None
    spoken_ms: float = 0.0

    def is_over(self, now: Moment) -> bool:
        return self.heard is not None and now.wall > self.heard.wall + self.spoken_ms


async def measure(url: str, model: Model, turns: int, text: str) -> Figures:
    figures = Figures()
    async with websockets.connect(url, max_size=None, compression=None) as ws:
        await ws.send('{"type":"conversation_initiation_client_data"}')
        for number in range(turns + WARM_UP):
            turn = Turn(model.now())
            await ws.send(json.dumps({"type": "user_message", "text": text}))
            while not turn.is_over(model.now()):
                try:
                    message = json.loads(await asyncio.wait_for(ws.recv(), 0.05))
                except TimeoutError:
                    continue
                await take(ws, message, turn, model)
            if number >= WARM_UP:
                figures.note(turn, model)
    return figures


async def take(ws: websockets.ClientConnection, message: Json, turn: Turn, model: Model) -> None:
    match message["type"]:
        case "audio":
            turn.heard = turn.heard or model.now()
            sound = message["audio_event"]["audio_base_64"]
            turn.spoken_ms += len(sound) * 3 / 4 / 32
        case "client_tool_call":
            call = message["client_tool_call"]["tool_call_id"]
            answer = {"tool_call_id": call, "result": "It is done.", "is_error": False}
            turn.asked = model.asked
            await asyncio.sleep(SETTLED_S)
            turn.returned = model.now()
            await ws.send(json.dumps({"type": "client_tool_result", **answer}))
        case "ping":
            event = message["ping_event"]["event_id"]
            await ws.send(json.dumps({"type": "pong", "event_id": event}))
        case _:
            pass


def tools() -> list[Json]:
    properties = {
        f"parameter_{n}": {"type": "string", "description": f"The value number {n} of the tool"}
        for n in range(PARAMETERS)
    }
    schema = {"type": "object", "properties": properties, "required": REQUIRED}
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


def percentiles(figures: list[Moment]) -> Json:
    """Return milliseconds; empty: there are none."""
    if not figures:
        return {}
    used = sorted(each.used for each in figures)
    wall = sorted(each.wall for each in figures)
    return {
        "used p50": round(statistics.median(used), 2),
        "wall": {
            "least": round(wall[0], 2),
            "p50": round(statistics.median(wall), 2),
            "p95": round(wall[math.ceil(len(wall) * 0.95) - 1], 2),
        },
    }


async def run(turns: int, *, hedging: bool) -> None:
    model = Model(clock_of(os.getpid()))
    backend = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    place = f"http://127.0.0.1:{backend.sockets[0].getsockname()[1]}/v1"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory() as data:
        settings = settings_for(port, data, place, hedging=hedging)
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(settings,))
        server.start()
        assert server.pid is not None
        model.now = clock_of(server.pid)
        try:
            found = [
                await measured(port, model, turns, described, text)
                for described, text in (([], "Go on"), (tools(), "Go on"), (tools(), USE_A_TOOL))
            ]
        finally:
            server.terminate()
            server.join()
            backend.close()
    asking = [statistics.median(each.used for each in row.asking) for row in found[:2]]
    print(json.dumps({"tools add ms of a processor (< 5)": round(asking[1] - asking[0], 2)}))


async def measured(
    port: int, model: Model, turns: int, described: list[Json], text: str
) -> Figures:
    agent = await create_agent(f"http://127.0.0.1:{port}", described)
    url = f"ws://127.0.0.1:{port}/v1/convai/conversation?agent_id={agent}"
    found = await measure(url, model, turns, text)
    row = {
        "tools": len(described),
        "request bytes": model.size,
        "asking ms": percentiles(found.asking),
        "returning ms (p50 <= 5)": percentiles(found.returning),
        "answering ms (p50 <= 5)": percentiles(found.answering),
    }
    print(json.dumps({name: value for name, value in row.items() if value != {}}), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--hedging", action="store_true", help="with `llm_hedging` on")
    options = parser.parse_args()
    asyncio.run(run(options.turns, hedging=options.hedging))


if __name__ == "__main__":
    main()
