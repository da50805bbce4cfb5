"""Whole conversations through the real shells, on the virtual clock."""

import asyncio
import wave
from itertools import pairwise
from pathlib import Path

from runtime.session_rig import Client, Scene, hold, speak
from turnwise.base.errors import ProviderUnavailable
from turnwise.providers.llm.scripted import Reply
from turnwise.providers.llm.scripted import Scripted as Model
from turnwise.providers.stt.scripted import Scripted as Transcriber
from turnwise.providers.tts.scripted import Scripted as Voice
from turnwise.runtime.session import Session
from turnwise.turns.commands import CancelReply, Correct, End, FinishReply, Pause, Report, Resume
from turnwise.turns.events import CallId, HungUp, UserWrote
from turnwise.turns.journal import read, replay
from turnwise.turns.policy import Guards, Policy, ToolManners


async def one_question(session: Session, client: Client) -> None:
    await speak(session, 1_500, loud=False)
    await speak(session, 1_000)
    await speak(session, 3_000, loud=False)
    session.tell(HungUp())


def test_a_spoken_question_is_answered_in_speech(tmp_path: Path) -> None:
    held = hold(Scene(texts=("how are you",), replies=("Fine, thanks.",)), tmp_path, one_question)
    said = [(turn["role"], turn["message"]) for turn in held.document["transcript"]]
    assert said == [("agent", "Hello there."), ("user", "how are you"), ("agent", "Fine, thanks.")]
    assert held.voice.spoken == ["Hello there.", "Fine, thanks."]
    # silence of 500 ms since the last sound, then model 100 ms and voice 50 ms
    answer = next(ms for ms, sound in held.client.sounds if sound.reply == 2)
    assert 2_500 + 500 + 150 <= answer <= 2_500 + 500 + 150 + 100


def test_the_journal_of_a_real_session_replays_exactly(tmp_path: Path) -> None:
    held = hold(Scene(), tmp_path, one_question)
    with (held.folder / "journal.jsonl").open() as file:
        steps, differences = replay(read(file))
    assert not differences
    assert steps


