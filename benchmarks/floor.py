"""The floor: what the sockets and the speech detector cost alone, without an engine behind them.

    python benchmarks/floor.py [--calls 1 200 400 600 900] [--hold 15]

The same sockets and messages as Turnwise's, the same detector, and nothing else:
a caller's silence of 500 ms is answered, after the 150 ms that scripted minds take, by sound made
beforehand. No agent, engine, transcript, journal or recording. One core serves; the rest calls.
"""

import argparse
import asyncio
import contextlib
import json
import socket
from functools import partial
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

from turnwise.audio.frames import Framer
from turnwise.gateway.direct_socket import DirectSocket, direct_socket
from turnwise.providers.ports import SpeechDetector, SpeechStream
from turnwise.providers.registry import create

CHUNK_MS, LEAD_MS, FRAME_MS = 150, 400, 32
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

    def __init__(self, direct: DirectSocket, stream: SpeechStream, frame_samples: int) -> None:
        self._direct = direct
        self._stream = stream
        self._framer = Framer(frame_samples)
        self._talk: asyncio.Task[None] | None = None
        self._reply = self._speech_ms = self._silence_ms = 0

    def take(self, text: bytes) -> bool:
        data = orjson.loads(text).get("user_audio_chunk")
        if data is not None:
            sound = np.frombuffer(pybase64.b64decode(data, validate=True), np.int16)
            frames = self._framer.push(sound)
            self._stream.judge(frames).add_done_callback(self._judged)
        return True

    def _judged(self, told: "asyncio.Future[list[float]]") -> None:
        if told.cancelled() or told.exception():  # the caller is gone
            return
        for probability in told.result():
            self._heard(speech=probability > 0.5)

    def _heard(self, *, speech: bool) -> None:
        if speech:
            self._speech_ms, self._silence_ms = self._speech_ms + FRAME_MS, 0
            if self._talk is not None and self._speech_ms >= 2 * FRAME_MS:
                self._talk.cancel()
                self._talk = None
                self._send("interruption", "interruption_event", {"event_id": self._reply})
        elif self._speech_ms:
            self._silence_ms += FRAME_MS
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
            self._send("audio", "audio_event", body)
        self._send(
            "agent_response_complete", "agent_response_complete_event", {"event_id": self._reply}
        )
        self._talk = None

    def _send(self, kind: str, name: str, body: dict[str, Any]) -> None:
        self._direct.say(orjson.dumps({"type": kind, name: body}))

    def stop(self) -> None:
        self._stream.close()
        if self._talk is not None:
            self._talk.cancel()


async def serve(detector: SpeechDetector, ws: WebSocket) -> None:
    await ws.accept()
    direct = direct_socket(ws.scope)
    assert direct is not None
    call = Call(direct, detector.open(), detector.frame_samples)
    try:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # both: it is gone
            await ws.receive_text()
            await ws.send_text(json.dumps(METADATA))
            direct.listen(call.take)
            await ws.receive()
    finally:
        call.stop()


def serve_floor(listening: socket.socket, _: str) -> None:
    import uvicorn

    from turnwise.main import uvicorn_options
    from turnwise.settings import Settings

    routes = [
        WebSocketRoute("/v1/convai/conversation", partial(serve, create("vad", "silero"))),
        Route("/healthz", lambda _: PlainTextResponse("ok")),
    ]
    options = uvicorn_options(Settings(log_level="error"))
    uvicorn.Server(uvicorn.Config(Starlette(routes=routes), **options)).run(sockets=[listening])


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
