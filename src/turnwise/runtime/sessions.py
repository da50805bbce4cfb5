"""The live conversations of this process, and whether it takes another one."""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from turnwise.base.errors import Error
from turnwise.runtime.load import Load, LoopWatch
from turnwise.runtime.metrics import Metrics
from turnwise.runtime.roll import MOST_CALLS, Full, Roll
from turnwise.runtime.session import Session
from turnwise.turns.events import HungUp


class AtCapacity(Error):
    """This server takes no further conversation."""

    code = "at_capacity"

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """`draining`, `load`, `server` or `agent`: whose limit it is."""


class Sessions:
    """Knows every live conversation, and refuses one that those that are live would suffer from."""

    def __init__(
        self,
        roll: Roll | None = None,
        *,
        most: int = 0,
        load: Load | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """Hold conversations.

        Args:
            roll: Where those of all processes are; None: there is only this process.
            most: So many at once, in all processes together; 0: no limit.
            load: What this process knows of its load; None: it does not care.
            metrics: Where it is counted; None: nowhere.
        """
        self._roll = roll or Roll()
        self._most = most or MOST_CALLS
        self._load = load or Load()
        self._metrics = metrics or Metrics()
        self._watch = LoopWatch(self._load, self._live_here, self._looked)
        self._live: dict[str, Session] = {}
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        """Return how many are live in this process."""
        return len(self._live)

    def watch(self) -> None:
        """Watch the load of the running event loop until `drain` is over."""
        self._tell_load()
        self._watch.start()

    def check(self) -> None:
        """Return if one more conversation is welcome: before anything is done for it.

        Raises:
            AtCapacity: If the process is too busy, or the server holds enough, or shuts down.
        """
        if self._draining:
            raise self._refused("the server is shutting down", "draining")
        if not self._load.admits(len(self._live)):
            lag_ms, capacity = self._load.lag_ms, self._load.capacity
            raise self._refused(
                f"{len(self._live)} conversations are live, the event loop lags {lag_ms:.0f} ms,"
                f" and {capacity} are what it has learned to carry",
                "load",
            )
        if self._roll.count() >= self._most:
            raise self._refused(f"{self._most} conversations are live: the limit", "server")

    @contextmanager
    def hold(self, session: Session, *, most_of_agent: int | None = None) -> Iterator[None]:
        """Count a conversation as live while the block runs, and measure how it feels.

        Args:
            session: The conversation; it has not begun.
            most_of_agent: So many at once with its agent, in all processes; None: no limit.

        Raises:
            AtCapacity: As `check`, or if its agent has enough.
        """
        self.check()
        try:
            row = self._roll.enter(session.agent_id, most=self._most, most_of_agent=most_of_agent)
        except Full as full:
            raise self._refused(str(full), full.whose) from full
        session.watcher = self._metrics
        self._metrics.begun()
        self._live[session.conversation_id] = session
        self._empty.clear()
        try:
            yield
        finally:
            del self._live[session.conversation_id]
            self._roll.leave(row)
            if not self._live:
                self._empty.set()

    def find(self, conversation_id: str) -> Session | None:
        """Return a conversation that is live in this process; None if there is none of this id."""
        return self._live.get(conversation_id)

    def count(self, agents: Collection[str] = ()) -> int:
        """Return how many are live in all processes, with any agent or with some."""
        return self._roll.count(agents)

    @property
    def draining(self) -> bool:
        """Whether no new conversation is welcome because the process ends."""
        return self._draining

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
        self._watch.stop()

    def _refused(self, message: str, reason: str) -> AtCapacity:
        self._metrics.refused(reason)
        return AtCapacity(message, reason)

    def _live_here(self) -> int:
        return len(self._live)

    def _looked(self, late_s: float) -> None:
        self._metrics.late(late_s)
        if self._load.concluded:
            self._tell_load()

    def _tell_load(self) -> None:
        metrics, load = self._metrics, self._load
        metrics.load(live=len(self._live), capacity=load.capacity, lag_ms=load.lag_ms)
        backlogs = [session.backlog() for session in self._live.values()]
        metrics.queues(
            events=sum(events for events, _ in backlogs),
            unheard_ms=sum(unheard_ms for _, unheard_ms in backlogs),
        )
