"""The official Python SDK, unmodified, in spoken conversations."""

import asyncio
import time

import numpy as np
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai.conversation import (
    AsyncConversation,
    AudioEventAlignment,
    Conversation,
)

from acceptance.callers import AsyncMicrophone, Diary, Microphone
from acceptance.house import House, agent, said, wait_until
from acceptance.speech import (
    HZ,
    USERS,
    Sound,
    at_rate,
    noisy,
    pause,
    read_wav,
    similarity,
    spoken,
    understood,
)

pytestmark = pytest.mark.acceptance

GREETING = "Hello, how can I help you?"
ADDRESS = "Our address is twelve Market Street."
HOURS = "We are open every day from eleven to ten."
DELIVERY = "We deliver within five miles."
FACTS = [GREETING, ADDRESS, HOURS, DELIVERY]

QUESTION = "what is your address"


def conversation(client: ElevenLabs, agent_id: str, diary: Diary, mic: Microphone) -> Conversation:
    return Conversation(
        client,
        agent_id,
        requires_auth=False,
        audio_interface=mic,
        callback_agent_response=diary.note("reply"),
        callback_agent_response_correction=diary.note("correction"),
        callback_user_transcript=diary.note("transcript"),
        callback_latency_measurement=diary.note("latency"),
        callback_audio_alignment=diary.note("alignment"),
        callback_disconnect=diary.note("gone"),
    )


@pytest.mark.parametrize("voice", USERS)
def test_a_spoken_question_gets_the_right_answer_in_speech(
    sdk: ElevenLabs, house: House, voice: str
) -> None:
    diary = Diary()
    mic = Microphone(diary)
    agent_id = house.create(agent(f"{HOURS} {ADDRESS} {DELIVERY}", GREETING))
    call = conversation(sdk, agent_id, diary, mic)
    call.start_session()
    assert diary.wait("reply") == GREETING
    diary.wait_for_quiet()
    heard_before = len(diary.sound())
    question = spoken(QUESTION, voice)
    mic.say(question)
    diary.wait("transcript")
    assert diary.wait("reply", 2) == ADDRESS
    diary.wait_for_quiet()
    call.end_session()
    conversation_id = call.wait_for_session_end()

    # what came out of the loudspeaker
    assert understood(diary.sound()[:heard_before], FACTS) == GREETING
    assert understood(diary.sound()[heard_before:], FACTS) == ADDRESS
    kinds = [kind for _, kind, _ in diary.lines if kind in {"reply", "transcript", "sound"}]
    assert kinds[:2] == ["reply", "sound"]
    assert kinds[kinds.index("transcript") :][:3] == ["transcript", "reply", "sound"]

    # what is on record
    assert conversation_id is not None
    assert conversation_id.startswith("conv_")
    house.ended(conversation_id)
    record = sdk.conversational_ai.conversations.get(conversation_id)
    assert record.status == "done"
    turns = [(turn.role, turn.message) for turn in record.transcript]
    asked = diary.of("transcript")[0]
    assert turns == [("agent", GREETING), ("user", asked), ("agent", ADDRESS)]
    assert not any(turn.interrupted for turn in record.transcript)
    assert record.metadata.termination_reason
    assert record.metadata.error is None
    assert (record.has_audio, record.has_user_audio, record.has_response_audio) == (True,) * 3
    data = b"".join(sdk.conversational_ai.conversations.audio.get(conversation_id))
    _check_recording(data, question)


def _check_recording(data: bytes, question: Sound) -> None:
    rate, legs = read_wav(data)
    assert legs.shape[1] == 2
    user = at_rate(legs[:, 0].astype(np.int16), rate, HZ)
    other = at_rate(legs[:, 1].astype(np.int16), rate, HZ)
    assert similarity(user, question) > 0.9
    assert similarity(other, question) < 0.3
    asked = _place(user)
    assert understood(other[: asked[0]], FACTS) == GREETING
    assert understood(other[asked[1] :], FACTS) == ADDRESS  # nobody talks over the other


def _place(sound: Sound) -> tuple[int, int]:
    """Where something is said, first and last sample."""
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > 500)
    return int(loud[0]), int(loud[-1])


