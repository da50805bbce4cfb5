"""The live conversations of this process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from turnwise.base.errors import Error
from turnwise.runtime.session import Session
from turnwise.turns.events import HungUp


class AtCapacity(Error):
    """This process takes no further conversation."""

    code = "at_capacity"


class Sessions:
    """Knows every live conversation, and refuses more than it is set to hold."""

    def __init__(self, most: int | None = None) -> None:
        """Hold conversations.

        Args:
            most: So many at once; None: no limit.
        """
        self._most = most
        self._live: dict[str, Session] = {}
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        """Return how many are live."""
        return len(self._live)

    @contextmanager
    def hold(self, session: Session) -> Iterator[None]:
        """Count a conversation as live while the block runs.

        Raises:
            AtCapacity: If there are too many, or the server is shutting down.
        """
        if self._draining:
            raise AtCapacity("the server is shutting down")
        if self._most is not None and len(self._live) >= self._most:
            raise AtCapacity(f"{len(self._live)} conversations are live; the limit is {self._most}")
        self._live[session.conversation_id] = session
        self._empty.clear()
        try:
            yield
        finally:
            del self._live[session.conversation_id]
            if not self._live:
                self._empty.set()

    def find(self, conversation_id: str) -> Session | None:
        """Return a live conversation; None if there is none of this id."""
        return self._live.get(conversation_id)

    def agents(self) -> tuple[str, ...]:
        """Return the agent of each live conversation, by id."""
        return tuple(session.agent_id for session in self._live.values())

    async def drain(self, patience_s: float) -> None:
        """Take no new conversations and wait for the live ones; then end those that are left."""
        self._draining = True
        try:
            async with asyncio.timeout(patience_s):
                await self._empty.wait()
        except TimeoutError:
            for session in list(self._live.values()):
                session.tell(HungUp("the server is shutting down"))
            await self._empty.wait()
