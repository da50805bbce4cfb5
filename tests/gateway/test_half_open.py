"""Clients that are gone without a word: their calls end in bounded time, and nothing is left."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gateway.room_rig import House, leaving_nothing, serving
from turnwise.gateway.carriers.sockets import PATH
from turnwise.gateway.webrtc.ice import agents_of
from turnwise.testing.room_caller import INIT, RoomCaller

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

Json = dict[str, Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with serving(tmp_path) as house:
        yield house


# --- sockets that stand, and say nothing ------------------------------------------------------


def begins_a_conversation(agent_id: str) -> tuple[str, Json]:
    return f"/v1/convai/conversation?agent_id={agent_id}", INIT


def begins_a_stream(agent_id: str) -> tuple[str, Json]:
    about = {"streamSid": "MZ1", "callSid": "CA1", "customParameters": {"agent_id": agent_id}}
    return f"{PATH}/twilio/stream", {"event": "start", "start": about}


@pytest.mark.parametrize("begins", [begins_a_conversation, begins_a_stream])
async def test_a_client_that_says_nothing_any_more_is_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch, begins: Callable[[str], tuple[str, Json]]
) -> None:
    monkeypatch.setattr("turnwise.gateway.call.NOTHING_S", 0.5)
    path, first = begins(agent_id := await house.agent())
    await _falls_silent(house, path, first)  # what is made once is made now
    async with leaving_nothing():
        closed = await _falls_silent(house, path, first)
    assert closed[0] == 1002
    assert closed[1]
    listed = await house.http.get("/v1/convai/conversations", params={"agent_id": agent_id})
    record = await house.ended(listed.json()["conversations"][0]["conversation_id"])
    assert record["status"] == "failed"


async def _falls_silent(house: House, path: str, first: Json) -> tuple[int, str]:
    """Begin and say no more; return code and reason of the close."""
    async with connect(f"{house.socket_url}{path}") as socket, asyncio.timeout(20):
        await socket.send(json.dumps(first))
        with pytest.raises(ConnectionClosed):
            await _read_on(socket)
        return socket.close_code or 1006, socket.close_reason or ""


async def _read_on(socket: ClientConnection) -> None:
    while True:
        await socket.recv()


# --- rooms whose user is gone from the network ------------------------------------------------


async def test_a_user_who_is_gone_from_the_network_is_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.1)
    monkeypatch.setattr("aioice.ice.CONSENT_FAILURES", 2)
    monkeypatch.setattr("turnwise.gateway.webrtc.room.RETURN_S", 0.3)
    agent_id = await house.agent()
    await _unplugs(house, agent_id, monkeypatch)  # what is made once is made now
    async with leaving_nothing():
        record = await _unplugs(house, agent_id, monkeypatch)
    assert record["metadata"]["termination_reason"] == "Client disconnected: 1006"


async def _unplugs(house: House, agent_id: str, monkeypatch: pytest.MonkeyPatch) -> Json:
    made = await house.token(agent_id)
    async with RoomCaller(house.socket_url, made["token"]) as caller:
        await caller.join()
        await caller.begin()
        await caller.message("agent_response")
        assert caller.socket is not None
        caller.socket.transport.pause_reading()  # it stands, and nobody is there
        ways = agents_of(caller.listening) | agents_of(caller.speaking)
        for protocol in (each for way in ways for each in way._protocols):
            monkeypatch.setattr(protocol, "datagram_received", _drop)
            monkeypatch.setattr(protocol.transport, "sendto", _drop)
        record = await house.ended(made["conversation_id"])
        caller.socket.transport.abort()
        return record


def _drop(*_: object) -> None:
    """Neither send nor take a packet."""


@pytest.mark.parametrize(
    ("half", "missing"),
    [
        ({"offers": False}, "no first message"),
        ({"answers": False}, "no connection for sound and messages"),
    ],
)
async def test_a_user_who_is_connected_by_half_is_let_go(
    house: House, monkeypatch: pytest.MonkeyPatch, half: dict[str, bool], missing: str
) -> None:
    monkeypatch.setattr("turnwise.gateway.webrtc.line.CONNECT_S", 1.5)
    agent_id = await house.agent()
    await _half(house, agent_id, half)  # what is made once is made now
    async with leaving_nothing():
        closed = await _half(house, agent_id, half)
    assert closed[0] == 1002
    assert closed[1].startswith(f"{missing} came about in ")


async def _half(house: House, agent_id: str, half: dict[str, bool]) -> tuple[int, str]:
    made = await house.token(agent_id)
    async with RoomCaller(house.socket_url, made["token"]) as caller:
        await caller.join(**half)
        if caller.channel is not None:
            await caller.begin()
        return await caller.closed()
