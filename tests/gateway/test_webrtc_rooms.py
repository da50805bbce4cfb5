"""Conversations over WebRTC, held by a server in this process with a caller that aiortc carries."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from livekit.protocol import models, rtc

from gateway.room_rig import ANSWER, GREETING, HEARD, House, leaving_nothing, serving, speech
from turnwise.testing.room_caller import INIT, RATE_HZ, RoomCaller, sound_of

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

Json = dict[str, Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with serving(tmp_path) as house:
        yield house


async def joined(house: House) -> tuple[RoomCaller, str]:
    """A caller whose conversation has begun, and the conversation's id."""
    made = await house.token(await house.agent())
    caller = RoomCaller(house.socket_url, made["token"])
    await caller.join()
    await caller.begin()
    return caller, made["conversation_id"]


def states(caller: RoomCaller) -> list[int]:
    """What was told of the agent, in order."""
    told = [each.update for each in caller.happened.signals if each.HasField("update")]
    return [each.participants[0].state for each in told]


def kinds(caller: RoomCaller) -> list[str]:
    return [str(each.WhichOneof("message")) for each in caller.happened.signals]


async def test_a_spoken_question_is_answered_aloud(house: House) -> None:
    caller, conversation_id = await joined(house)
    async with caller:
        metadata = await caller.message("conversation_initiation_metadata")
        assert caller.happened.messages[0] == metadata
        assert metadata["conversation_initiation_metadata_event"] == {
            "conversation_id": conversation_id,
            "agent_output_audio_format": "pcm_48000",
            "user_input_audio_format": "pcm_48000",
        }
        greeting = await caller.message("agent_response")
        assert greeting["agent_response_event"]["agent_response"] == GREETING
        await caller.until(lambda: True if _speaking(caller) == [True, False] else None)
        caller.microphone.say(speech(1.0))
        said = await caller.message("user_transcript")
        assert said["user_transcription_event"]["user_transcript"] == HEARD
        answer = await caller.message("agent_response", 2)
        assert answer["agent_response_event"]["agent_response"] == ANSWER
        await caller.until(lambda: True if _speaking(caller)[2:] == [True, False] else None)
        sound = sound_of([each.payload for each in caller.happened.heard])
        spoken_s = np.count_nonzero(np.abs(sound.astype(int)) > 1_000) / RATE_HZ
        assert spoken_s > 0.5 * 0.06 * len(GREETING + ANSWER)
        audio = next(each for each in caller.happened.messages if each["type"] == "audio")
        assert audio["audio_event"]["audio_base_64"] == ""
        assert audio["audio_event"]["alignment"]["chars"][0] == GREETING[0]
        await caller.send(leave=rtc.LeaveRequest())
        record = await house.ended(conversation_id)
    assert record["status"] == "done"
    assert record["metadata"]["authorization_method"] == "authorization_header"
    assert [turn["message"] for turn in record["transcript"]] == [GREETING, HEARD, ANSWER]


def _speaking(caller: RoomCaller) -> list[bool]:
    told = [each for each in caller.happened.signals if each.HasField("speakers_changed")]
    return [each.speakers_changed.speakers[0].active for each in told]


async def test_what_was_not_heard_is_not_sent_after_an_interruption(house: House) -> None:
    caller, conversation_id = await joined(house)
    async with caller:
        await caller.message("agent_response")
        caller.microphone.say(speech(1.5))
        await caller.message("interruption")
        at = time.monotonic()
        await caller.message("user_transcript")
        after = [each for each in caller.happened.heard if at + 0.1 < each.at < at + 0.4]
        assert after
        assert all(each.silent for each in after)
        await caller.send(leave=rtc.LeaveRequest())
        record = await house.ended(conversation_id)
    assert record["transcript"][0]["message"] != GREETING
    assert GREETING.startswith(record["transcript"][0]["message"].rstrip(". "))


async def test_the_agent_hangs_up(house: House) -> None:
    caller, conversation_id = await joined(house)
    async with caller:
        await caller.message("agent_response")
        caller.tell({"type": "user_message", "text": "Goodbye!"})
        assert await caller.closed() == (1000, "")
        assert states(caller) == [models.ParticipantInfo.State.DISCONNECTED]
        assert kinds(caller)[-1] == "leave"
        assert caller.happened.signals[-1].leave.action == rtc.LeaveRequest.Action.DISCONNECT
        record = await house.ended(conversation_id)
    assert record["status"] == "done"
    assert record["metadata"]["termination_reason"].startswith("end_call")


