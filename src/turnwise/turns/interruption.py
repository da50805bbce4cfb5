"""What counts as a barge-in: words, duration, and what is only listening."""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from turnwise.turns.language import count_words, is_made_of, is_short_answer, plain, words_of
from turnwise.turns.policy import Interruption


@lru_cache(maxsize=256)
def _own_terms(manners: Interruption) -> frozenset[str]:
    return frozenset(plain(term) for term in manners.ignore_terms)


class Question(Enum):
    """Which question of the reply the user had heard when the speech began."""

    NONE = "none"
    EARLIER = "earlier"
    """The agent went on after it: "yes" answers it, "mhm" does not."""
    LAST = "last"
    """The reply ends with it: all that is said answers it."""


@dataclass(frozen=True, slots=True)
class BargeIn:
    """What the user does while a reply is under way, as far as it may interrupt."""

    words: str
    """What was said since the user's last turn."""
    speaking_ms: int | None
    """How long the user has been speaking; None while silent."""
    question: Question = Question.NONE
    tentative: bool = False
    """Whether the words may still change: "uh" may become "uh huh"."""


def is_backchannel(barge_in: BargeIn, manners: Interruption, language: str) -> bool:
    """Return whether all that was said is listening.

    Terms the agent's owner named are ignored always; built-in ones are words that also answer.
    """
    said = plain(barge_in.words)
    if not said:
        return False
    if said in _own_terms(manners):
        return True
    lists = words_of(language)
    if not manners.backchannels or not is_made_of(said, lists.backchannels):
        return False
    if barge_in.question is Question.LAST:
        return False
    return barge_in.question is Question.NONE or not is_short_answer(said, lists)


def _may_become_backchannel(barge_in: BargeIn, manners: Interruption, language: str) -> bool:
    """Return whether tentative words are how something begins that is only listening."""
    begun = f"{plain(barge_in.words)} "
    if not barge_in.tentative or barge_in.question is Question.LAST or not begun.strip():
        return False
    terms = _own_terms(manners)
    if manners.backchannels:
        terms |= words_of(language).backchannels
    return any(term.startswith(begun) for term in terms)


def insists_after(barge_in: BargeIn, manners: Interruption, language: str) -> int | None:
    """Return after how many milliseconds of speech this interrupts; 0 at once, None never."""
    listening = is_backchannel(barge_in, manners, language)
    if listening or _may_become_backchannel(barge_in, manners, language):
        return None if barge_in.speaking_ms is None else manners.backchannel_ms
    if count_words(barge_in.words) >= max(1, manners.barge_in_words):
        return 0
    return None if barge_in.speaking_ms is None else manners.barge_in_ms
