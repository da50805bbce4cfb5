"""A sound while a tool runs: whose, when, and when not."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.session_rig import Client, Held, Scene, hold
from runtime.test_toolbox import Runner, tool
from turnwise.audio.tool_sounds import tool_sound
from turnwise.base.units import Hertz
from turnwise.providers.llm.scripted import Reply
from turnwise.runtime.session import Session
from turnwise.runtime.tool_sounds import AHEAD_MS
from turnwise.runtime.toolkit import Toolkit
from turnwise.turns.commands import CallTool, ReportTool
from turnwise.turns.events import HungUp, UserWrote
from turnwise.turns.policy import Execution, Policy, ToolManners

TYPING: dict[str, Any] = {"tool_call_sound": "typing"}
ALWAYS: dict[str, Any] = {**TYPING, "tool_call_sound_behavior": "always"}
LOOP = tool_sound("typing", Hertz(16_000))


def held_with(
    folder: Path,
    words: str,
    execution: str = "immediate",
    **more: Any,  # noqa: ANN401
) -> Held:
    async def acts(session: Session, client: Client) -> None:
        session.tell(UserWrote("go"))
        await asyncio.sleep(20)
        session.tell(HungUp())

    made = tool(execution_mode=execution, **more)
    manners = ToolManners(name="book", execution=Execution(execution), timeout_ms=None)
    scene = Scene(
        policy=Policy(tools=(manners,)),
        replies=(Reply(words, tools=(("book", {"size": "large"}),)), "Done."),
        more_tools=(made,),
        toolkit=Toolkit(runners={"webhook": Runner(takes_s=9.0)}),
    )
    return hold(scene, folder, acts)


def during_tool(held: Held) -> list[tuple[int, np.ndarray[Any, Any]]]:
    """Return the sounds without words between the call and its report."""
    [begin], [end] = held.client.when(CallTool), held.client.when(ReportTool)
    return [
        (ms, sound.samples)
        for ms, sound in held.client.sounds
        if begin <= ms <= end and not sound.alignment.chars
    ]


def test_a_sound_is_looped_while_a_tool_runs_and_no_longer(tmp_path: Path) -> None:
    held = held_with(tmp_path, "", **ALWAYS)
    played = np.concatenate([samples for _, samples in during_tool(held)])
    assert 8_900 <= len(played) // 16 <= 9_000 + AHEAD_MS
    assert np.array_equal(played, np.resize(LOOP, len(played)))
    [end] = held.client.when(ReportTool)
    after = [s for ms, s in held.client.sounds if ms > end]
    assert all(sound.alignment.chars or not sound.samples.any() for sound in after[:1])
    assert "".join("".join(s.alignment.chars) for s in after).startswith("Done.")
    assert held.document["transcript"][-1]["message"] == "Done."


def test_no_more_than_a_moment_of_it_is_sent_ahead(tmp_path: Path) -> None:
    held = held_with(tmp_path, "", **ALWAYS)
    sounds = during_tool(held)
    began, sent = sounds[0][0], 0
    for ms, samples in sounds:
        sent += len(samples) // 16
        assert sent - (ms - began) <= AHEAD_MS + 100


def test_left_to_itself_it_is_heard_after_words_only(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert during_tool(held_with(tmp_path / "a", "", **TYPING)) == []
    held = held_with(tmp_path / "b", "One moment please.", **TYPING)
    sounds = during_tool(held)
    [end] = held.client.when(ReportTool)
    words = [ms for ms, sound in held.client.sounds if sound.alignment.chars and ms < end]
    assert sounds
    assert sounds[0][0] >= max(words)  # the words are heard to their end first


@pytest.mark.parametrize(
    ("more", "execution"),
    [
        ({}, "immediate"),
        ({"tool_call_sound": None}, "immediate"),
        ({**ALWAYS, "tool_call_sound": "rain"}, "immediate"),
        (ALWAYS, "async"),
    ],
)
def test_otherwise_there_is_silence(tmp_path: Path, more: dict[str, Any], execution: str) -> None:
    held = held_with(tmp_path, "", execution, **more)
    assert all(sound.alignment.chars for _, sound in held.client.sounds)
