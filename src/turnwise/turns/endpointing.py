"""When is the user's turn over? So much silence, by the strongest sign there is.

The signs, strongest first: a short answer to a yes/no question, spelling, the score of a turn
model, words that cannot be the last, and plain silence. Each says how long to wait; the strongest
one present decides, the next one is kept as runner-up for the explanation.
"""

from dataclasses import dataclass

from turnwise.turns.language import (
    Words,
    is_short_answer,
    is_spelled,
    is_unfinished,
    is_yes_no_question,
)
from turnwise.turns.policy import Eagerness, Endpointing


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one eagerness waits, by sign; milliseconds since the user's last sound."""

    silence: int
    confident: int
    """When the turn model is sure that the turn is over."""
    hesitant: int
    """When the turn model is sure that it is not."""
    spelling: int
    unfinished: int


PATIENCE = {
    # measured on human prompts: silence of 300 ms cuts 5 % of turns short, 500 ms none
    Eagerness.PATIENT: Patience(1_000, 500, 3_000, 2_500, 1_800),
    Eagerness.NORMAL: Patience(500, 200, 2_000, 1_500, 1_000),
    Eagerness.EAGER: Patience(300, 100, 1_200, 1_000, 600),
}


@dataclass(frozen=True, slots=True)
class Pause:
    """A silence of the user, as far as it matters for the end of the turn."""

    words: str
    """What was said in this turn so far."""
    question: str = ""
    """What the agent said last."""
    score: float | None = None
    """The turn model's probability that the turn is over; None if it did not say."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One reason to wait so long."""

    name: str
    wait_ms: int


def signs(pause: Pause, manners: Endpointing, words: Words) -> list[Sign]:
    """Return the signs present, the deciding one first. Never empty."""
    patience = PATIENCE[manners.eagerness]
    found = []
    if is_short_answer(pause.words, words) and is_yes_no_question(pause.question, words):
        found.append(Sign("short answer to a yes/no question", 0))
    if manners.spelling_patience and is_spelled(pause.words, words):
        found.append(Sign("spelling", patience.spelling))
    if pause.score is not None:
        found.append(_scored(pause.score, manners.score_threshold, patience))
    if is_unfinished(pause.words, words):
        found.append(Sign("unfinished words", patience.unfinished))
    found.append(Sign(f"silence ({manners.eagerness.value})", patience.silence))
    return found


def _scored(score: float, threshold: float, patience: Patience) -> Sign:
    if score >= threshold:  # and so above 0 below
        return Sign(f"score {score:.2f} >= {threshold:.2f}", patience.confident)
    doubt = (threshold - score) / threshold
    wait = patience.silence + round(doubt * (patience.hesitant - patience.silence))
    return Sign(f"score {score:.2f} < {threshold:.2f}", wait)
