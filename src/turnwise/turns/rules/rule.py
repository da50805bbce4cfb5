"""What a rule is: a reason to act without being asked, and the act, which takes the reason away."""

from collections.abc import Callable
from dataclasses import dataclass

from turnwise.base.units import Millis
from turnwise.turns.state import Conversation

Due = Callable[[Conversation], Millis | None]
Fire = Callable[[Conversation], None]
Facts = tuple[tuple[str, str], ...]
"""Inputs of a decision and what they were compared with, as (name, value) for people to read."""


def no_facts(_: Conversation) -> Facts:
    """Say nothing beyond the rule's name."""
    return ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason to act, and the act."""

    name: str
    """Goes to the journal: why did it speak?"""
    sentence: str
    """When it acts and what it does; printed in the reference."""
    due: Due
    """When it must act; None: not as things stand; a time in the past means now."""
    fire: Fire
    facts: Callable[[Conversation], Facts] = no_facts
    """Inputs and thresholds just before it acts, for the explanation."""
    replying: bool | None = None
    """Whether it can be due only while a reply is live (True) or only while none is (False); None:
    either. Says nothing that `due` does not say too: it saves asking."""