def test_sound_is_sent_near_real_time_and_without_holes(tmp_path: Path) -> None:
    long = "one two three four five six seven eight nine ten eleven twelve. " * 5
    held = hold(Scene(replies=(long,)), tmp_path, _listen_long)
    sent = [(ms, len(s.samples) * 1000 // 16_000) for ms, s in held.client.sounds if s.reply == 2]
    began, ahead = sent[0][0], 0
    for (before, _), (ms, length) in pairwise(sent):
        assert ms - before < 400
        ahead += length
        assert ahead - (ms - began) <= 600
    chars = "".join("".join(s.alignment.chars) for _, s in held.client.sounds if s.reply == 2)
    assert chars == long


async def _listen_long(session: Session, client: Client) -> None:
    session.tell(UserWrote("tell me"))
    await client.until(lambda: len(client.when(FinishReply)) == 2)
    session.tell(HungUp())


def test_a_cough_is_paused_for_and_the_agent_goes_on_where_it_was(tmp_path: Path) -> None:
    async def acts(session: Session, client: Client) -> None:
        await asyncio.sleep(0.3)
        await speak(session, 200)
        await speak(session, 5_000, loud=False)
        session.tell(HungUp())

    policy = Policy(first_message="Hello there, this is a longer greeting for you.")
    held = hold(Scene(policy=policy, texts=("",)), tmp_path, acts)
    assert len(held.client.when(Pause)) == len(held.client.when(Resume)) == 1
    turns = held.document["transcript"]
    assert [(t["message"], t["interrupted"]) for t in turns] == [(policy.first_message, False)]
    # what was thrown away at the pause is sent again from the first unheard sample on
    heard = sum(len(s.samples) for ms, s in held.client.sounds) * 1000 // 16_000
    assert heard > len(policy.first_message) * 60


def test_an_interruption_keeps_what_was_heard(tmp_path: Path) -> None:
    async def acts(session: Session, client: Client) -> None:
        await asyncio.sleep(1.0)
        await speak(session, 900)
        await speak(session, 2_000, loud=False)
        session.tell(HungUp())

    policy = Policy(first_message="Hello there, this is a longer greeting for you, dear caller.")
    held = hold(Scene(policy=policy, texts=("stop that",)), tmp_path, acts)
    (correct,) = [c for _, c in held.client.commands if isinstance(c, Correct)]
    assert policy.first_message.startswith(correct.heard)
    assert 10 <= len(correct.heard) <= 25  # a second at 60 ms a character
    first = held.document["transcript"][0]
    assert first["interrupted"]
    assert first["original_message"] == policy.first_message
    assert first["message"] == correct.heard.strip()


def test_a_burst_and_then_nothing_ends_the_turn(tmp_path: Path) -> None:
    async def acts(session: Session, client: Client) -> None:
        await asyncio.sleep(2)
        frame = b"\x00\x40\x00\xc0" * 8_000
        session.hear(frame)  # a second of sound at once, and not even silence after it
        await asyncio.sleep(4)
        session.tell(HungUp())

    held = hold(Scene(texts=("what now",)), tmp_path, acts)
    assert [t["message"] for t in held.document["transcript"]][1:] == ["what now", "All right."]


def test_client_tools_are_called_and_their_answers_told(tmp_path: Path) -> None:
    async def acts(session: Session, client: Client) -> None:
        session.tell(UserWrote("the weather please"))
        await client.until(lambda: client.calls)
        command, arguments = client.calls[0]
        assert arguments == {"city": "Rome"}
        session.client_answered(CallId("nobody"), "ignored", failed=False)
        session.client_answered(command.call, "sunny", failed=False)
        await asyncio.sleep(3)
        session.tell(HungUp())

    replies = (Reply("Let me look.", tools=(("weather", {"city": "Rome"}),)), "It is sunny.")
    scene = Scene(policy=Policy(), replies=replies, tools={"weather": "client"})
    held = hold(scene, tmp_path, acts)
    kinds = [
        (bool(t["tool_calls"]), bool(t["tool_results"]), t["message"])
        for t in held.document["transcript"]
    ]
    assert (True, False, None) in kinds
    assert (False, True, None) in kinds
    assert kinds[-1] == (False, False, "It is sunny.")
    assert "sunny" in str(held.model.requests[-1].messages)


def test_a_tool_that_is_not_there_is_answered_with_a_failure(tmp_path: Path) -> None:
    replies = (Reply("", tools=(("nothing", {}),)), "Sorry, I cannot.")
    held = hold(Scene(policy=Policy(), replies=replies), tmp_path, _write_and_wait)
    results = [r for t in held.document["transcript"] for r in t["tool_results"]]
    assert results[0]["is_error"]
    assert "no tool 'nothing'" in results[0]["result_value"]


async def _write_and_wait(session: Session, client: Client) -> None:
    session.tell(UserWrote("go"))
    await asyncio.sleep(30)
    session.tell(HungUp())


def test_the_agent_says_goodbye_and_then_ends(tmp_path: Path) -> None:
    replies = (Reply("", tools=(("end_call", {"reason": "done", "message": "Bye now."}),)),)
    scene = Scene(policy=Policy(), replies=replies, tools={"end_call": "system"})
    held = hold(scene, tmp_path, _write_and_wait)
    ended = held.client.when(End)[0]
    (finished,) = held.client.when(FinishReply)
    assert held.voice.spoken == ["Bye now."]
    assert ended == finished
    assert held.session.end_reason == "end_call tool was called."


def test_the_agent_may_choose_to_wait(tmp_path: Path) -> None:
    replies = (Reply("", tools=(("skip_turn", {"reason": "thinking"}),)), "Still there?")
    policy = Policy(tools=(ToolManners(name="skip_turn"),))
    held = hold(
        Scene(policy=policy, replies=replies, tools={"skip_turn": "system"}),
        tmp_path,
        _write_and_wait,
    )
    events = [t.get("platform_event") for t in held.document["transcript"]]
    assert "user_turn_timeout" in events


def test_a_model_that_fails_is_apologised_for_and_reported(tmp_path: Path) -> None:
    broken = Reply(error=ProviderUnavailable("llm/test", "503"))
    held = hold(Scene(policy=Policy(), replies=(broken, "Hello.")), tmp_path, _write_and_wait)
    assert Guards().apology.split(".", maxsplit=1)[0] in held.voice.spoken[0]
    assert held.session.incidents == ["llm_error: provider_unavailable: llm/test: 503"]
    assert held.document["metadata"]["warnings"] == held.session.incidents


def test_a_model_that_hangs_is_given_up(tmp_path: Path) -> None:
    scene = Scene(policy=Policy(), model=Model(latency_ms=1e9))
    held = hold(scene, tmp_path, _write_and_wait)
    assert [c.kind for _, c in held.client.commands if isinstance(c, Report)] == ["llm_timeout"]


def test_a_voice_that_fails_ends_in_good_order(tmp_path: Path) -> None:
    scene = Scene(voice=Voice(error=ProviderUnavailable("tts/test", "gone")))
    held = hold(scene, tmp_path, _write_and_wait)
    assert held.session.end_reason == "tts_error"


def test_an_ear_that_fails_for_good_ends_in_good_order(tmp_path: Path) -> None:
    async def acts(session: Session, client: Client) -> None:
        for _ in range(4):
            await speak(session, 500)
            await speak(session, 1_500, loud=False)
        await asyncio.sleep(20)

    scene = Scene(
        policy=Policy(), transcriber=Transcriber(error=ProviderUnavailable("stt/test", "gone"))
    )
    held = hold(scene, tmp_path, acts)
    assert held.session.end_reason == "asr_transcription_error"


def test_both_sides_are_recorded_on_one_clock(tmp_path: Path) -> None:
    held = hold(Scene(), tmp_path, one_question)
    assert held.wav is not None
    with wave.open(str(held.wav)) as file:
        assert file.getnchannels() == 2
        assert 5.0 <= file.getnframes() / file.getframerate() <= 6.0
    assert held.document["has_audio"]
    assert not list(held.folder.glob("*.s16le"))


def test_every_turn_is_stored_when_it_is_said(tmp_path: Path) -> None:
    held = hold(Scene(), tmp_path, one_question)
    lengths = [len(document["transcript"]) for document in held.saved]
    assert lengths == sorted(lengths)
    assert lengths[0] == 1
    assert {document["status"] for document in held.saved[:-1]} == {"in-progress"}
    assert held.document["status"] == "done"
    answer = held.document["transcript"][-1]["conversation_turn_metrics"]["metrics"]
    assert answer["convai_ttf_audio_since_silence"]["elapsed_time"] > 0.5


def test_a_conversation_without_sound_opens_no_ear(tmp_path: Path) -> None:
    policy = Policy(text_only=True, first_message="Hi.")
    held = hold(Scene(policy=policy), tmp_path, _write_and_wait)
    assert held.client.sounds == []
    assert [t["message"] for t in held.document["transcript"]] == ["Hi.", "go", "All right."]
    assert not held.document["has_audio"]


def test_a_reply_that_is_withdrawn_is_not_heard(tmp_path: Path) -> None:
    async def acts(session: Session, client: Client) -> None:
        await speak(session, 600)
        await speak(session, 560, loud=False)
        await speak(session, 600)
        await speak(session, 3_000, loud=False)
        session.tell(HungUp())

    scene = Scene(policy=Policy(), texts=("I would", "pizza"), model=Model(latency_ms=400))
    held = hold(scene, tmp_path, acts)
    assert held.client.when(CancelReply)
    agent = [t for t in held.document["transcript"] if t["role"] == "agent"]
    assert len(agent) == 1
