"""A simulated user: goes through a script, listening to the agent while it does.

Like the engine it starts no timers: asked at any moment, it says when it will act next if nothing
changes. It knows only what reaches its ear, and whether the agent sounded as if it were done.
"""

from collections.abc import Sequence
from typing import assert_never

from turnwise.testing.ear import Ear
from turnwise.testing.moves import (
    Backchannel,
    BargeIn,
    Cough,
    Deed,
    HangUp,
    Move,
    Say,
    Spell,
    Wait,
    Write,
    perform,
)

BREATH_MS = 400
"""Silence a user keeps between two moves at the least."""
UNFINISHED_MS = 2_500
"""Silence after which a user speaks although the agent sounded as if more were to come."""


class User:
    """Follows a script; hangs up at its end."""

    def __init__(
        self,
        script: Sequence[Move],
        *,
        listens_first: bool = False,
        text_only: bool = False,
        patience_ms: int = 8_000,
    ) -> None:
        """Prepare a user.

        Args:
            script: What the user does, in order; `HangUp` is added if it is not the last.
            listens_first: Whether the user waits for the agent to open the conversation.
            text_only: Whether all is typed; moves that make no sense then are left out.
            patience_ms: Waited for a reply, or for the agent to play on, before going on without.
        """
        self.deeds: list[Deed] = []
        """What was done so far."""
        moves = [_typed(move) for move in script] if text_only else list(script)
        self._moves = [move for move in moves if move is not None]
        if not self._moves or not isinstance(self._moves[-1], HangUp):
            self._moves.append(HangUp())
        self._patience_ms = patience_ms
        self._ready_at = 0  # since when the next move is the one to make
        self._asked_at: int | None = 0 if listens_first else None  # since when a reply is expected

    def due(self, ear: Ear, *, agent_done: bool) -> int | None:
        """Return when the user acts if nothing changes.

        Args:
            ear: What is heard of the agent.
            agent_done: Whether the agent gives no reply, or sounds as if it were at its end.

        Returns:
            Milliseconds, perhaps in the past: then now. None: after hanging up.
        """
        if not self._moves:
            return None
        move = self._moves[0]
        match move:
            case Wait(ms=ms):
                return self._ready_at + ms
            case Cough(after_ms=None):
                return self._ready_at + BREATH_MS
            case Say() | Spell() | Write() | HangUp():
                floor = self._floor(ear, move.reaction_ms, agent_done=agent_done)
                return max(self._ready_at + BREATH_MS, floor)
            case Cough() | BargeIn() | Backchannel():
                return self._over(ear, move.after_ms or 0, agent_done=agent_done)
            case _:
                assert_never(move)

    def act(self, at: int, ear: Ear) -> Deed | HangUp | None:
        """Make the move that is due.

        Returns:
            What it is; None if nothing is to be heard of it.
        """
        move = self._moves.pop(0)
        self._ready_at = at
        if isinstance(move, HangUp):
            self._moves.clear()
            return move
        if isinstance(move, Wait) or (_needs_agent(move) and not ear.audible(at)):
            return None
        deed = perform(move, at)
        self.deeds.append(deed)
        self._ready_at = deed.end
        if deed.is_turn:
            self._asked_at = deed.end
        return deed

    def in_turn(self, at: int) -> bool:
        """Return whether the user has something left to say in the present turn."""
        return bool(self.deeds) and self.deeds[-1].is_turn and self.deeds[-1].end > at

    def _answered(self, ear: Ear) -> bool:
        """Return whether the agent was, or will be, heard after the user's last turn."""
        if self._asked_at is None:
            return True
        first = ear.last_first
        return first is not None and first >= self._asked_at

    def _floor(self, ear: Ear, reaction_ms: int, *, agent_done: bool) -> int:
        """Return when it is this user's turn to speak."""
        if ear.paused_at is not None:
            return ear.paused_at + self._patience_ms
        if not self._answered(ear):
            return (self._asked_at or 0) + self._patience_ms
        return ear.quiet_from + (reaction_ms if agent_done else max(reaction_ms, UNFINISHED_MS))

    def _over(self, ear: Ear, after_ms: int, *, agent_done: bool) -> int:
        """Return when to speak over the agent, or when the chance for it is gone."""
        first = ear.last_first
        if ear.paused_at is not None or first is None or not self._answered(ear):
            return self._floor(ear, 0, agent_done=agent_done)
        wanted = max(first + after_ms, self._ready_at + BREATH_MS)
        return wanted if wanted < ear.quiet_from else self._floor(ear, 0, agent_done=agent_done)


def _needs_agent(move: Move) -> bool:
    return isinstance(move, BargeIn | Backchannel | Cough) and not (
        isinstance(move, Cough) and move.after_ms is None
    )


def _typed(move: Move) -> Move | None:
    """Return what a move is in a conversation without sound; None: it makes no sense there."""
    match move:
        case Say() | Spell():
            return Write(move.text, move.reaction_ms)
        case BargeIn(text=text):
            return Write(text)
        case Cough() | Backchannel():
            return None
        case _:
            return move
