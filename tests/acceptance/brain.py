"""A language model under the tests' control: OpenAI's chat completions on a real socket.

An agent's prompt names its script, as `[[name]]`, or else the last message does; the script sees
the messages of a request and says, step by step, what is answered.
"""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from acceptance.house import free_port, wait_until

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """The model calls a tool."""

    name: str
    arguments: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Wait:
    """The model thinks."""

    seconds: float


@dataclass(frozen=True)
class Raw:
    """Bytes that a server should not send."""

    data: bytes


class Cut:
    """The connection breaks off."""


@dataclass(frozen=True)
class Fail:
    """There is no answer but a status."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


Step = str | Call | Wait | Raw | Cut | Fail
"""Text is a delta of the answer."""
Script = Callable[[list[Json]], list[Step]]
ByModel = Mapping[str, list[Step]]
"""What each of several models answers, by the name that a request has."""


class _BrokenOff(Exception):
    pass


class Brain:
    """Scripts by name, and what was asked of them."""

    def __init__(self) -> None:
        self._scripts: dict[str, Script | ByModel] = {}
        self.asked: dict[str, list[Json]] = {}
        """Bodies of requests by script."""
        self.headers: dict[str, list[dict[str, str]]] = {}
        """Of the same requests."""
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}/v1"

    def learn(self, script: Script | list[Step] | ByModel) -> str:
        """Return the words of a prompt that make an agent follow a script."""
        name = f"script-{len(self._scripts) + 1}"
        self._scripts[name] = _always(script) if isinstance(script, list) else script
        self.asked[name], self.headers[name] = [], []
        return f"[[{name}]]"

    def models(self, prompt: str) -> list[str]:
        """Which models agents of a prompt asked, in order."""
        return [asked["model"] for asked in self.heard(prompt)]

    def heard(self, prompt: str) -> list[Json]:
        """What was asked by agents of a prompt."""
        return self.asked[_name_in(prompt)]

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        told = [m["content"] for m in body["messages"] if m["role"] == "system"]
        # a task beside the conversation has its script in what it is about
        name = _name_in(" ".join([*told, str(body["messages"][-1]["content"])]))
        self.asked[name].append(body)
        self.headers[name].append(dict(request.headers))
        script = self._scripts[name]
        steps = script(body["messages"]) if callable(script) else script[body["model"]]
        if steps and isinstance(steps[0], Fail):
            error = {"error": {"message": "scripted", "type": "server_error"}}
            return JSONResponse(error, steps[0].status, dict(steps[0].headers))
        return StreamingResponse(_stream(steps), media_type="text/event-stream")

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Answer, in another thread, while the block runs."""
        routes = [Route("/v1/chat/completions", self.answer, methods=["POST"])]
        config = uvicorn.Config(
            Starlette(routes=routes), port=self.port, log_level="critical", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait_until(lambda: server.started, "the start of the scripted model")
        yield
        server.should_exit = server.force_exit = True
        thread.join(10)


def _always(steps: list[Step]) -> Script:
    return lambda _: steps


def _name_in(text: str) -> str:
    found = re.search(r"\[\[([\w-]+)\]\]", text)
    assert found, "an agent of the scripted server needs a script"
    return found[1]


def last_said(messages: list[Json]) -> str:
    """What the model is to answer; a tool's result is not the user's."""
    last = messages[-1]
    return str(last["content"]) if last["role"] == "user" else ""


async def _stream(steps: list[Step]) -> AsyncIterator[bytes]:
    yield _chunk({"role": "assistant", "content": ""})
    called = 0
    for step in steps:
        match step:
            case str():
                yield _chunk({"content": step})
            case Call(name=name, arguments=arguments):
                function = {"name": name, "arguments": json.dumps(arguments)}
                call = {"index": called, "id": f"call_{called}", "type": "function"}
                yield _chunk({"tool_calls": [{**call, "function": function}]})
                called += 1
            case Wait(seconds=seconds):
                await asyncio.sleep(seconds)
            case Raw(data=data):
                yield data
            case Cut():
                raise _BrokenOff
            case Fail():
                raise AssertionError("a failure comes first")
    yield _chunk({}, "tool_calls" if called else "stop")
    yield b"data: [DONE]\n\n"


def _chunk(delta: Json, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "scripted",
        "choices": [choice],
    }
    return f"data: {json.dumps(body)}\n\n".encode()
