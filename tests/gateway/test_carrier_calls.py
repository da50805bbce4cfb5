"""Whole calls in the loop of the test: whatever a carrier does, nothing is left behind."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gateway.room_rig import House, serving
from turnwise.gateway.carriers.sockets import PATH

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
Messages = list[Json | str]

START: Json = {"event": "start", "start": {"streamSid": "MZ1", "callSid": "CA1"}}
STOP: Json = {"event": "stop"}
SILENCE: Json = {"event": "media", "media": {"payload": base64.b64encode(b"\xff" * 160).decode()}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with serving(tmp_path) as made:
        yield made


def begin(agent_id: str) -> Json:
    return {
        "event": "start",
        "start": {**START["start"], "customParameters": {"agent_id": agent_id}},
    }


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """How the server closed; what it says before that is read."""
    with pytest.raises(ConnectionClosed) as gone:
        await read_on(socket)
    frame = gone.value.rcvd
    assert frame is not None
    return frame.code, frame.reason


async def read_on(socket: ClientConnection) -> None:
    async with asyncio.timeout(20):
        while True:
            await socket.recv()


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([SILENCE], 1008),
        (["no JSON"], 1008),
        ([START], 1008),  # names no agent
        (["begin", "begin"], 1008),
        (["begin", SILENCE, "no JSON"], 1008),
        (["begin", SILENCE, STOP, SILENCE, SILENCE], 1000),
        ([STOP], 1000),
    ],
)
async def test_no_task_is_left(house: House, messages: Messages, code: int) -> None:
    agent_id = await house.agent()
    before = asyncio.all_tasks()
    async with connect(f"{house.socket_url}{PATH}/twilio/stream") as socket:
        for message in messages:
            said = begin(agent_id) if message == "begin" else message
            await socket.send(said if isinstance(said, str) else json.dumps(said))
        found, reason = await closed(socket)
    assert (found, bool(reason)) == (code, code != 1000)
    await nothing_is_left(before)


async def test_no_task_is_left_of_a_carrier_that_vanishes(house: House) -> None:
    agent_id = await house.agent()
    before = asyncio.all_tasks()
    socket = await connect(f"{house.socket_url}{PATH}/twilio/stream")
    await socket.send(json.dumps(begin(agent_id)))
    await socket.recv()
    socket.transport.abort()
    await socket.wait_closed()
    await nothing_is_left(before)
    listed = await house.http.get("/v1/convai/conversations", params={"agent_id": agent_id})
    (row,) = listed.json()["conversations"]
    assert (await house.ended(row["conversation_id"]))["status"] == "done"


async def nothing_is_left(before: set[asyncio.Task[Any]]) -> None:
    async with asyncio.timeout(10):
        while left := asyncio.all_tasks() - before:
            assert left
            await asyncio.sleep(0.02)
