"""What comes to the rooms and should not: refused or ended with a reason, and nothing is left."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiortc import RTCSessionDescription
from livekit.protocol import models, rtc
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gateway.room_rig import House, leaving_nothing, serving, speech
from turnwise.store.room_tokens import RoomGrant, RoomTokens, open_room_tokens
from turnwise.testing.room_caller import RoomCaller

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

Closed = tuple[int, str]
Do = Callable[[RoomCaller], Awaitable[Any]]
LOOPBACK_OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with serving(tmp_path, message_rate_limit="50") as house:
        yield house


@pytest.fixture
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have patience end soon."""
    monkeypatch.setattr("turnwise.gateway.webrtc.line.CONNECT_S", 0.7)
    monkeypatch.setattr("turnwise.gateway.webrtc.room.RETURN_S", 0.3)
    monkeypatch.setattr("turnwise.gateway.webrtc.room.FAREWELL_S", 0.1)


async def upgrade(house: House, token: str, path: str = "/rtc") -> tuple[int, str]:
    """What an upgrade is refused with."""
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{house.socket_url}{path}?access_token={token}")
    response = refused.value.response
    return response.status_code, (response.body or b"").decode()


# --- tokens -----------------------------------------------------------------------------------

NOT_VALID = "the conversation token is not valid"
EXPIRED = "the conversation token has expired; ask for a new one"
USED = "the conversation token was used already; ask for a new one"
NO_AGENT = "The AI agent you are trying to reach does not exist."


def _forged(tokens: RoomTokens, grant: RoomGrant) -> str:
    claims = jwt.decode(tokens.sign(grant), options={"verify_signature": False})
    return jwt.encode(claims, "x" * 64, algorithm="HS256")


def _unsigned(tokens: RoomTokens, grant: RoomGrant) -> str:
    claims = jwt.decode(tokens.sign(grant), options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda *_: "", NOT_VALID),
        (lambda *_: "no.token.atall", NOT_VALID),
        (_forged, NOT_VALID),
        (_unsigned, NOT_VALID),
        (lambda tokens, grant: tokens.sign(grant, lifetime_secs=-1), EXPIRED),
        (lambda tokens, grant: tokens.sign(grant), NO_AGENT),
    ],
)
async def test_a_token_that_opens_nothing_is_refused_with_the_reason(
    house: House, tmp_path: Path, make: Callable[[RoomTokens, RoomGrant], str], reason: str
) -> None:
    grant = RoomGrant(conversation_id="conv_1", agent_id="agent_of_nobody")
    token = make(open_room_tokens(tmp_path), grant)
    assert await house.validate(token) == (401, reason)
    async with leaving_nothing():
        assert await upgrade(house, token) == (401, reason)


async def test_a_token_opens_a_room_once(house: House) -> None:
    token = (await house.token(await house.agent()))["token"]
    assert await house.validate(token) == (200, "success")
    async with RoomCaller(house.socket_url, token) as caller:
        await caller.signal_on()
        await caller.until(lambda: caller.happened.signals or None)
        assert await upgrade(house, token) == (401, USED)
        assert await house.validate(token) == (401, USED)
        await caller.send(leave=rtc.LeaveRequest())
        await caller.closed()
    assert await upgrade(house, token) == (401, USED)


@pytest.mark.usefixtures("_hurry")
async def test_two_who_come_with_one_token_at_once_do_not_both_come_in(house: House) -> None:
    token = (await house.token(await house.agent()))["token"]
    callers = [RoomCaller(house.socket_url, token) for _ in range(5)]
    async with asyncio.TaskGroup() as tasks:
        results = [tasks.create_task(_comes_in(caller)) for caller in callers]
    assert sum(task.result() for task in results) == 1
    for caller in callers:
        async with caller:
            pass


async def _comes_in(caller: RoomCaller) -> bool:
    try:
        await caller.signal_on()
    except InvalidStatus:
        return False
    return True


async def test_the_newer_path_is_not_there(house: House) -> None:
    assert (await upgrade(house, "", "/rtc/v1"))[0] == 404
    told = await house.http.get("/rtc/v1/validate")
    assert told.status_code == 404
    assert told.headers["access-control-allow-origin"] == "*"


