"""Real processes and real sockets, and a server that answers whatever it hears."""

import asyncio
import json
import multiprocessing
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pybase64
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from turnwise.base.errors import ConfigError
from turnwise.testing.load import Crew, Plan

pytest.importorskip("picows")

FAST = Plan(address="", calls=2, ramp_s=0.2, hold_s=4.0, pause_s=0.1, barge_in_every=0)
METADATA = {
    "conversation_id": "conv_1",
    "agent_output_audio_format": "pcm_16000",
    "user_input_audio_format": "pcm_16000",
}
SOUND = pybase64.b64encode(bytes(16_000)).decode()
"""Half a second."""


async def say(ws: ServerConnection, kind: str, body: str, **fields: object) -> None:
    await ws.send(json.dumps({"type": kind, body: fields}))


async def begin(ws: ServerConnection) -> None:
    assert json.loads(await ws.recv())["type"] == "conversation_initiation_client_data"
    kind = "conversation_initiation_metadata"
    await say(ws, kind, f"{kind}_event", **METADATA)


async def answers(ws: ServerConnection) -> None:
    """Answers as soon as the user falls silent, and says nothing else."""
    await begin(ws)
    spoke, number = False, 0
    async for text in ws:
        message = json.loads(text)
        sound = np.frombuffer(pybase64.b64decode(message.get("user_audio_chunk", "")), np.int16)
        if sound.any():
            spoke = True
        elif spoke or message.get("type") == "user_message":
            spoke, number = False, number + 1
            if len(sound):
                await say(ws, "audio", "audio_event", audio_base_64=SOUND, event_id=number)
            words = {"agent_response": "Good.", "event_id": number}
            await say(ws, "agent_response", "agent_response_event", **words)
            complete = "agent_response_complete"
            await say(ws, complete, f"{complete}_event", event_id=number)


async def refuses(ws: ServerConnection) -> None:
    await ws.recv()
    await ws.close(4300, "too many concurrent connections")


async def breaks_off(ws: ServerConnection) -> None:
    await begin(ws)
    await ws.close(1011, "Something went wrong on the server.")


async def speaks_nonsense(ws: ServerConnection) -> None:
    await ws.send("{")
    await ws.send("[1]")
    await answers(ws)


@contextmanager
def serving(handle: Callable[[ServerConnection], Awaitable[None]]) -> Iterator[str]:
    """Serve in a thread; give the address."""
    ports: list[int] = []
    ready, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def guarded(ws: ServerConnection) -> None:
        try:
            await handle(ws)
        except ConnectionClosed:
            return

    async def run() -> None:
        async with serve(guarded, "127.0.0.1", 0) as server:
            ports.append(next(iter(server.sockets)).getsockname()[1])
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield f"ws://127.0.0.1:{ports[0]}/"
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with Crew(2) as crew:
        yield crew


@pytest.mark.parametrize("text", [False, True], ids=["voice", "text"])
def test_users_are_answered(crew: Crew, text: bool) -> None:  # noqa: FBT001 - a parameter
    seconds: list[float] = []
    with serving(answers) as address:
        tally = crew.hold(replace(FAST, address=address, text=text), seconds.append)
    assert tally.responses
    assert not tally.errors
    assert len(tally.openings_ms) == 2
    assert (tally.audio_s > 0) is not text
    assert tally.cpu_s > 0
    assert seconds == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("handle", "error"),
    [
        (refuses, "refused by the server: 4300 too many concurrent connections"),
        (breaks_off, "ended by the server: 1011 Something went wrong on the server."),
        (speaks_nonsense, "a message could not be read"),
    ],
)
def test_what_goes_wrong_is_counted(
    crew: Crew, handle: Callable[[ServerConnection], Awaitable[None]], error: str
) -> None:
    with serving(handle) as address:
        tally = crew.hold(replace(FAST, address=address, calls=1, hold_s=2.0))
    assert set(tally.errors) == {error}


def test_a_server_that_is_not_there_is_counted(crew: Crew) -> None:
    tally = crew.hold(replace(FAST, address="ws://127.0.0.1:9/", hold_s=1.0))
    [error] = tally.errors
    assert error.startswith("no connection")


def test_who_hangs_up_calls_again(crew: Crew) -> None:
    with serving(answers) as address:
        tally = crew.hold(replace(FAST, address=address, calls=1, hold_s=4.0, call_s=1.0))
    assert len(tally.openings_ms) >= 2
    assert not tally.errors


def test_the_processes_end_in_the_midst_of_calls() -> None:
    def watch(_: float) -> None:
        raise ConfigError("the server has died")

    before = set(multiprocessing.active_children())
    with serving(answers) as address, pytest.raises(ConfigError, match="died"), Crew(1) as crew:
        crew.hold(replace(FAST, address=address, hold_s=3_600.0), watch)
    assert set(multiprocessing.active_children()) <= before


def test_a_process_that_dies_is_told() -> None:
    before = set(multiprocessing.active_children())
    with Crew(1) as crew, serving(answers) as address:
        [process] = set(multiprocessing.active_children()) - before
        process.kill()
        process.join()
        with pytest.raises(ConfigError, match="has died"):
            crew.hold(replace(FAST, address=address))
