"""The operator's tools: what they answer, and what an engine is told of them."""

import asyncio
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from turnwise.base.errors import ConfigError
from turnwise.bridge.toolbox import Answer, Reports, Tool, Toolbox, registry

Json = dict[str, Any]
NOBODY = Reports(engine_url="http://127.0.0.1:1", simulation_id="")


class Engine(ThreadingHTTPServer):
    """Takes reports."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Desk)
        self.told: list[tuple[str, Json]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Desk(BaseHTTPRequestHandler):
    server: Engine

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.told.append((self.path, json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    @override
    def log_message(self, *_: object) -> None:
        return


@contextmanager
def serving() -> Iterator[Engine]:
    with Engine() as engine:
        thread = threading.Thread(target=engine.serve_forever, daemon=True)
        thread.start()
        yield engine
        engine.shutdown()
        thread.join(5)


def run(
    tools: Mapping[str, Tool], name: str, parameters: Json, reports: Reports = NOBODY
) -> Answer:
    async def scene() -> Answer:
        found: asyncio.Queue[Answer] = asyncio.Queue()
        async with asyncio.TaskGroup() as tasks:
            Toolbox(tools, reports, tasks).start(name, parameters, found.put)
        return found.get_nowait()

    return asyncio.run(scene())


async def later(parameters: Json) -> Json:
    await asyncio.sleep(0)
    return {"got": parameters}


def broken(parameters: Json) -> str:
    raise KeyError(parameters["id"])


TOOLS: Mapping[str, Tool] = {
    "text": lambda _: '{"as": "it is"}',
    "object": lambda parameters: {"day": date(2026, 1, 2), **parameters},
    "nothing": lambda _: None,
    "later": later,
    "broken": broken,
}


@pytest.mark.parametrize(
    ("name", "text", "failed"),
    [
        ("text", '{"as": "it is"}', False),
        ("object", '{"day":"2026-01-02","id":"7"}', False),
        ("nothing", "null", False),
        ("later", '{"got":{"id":"7"}}', False),
        ("broken", "Client tool execution failed: '7'", True),
        ("missing", "Tool 'missing' is not registered", True),
    ],
)
def test_an_answer_is_a_text_whatever_happens(name: str, text: str, failed: bool) -> None:  # noqa: FBT001
    answer = run(TOOLS, name, {"id": "7", "tool_call_id": "call_1"})
    assert (answer.text, answer.failed) == (text, failed)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("object", {"day": "2026-01-02", "id": "7"}),
        ("broken", {"error": "'7'"}),
        ("nothing", ...),
    ],
)
def test_an_engine_is_told_of_every_call(name: str, result: object) -> None:
    with serving() as engine:
        reports = Reports(engine_url=f"{engine.url}/", simulation_id="sim_1")
        run(TOOLS, name, {"id": "7", "tool_call_id": "call_1"}, reports)
        data = {"name": name, "arguments": {"id": "7"}, "result": result}
        if result is ...:
            del data["result"]
        event = {"service": "agent", "event_type": "agent_tool_call", "data": data}
        assert engine.told == [("/simulations/sim_1/events", event)]


def test_outside_a_simulation_nobody_is_told() -> None:
    with serving() as engine:
        run(TOOLS, "text", {}, Reports(engine_url=engine.url, simulation_id=""))
        assert engine.told == []


@pytest.mark.parametrize("trouble", ["away", "broken", "no url"])
def test_an_engine_in_trouble_changes_nothing(trouble: str) -> None:
    with serving() as engine:
        engine.status = 500
        url = {"away": "http://127.0.0.1:1", "broken": engine.url, "no url": "http://["}[trouble]
        answer = run(TOOLS, "text", {}, Reports(engine_url=url, simulation_id="sim_1"))
    assert answer.text == '{"as": "it is"}'


def test_the_agent_does_not_wait_for_the_engine() -> None:
    async def scene() -> None:
        answered = asyncio.Event()

        async def answer(_: Answer) -> None:
            answered.set()

        class Slow(Reports):
            @override
            async def send(self, *_: object) -> None:
                async with asyncio.timeout(5):
                    await answered.wait()

        async with asyncio.TaskGroup() as tasks:
            slow = Slow(engine_url="", simulation_id="")
            Toolbox(TOOLS, slow, tasks).start("text", {}, answer)

    asyncio.run(scene())


def test_a_registry_is_imported_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_tools_of_a_test.py").write_text("TOOLS = {'one': print}\nNONE = 7\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert registry("own_tools_of_a_test:TOOLS") == {"one": print}
    assert sys.path == before
    for wrong in ("own_tools_of_a_test:NONE", "own_tools_of_a_test:X", "nowhere:X", "plain"):
        with pytest.raises(ConfigError, match="--tools"):
            registry(wrong)