async def test_nobody_comes_back_to_a_room_that_never_was(house: House) -> None:
    token = (await house.token(await house.agent()))["token"]
    query = f"{token}&reconnect=1"
    assert await upgrade(house, query) == (401, "the conversation is over")


# --- signals ----------------------------------------------------------------------------------


async def _garbage(caller: RoomCaller) -> None:
    assert caller.socket is not None
    await caller.socket.send(b"\xff\xfe\xfd this is no protobuf")


async def _text(caller: RoomCaller) -> None:
    assert caller.socket is not None
    await caller.socket.send("{}")


async def _huge(caller: RoomCaller) -> None:
    assert caller.socket is not None
    await caller.socket.send(bytes(300_000))


async def _flood(caller: RoomCaller) -> None:
    for _ in range(400):
        await caller.send(ping=1)


async def _bad_offer(caller: RoomCaller) -> None:
    await caller.send(offer=rtc.SessionDescription(type="offer", sdp="no description"))


async def _empty_offer(caller: RoomCaller) -> None:
    sdp = LOOPBACK_OFFER + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    await caller.send(offer=rtc.SessionDescription(type="offer", sdp=sdp))


async def _long_offer(caller: RoomCaller) -> None:
    sdp = LOOPBACK_OFFER + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 100
    await caller.send(offer=rtc.SessionDescription(type="offer", sdp=sdp))


async def _bad_answer(caller: RoomCaller) -> None:
    await caller.send(answer=rtc.SessionDescription(type="answer", sdp=LOOPBACK_OFFER + "a=x"))
    await _candidate(caller, "{")


async def _ways_that_are_dead(caller: RoomCaller) -> None:
    """Answer well, from ports that are closed by then."""
    offered = await caller.until(lambda: caller._signal("offer"))
    offer = RTCSessionDescription(sdp=offered.offer.sdp, type="offer")
    await caller.listening.setRemoteDescription(offer)
    await caller.listening.setLocalDescription(await caller.listening.createAnswer())
    sdp = caller.listening.localDescription.sdp
    await caller.listening.close()
    await caller.send(answer=rtc.SessionDescription(type="answer", sdp=sdp, id=1))


async def _candidate(caller: RoomCaller, init: str) -> None:
    target = rtc.SignalTarget.SUBSCRIBER
    await caller.send(trickle=rtc.TrickleRequest(candidateInit=init, target=target))


@pytest.mark.usefixtures("_hurry")
@pytest.mark.parametrize(
    ("do", "code", "reason"),
    [
        (_garbage, 1008, "the signal is no SignalRequest of LiveKit's protocol"),
        (_text, 1008, "the signal is a text; it should be binary"),
        (_huge, 1008, "the signal has 300000 bytes; at most 262144 may be"),
        (_flood, 1008, "more than 200 signals a second"),
        (_bad_offer, 1008, "the offer cannot be read"),
        (_empty_offer, 1008, "the offer cannot be read"),
        (_long_offer, 1008, "the offer is too long"),
        (_bad_answer, 1008, ""),
        (_ways_that_are_dead, 1002, "no connection for sound and messages came about"),
        (lambda _: asyncio.sleep(0), 1002, "no connection for sound and messages came about"),
    ],
)
async def test_a_bad_signal_ends_the_call_with_a_reason_and_leaves_nothing(
    house: House, do: Do, code: int, reason: str
) -> None:
    agent_id = await house.agent()
    await _ends(house, agent_id, do)  # what is made once is made now
    async with leaving_nothing():
        closed, record = await _ends(house, agent_id, do)
    assert closed[0] == code
    assert closed[1].startswith(reason)
    assert record["status"] == "failed"


async def _ends(house: House, agent_id: str, do: Do) -> tuple[Closed, dict[str, Any]]:
    made = await house.token(agent_id)
    async with RoomCaller(house.socket_url, made["token"]) as caller:
        await caller.signal_on()
        await caller.until(lambda: caller.happened.signals or None)
        await do(caller)
        closed = await caller.closed()
        assert caller.happened.signals[-1].HasField("leave")
    return closed, await house.ended(made["conversation_id"])


