"""Examples as timelines: what happens, and what the engine does about it, when.

    t = Timeline(Policy(first_message="Hello."))
    t.at(500, SpeechStarted())
    t.at(1_000, Transcribed(SegmentId(1), "hi", final=True), SpeechStopped(silence_ms=200))
    t.until(5_000)
    assert t.when(StartReply) == [1_300]

Between two calls it is a perfect shell: it ticks at every deadline and obeys nothing.
"""

from typing import TypeVar

from turnwise.base.units import Millis
from turnwise.turns.commands import Command
from turnwise.turns.engine import Engine
from turnwise.turns.events import Event, Tick
from turnwise.turns.journal import Step
from turnwise.turns.policy import Policy
from turnwise.turns.state import Conversation

Kind = TypeVar("Kind", bound=Command)


class Timeline:
    """Feeds an engine and remembers what it did when."""

    def __init__(self, policy: Policy | None = None) -> None:
        """Begin a conversation at 0 ms.

        Args:
            policy: The agent's manners; None: the defaults.
        """
        self.policy = policy or Policy()
        self.engine = Engine(self.policy)
        self.steps: list[Step] = []
        """All that happened so far, as a journal has it."""
        self.done: list[tuple[int, Command]] = []
        """What the engine did, in order, with the millisecond at which it did it."""

    @property
    def conversation(self) -> Conversation:
        """The state of the engine, to look at."""
        return self.engine.conversation

    def at(self, ms: int, *events: Event) -> None:
        """Let time pass until `ms`, then let the events happen; without any, a `Tick`.

        Raises:
            ClockRanBackwards: If `ms` lies before what happened already.
        """
        while (due := self.engine.deadline) is not None and due < ms:
            self._handle(due, Tick())
        for event in events or (Tick(),):
            self._handle(Millis(ms), event)

    def until(self, ms: int) -> None:
        """Let time pass until `ms`; what falls due in that very millisecond is done too."""
        self.at(ms)

    def when(self, command: Command | type[Command]) -> list[int]:
        """Return at which milliseconds this command, or any of this type, was given."""
        if isinstance(command, type):
            return [ms for ms, done in self.done if isinstance(done, command)]
        return [ms for ms, done in self.done if done == command]

    def of(self, kind: type[Kind]) -> list[tuple[int, Kind]]:
        """Return all commands of one type, with their milliseconds."""
        return [(ms, done) for ms, done in self.done if isinstance(done, kind)]

    def fired(self) -> list[tuple[int, str]]:
        """Return the names of the rules that fired, with their milliseconds."""
        return [(step.at, rule) for step in self.steps for rule in step.fired]

    def _handle(self, at: Millis, event: Event) -> None:
        commands = self.engine.handle(event, at)
        self.steps.append(Step(at, event, commands, tuple(self.engine.fired)))
        self.done += [(at, command) for command in commands]
