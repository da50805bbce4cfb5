"""The journal of a live conversation: written as it goes on, and measured.

It reaches the file at the end of each turn: a killed process loses at most the running turn. A call
to the system for each line would cost more than the engine does.
"""

from pathlib import Path
from typing import Protocol, TextIO

from turnwise.base.errors import ProviderError
from turnwise.base.units import Millis
from turnwise.turns.commands import Amend, Append, Command
from turnwise.turns.events import Event
from turnwise.turns.journal import Step, event_line, header_line, outcome_line
from turnwise.turns.metrics import BargeInMetrics, Meter, Metrics, TurnMetrics
from turnwise.turns.policy import Policy


class Watcher(Protocol):
    """Takes down how conversations feel, while they go on. Nothing here blocks."""

    def turn(self, turn: TurnMetrics) -> None:
        """Note a turn that is over."""

    def barge_in(self, barge_in: BargeInMetrics) -> None:
        """Note that the user spoke over the agent."""

    def failure(self, error: ProviderError) -> None:
        """Note what a provider did not do."""


class Unwatched:
    """Nobody takes anything down. A `Watcher`."""

    def turn(self, turn: TurnMetrics) -> None:
        """Do nothing."""

    def barge_in(self, barge_in: BargeInMetrics) -> None:
        """Do nothing."""

    def failure(self, error: ProviderError) -> None:
        """Do nothing."""


class JournalFile:
    """Writes the journal, line by line, and measures each turn when it is over."""

    def __init__(self, path: Path, policy: Policy, watcher: Watcher) -> None:
        """Begin the file.

        Args:
            path: Of the file.
            policy: The manners the conversation is held with.
            watcher: Takes down each turn.
        """
        self._file: TextIO = path.open("w", encoding="utf-8")
        self._file.write(header_line(policy) + "\n")
        self._event: Event | None = None
        self._meter = Meter(policy)
        self._watcher = watcher
        self._turns = self._barge_ins = 0  # how many of them the watcher knows

    def event(self, at: Millis, event: Event) -> None:
        """Write down an event, before it is handled."""
        self._file.write(event_line(at, event) + "\n")
        self._event = event

    def outcome(self, at: Millis, commands: tuple[Command, ...], fired: list[str]) -> None:
        """Write down what came of it."""
        line = outcome_line(at, commands, fired)
        if line is not None:
            self._file.write(line + "\n")
        if any(isinstance(command, Append | Amend) for command in commands):
            self._file.flush()
        assert self._event is not None
        self._meter.step(Step(at, self._event, commands, tuple(fired)))
        self._tell(self._meter.metrics)

    @property
    def metrics(self) -> Metrics:
        """How the conversation felt so far: turns that are over. It grows."""
        return self._meter.metrics

    def finish(self) -> Metrics:
        """Return how the conversation felt; it is over."""
        metrics = self._meter.finish()
        self._tell(metrics)
        return metrics

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _tell(self, metrics: Metrics) -> None:
        while self._turns < len(metrics.turns):
            self._watcher.turn(metrics.turns[self._turns])
            self._turns += 1
        while self._barge_ins < len(metrics.barge_ins):
            self._watcher.barge_in(metrics.barge_ins[self._barge_ins])
            self._barge_ins += 1
