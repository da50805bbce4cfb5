"""What an engine was told and what it did about it, to be asked questions."""

from dataclasses import dataclass, field
from typing import TypeVar

from turnwise.turns.commands import Command
from turnwise.turns.journal import Step

Kind = TypeVar("Kind", bound=Command)


@dataclass(slots=True)
class Record:
    """The steps of one conversation, in order."""

    steps: list[Step] = field(default_factory=list)
    """All that happened so far, as a journal has it."""

    @property
    def done(self) -> list[tuple[int, Command]]:
        """What the engine did, in order, with the millisecond at which it did it."""
        return [(step.at, command) for step in self.steps for command in step.commands]

    def when(self, command: Command | type[Command]) -> list[int]:
        """Return at which milliseconds this command, or any of this type, was given."""
        if isinstance(command, type):
            return [ms for ms, done in self.done if isinstance(done, command)]
        return [ms for ms, done in self.done if done == command]

    def of(self, kind: type[Kind]) -> list[tuple[int, Kind]]:
        """Return all commands of one type, with their milliseconds."""
        return [(ms, done) for ms, done in self.done if isinstance(done, kind)]

    def fired(self) -> list[tuple[int, str]]:
        """Return the names of the rules that acted, with their milliseconds."""
        return [(step.at, rule) for step in self.steps for rule in step.fired]
