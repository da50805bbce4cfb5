"""What counts as a barge-in: words, duration, and what is only listening."""

from dataclasses import dataclass
from functools import lru_cache

from turnwise.turns.language import count_words, plain, words_of
from turnwise.turns.policy import Interruption


@lru_cache(maxsize=256)
def _own_terms(manners: Interruption) -> frozenset[str]:
    return frozenset(plain(term) for term in manners.ignore_terms)


@dataclass(frozen=True, slots=True)
class BargeIn:
    """What the user does while a reply is under way, as far as it may interrupt."""

    words: str
    """What was said since the user's last turn."""
    speaking_ms: int | None
    """How long the user has been speaking; None while silent."""
    answers_question: bool
    """Whether the agent was at its last question: then "yes" is an answer, no backchannel."""
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
    listening = manners.backchannels and said in words_of(language).backchannels
    return listening and not barge_in.answers_question


def _may_become_backchannel(barge_in: BargeIn, manners: Interruption, language: str) -> bool:
    """Return whether tentative words are how something begins that is only listening."""
    begun = f"{plain(barge_in.words)} "
    if not barge_in.tentative or barge_in.answers_question or not begun.strip():
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
