"""Why the engine acted: for each decision the rule, what it looked at, and what came next best."""

from dataclasses import dataclass

from turnwise.base.units import Millis
from turnwise.turns.journal import Journal, replay
from turnwise.turns.rules import RULES
from turnwise.turns.rules.rule import Facts, Rule
from turnwise.turns.state import Conversation

IN_SIGHT_MS = 30_000
"""How far ahead a runner-up is looked for: what is due in minutes explains nothing now."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One rule that fired."""

    at: Millis
    rule: str
    sentence: str
    """What the rule is for."""
    facts: Facts
    """What it looked at and what it compared that with."""
    runner_up: str | None
    """The rule that would have acted within `IN_SIGHT_MS`, had this one not; None if none would."""
    runner_up_in_ms: int | None
    """After how many milliseconds; 0: at the same time."""

    def text(self) -> str:
        """Return it as one line for people to read."""
        facts = "; ".join(f"{name}: {value}" for name, value in self.facts)
        line = f"{self.rule} ({facts})" if facts else self.rule
        if self.runner_up is None:
            return line
        when = f"in {self.runner_up_in_ms} ms" if self.runner_up_in_ms else "at once"
        return f"{line}; else {when}: {self.runner_up}"


def decide(rule: Rule, c: Conversation) -> Decision:
    """Return why a rule is about to fire. Changes nothing."""
    rivals = [
        (max(due - c.now, 0), other.name)
        for other in RULES
        if other is not rule and (due := other.due(c)) is not None and due < c.now + IN_SIGHT_MS
    ]
    wait, name = min(rivals, key=lambda rival: rival[0], default=(None, None))
    return Decision(c.now, rule.name, rule.sentence, rule.facts(c), name, wait)


def explain(journal: Journal) -> list[Decision]:
    """Return every decision of a recorded conversation, in order."""
    decisions: list[Decision] = []
    replay(journal, lambda rule, c: decisions.append(decide(rule, c)))
    return decisions
