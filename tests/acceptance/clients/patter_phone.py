"""Patter's phone server as its page starts it, and a Twilio that calls it."""

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import websockets
from twilio.request_validator import RequestValidator

Json = dict[str, Any]

CALL, STREAM, TO, FROM = "CA" + "1" * 32, "MZ" + "2" * 32, "+15550001234", "+15557654321"
SILENCE = b"\xff" * 160
LIMIT_S = 60.0
QUIET_S = 1.5


def rings(port: str) -> str:
    """Tell Patter of a call; return the TwiML."""
    form = {"CallSid": CALL, "From": FROM, "To": TO}
    validator = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])
    public = f"https://{os.environ['PUBLIC_HOST']}/webhooks/twilio/voice"
    headers = {"X-Twilio-Signature": validator.compute_signature(public, form)}
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            url = f"http://127.0.0.1:{port}/webhooks/twilio/voice"
            answer = httpx.post(url, data=form, headers=headers)
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return answer.raise_for_status().text


class Line:
    """The media stream of a call."""

    def __init__(self, socket: Any) -> None:  # noqa: ANN401 - of whichever version
        self._socket = socket
        self.waiting = b""
        self.sound = bytearray()
        self.last = 0.0

    async def talk(self) -> None:
        due = time.monotonic()
        while True:
            frame, self.waiting = self.waiting[:160], self.waiting[160:]
            payload = base64.b64encode(frame.ljust(160, b"\xff") or SILENCE).decode()
            media = {"event": "media", "streamSid": STREAM, "media": {"payload": payload}}
            await self._socket.send(json.dumps(media))
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def listen(self) -> None:
        async for text in self._socket:
            event = json.loads(text)
            if event["event"] == "media":
                self.sound += base64.b64decode(event["media"]["payload"])
                self.last = time.monotonic()
            elif event["event"] == "mark":
                await self._socket.send(json.dumps({**event, "streamSid": STREAM}))

    async def hear(self, after: int) -> None:
        """Return when the agent said something more and is quiet."""
        end = time.monotonic() + LIMIT_S
        while len(self.sound) <= after or time.monotonic() - self.last < QUIET_S:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(self.sound)} bytes of sound, waited for {after}")
            await asyncio.sleep(0.02)


async def call(port: str, question: bytes) -> tuple[bytes, bytes]:
    """Hear the greeting, ask, hear the answer; return both."""
    async with websockets.connect(f"ws://127.0.0.1:{port}/ws/stream/{CALL}") as socket:
        await socket.send(json.dumps({"event": "connected", "protocol": "Call"}))
        told = {"callSid": CALL, "customParameters": {"caller": FROM, "callee": TO}}
        start = {"event": "start", "streamSid": STREAM, "start": {"streamSid": STREAM, **told}}
        await socket.send(json.dumps(start))
        line = Line(socket)
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(each) for each in (line.talk(), line.listen())]
            await line.hear(after=0)
            greeting = len(line.sound)
            line.waiting = question
            await line.hear(after=greeting)
            for task in beside:
                task.cancel()
        await socket.send(json.dumps({"event": "stop", "streamSid": STREAM}))
    return bytes(line.sound[:greeting]), bytes(line.sound[greeting:])


if __name__ == "__main__":
    order: Json = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    port = os.environ["PORT"]
    with Path("phone.log").open("wb") as log:
        phone = subprocess.Popen([sys.executable, order["page"]], stdout=log, stderr=log)
    try:
        twiml = rings(port)
        greeting, answer = asyncio.run(call(port, Path(order["ulaw"]).read_bytes()))
    finally:
        phone.terminate()
        phone.wait(20)
    Path("greeting.raw").write_bytes(greeting)
    Path("answer.raw").write_bytes(answer)
    Path("report.json").write_text(json.dumps({"twiml": twiml}), encoding="utf-8")
