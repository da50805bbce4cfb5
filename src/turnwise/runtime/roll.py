"""The roll: one row for each live conversation of a server, in memory that its processes share.

Limits and counts are of the whole server, whichever process a call came to. Rows are taken and
counted under a lock of the file, which the kernel lifts when a process dies; the rows of the dead
are struck out by whoever takes the place.
"""

import os
from collections.abc import Collection, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from turnwise.runtime.shared_memory import SharedMemory

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_WORKERS = 256
MOST_CALLS = 16_384
"""Conversations at once, of all processes together."""

_ROW = np.dtype([("taken_by", "<u8"), ("agent", "<u8")])
"""`taken_by` is the worker's number plus one; 0: the row is free."""
_BYTES = MOST_WORKERS * 8 + MOST_CALLS * _ROW.itemsize


class Full(Exception):
    """No further row can be taken."""

    def __init__(self, live: int, most: int, whose: str) -> None:
        super().__init__(f"{live} conversations of the {whose} are live; the limit is {most}")
        self.whose = whose
        """`server` or `agent`."""


class Roll:
    """The live conversations of all processes, as one of them sees them."""

    def __init__(self, worker: int = 0, path: Path | None = None) -> None:
        """Sign on as a worker, and strike out what one of the same number left.

        Args:
            worker: The number of this process, from 0.
            path: The file that the processes share, made where there is none; None: there is only
                this process.
        """
        assert 0 <= worker < MOST_WORKERS, worker
        self._mark = worker + 1
        self._shared = SharedMemory(path, _BYTES)
        memory = self._shared.memory
        self._pids: NDArray[np.int64] = np.frombuffer(memory, "<i8", MOST_WORKERS)
        self._rows = np.frombuffer(memory, _ROW, MOST_CALLS, MOST_WORKERS * 8)
        self._taken_by: NDArray[np.uint64] = self._rows["taken_by"]
        self._agents: NDArray[np.uint64] = self._rows["agent"]
        self._pids[worker] = os.getpid()
        self._taken_by[self._taken_by == self._mark] = 0

    def enter(self, agent_id: str, *, most: int = MOST_CALLS, most_of_agent: int | None) -> int:
        """Take a row and return its number.

        Args:
            agent_id: With whom the conversation is.
            most: Conversations at once of the whole server.
            most_of_agent: Of this agent; None: no limit.

        Raises:
            Full: If it would be one too many.
        """
        agent = _digest(agent_id)
        with self._shared.locked():
            taken = self._taken_by != 0
            live = int(taken.sum())
            if live >= min(most, MOST_CALLS):
                raise Full(live, min(most, MOST_CALLS), "server")
            if most_of_agent is not None:
                of_agent = int((taken & (self._agents == agent)).sum())
                if of_agent >= most_of_agent:
                    raise Full(of_agent, most_of_agent, "agent")
            row = int(np.argmin(taken))
            self._agents[row] = agent
            self._taken_by[row] = self._mark
        return row

    def leave(self, row: int) -> None:
        """Give a row back."""
        self._taken_by[row] = 0

    def count(self, agents: Collection[str] = ()) -> int:
        """Return how many conversations are live, of all agents or of some."""
        taken = self._taken_by != 0
        if agents:
            taken &= np.isin(self._agents, [_digest(agent) for agent in agents])
        return int(taken.sum())

    def workers(self) -> Mapping[int, int]:
        """Return the process of each worker that ever signed on, by its number."""
        return {int(number): int(self._pids[number]) for number in np.flatnonzero(self._pids)}

    def close(self) -> None:
        """Close the file; no further row can be taken."""
        self._shared.close()


def _digest(agent_id: str) -> int:
    return int.from_bytes(blake2b(agent_id.encode(), digest_size=8).digest(), "little")
