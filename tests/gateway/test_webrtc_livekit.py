"""Rooms at a LiveKit server: LiveKit's own client is our agent's, the server is a double."""

import sys
from contextlib import AsyncExitStack
from pathlib import Path

import jwt
import numpy as np
import pytest

from gateway.livekit_double import KEY, SECRET, LiveKitDouble, livekit_server
from gateway.room_rig import ANSWER, GREETING, HEARD, House, serving
from turnwise.base.errors import ConfigError
from turnwise.gateway.rooms import RoomWishes, open_rooms
from turnwise.testing.room_caller import RATE_HZ

pytest.importorskip("livekit.rtc")
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def settings_for(url: str) -> dict[str, str]:
    return {"livekit_url": url, "livekit_api_key": KEY, "livekit_api_secret": SECRET}


async def begun(house: House, server: LiveKitDouble) -> str:
    """Have a user come in and begin; return the conversation's id."""
    made = await house.token(await house.agent())
    await server.until(lambda: server.connected)
    server.tell({"type": "conversation_initiation_client_data"})
    return str(made["conversation_id"])


async def test_a_token_is_one_of_the_livekit_server(tmp_path: Path) -> None:
    async with (
        livekit_server() as server,
        serving(tmp_path, **settings_for(server.url)) as house,
    ):
        made = await house.token(await house.agent())
        claims = jwt.decode(made["token"], SECRET, algorithms=["HS256"], issuer=KEY)
        assert claims["video"]["room"] == made["conversation_id"]
        assert claims["video"]["roomJoin"]
        assert claims["sub"] == f"user_{made['conversation_id']}"
        assert claims["exp"] - claims["nbf"] <= 60
        assert (await house.http.get("/rtc/validate")).status_code == 404
        await server.until(lambda: server.claims)
        assert server.claims[0]["sub"] == f"agent_{made['conversation_id']}"
        assert server.claims[0]["kind"] == "agent"


async def test_the_agent_talks_in_a_room_of_a_livekit_server(tmp_path: Path) -> None:
    async with (
        livekit_server() as server,
        serving(tmp_path, **settings_for(server.url)) as house,
    ):
        conversation_id = await begun(house, server)
        metadata = await server.message("conversation_initiation_metadata")
        told = metadata["conversation_initiation_metadata_event"]
        assert told["conversation_id"] == conversation_id
        assert told["user_input_audio_format"] == "pcm_48000"
        greeting = await server.message("agent_response")
        assert greeting["agent_response_event"]["agent_response"] == GREETING
        await server.until(lambda: server.sounds > 10)
        await server.message("agent_response")
        time_s = np.arange(RATE_HZ) / RATE_HZ
        server.say((12_000 * np.sin(2 * np.pi * 300 * time_s)).astype(np.int16))
        heard = await server.message("user_transcript")
        assert heard["user_transcription_event"]["user_transcript"] == HEARD
        answer = await server.message("agent_response", 2)
        assert answer["agent_response_event"]["agent_response"] == ANSWER
        await server.hang_up()
        record = await house.ended(conversation_id)
        await server.until(server.left.is_set)
    assert record["status"] == "done"
    assert HEARD in [turn["message"] for turn in record["transcript"]]


async def test_the_agent_leaves_when_it_hangs_up(tmp_path: Path) -> None:
    async with (
        livekit_server() as server,
        serving(tmp_path, **settings_for(server.url)) as house,
    ):
        conversation_id = await begun(house, server)
        await server.message("agent_response")
        server.tell({"type": "user_message", "text": "Goodbye!"})
        await server.until(server.left.is_set)
        record = await house.ended(conversation_id)
    assert record["metadata"]["termination_reason"].startswith("end_call")


async def test_a_malformed_message_ends_the_call_with_a_reason(tmp_path: Path) -> None:
    async with (
        livekit_server() as server,
        serving(tmp_path, **settings_for(server.url)) as house,
    ):
        conversation_id = await begun(house, server)
        await server.message("agent_response")
        server.tell({"type": "feedback"})
        error = await server.message("error")
        assert error["error_event"]["error_type"] == "invalid_message"
        await server.until(server.left.is_set)
        record = await house.ended(conversation_id)
    assert record["status"] == "failed"


async def test_a_livekit_server_that_is_not_there_is_told_to_the_operator(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = "no agent can join at ws://127.0.0.1:9"
    async with serving(tmp_path, **settings_for("ws://127.0.0.1:9")) as house:
        await house.token(await house.agent())
        await LiveKitDouble().until(lambda: told in caplog.text, 60)
    assert SECRET not in caplog.text


async def test_agents_that_wait_for_nobody_do_not_keep_the_server_from_stopping(
    tmp_path: Path,
) -> None:
    async with livekit_server() as server:
        async with serving(tmp_path, **settings_for(server.url)) as house:
            await house.token(await house.agent())
        await server.until(server.left.is_set)


@pytest.mark.parametrize(
    ("wishes", "absent", "reason"),
    [
        (RoomWishes(livekit_url="ws://x"), "", "livekit_api_key or livekit_api_secret is not"),
        (
            RoomWishes(livekit_url="ws://x", livekit_api_key=KEY, livekit_api_secret=SECRET),
            "livekit.api",
            r"livekit.api is not installed: pip install 'turnwise\[livekit\]'",
        ),
    ],
)
async def test_what_is_missing_for_a_livekit_server_is_said_at_the_start(
    tmp_path: Path,
    wishes: RoomWishes,
    absent: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if absent:
        monkeypatch.setitem(sys.modules, absent, None)
        monkeypatch.delitem(sys.modules, "turnwise.gateway.livekit_room", raising=False)
        monkeypatch.delattr("turnwise.gateway.livekit_room", raising=False)
        monkeypatch.delattr("livekit.api", raising=False)
    async with AsyncExitStack() as stack:
        with pytest.raises(ConfigError, match=reason):
            await open_rooms(wishes, tmp_path, stack)
