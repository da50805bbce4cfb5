import pytest

from turnwise.turns.interruption import BargeIn, Question, insists_after, is_backchannel
from turnwise.turns.policy import Interruption

DEFAULT = Interruption()


def over(
    words: str, ms: int | None = 300, *, at: Question = Question.NONE, tentative: bool = False
) -> BargeIn:
    return BargeIn(words, ms, at, tentative)


@pytest.mark.parametrize(
    ("barge_in", "manners", "after"),
    [
        (over("", 300), DEFAULT, 800),
        (over("", None), DEFAULT, None),
        (over("stop"), DEFAULT, 0),
        (over("stop", None), DEFAULT, 0),
        (over("mhm"), DEFAULT, 2_500),
        (over("mhm", None), DEFAULT, None),
        (over("mhm", at=Question.LAST), DEFAULT, 0),
        (over("stop it"), Interruption(barge_in_words=3), 800),
        (over("stop it", None), Interruption(barge_in_words=3), None),
        (over("", 300), Interruption(barge_in_words=0), 800),
        (over("uh", tentative=True), DEFAULT, 2_500),
        (over("uh", None, tentative=True), DEFAULT, None),
        (over("uh"), DEFAULT, 0),
        (over("no", tentative=True), DEFAULT, 0),
        (over("uh", tentative=True, at=Question.LAST), DEFAULT, 0),
        (over("uh", tentative=True), Interruption(backchannels=False), 0),
        (over("oh", tentative=True), Interruption(ignore_terms=("oh my",)), 2_500),
        (over("", tentative=True), DEFAULT, 800),
    ],
)
def test_words_interrupt_at_once_and_sound_after_a_while(
    barge_in: BargeIn, manners: Interruption, after: int | None
) -> None:
    assert insists_after(barge_in, manners, "en") == after


@pytest.mark.parametrize(
    ("barge_in", "manners", "language", "expected"),
    [
        (over(""), DEFAULT, "en", False),
        (over("Mm-hmm"), DEFAULT, "en", True),
        (over("Mm-hmm no"), DEFAULT, "en", False),
        (over("Mm-hmm", at=Question.LAST), DEFAULT, "en", False),
        (over("Mm-hmm", at=Question.EARLIER), DEFAULT, "en", True),
        (over("Yes", at=Question.EARLIER), DEFAULT, "en", False),
        (over("Mm-hmm, mm-hmm"), DEFAULT, "en", True),
        (over("Yeah, okay, got it"), DEFAULT, "en", True),
        (over("Yeah, okay, got it, cool"), DEFAULT, "en", False),
        (over("Hold on, hold on"), Interruption(ignore_terms=("hold on",)), "en", False),
        (over("Mm-hmm"), Interruption(backchannels=False), "en", False),
        (over("d'accord"), DEFAULT, "fr-CA", True),
        (over("d'accord"), DEFAULT, "en", False),
        (over("Hold ON!"), Interruption(ignore_terms=("hold on",)), "en", True),
        (over("Hold on", at=Question.LAST), Interruption(ignore_terms=("Hold on",)), "xx", True),
        (over("Hold on now"), Interruption(ignore_terms=("hold on",)), "en", False),
    ],
)
def test_listening_is_the_whole_utterance_and_nothing_else(
    barge_in: BargeIn, manners: Interruption, language: str, expected: object
) -> None:
    assert is_backchannel(barge_in, manners, language) is expected
