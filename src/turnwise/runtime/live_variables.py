"""The dynamic variables of one live conversation: what tools assign stays, the platform's move."""

from collections.abc import Callable

from turnwise.agents.variables import Variables


class LiveVariables:
    """Holds the variables of one conversation; all who read them see what tools assigned."""

    def __init__(self, start: Variables | None = None) -> None:
        """Begin.

        Args:
            start: As they were when the conversation began; None: there are none.
        """
        self._kept = start or Variables()
        self._facts: dict[str, Callable[[], object]] = {}

    def know(self, name: str, fact: Callable[[], object]) -> None:
        """Have one of the platform's own variables asked for anew each time."""
        self._facts[name] = fact

    def kept(self) -> Variables:
        """Return them for prompts: the platform's own as they were in the beginning."""
        return self._kept  # spec/semantics.md, 8

    def now(self) -> Variables:
        """Return them for tools: the platform's own as they are at this moment."""
        moving = {name: fact() for name, fact in self._facts.items()}
        return Variables({**self._kept.values, **moving})

    def assign(self, name: str, value: object) -> None:
        """Set a variable."""
        self._kept = self._kept.with_value(name, value)
