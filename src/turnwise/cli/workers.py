"""`turnwise serve --workers N`: processes that share a port, and whoever watches over them.

Each worker has a listening socket of its own on the same port, and the kernel spreads connections
over them (`SO_REUSEPORT`); where it cannot, they share one. The sockets stay open here: while a
worker that died is replaced, whoever comes to it waits and is not turned away.

Workers are forked from a process that has imported the server and started no thread, so that they
share its code; it is never this process, which has threads behind it. Models are loaded by each
worker: their libraries have threads, which no fork survives.
"""

import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from multiprocessing import forkserver
from multiprocessing.connection import wait
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING

from turnwise.settings import Settings

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

FAILED = 3
"""Exit status of a worker that could not start."""
BACKLOG = 2_048
"""Connections that may wait to be accepted, of each worker."""
PAUSE_S = 1.0
"""Before a worker is replaced that did not live longer than this."""
FIGURES = "figures"
"""Folder below the live conversations where workers write their metrics."""

log = logging.getLogger(__name__)


def spread(listening: socket.socket, count: int) -> list[socket.socket]:
    """Return a socket for each of so many workers, on the address of one that is given up.

    Args:
        listening: It made sure that nobody else has the address.
        count: Workers.
    """
    if sys.platform != "linux":  # elsewhere the last one that listens gets everything
        return [listening] * count
    host, port = listening.getsockname()[:2]
    family = listening.family
    listening.close()
    return [
        socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=True)
        for _ in range(count)
    ]


def warm_up() -> None:
    """Begin to import the server where workers are forked from, while this process goes on."""
    forkserver.set_forkserver_preload(["turnwise.cli.server"])
    forkserver.ensure_running()


class Crew:
    """Starts the workers, replaces those that die, and stops them all."""

    def __init__(self, settings: Settings, sockets: Sequence[socket.socket]) -> None:
        """Start nothing yet.

        Args:
            settings: What the operator chose.
            sockets: One for each worker.
        """
        self._settings = settings
        self._sockets = sockets
        self._context = multiprocessing.get_context("forkserver")
        self._running: dict[int, ForkServerProcess] = {}
        self._since: dict[int, float] = {}
        self._replaced: set[int] = set()
        self._stopping = False

    def run(self) -> int:
        """Serve until told to stop, by a signal; return the exit status."""
        for told in (signal.SIGTERM, signal.SIGINT):
            signal.signal(told, self._stop)
        for number in range(len(self._sockets)):
            self._start(number)
        status = 0
        while self._running:
            wait([process.sentinel for process in self._running.values()])
            for number, process in list(self._running.items()):
                if process.exitcode is not None:
                    status = self._ended(number, process.exitcode) or status
        return status

    def _start(self, number: int) -> None:
        process = self._context.Process(
            target=work,
            args=(self._settings, number, self._sockets[number]),
            name=f"turnwise worker {number}",
        )
        process.start()
        self._running[number] = process
        self._since[number] = time.monotonic()

    def _ended(self, number: int, exitcode: int) -> int:
        """Replace a worker, if it should be; return the exit status that this means."""
        del self._running[number]
        if self._stopping:
            return 0
        if exitcode == FAILED and number not in self._replaced:  # nor would the next one start
            self._stop()
            return FAILED
        log.error("worker %d ended with %d and is replaced", number, exitcode)
        if time.monotonic() - self._since[number] < PAUSE_S:
            time.sleep(PAUSE_S)
        if not self._stopping:
            self._replaced.add(number)
            self._start(number)
        return 0

    def _stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        self._stopping = True
        for process in list(self._running.values()):
            process.terminate()


def work(settings: Settings, number: int, listening: socket.socket) -> None:
    """Serve as one worker, in its own process."""
    gc.freeze()  # what was forked stays as it is: to look through it would copy it

    from turnwise.cli.server import Server  # noqa: PLC0415 - as in `turnwise.cli.serve`
    from turnwise.main import LIVE_FOLDER  # noqa: PLC0415
    from turnwise.runtime.metrics import share  # noqa: PLC0415

    Thread(target=_end_with_parent, daemon=True).start()
    share(settings.data / LIVE_FOLDER / FIGURES, number)
    server = Server(settings, number)
    server.run(sockets=[listening])
    if not server.started:
        sys.exit(FAILED)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)  # as the parent ended: what was live is closed at the next start