@pytest.mark.usefixtures("_hurry")
async def test_one_who_says_nothing_once_connected_is_let_go(house: House) -> None:
    made = await house.token(await house.agent())
    async with leaving_nothing(), RoomCaller(house.socket_url, made["token"]) as caller:
        await caller.join()
        closed = await caller.closed()
    assert closed[0] == 1002
    assert closed[1].startswith("no first message came about")


@pytest.mark.usefixtures("_hurry")
@pytest.mark.parametrize("how", ["abort", "write_eof"])
async def test_a_socket_that_dies_before_anything_is_cleared_away(house: House, how: str) -> None:
    agent_id = await house.agent()
    await _dies(house, agent_id, how)  # what is made once is made now
    async with leaving_nothing():
        await _dies(house, agent_id, how)


async def _dies(house: House, agent_id: str, how: str) -> None:
    made = await house.token(agent_id)
    async with RoomCaller(house.socket_url, made["token"]) as caller:
        await caller.signal_on()
        assert caller.socket is not None
        getattr(caller.socket.transport, how)()
        await caller.closed()


@pytest.mark.usefixtures("_hurry")
async def test_candidates_that_lead_nowhere_do_no_harm(house: House) -> None:
    made = await house.token(await house.agent())
    async with RoomCaller(house.socket_url, made["token"]) as caller:
        await caller.signal_on()
        for text in (
            "",
            "candidate:1 1 udp 1 0a1b.local 5 typ host",
            "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
        ):
            await _candidate(caller, json.dumps({"candidate": text, "sdpMid": "0"}))
        await caller.join()
        await caller.begin()
        await caller.message("agent_response")
        await caller.send(leave=rtc.LeaveRequest())
        await caller.closed()


# --- sound and messages -----------------------------------------------------------------------


async def _no_packet(caller: RoomCaller) -> None:
    assert caller.channel is not None
    caller.channel.send(b"\xff\xfe\xfd this is no protobuf")


async def _no_text(caller: RoomCaller) -> None:
    assert caller.channel is not None
    user = models.UserPacket(payload=b"\xff\xfe{")
    caller.channel.send(models.DataPacket(user=user).SerializeToString())


async def _too_many_messages(caller: RoomCaller) -> None:
    for _ in range(400):
        caller.tell({"type": "user_activity"})


async def _leaves_and_goes_on(caller: RoomCaller) -> None:
    await caller.send(leave=rtc.LeaveRequest())
    caller.microphone.say(speech(1.0))
    await caller.send(ping=1)


@pytest.mark.parametrize(
    ("do", "code", "reason", "status"),
    [
        (_no_packet, 1008, "the packet is no DataPacket of LiveKit's protocol", "failed"),
        (_no_text, 1008, "the message is not JSON", "failed"),
        (_too_many_messages, 1008, "more than 50 messages a second", "failed"),
        (_leaves_and_goes_on, 1000, "", "done"),
    ],
)
async def test_what_ends_a_call_that_has_begun_leaves_nothing(
    house: House, do: Do, code: int, reason: str, status: str
) -> None:
    agent_id = await house.agent()
    await _talks(house, agent_id, do)  # what is made once is made now
    async with leaving_nothing():
        closed, record = await _talks(house, agent_id, do)
    assert closed[0] == code
    assert closed[1].startswith(reason)
    assert record["status"] == status
    assert "user" not in {turn["role"] for turn in record["transcript"]}


async def _talks(house: House, agent_id: str, do: Do) -> tuple[Closed, dict[str, Any]]:
    made = await house.token(agent_id)
    async with RoomCaller(house.socket_url, made["token"]) as caller:
        await caller.join()
        await caller.begin()
        await caller.message("agent_response")
        await do(caller)
        closed = await caller.closed()
    return closed, await house.ended(made["conversation_id"])


async def test_sound_before_the_first_message_is_nobodys(house: House) -> None:
    made = await house.token(await house.agent())
    async with RoomCaller(house.socket_url, made["token"]) as caller:
        await caller.join()
        caller.microphone.say(speech(1.0))
        while caller.microphone._packets:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.02)
        await caller.begin()
        await caller.message("agent_response")
        caller.tell({"type": "user_message", "text": "Goodbye!"})
        await caller.closed()
    record = await house.ended(made["conversation_id"])
    said = [turn["message"] for turn in record["transcript"] if turn["role"] == "user"]
    assert said == ["Goodbye!"]
