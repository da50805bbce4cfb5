from typing import Any

import pytest

from turnwise.agents.config import ConversationConfig, view
from turnwise.agents.tools import Tool
from turnwise.turns.policy import (
    Eagerness,
    Execution,
    Fillers,
    Guards,
    Interruption,
    Policy,
    PreToolSpeech,
    ToolInterruption,
    ToolManners,
)
from turnwise.wire.manners import BET_MS, Surroundings, policy_of, tool_manners


def policy(surroundings: Surroundings | None = None, **members: object) -> Policy:
    return policy_of(view(ConversationConfig, members), (), surroundings)


def test_an_agent_that_says_nothing_has_the_engines_defaults() -> None:
    assert policy() == Policy()


def test_turn_taking() -> None:
    seen = policy(
        turn={
            "turn_timeout": 4.5,
            "initial_wait_time": 2,
            "silence_end_call_timeout": 30,
            "turn_eagerness": "patient",
            "spelling_patience": "off",
            "speculative_turn": True,
        },
        conversation={"max_duration_seconds": 90, "text_only": True},
        agent={"max_conversation_duration_message": "Time is up.", "language": "pt-BR"},
    )
    assert seen.waiting.turn_timeout_ms == 4_500
    assert seen.waiting.initial_wait_ms == 2_000
    assert seen.waiting.silence_end_call_ms == 30_000
    assert seen.waiting.max_duration_ms == 90_000
    assert seen.waiting.max_duration_message == "Time is up."
    assert seen.endpointing.eagerness is Eagerness.PATIENT
    assert not seen.endpointing.spelling_patience
    assert seen.endpointing.bet_ms == BET_MS
    assert (seen.language, seen.text_only) == ("pt", True)


@pytest.mark.parametrize("never", [-1, -1.0, 0])
def test_minus_one_is_never(never: float) -> None:
    seen = policy(turn={"turn_timeout": never}, conversation={"max_duration_seconds": never})
    assert seen.waiting.turn_timeout_ms is None
    assert seen.waiting.max_duration_ms is None


def test_what_is_newer_than_us_counts_as_not_said() -> None:
    assert policy(turn={"turn_eagerness": "relaxed"}).endpointing.eagerness is Eagerness.NORMAL


@pytest.mark.parametrize(
    ("client_events", "enabled"),
    [([], True), (["audio", "interruption"], True), (["audio"], False)],
)
def test_interruptions_need_their_event(client_events: list[str], enabled: bool) -> None:  # noqa: FBT001
    assert policy(conversation={"client_events": client_events}).interruption.enabled is enabled


def test_interruptions() -> None:
    seen = policy(
        agent={"disable_first_message_interruptions": True},
        turn={
            "transcribe_on_disabled_interruptions": True,
            "interruption_ignore_terms": ["gotcha", "mhm"],
        },
    ).interruption
    assert seen == Interruption(
        first_message=False,
        transcribe_when_disabled=True,
        ignore_terms=("gotcha", "mhm"),
        backchannels=False,
    )


def test_ignored_terms_merge_with_the_curated_ones_of_the_named_languages() -> None:
    seen = policy(
        turn={
            "interruption_ignore_terms": ["gotcha"],
            "interruption_ignore_term_languages": ["de", "xx"],
            "merge_with_default_ignore_terms": True,
        }
    ).interruption
    assert seen.ignore_terms[0] == "gotcha"
    assert "alles klar" in seen.ignore_terms
    assert seen.backchannels


def test_fillers() -> None:
    soft = {
        "timeout_seconds": 1.5,
        "message": "One moment",
        "additional_soft_timeout_messages": ["Still looking", " "],
        "randomize_fillers": True,
        "max_soft_timeouts_per_generation": 20,
        "disable_until_first_user_message": True,
    }
    seen = policy(Surroundings(seed=7), turn={"soft_timeout_config": soft}).fillers
    assert seen == Fillers(
        timeout_ms=1_500,
        messages=("One moment", "Still looking"),
        most=8,
        shuffled=True,
        seed=7,
        after_first_user_message=True,
    )
    written = policy(turn={"soft_timeout_config": {**soft, "use_llm_generated_message": True}})
    assert (written.fillers.generated, written.fillers.shuffled) == (True, False)


def test_an_empty_filler_is_the_built_in_one() -> None:
    seen = policy(
        turn={"soft_timeout_config": {"message": "", "max_soft_timeouts_per_generation": 0}}
    )
    assert seen.fillers == Fillers()


@pytest.mark.parametrize(("mode", "asked"), [("turn", True), ("silence", False)])
def test_surroundings(mode: str, asked: bool) -> None:  # noqa: FBT001
    guards = Guards(apology="")
    around = Surroundings(speaks_first=True, turn_model=True, playout_ms=80, guards=guards)
    seen = policy(around, agent={"first_message": "Hi"}, turn={"mode": mode})
    assert (seen.speaks_first, seen.first_message, seen.playout_ms) == (True, "Hi", 80)
    assert seen.endpointing.turn_model is asked
    assert seen.guards is guards


@pytest.mark.parametrize(
    ("tool", "manners"),
    [
        ({}, {}),
        ({"expects_response": False}, {"expects_response": False}),
        ({"response_timeout_secs": None}, {"timeout_ms": None}),
        ({"response_timeout_secs": 1.5}, {"timeout_ms": 1_500}),
        ({"execution_mode": "post_tool_speech"}, {"execution": Execution.POST_TOOL_SPEECH}),
        ({"execution_mode": "async"}, {"execution": Execution.ASYNC}),
        ({"execution_mode": "async", "expects_response": False}, {"expects_response": False}),
        (
            {"interruption_mode": "disable_during_tool_and_turn"},
            {"interruption": ToolInterruption.DISABLE_DURING_TOOL_AND_TURN},
        ),
        ({"pre_tool_speech": "force"}, {"pre_tool_speech": PreToolSpeech.FORCE}),
        ({"pre_tool_speech": "brand_new"}, {}),
    ],
)
def test_tools(tool: dict[str, Any], manners: dict[str, Any]) -> None:
    stored = Tool(name="t", kind="client", description="", **tool)
    assert tool_manners(stored) == ToolManners(name="t", **manners)
    whole = policy_of(view(ConversationConfig, {}), [stored])
    assert whole.manners_of("t") == ToolManners(name="t", **manners)
