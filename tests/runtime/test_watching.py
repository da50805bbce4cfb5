"""What a session tells its watcher, while the conversation goes on."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from runtime.session_rig import Client, Scene, hold, speak
from turnwise.base.errors import ProviderError, ProviderUnavailable
from turnwise.providers.llm.scripted import Reply
from turnwise.providers.stt.scripted import Scripted as Transcriber
from turnwise.providers.tts.scripted import Scripted as Voice
from turnwise.runtime.session import Session
from turnwise.turns.events import HungUp, UserWrote
from turnwise.turns.metrics import BargeInMetrics, TurnMetrics
from turnwise.turns.policy import Policy

GONE = ProviderUnavailable("any/thing", "gone")


@dataclass
class Notes:
    turns: list[TurnMetrics] = field(default_factory=list)
    barge_ins: list[BargeInMetrics] = field(default_factory=list)
    failures: list[ProviderError] = field(default_factory=list)

    def turn(self, turn: TurnMetrics) -> None:
        self.turns.append(turn)

    def barge_in(self, barge_in: BargeInMetrics) -> None:
        self.barge_ins.append(barge_in)

    def failure(self, error: ProviderError) -> None:
        self.failures.append(error)


def test_a_turn_is_told_when_it_is_over_and_once(tmp_path: Path) -> None:
    notes = Notes()
    known: list[int] = []

    async def acts(session: Session, client: Client) -> None:
        for _ in range(2):
            await speak(session, 1_500, loud=False)
            await speak(session, 1_000)
            await speak(session, 4_000, loud=False)
            known.append(len(notes.turns))
        session.tell(HungUp())

    held = hold(Scene(replies=("Fine.", "Good."), watcher=notes), tmp_path, acts)
    assert known == [1, 2]
    assert len(notes.turns) == 2
    first = notes.turns[0]
    # silence of 500 ms, then model 100 ms and voice 50 ms
    assert first.endpointing_ms is not None
    assert first.response_ms is not None
    assert 480 <= first.endpointing_ms <= 600
    assert 630 <= first.response_ms <= 780
    assert first.sentence_ms == first.model_ms
    assert held.document["transcript"][2]["conversation_turn_metrics"] is not None


def test_an_interruption_is_told(tmp_path: Path) -> None:
    notes = Notes()

    async def acts(session: Session, client: Client) -> None:
        session.tell(UserWrote("tell me"))
        await client.until(lambda: any(sound.reply == 2 for _, sound in client.sounds))
        await speak(session, 400, loud=False)
        await speak(session, 2_000)
        await speak(session, 3_000, loud=False)
        session.tell(HungUp())

    story = "one two three four five six seven eight nine ten. " * 5
    hold(Scene(replies=(story, "Yes?"), watcher=notes), tmp_path, acts)
    assert [each.confirmed for each in notes.barge_ins] == [True]
    assert 0 <= notes.barge_ins[0].latency_ms < 300


@pytest.mark.parametrize(
    "scene",
    [
        Scene(policy=Policy(), replies=(Reply(error=GONE), "Hello.")),
        Scene(voice=Voice(error=GONE)),
        Scene(policy=Policy(), transcriber=Transcriber(error=GONE)),
    ],
    ids=["model", "voice", "ears"],
)
def test_what_a_provider_failed_to_do_is_told(tmp_path: Path, scene: Scene) -> None:
    async def acts(session: Session, client: Client) -> None:
        await speak(session, 800)
        await speak(session, 1_000, loud=False)
        session.tell(UserWrote("hello"))
        await asyncio.sleep(10)
        session.tell(HungUp())

    notes = Notes()
    hold(replace(scene, watcher=notes), tmp_path, acts)
    assert GONE in notes.failures
