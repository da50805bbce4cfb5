from typing import Any

import pytest

from turnwise.base.errors import ConfigError
from turnwise.testing.chance import seeded
from turnwise.testing.latency import Fixed, Never
from turnwise.testing.moves import Backchannel, BargeIn, Cough, HangUp, Say, Spell
from turnwise.testing.persona import Persona

QUIET: dict[str, Any] = dict.fromkeys(
    (
        "pause_chance",
        "spell_chance",
        "cough_chance",
        "early_cough_chance",
        "backchannel_chance",
        "barge_in_chance",
    ),
    0.0,
)


def test_a_script_follows_its_seed() -> None:
    persona = Persona()
    assert persona.script(seeded(1)) == persona.script(seeded(1))
    assert persona.script(seeded(1)) != persona.script(seeded(2))


def test_a_script_ends_with_hanging_up() -> None:
    assert isinstance(Persona().script(seeded(1))[-1], HangUp)


def test_without_chances_a_user_only_says_whole_lines() -> None:
    persona = Persona(turns=(4, 4), lines=("Good day.",), reaction=Fixed(100), **QUIET)
    *said, _ = persona.script(seeded(1))
    assert len(said) == 4
    assert {(type(move), getattr(move, "text", "")) for move in said} == {(Say, "Good day.")}


@pytest.mark.parametrize(
    ("chance", "kind"),
    [
        ("cough_chance", Cough),
        ("early_cough_chance", Cough),
        ("backchannel_chance", Backchannel),
        ("barge_in_chance", BargeIn),
        ("spell_chance", Spell),
    ],
)
def test_a_certain_chance_happens_at_each_turn(chance: str, kind: type) -> None:
    script = Persona(turns=(6, 6), **(QUIET | {chance: 1.0})).script(seeded(1))
    assert sum(isinstance(move, kind) for move in script) == 6


def test_a_pause_lies_between_two_words() -> None:
    persona = Persona(turns=(40, 40), pause=Fixed(700), **(QUIET | {"pause_chance": 1.0}))
    for move in persona.script(seeded(1)):
        if isinstance(move, Say):
            ((after, ms),) = move.pauses
            assert 1 <= after < len(move.text.split())
            assert ms == 700


def test_a_single_word_has_no_pause() -> None:
    persona = Persona(turns=(1, 1), lines=("Yes.",), **(QUIET | {"pause_chance": 1.0}))
    move = persona.script(seeded(1))[0]
    assert isinstance(move, Say)
    assert move.pauses == ()


def test_a_distribution_that_never_happens_counts_as_nothing() -> None:
    never = Never()
    persona = Persona(ms_per_char=never, reaction=never, pause=never, cough=never, over=never)
    assert persona.script(seeded(1))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"cough_chance": 1.5}, "cough_chance is 1.5; it must be from 0 to 1"),
        ({"turns": (3, 2)}, "turns are"),
        ({"lines": ()}, "lines is"),
        ({"backchannels": ("mhm", " ")}, "backchannels is"),
    ],
)
def test_what_cannot_be_drawn_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Persona(**wrong)