async def test_a_malformed_message_ends_the_call_with_a_reason(house: House) -> None:
    caller, _ = await joined(house)
    async with caller:
        await caller.message("conversation_initiation_metadata")
        caller.tell({"type": "feedback"})
        error = await caller.message("error")
        assert error["error_event"]["error_type"] == "invalid_message"
        code, reason = await caller.closed()
        assert (code, reason) == (1008, error["error_event"]["reason"])
        assert caller.happened.signals[-1].leave.reason == models.DisconnectReason.AGENT_ERROR


async def test_a_lost_signalling_socket_is_replaced_and_the_call_goes_on(house: House) -> None:
    caller, conversation_id = await joined(house)
    async with caller:
        await caller.message("agent_response")
        assert caller.socket is not None
        caller.socket.transport.abort()
        await caller.closed()
        caller.tell({"type": "user_message", "text": "still there?"})
        await caller.message("agent_response", 2)
        await caller.signal_on(again=True)
        await caller.until(lambda: True if "reconnect" in kinds(caller) else None)
        await caller.send(ping_req=rtc.Ping(timestamp=7))
        await caller.until(lambda: True if "pong_resp" in kinds(caller) else None)
        await caller.send(leave=rtc.LeaveRequest())
        record = await house.ended(conversation_id)
    assert record["status"] == "done"
    assert "still there?" in [turn["message"] for turn in record["transcript"]]
    status, reason = await house.validate(caller.token, reconnect="1")
    assert (status, reason) == (401, "the conversation is over")


async def test_a_user_who_vanishes_is_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnwise.gateway.webrtc.room.RETURN_S", 0.5)
    caller, conversation_id = await joined(house)
    async with caller:
        await caller.message("agent_response")
        assert caller.socket is not None
        caller.socket.transport.abort()
        record = await house.ended(conversation_id)
    assert record["metadata"]["termination_reason"] == "Client disconnected: 1006"


async def test_a_user_whose_connections_end_is_given_up_though_the_socket_stands(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnwise.gateway.webrtc.room.RETURN_S", 0.5)
    caller, conversation_id = await joined(house)
    async with caller:
        await caller.message("agent_response")
        await caller.listening.close()
        await caller.speaking.close()
        record = await house.ended(conversation_id)
        assert await caller.closed() == (1000, "")
    assert record["metadata"]["termination_reason"] == "Client disconnected: 1006"


async def test_a_call_leaves_nothing_behind(house: House) -> None:
    await _whole_call(house)  # what is made once is made now
    async with leaving_nothing():
        await _whole_call(house)
        await _whole_call(house)


async def _whole_call(house: House) -> None:
    caller, conversation_id = await joined(house)
    async with caller:
        await caller.message("agent_response")
        caller.microphone.say(speech(0.3))
        await caller.send(leave=rtc.LeaveRequest())
        await house.ended(conversation_id)
        await caller.closed()


async def test_many_calls_at_once(house: House) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(_whole_call(house))


async def test_livekits_own_client_joins(house: House) -> None:
    livekit = pytest.importorskip("livekit.rtc")
    made = await house.token(await house.agent())
    room, messages = livekit.Room(), asyncio.Queue[Json]()
    room.on("data_received", lambda packet: messages.put_nowait(json.loads(packet.data)))
    await room.connect(house.socket_url, made["token"])
    source = livekit.AudioSource(RATE_HZ, 1)
    track = livekit.LocalAudioTrack.create_audio_track("microphone", source)
    await room.local_participant.publish_track(track)
    await room.local_participant.publish_data(json.dumps(INIT))
    assert room.name == made["conversation_id"]
    assert await _next(messages, "agent_response")
    tone = 12_000 * np.sin(2 * np.pi * 300 * np.arange(RATE_HZ) / RATE_HZ)
    silent = np.zeros(RATE_HZ)
    for sound in (tone.astype(np.int16), silent.astype(np.int16)):
        await source.capture_frame(livekit.AudioFrame(sound.tobytes(), RATE_HZ, 1, RATE_HZ))
    said = await _next(messages, "user_transcript")
    assert said["user_transcription_event"]["user_transcript"] == HEARD
    await room.disconnect()
    await source.aclose()
    assert (await house.ended(made["conversation_id"]))["status"] == "done"


async def _next(messages: asyncio.Queue[Json], kind: str) -> Json:
    async with asyncio.timeout(20):
        while (message := await messages.get())["type"] != kind:
            pass
        return message