def _hurried(question: Sound) -> Sound:
    """Two halves of a sentence with a breath between them, and a fan."""
    quiet = np.abs(question.astype(np.int32))
    smooth = np.convolve(quiet, np.ones(400) / 400, "same")
    middle = len(question) // 3 + int(
        np.argmin(smooth[len(question) // 3 : 2 * len(question) // 3])
    )
    parts = [pause(0.4), question[:middle], pause(0.25), question[middle:], pause(0.6)]
    return noisy(np.concatenate(parts), 20)


@pytest.mark.parametrize("voice", USERS)
def test_a_question_with_a_pause_in_it_and_noise_behind_it_is_one_turn(
    sdk: ElevenLabs, house: House, voice: str
) -> None:
    agent_id = house.create(agent(f"{HOURS} {DELIVERY}"))
    diary = Diary()
    mic = Microphone(diary, chunk_ms=20)
    call = conversation(sdk, agent_id, diary, mic)
    call.start_session()
    mic.say(_hurried(spoken("tell me where your house is located", voice)))
    diary.wait("reply")
    diary.wait_for_quiet()
    call.end_session()
    conversation_id = call.wait_for_session_end() or ""
    assert len(said(house.ended(conversation_id), "user")) == 1
    assert diary.of("transcript")[0]
    assert len(diary.of("reply")) == 1


def test_the_asynchronous_client_holds_the_same_conversation(sdk: ElevenLabs, house: House) -> None:
    agent_id = house.create(agent(f"{HOURS} {ADDRESS}"))
    diary = Diary()
    question = np.concatenate([pause(0.3), spoken(QUESTION)])

    async def hold() -> str | None:
        mic = AsyncMicrophone(diary)
        call = AsyncConversation(
            sdk,
            agent_id,
            user_id="user-7",
            requires_auth=True,
            audio_interface=mic,
            callback_agent_response=diary.note_async("reply"),
            callback_user_transcript=diary.note_async("transcript"),
            callback_disconnect=diary.note_async("gone"),
        )
        await call.start_session()
        mic.say(question)
        await asyncio.to_thread(diary.wait, "sound")
        await asyncio.to_thread(diary.wait_for_quiet)
        await call.end_session()
        return await call.wait_for_session_end()

    record = house.ended(asyncio.run(hold()) or "")
    assert diary.of("reply") == [ADDRESS]
    assert said(record, "user") == diary.of("transcript")
    assert understood(diary.sound(), FACTS) == ADDRESS
    assert diary.of("gone")[0].reason == "user"
    assert record["status"] == "done"
    assert record["user_id"] == "user-7"
    assert record["metadata"]["authorization_method"] == "signed_url"


def test_latency_and_alignment_reach_their_callbacks(sdk: ElevenLabs, house: House) -> None:
    agent_id = house.create(agent(HOURS, HOURS))
    diary = Diary()
    call = conversation(sdk, agent_id, diary, Microphone(diary))
    call.start_session()
    diary.wait("latency")
    diary.wait_for_quiet()
    call.end_session()
    call.wait_for_session_end()
    assert all(1 <= each <= 1_000 for each in diary.of("latency"))
    spelled: list[AudioEventAlignment] = diary.of("alignment")
    assert "".join(char for each in spelled for char in each.chars) == HOURS
    for each in spelled:
        assert len(each.chars) == len(each.char_start_times_ms) == len(each.char_durations_ms)
        assert all(ms >= 0 for ms in [*each.char_start_times_ms, *each.char_durations_ms])


# --- barge-in -----------------------------------------------------------------------------------

LONG = "Our menu has many good things. " + " ".join(
    f"Number {number} is a pizza with cheese and tomatoes." for number in ("one", "two", "three")
)


def _until_said(diary: Diary, seconds: float) -> None:
    """Wait until the agent has been speaking for so long."""
    diary.wait("sound")
    wait_until(lambda: time.monotonic() - diary.times("sound")[0] > seconds, "some speech")


@pytest.mark.parametrize("voice", USERS)
def test_barge_in_stops_the_agent_and_corrects_what_it_said(
    sdk: ElevenLabs, house: House, voice: str
) -> None:
    agent_id = house.create(agent(f"{HOURS} {ADDRESS}", LONG))
    diary = Diary()
    mic = Microphone(diary, chunk_ms=50)
    call = conversation(sdk, agent_id, diary, mic)
    call.start_session()
    _until_said(diary, 2.0)
    mic.say(spoken(QUESTION, voice))
    began = time.monotonic()
    diary.wait("interrupt")
    original_and_heard = wait_until(
        lambda: next((v for _, kind, v in diary.lines if kind == "correction"), None),
        "the correction",
    )
    assert diary.wait("reply", 2) == ADDRESS
    diary.wait_for_quiet()
    call.end_session()
    record = house.ended(call.wait_for_session_end() or "")

    replied = diary.times("reply")[1]
    interrupted = max(at for at in diary.times("interrupt") if at < replied)
    assert interrupted - began < 6  # of some twelve seconds of speech
    original, heard = original_and_heard
    assert original == LONG
    assert LONG.startswith(heard.rstrip(" .…"))
    assert 5 <= len(heard) < len(LONG) * 0.8
    assert not [at for at in diary.times("sound") if interrupted < at < replied]
    after = [v[0] for at, kind, v in diary.lines if kind == "sound" and at > interrupted]
    assert understood(np.frombuffer(b"".join(after), "<i2"), [*FACTS, LONG]) == ADDRESS
    first = record["transcript"][0]
    assert first["interrupted"]
    assert first["original_message"] == LONG
    assert first["message"].strip() == heard
    assert said(record, "user") == diary.of("transcript")


def test_a_cough_does_not_end_the_agents_turn(sdk: ElevenLabs, house: House) -> None:
    agent_id = house.create(agent(first_message=HOURS))
    diary = Diary()
    mic = Microphone(diary, chunk_ms=50)
    call = conversation(sdk, agent_id, diary, mic)
    call.start_session()
    _until_said(diary, 1.0)
    cough = np.random.default_rng(7).normal(0, 6_000, HZ // 5).astype(np.int16)
    mic.say(cough)
    diary.wait_for_quiet(1.5)
    call.end_session()
    record = house.ended(call.wait_for_session_end() or "")
    assert said(record, "agent") == [HOURS]
    assert not record["transcript"][0]["interrupted"]
