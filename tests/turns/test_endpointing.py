import pytest

from turns.scenes import ONE, answers, is_asked, says, speaks, user_said
from turnwise.testing import Timeline
from turnwise.turns.endpointing import PATIENCE, Pause, signs
from turnwise.turns.events import (
    PauseId,
    SegmentId,
    SpeechStarted,
    SpeechStopped,
    Transcribed,
    TurnScored,
    Voiced,
)
from turnwise.turns.language import NO_WORDS, words_of
from turnwise.turns.policy import Eagerness, Endpointing, Policy

EN = words_of("en")
QUESTION = "Shall I book it for you?"


def names(pause: Pause, manners: Endpointing | None = None) -> list[str]:
    return [sign.name for sign in signs(pause, manners or Endpointing(), EN)]


@pytest.mark.parametrize(
    ("eagerness", "wait"),
    [(Eagerness.PATIENT, 1_000), (Eagerness.NORMAL, 500), (Eagerness.EAGER, 300)],
)
def test_the_eagerness_decides_how_much_silence_is_a_turn(eagerness: Eagerness, wait: int) -> None:
    t = Timeline(Policy(endpointing=Endpointing(eagerness=eagerness)))
    says(t, 1_000, 1_500, "I want pizza")
    t.until(4_000)
    assert user_said(t) == [(1_500 + wait, "I want pizza")]


def test_the_more_eager_the_less_is_waited_whatever_the_sign() -> None:
    patient, normal, eager = (PATIENCE[e] for e in Eagerness)
    for sign in ("silence", "confident", "hesitant", "spelling", "unfinished"):
        assert getattr(patient, sign) > getattr(normal, sign) > getattr(eager, sign)


def test_a_short_answer_to_a_yes_no_question_is_a_turn_at_once() -> None:
    t = Timeline(Policy(first_message=QUESTION))
    t.at(0, Voiced(ONE, len(QUESTION), 2_000))
    t.at(2_500, SpeechStarted())
    t.at(2_750, Transcribed(SegmentId(1), "Yeah.", final=True))
    t.at(2_900, SpeechStopped(100))
    assert user_said(t) == [(2_900, "Yeah.")]


def test_a_short_answer_that_begins_over_the_last_word_of_the_question_is_a_turn_at_once() -> None:
    t = Timeline(Policy(first_message=QUESTION))
    t.at(0, Voiced(ONE, len(QUESTION), 2_000))
    t.at(1_800, SpeechStarted())
    t.at(1_950, Transcribed(SegmentId(1), "Yeah.", final=True))
    t.at(2_200, SpeechStopped(100))
    assert user_said(t) == [(2_200, "Yeah.")]


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("Yeah.", "What is your name?"),
        ("Yeah.", "It is booked."),
        ("Yeah, the one in the middle.", QUESTION),
    ],
)
def test_other_answers_to_other_questions_are_waited_for(said: str, question: str) -> None:
    t = is_asked()
    answers(t, 2_500, question, 1_500)
    says(t, 4_500, 5_000, said, segment=2)
    t.until(7_000)
    assert user_said(t)[1:] == [(5_500, said)]


def test_a_short_answer_may_still_be_tentative_for_a_moment() -> None:
    t = Timeline(Policy(first_message=QUESTION))
    t.at(0, Voiced(ONE, len(QUESTION), 2_000))
    speaks(t, 2_500, 2_800)
    t.at(2_900, Transcribed(SegmentId(1), "Yes", final=False))
    t.until(4_500)
    assert user_said(t) == [(3_900, "Yes")]


@pytest.mark.parametrize(
    ("eagerness", "wait"),
    [(Eagerness.PATIENT, 2_500), (Eagerness.NORMAL, 1_500), (Eagerness.EAGER, 1_000)],
)
def test_a_user_who_spells_is_given_time(eagerness: Eagerness, wait: int) -> None:
    t = Timeline(Policy(endpointing=Endpointing(eagerness=eagerness)))
    says(t, 1_000, 1_500, "My number is four five one")
    t.until(5_000)
    assert [at for at, _ in user_said(t)] == [1_500 + wait]


def test_spelling_patience_can_be_switched_off() -> None:
    t = Timeline(Policy(endpointing=Endpointing(spelling_patience=False)))
    says(t, 1_000, 1_500, "My number is four five one")
    t.until(5_000)
    assert [at for at, _ in user_said(t)] == [2_000]


def test_the_pieces_of_a_spelled_number_are_one_turn() -> None:
    t = Timeline()
    says(t, 1_000, 1_500, "four five one", segment=1)
    says(t, 2_600, 3_200, "two two nine", segment=2)
    t.until(6_000)
    assert user_said(t) == [(4_700, "four five one two two nine")]


def test_unfinished_words_are_given_time() -> None:
    t = Timeline()
    says(t, 1_000, 1_500, "I would like to")
    t.until(5_000)
    assert [at for at, _ in user_said(t)] == [2_500]


@pytest.mark.parametrize(
    ("score", "wait"), [(1.0, 200), (0.5, 200), (0.49, 530), (0.25, 1_250), (0.0, 2_000)]
)
def test_the_less_sure_the_turn_model_the_longer_the_wait(score: float, wait: int) -> None:
    t = Timeline(Policy(endpointing=Endpointing(turn_model=True)))
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_600, TurnScored(PauseId(1), score))
    t.until(5_000)
    assert [at for at, _ in user_said(t)] == [1_500 + wait]


def test_all_signs_are_told_the_strongest_first() -> None:
    pause = Pause("yes", QUESTION, 0.25)
    assert names(pause) == [
        "short answer to a yes/no question",
        "score 0.25 < 0.50",
        "silence (normal)",
    ]
    assert names(Pause("1 2 and", score=0.75)) == [
        "score 0.75 >= 0.50",
        "unfinished words",
        "silence (normal)",
    ]
    assert names(Pause("1 2 3"))[0] == "spelling"


def test_an_unknown_language_has_no_signs_but_silence_and_digits() -> None:
    pause = Pause("yes and", QUESTION)
    assert len(signs(pause, Endpointing(), NO_WORDS)) == 1
    assert signs(Pause("1 2"), Endpointing(), NO_WORDS)[0].name == "spelling"
