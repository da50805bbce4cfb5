"""A whole API on an empty store: in process, or on a port of its own for the official SDK."""

import asyncio
import io
import os
import socket
import threading
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from elevenlabs.client import ElevenLabs

from api.api_kit import KEY, Running, conversation, operation_of
from turnwise.api import Deps, create_api
from turnwise.providers.stt.scripted import Scripted as Words
from turnwise.providers.tts.scripted import Scripted as Tones
from turnwise.providers.vad.energy import Energy
from turnwise.store import open_blobs, open_signer, open_store, open_vault, recording_key
from turnwise.store.room_tokens import open_room_tokens

RECORD = "TURNWISE_RECORD_OPERATIONS"
"""Variable that names a file for the operations which each test had answered."""


def recorded(operation: str, status: int, client: str = "") -> None:
    """Write down what a test had answered; see `scripts/operations.py`."""
    if RECORD in os.environ:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        with Path(os.environ[RECORD]).open("a", encoding="utf-8") as file:
            file.write(f"{operation}\t{status}\t{test}\t{client}\n")


def recorded_of_sdk(answer: httpx.Response) -> None:
    """Write down that the official SDK was answered."""
    if RECORD in os.environ:
        request = answer.request
        path = request.url.raw_path.decode().partition("?")[0]
        recorded(operation_of(request.method, path), answer.status_code, "sdk")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def opened(folder: Path, **more: Any) -> AsyncIterator[Deps]:  # noqa: ANN401
    store = await open_store(f"sqlite:///{folder / 'test.db'}", folder, fixed_key=KEY)
    try:
        yield Deps(
            store=store,
            blobs=open_blobs(folder),
            signer=open_signer(folder),
            vault=open_vault(folder),
            room_tokens=open_room_tokens(folder),
            synthesizer=Tones(),
            transcriber=Words(texts=["hello there", "good bye"], repeat=True),
            detector=Energy(),
            check_answers=True,
            **{"observe": recorded, **more},
        )
    finally:
        await store.close()


@pytest.fixture
async def deps(tmp_path: Path) -> AsyncIterator[Deps]:
    async with opened(tmp_path) as made:
        yield made


@pytest.fixture
async def client(deps: Deps) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_api(deps))
    headers = {"xi-api-key": KEY}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test.local", headers=headers
    ) as made:
        yield made


def wav() -> bytes:
    """One second of two silent legs."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(bytes(64_000))
    return file.getvalue()


@pytest.fixture
def sound() -> bytes:
    return wav()


async def _serve(
    folder: Path, listener: socket.socket, running: Running, more: dict[str, Any]
) -> None:
    async with opened(folder, **more) as deps:
        async with deps.store.writing() as tx:
            await tx.conversations.begin(conversation(1))
            await tx.conversations.begin(conversation(2, agent="agent_other"))
        await deps.blobs.put(recording_key("conv_1"), wav())
        config = uvicorn.Config(create_api(deps), log_level="warning", lifespan="off")
        running.server = uvicorn.Server(config)
        await running.server.serve(sockets=[listener])
        if deps.outgoing is not None:
            await deps.outgoing.aclose()


@contextmanager
def served(folder: Path, **more: Any) -> Iterator[str]:  # noqa: ANN401
    """A server with two conversations, on a free port of this machine; its URL."""
    listener, running = socket.create_server(("127.0.0.1", 0)), Running()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(folder, listener, running, more)))
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        httpx.get(f"{url}/healthz", timeout=60)
        yield url
    finally:
        running.stop()
        thread.join()
        listener.close()


@contextmanager
def sdk_at(url: str) -> Iterator[ElevenLabs]:
    """The official SDK, which writes down what it is answered."""
    with httpx.Client(event_hooks={"response": [recorded_of_sdk]}) as http:
        yield ElevenLabs(api_key=KEY, base_url=url, httpx_client=http)


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ElevenLabs]:
    """The official SDK, against a server on a free port of this machine."""
    with served(tmp_path_factory.mktemp("sdk")) as url, sdk_at(url) as client:
        yield client
