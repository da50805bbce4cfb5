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
    event: Event = Tick()
    while True:
        at = clock.now()
        scribe.event(at, event)
        commands = engine.handle(event, at)
        scribe.outcome(at, commands, engine.fired)
        for command in commands:
            effects.obey(command)
        if engine.ended:
            return
        event = await _next_event(inbox, engine.deadline, clock)


async def _next_event(inbox: Inbox, deadline: Millis | None, clock: Clock) -> Event:
    """Return the next event; a `Tick` when the deadline passes first."""
    if not inbox.empty():
        return inbox.get_nowait()
    if deadline is None:
        return await inbox.get()
    try:
        async with asyncio.timeout((deadline - clock.now()) / 1000):
            return await inbox.get()
    except TimeoutError:
        return Tick()
