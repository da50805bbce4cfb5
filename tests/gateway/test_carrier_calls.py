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

from gateway.room_rig import House, leaving_nothing, serving
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
async def test_nothing_is_left(house: House, messages: Messages, code: int) -> None:
    agent_id = await house.agent()
    await says(house, agent_id, messages)  # what is made once is made now
    async with leaving_nothing():
        found, reason = await says(house, agent_id, messages)
    assert (found, bool(reason)) == (code, code != 1000)


async def says(house: House, agent_id: str, messages: Messages) -> tuple[int, str]:
    """How a call in which a carrier says this is closed."""
    async with connect(f"{house.socket_url}{PATH}/twilio/stream") as socket:
        for message in messages:
            said = begin(agent_id) if message == "begin" else message
            await socket.send(said if isinstance(said, str) else json.dumps(said))
        return await closed(socket)


@pytest.mark.parametrize("how", ["abort", "write_eof"])
async def test_nothing_is_left_of_a_carrier_that_vanishes(house: House, how: str) -> None:
    agent_id = await house.agent()
    await vanishes(house, agent_id, how)  # what is made once is made now
    async with leaving_nothing():
        await vanishes(house, agent_id, how)
    listed = await house.http.get("/v1/convai/conversations", params={"agent_id": agent_id})
    for row in listed.json()["conversations"]:
        assert (await house.ended(row["conversation_id"]))["status"] == "done"


async def vanishes(house: House, agent_id: str, how: str) -> None:
    """Begin a call, and end the connection below it without a word."""
    socket = await connect(f"{house.socket_url}{PATH}/twilio/stream")
    await socket.send(json.dumps(begin(agent_id)))
    await socket.recv()
    getattr(socket.transport, how)()
    await socket.wait_closed()
