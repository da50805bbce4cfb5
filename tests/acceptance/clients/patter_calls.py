"""Calls by Patter's adapter: the page's own, and one for each way to make it."""

import asyncio
import json
import os
import runpy
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from getpatter.providers import elevenlabs_convai
from websockets.exceptions import ConnectionClosed

Json = dict[str, Any]
Kind = elevenlabs_convai.ElevenLabsConvAIAdapter

FRAME_S = 0.02
LIMIT_S = 60.0


class Call:
    """A caller whose microphone is always on, and what happened to him."""

    def __init__(self, name: str, adapter: Any, silence: bytes) -> None:  # noqa: ANN401
        self._name = name
        self.adapter = adapter
        self._silence = silence
        self._waiting: deque[bytes] = deque()
        self._events: list[tuple[float, str, Any]] = []
        self._sound = bytearray()

    async def hold(self, course: Callable[["Call"], Awaitable[None]]) -> Json:
        """Call, let it take its course, hang up; return what happened."""
        await self.adapter.connect()
        async with asyncio.TaskGroup() as tasks:
            talking = tasks.create_task(self._talk())
            tasks.create_task(self._listen())
            await course(self)
            talking.cancel()
            await self.adapter.close()  # which ends the events too
        return self.report()

    async def _talk(self) -> None:
        due = time.monotonic()
        while True:
            frame = self._waiting.popleft() if self._waiting else self._silence
            try:
                await self.adapter.send_audio(frame)
            except ConnectionClosed:
                return
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _listen(self) -> None:
        async for kind, value in self.adapter.receive_events():
            if kind == "audio":
                self._sound += value
            self._events.append((time.monotonic(), kind, None if kind == "audio" else value))
        self._events.append((time.monotonic(), "end", None))

    def say(self, sound: bytes) -> None:
        step = len(self._silence)
        pieces = [sound[at : at + step] for at in range(0, len(sound), step)]
        self._waiting.extend(piece.ljust(step, self._silence[:1]) for piece in pieces)

    async def wait(self, kind: str, count: int = 1) -> Any:  # noqa: ANN401 - of any event
        """Return the `count`th event of a kind, when it is there."""
        end = time.monotonic() + LIMIT_S
        while True:
            found = [value for _, each, value in self._events if each == kind]
            if len(found) >= count:
                return found[count - 1]
            if time.monotonic() > end:
                raise TimeoutError(f"{self._name}: {kind} no. {count}: {self.report()['events']}")
            await asyncio.sleep(0.02)

    def report(self) -> Json:
        Path(f"{self._name}.raw").write_bytes(self._sound)
        return {
            "events": self._folded(),
            "quiet_s": self._quiet(),
            "conversation_id": self.adapter.conversation_id,
            "formats": [
                self.adapter.agent_output_audio_format,
                self.adapter.user_input_audio_format,
            ],
        }

    def _folded(self) -> list[tuple[str, Any]]:
        """The events in order, a run of sound as one."""
        folded: list[tuple[str, Any]] = []
        for _, kind, value in self._events:
            if kind != "audio" or not folded or folded[-1][0] != "audio":
                folded.append((kind, value))
        return folded

    def _quiet(self) -> list[float]:
        """How long before each `response_done` the last sound came."""
        found, last = [], 0.0
        for at, kind, _ in self._events:
            if kind == "audio":
                last = at
            elif kind == "response_done":
                found.append(at - last)
        return found


def made(how: Callable[..., Any], agent: str, **options: object) -> Any:  # noqa: ANN401
    return how(api_key=os.environ["TURNWISE_KEY"], agent_id=order["agents"][agent], **options)


async def bare() -> Json:
    """Words, an answer, words, a tool, an answer."""

    async def course(call: Call) -> None:
        await call.wait("response_done")
        call.say(question("pcm"))
        await call.wait("response_done", 2)
        call.say(question("pcm"))
        asked = await call.wait("function_call")
        await call.adapter.send_client_tool_result(asked["call_id"], order["found"])
        await call.wait("response_done", 3)

    return await Call("bare", made(Kind, "open", language="en"), b"\0" * 640).hold(course)


async def telnyx() -> Json:
    async def course(call: Call) -> None:
        await call.wait("response_done")
        call.say(question("ulaw"))
        await call.wait("response_done", 2)

    adapter = made(Kind.for_telnyx, "private", language="en", use_signed_url=True)
    return await Call("telnyx", adapter, b"\xff" * 160).hold(course)


async def barge_in() -> Json:
    async def course(call: Call) -> None:
        await call.wait("audio", 10)
        call.say(question("pcm"))
        await call.wait("interruption")
        await call.wait("response_done", 2)

    return await Call("barge_in", made(Kind, "talkative", language="en"), b"\0" * 640).hold(course)


async def italian() -> Json:
    async def course(call: Call) -> None:
        await call.wait("response_done")

    return await Call("italian", made(Kind, "open"), b"\0" * 640).hold(course)


async def locked() -> Json:
    async def course(call: Call) -> None:
        await call.wait("end")

    return await Call("locked", made(Kind, "locked"), b"\0" * 640).hold(course)


def question(kind: str) -> bytes:
    return Path(order[kind]).read_bytes()


async def main() -> Json:
    async with asyncio.TaskGroup() as tasks:
        calls = (bare, telnyx, barge_in, italian, locked)
        running = {call.__name__: tasks.create_task(call()) for call in calls}
    return {name: task.result() for name, task in running.items()}


if __name__ == "__main__":
    order: Json = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    runpy.run_path(order["page"])  # which sets the addresses, and calls
    Path("report.json").write_text(json.dumps(asyncio.run(main())), encoding="utf-8")
