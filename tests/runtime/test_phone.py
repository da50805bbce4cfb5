"""Telephones: keys both ways, and reports of what the ear has heard."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.session_rig import Client, Held, Scene, hold, speak
from turnwise.agents.config import DtmfInput
from turnwise.agents.tools import Tool
from turnwise.providers.llm.scripted import Reply
from turnwise.runtime.phone import MOST_KEYS, Phone, PressedKeys
from turnwise.runtime.session import Session
from turnwise.runtime.speaking import SentSound
from turnwise.runtime.toolkit import Toolkit
from turnwise.testing import run
from turnwise.turns.commands import Correct
from turnwise.turns.events import HungUp
from turnwise.turns.journal import read, replay
from turnwise.turns.policy import Policy

Json = dict[str, Any]

GREETING = "Hello there, this is a longer greeting for you, dear caller, and it goes on and on."
MS_PER_CHAR = 60

# --- keys of the person -------------------------------------------------------------------------

Acts = Callable[[Session, Client, Phone], Awaitable[None]]
Presses = list[str | float]
"""Keys, and seconds of waiting."""


def turns_of(presses: Presses, **settings: Any) -> list[str]:  # noqa: ANN401
    """What is told when keys are pressed."""

    async def press() -> list[str]:
        told: list[str] = []
        keys = PressedKeys(DtmfInput(**settings), told.append)
        for each in presses:
            if isinstance(each, str):
                for key in each:
                    keys.press(key)
            else:
                await asyncio.sleep(each)
        keys.stop()
        await asyncio.sleep(20)
        return told

    return run(press())


@pytest.mark.parametrize(
    ("presses", "settings", "told"),
    [
        (["12", 1.9, "3", 2.1], {}, ["123"]),
        (["12", 2.1, "3", 2.1], {}, ["12", "3"]),
        (["12#", "34#"], {}, ["12", "34"]),
        (["#", 2.1], {}, ["#"]),
        (["1*0#", 0.4, "D", 0.6], {"hash_terminator": False, "dtmf_input_timeout": 0.5}, ["1*0#D"]),
        (["1" * (MOST_KEYS + 1), 2.1], {}, ["1" * MOST_KEYS, "1"]),
        (["12"], {}, []),
        ([], {}, []),
    ],
)
def test_keys_are_joined_to_turns(presses: Presses, settings: Json, told: list[str]) -> None:
    assert turns_of(presses, **settings) == told


def on_the_phone(
    folder: Path,
    acts: Acts,
    *,
    settings: Json | None = None,
    **scene: Any,  # noqa: ANN401
) -> Held:
    phone = Phone(DtmfInput(**(settings or {})))

    async def with_phone(session: Session, client: Client) -> None:
        await acts(session, client, phone)
        session.tell(HungUp())

    return hold(Scene(toolkit=Toolkit(phone=phone), **scene), folder, with_phone)


@pytest.mark.parametrize(("redacted", "shown"), [(False, "42"), (True, "[REDACTED]")])
def test_a_turn_of_keys_is_answered_and_on_record(
    tmp_path: Path, *, redacted: bool, shown: str
) -> None:
    async def acts(session: Session, client: Client, phone: Phone) -> None:
        await asyncio.sleep(2)
        phone.pressed("4")
        phone.pressed("2")
        await asyncio.sleep(5)

    held = on_the_phone(tmp_path, acts, settings={"redact_input": redacted})
    user, agent = held.document["transcript"][1:]
    assert (user["message"], user["source_medium"]) == (shown, "dtmf")
    assert agent["message"] == "All right."
    assert "42" in str(held.model.requests[0].messages)  # the model is told in any case


def test_a_phone_without_a_conversation_does_nothing() -> None:
    async def use() -> None:
        phone = Phone(DtmfInput())
        phone.pressed("1")
        phone.stop()
        phone.pressed("1")

    run(use())


# --- keys of the agent --------------------------------------------------------------------------


def tones_tool(**params: object) -> Tool:
    kind = "play_keypad_touch_tone"
    return Tool(name=kind, kind="system", description="", system_type=kind, params=params)


def pressing(
    folder: Path, keys: str, tool: Tool | None = None, name: str = "play_keypad_touch_tone"
) -> Held:
    async def acts(session: Session, client: Client, phone: Phone) -> None:
        await speak(session, 600)
        await speak(session, 8_000, loud=False)

    reply = Reply("One moment please.", tools=((name, {"dtmf_tones": keys, "reason": "menu"}),))
    return on_the_phone(
        folder,
        acts,
        policy=Policy(),
        replies=(reply, "Done."),
        more_tools=(tool or tones_tool(),),
    )


def result_of(held: Held) -> Json:
    turns = held.document["transcript"]
    return dict(next(t["tool_results"][0] for t in turns if t["tool_results"]))


def test_keys_are_heard_behind_the_words_and_before_the_next(tmp_path: Path) -> None:
    held = pressing(tmp_path, "1w2")
    sounds = held.client.sounds
    (pressed,) = [at for at, sound in sounds if sound.end is None]
    before = [(at, sound) for at, sound in sounds if at < pressed]
    after = [at for at, sound in sounds if at > pressed]
    words_ms = sum(len(sound.samples) for _, sound in before) // 16
    assert pressed >= before[0][0] + words_ms - 50
    assert after[0] >= pressed + 900
    assert result_of(held)["result"] == {
        "result_type": "play_dtmf_success",
        "status": "success",
        "dtmf_tones": "1w2",
        "reason": "menu",
    }
    assert [t["message"] for t in held.document["transcript"] if t["message"]] == [
        "hello",
        "One moment please.",
        "Done.",
    ]


def test_the_agent_may_be_silent_after_keys(tmp_path: Path) -> None:
    held = pressing(tmp_path, "1", tones_tool(suppress_turn_after_dtmf=True))
    said = [t["message"] for t in held.document["transcript"] if t["message"]]
    assert said == ["hello", "One moment please."]


def test_keys_that_are_none_are_refused(tmp_path: Path) -> None:
    result = result_of(pressing(tmp_path, "12x"))
    assert result["is_error"]
    assert result["result"]["result_type"] == "play_dtmf_error"
    assert "'x' is no key" in result["result"]["error"]


def test_a_call_cannot_be_transferred_to_a_number(tmp_path: Path) -> None:
    kind = "transfer_to_number"
    tool = Tool(name=kind, kind="system", description="", system_type=kind, params={})
    result = result_of(pressing(tmp_path, "", tool, kind))
    assert result["result_value"] == "This server cannot transfer phone calls to a number."


# --- what the ear heard -------------------------------------------------------------------------


def interrupted(folder: Path, late_ms: int, *, reports: bool) -> Held:
    """A greeting that is interrupted after two seconds; it reaches the ear so much later."""

    async def acts(session: Session, client: Client, phone: Phone) -> None:
        ear_ms = 0.0  # until when it has something to hear

        def play(sound: SentSound) -> None:
            nonlocal ear_ms
            assert sound.end is not None
            ear_ms = max(ear_ms, client.ms + late_ms) + len(sound.samples) / 16
            if reports:
                loop = asyncio.get_running_loop()
                wait_s = (ear_ms - client.ms) / 1000
                loop.call_later(wait_s, phone.played, sound.reply, sound.end)

        client.play = play  # type: ignore[method-assign]
        await asyncio.sleep(2)
        await speak(session, 900)
        await speak(session, 1_500, loud=False)

    policy = Policy(first_message=GREETING)
    return on_the_phone(folder, acts, policy=policy, texts=("stop that",))


def heard_ms(held: Held) -> int:
    corrections = [each for _, each in held.client.commands if isinstance(each, Correct)]
    return len(corrections[0].heard) * MS_PER_CHAR


def test_what_is_on_its_way_to_the_ear_does_not_count_as_heard(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("near", "far", "unreported")]
    for folder in folders:
        folder.mkdir()
    near = heard_ms(interrupted(folders[0], 0, reports=True))
    far = heard_ms(held := interrupted(folders[1], 600, reports=True))
    unreported = heard_ms(interrupted(folders[2], 600, reports=False))
    assert near == pytest.approx(unreported, abs=2 * MS_PER_CHAR)
    assert far == pytest.approx(near - 600, abs=3 * MS_PER_CHAR)
    journal = (held.folder / "journal.jsonl").read_text(encoding="utf-8")
    assert '"Played"' in journal
    _, differences = replay(read(journal.splitlines()))
    assert not differences


def test_tones_have_no_place_in_what_is_said(tmp_path: Path) -> None:
    held = pressing(tmp_path, "5")
    (tone,) = [sound for _, sound in held.client.sounds if sound.end is None]
    assert np.abs(tone.samples).max() > 10_000
