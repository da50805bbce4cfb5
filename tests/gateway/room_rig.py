"""A server with rooms in the loop of the test, and what it must not leave behind."""

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn

from turnwise.main import Application
from turnwise.providers.llm.scripted import Reply
from turnwise.providers.llm.scripted import Scripted as Model
from turnwise.providers.stt.scripted import Scripted as Transcriber
from turnwise.providers.tts.scripted import Scripted as Voice
from turnwise.providers.vad.energy import Energy
from turnwise.runtime.session import Minds
from turnwise.settings import load
from turnwise.testing.room_caller import RATE_HZ, packets_of

KEY = "sk_rooms"
GREETING = "Hello there."
ANSWER = "We open at nine."
HEARD = "when do you open"

Json = dict[str, Any]


def minds() -> Minds:
    """Engines that say what they are told to."""
    return Minds(
        model=Model(replies=lambda request: _reply(str(request.messages[-1]))),
        synthesizer=Voice(),
        transcriber=Transcriber(texts=[HEARD], repeat=True),
        detector=Energy(),
    )


def _reply(last: str) -> Reply | str:
    if "Goodbye!" in last:
        return Reply(tools=(("end_call", {"reason": "done", "message": "Goodbye."}),))
    return ANSWER


@dataclass(frozen=True, slots=True)
class House:
    """A server."""

    port: int
    http: httpx.AsyncClient

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def agent(self, **settings: object) -> str:
        end_call = {
            "type": "system",
            "name": "end_call",
            "description": "",
            "params": {"system_tool_type": "end_call"},
        }
        agent = {"first_message": GREETING, "prompt": {"prompt": "", "tools": [end_call]}}
        body = {"conversation_config": {"agent": agent}, "platform_settings": settings}
        made = await self.http.post("/v1/convai/agents/create", json=body)
        return str(made.raise_for_status().json()["agent_id"])

    async def token(self, agent_id: str) -> Json:
        """Token and conversation id, as a browser gets them."""
        query = {"agent_id": agent_id}
        made = await self.http.get("/v1/convai/conversation/token", params=query)
        found: Json = made.raise_for_status().json()
        return found

    async def validate(self, token: str, **more: str) -> tuple[int, str]:
        made = await self.http.get("/rtc/validate", params={"access_token": token, **more})
        assert made.headers["access-control-allow-origin"] == "*"
        return made.status_code, made.text

    async def ended(self, conversation_id: str) -> Json:
        """The record of a conversation, once it is over."""
        async with asyncio.timeout(20):
            while True:
                made = await self.http.get(f"/v1/convai/conversations/{conversation_id}")
                if made.status_code == 200 and made.json()["status"] in {"done", "failed"}:
                    found: Json = made.json()
                    return found
                await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(folder: Path, **settings: str) -> AsyncIterator[House]:
    """Serve while the block runs."""
    environ = {f"TURNWISE_{key.upper()}": value for key, value in settings.items()}
    environ |= {"TURNWISE_DATA": str(folder), "TURNWISE_API_KEY": KEY}
    application = Application(load({}, environ, folder / "turnwise.toml"), minds)
    server = uvicorn.Server(
        uvicorn.Config(application, log_level="warning", ws="websockets-sansio")
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(server.serve([listener]))
            url = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=url, headers={"xi-api-key": KEY}) as http:
                while not server.started:
                    assert not running.done()
                    await asyncio.sleep(0.02)
                yield House(port, http)
            server.should_exit = True


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds."""

    tasks: int
    threads: int
    datagrams: int
    files: int

    @classmethod
    def now(cls) -> "Held":
        kinds = [_kind(each) for each in Path("/proc/self/fd").iterdir()]
        return cls(
            tasks=len(asyncio.all_tasks()),
            threads=sum("decoder" in each.name for each in threading.enumerate()),
            datagrams=_udp_ports(),
            # connections to the database are kept for the next who needs one
            files=sum(kind.startswith("/") and "turnwise.db" not in kind for kind in kinds),
        )


def _kind(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def _udp_ports() -> int:
    """How many UDP sockets this process has."""
    mine = {_kind(each) for each in Path("/proc/self/fd").iterdir()}
    inodes = {kind[8:-1] for kind in mine if kind.startswith("socket:[")}
    lines = [
        line.split()
        for table in ("udp", "udp6")
        for line in Path(f"/proc/{os.getpid()}/net/{table}").read_text().splitlines()[1:]
    ]
    return sum(line[9] in inodes for line in lines)


@asynccontextmanager
async def leaving_nothing() -> AsyncIterator[None]:
    """Fail if the block leaves a task, a thread, a port or a file behind."""
    before = Held.now()
    yield
    for _ in range(200):
        if _within(Held.now(), before):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"before: {before}, after: {Held.now()}, {_tasks()}")


def _within(now: Held, before: Held) -> bool:
    return (
        now.tasks <= before.tasks
        and now.threads <= before.threads
        and now.datagrams <= before.datagrams
        and now.files <= before.files
    )


def _tasks() -> list[str]:
    return [str(task.get_coro()) for task in asyncio.all_tasks()]


def speech(seconds: float) -> list[bytes]:
    """A loud tone, as packets."""
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return packets_of((12_000 * np.sin(2 * np.pi * 300 * time_s)).astype(np.int16))
