"""The one owner of an engine: takes events out of the inbox, hands commands to the shells."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from turnwise.base.clock import Clock
from turnwise.base.units import Millis
from turnwise.turns.commands import Command
from turnwise.turns.engine import Engine
from turnwise.turns.events import Event, Tick

Inbox = asyncio.Queue[Event]
Tell = Callable[[Event], None]
"""Puts an event into the inbox; never blocks."""


class Effects(Protocol):
    """Obeys the engine."""

    def obey(self, command: Command) -> None:
        """Carry the command out, or begin to. Never blocks and never raises."""


class Scribe(Protocol):
    """Writes the journal."""

    def event(self, at: Millis, event: Event) -> None:
        """Write down an event, before it is handled."""

    def outcome(self, at: Millis, commands: tuple[Command, ...], fired: list[str]) -> None:
        """Write down what came of it."""


async def converse(
    engine: Engine, inbox: Inbox, clock: Clock, effects: Effects, scribe: Scribe
) -> None:
    """Drive one conversation until it ends. Nobody else touches the engine.

    Time is stamped when an event is handled, so it never runs backwards.
    """
    alarm = _Alarm(inbox, clock)
    event: Event = Tick()
    try:
        while True:
            at = clock.now()
            scribe.event(at, event)
            commands = engine.handle(event, at)
            scribe.outcome(at, commands, engine.fired)
            for command in commands:
                effects.obey(command)
            if engine.ended:
                return
            alarm.set(engine.deadline)
            event = await inbox.get()
    finally:
        alarm.set(None)


class _Alarm:
    """Puts a `Tick` into an empty inbox when a deadline has come.

    Nearly every event moves the deadline, most often further away. So the timer is left as it is,
    and looks at the deadline when it goes off.
    """

    def __init__(self, inbox: Inbox, clock: Clock) -> None:
        self._inbox = inbox
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._deadline: Millis | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = Millis(0)

    def set(self, deadline: Millis | None) -> None:
        """Take a new deadline in the place of the one before; None: there is none."""
        self._deadline = deadline
        if self._timer is not None and (deadline is None or deadline < self._timer_at):
            self._timer.cancel()
            self._timer = None
        if self._timer is None and deadline is not None:
            self._timer_at = deadline
            left_s = max(0, deadline - self._clock.now()) / 1000
            self._timer = self._loop.call_later(left_s, self._ring)

    def _ring(self) -> None:
        self._timer = None
        deadline = self._deadline
        if deadline is not None and deadline > self._clock.now():
            self.set(deadline)
        elif self._inbox.empty():
            self._inbox.put_nowait(Tick())
