import pytest

from turns.scenes import with_tool
from turnwise.turns.policy import (
    Eagerness,
    Execution,
    Policy,
    PreToolSpeech,
    ToolInterruption,
    ToolManners,
)


def test_a_tool_has_the_manners_given_for_its_name_and_else_the_defaults() -> None:
    manners = ToolManners(name="book", timeout_ms=5_000)
    policy = with_tool(manners)
    assert policy.manners_of("book") is manners
    assert policy.manners_of("look") == ToolManners(name="look")


def test_the_defaults_are_those_of_the_hosted_service() -> None:
    policy = Policy()
    assert policy.endpointing.eagerness is Eagerness.NORMAL
    assert policy.endpointing.spelling_patience
    assert policy.endpointing.bet_ms is None
    assert policy.waiting.turn_timeout_ms == 7_000
    assert policy.waiting.silence_end_call_ms is None
    assert policy.waiting.max_duration_ms == 600_000
    assert policy.waiting.initial_wait_ms is None
    assert policy.fillers.timeout_ms is None
    assert policy.fillers.messages == ("Hhmmmm...yeah.",)
    assert policy.fillers.most == 1
    assert policy.guards.model_stall_ms == 20_000
    assert policy.interruption.first_message
    assert policy.manners_of("any").timeout_ms == 20_000


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Eagerness, {"patient", "normal", "eager"}),
        (Execution, {"immediate", "post_tool_speech", "async"}),
        (ToolInterruption, {"allow", "disable_during_tool", "disable_during_tool_and_turn"}),
        (PreToolSpeech, {"auto", "force", "off"}),
    ],
)
def test_choices_have_the_words_of_the_wire(choice: type[Eagerness], words: set[str]) -> None:
    assert {member.value for member in choice} == words
