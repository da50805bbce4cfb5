"""The dynamic variables of one live conversation: what tools assign stays, the platform's move."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from turnwise.agents.variables import Variables

Fact = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Later:
    """A value of this moment that takes its time, and is put together when it is read."""

    found: Fact


class _Moment(Mapping[str, Any]):
    """The variables of one moment."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    @override
    def __getitem__(self, name: str) -> Any:
        value = self._values[name]
        if isinstance(value, Later):
            value = self._values[name] = value.found()
        return value

    @override
    def __contains__(self, name: object) -> bool:
        return name in self._values

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    @override
    def __len__(self) -> int:
        return len(self._values)


class LiveVariables:
    """Holds the variables of one conversation; all who read them see what tools assigned."""

    def __init__(self, start: Variables | None = None) -> None:
        """Begin.

        Args:
            start: As they were when the conversation began; None: there are none.
        """
        self._kept = start or Variables()
        self._facts: dict[str, Fact] = {}

    def know(self, name: str, fact: Fact) -> None:
        """Have one of the platform's own variables asked for anew each time.

        Args:
            name: Of the variable.
            fact: Returns its value, or a `Later` that does.
        """
        self._facts[name] = fact

    def kept(self) -> Variables:
        """Return them for prompts: the platform's own as they were in the beginning."""
        return self._kept  # spec/semantics.md, 8

    def now(self) -> Variables:
        """Return them for tools: the platform's own as they are at this moment."""
        moving = {name: fact() for name, fact in self._facts.items()}
        return Variables(_Moment({**self._kept.values, **moving}))

    def assign(self, name: str, value: object) -> None:
        """Set a variable."""
        self._kept = self._kept.with_value(name, value)
