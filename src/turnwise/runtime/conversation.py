"""The one owner of an engine: takes events out of the inbox, hands commands to the shells."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from turnwise.base.clock import Clock
from turnwise.base.units import Millis
from turnwise.turns.commands import Command
from turnwise.turns.engine import Engine
from turnwise.turns.events import Event, Tick

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


class Inbox:
    """Events that the engine has still to be told.

    Whoever takes them is called by the event loop when some have come: no task waits for them, for
    to wake one costs as much as to handle the event.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._loop = asyncio.get_running_loop()
        self._take: Callable[[], None] | None = None
        self._called: asyncio.Handle | None = None

    def __len__(self) -> int:
        """Return how many events wait."""
        return len(self._events)

    def put(self, event: Event) -> None:
        """Put an event behind all others. Never blocks."""
        self._events.append(event)
        self._call()

    def pop(self) -> Event:
        """Take the first event."""
        return self._events.popleft()

    def open(self, take: Callable[[], None]) -> None:
        """Have all events taken from now on, those that wait first."""
        self._take = take
        self._call()

    def close(self) -> None:
        """Have nothing taken any more."""
        self._take = None
        if self._called is not None:
            self._called.cancel()

    def _call(self) -> None:
        if self._called is None and self._take is not None:
            self._called = self._loop.call_soon(self._run)

    def _run(self) -> None:
        take = self._take
        assert take is not None
        try:
            take()
        finally:
            self._called = None


async def converse(
    engine: Engine, inbox: Inbox, clock: Clock, effects: Effects, scribe: Scribe
) -> None:
    """Drive one conversation until it ends. Nobody else touches the engine.

    Time is stamped when an event is handled, so it never runs backwards.
    """
    conductor = _Conductor(engine, inbox, clock, effects, scribe)
    try:
        conductor.handle(Tick())
        inbox.open(conductor.take)
        await conductor.over
    finally:
        inbox.close()
        conductor.stop()


class _Conductor:
    """Drives one conversation."""

    def __init__(
        self, engine: Engine, inbox: Inbox, clock: Clock, effects: Effects, scribe: Scribe
    ) -> None:
        self._engine = engine
        self._inbox = inbox
        self._clock = clock
        self._effects = effects
        self._scribe = scribe
        self._alarm = _Alarm(inbox, clock)
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self) -> None:
        """Handle what waits, and what comes of it."""
        try:
            while self._inbox and not self._engine.ended:
                self.handle(self._inbox.pop())
        except Exception as error:  # noqa: BLE001 - it is raised by who waits for the end
            if not self.over.done():
                self.over.set_exception(error)

    def handle(self, event: Event) -> None:
        """Tell the engine of an event, and obey."""
        engine, at = self._engine, self._clock.now()
        self._scribe.event(at, event)
        commands = engine.handle(event, at)
        self._scribe.outcome(at, commands, engine.fired)
        for command in commands:
            self._effects.obey(command)
        if not engine.ended:
            self._alarm.set(engine.deadline)
        elif not self.over.done():
            self.over.set_result(None)

    def stop(self) -> None:
        """Wait for nothing more."""
        self._alarm.set(None)


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
        elif not self._inbox:
            self._inbox.put(Tick())
