"""Processes that hold the calls, so that the load does not end at one core of the client."""

import asyncio
import gc
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from multiprocessing.connection import Connection
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Self

import uvloop

from turnwise.audio.formats import AudioFormat
from turnwise.base.errors import ConfigError
from turnwise.testing.load.beats import Beats
from turnwise.testing.load.caller import Writer
from turnwise.testing.load.plan import TAIL_S, Plan
from turnwise.testing.load.speech import Utterance, utterance
from turnwise.testing.load.tally import Tally, together

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

Watch = Callable[[float], None]
"""Is told about once a second how many seconds of the hold are over: 0.0 at its begin."""

_HEADSTART_S = 0.2
_LEAVE_S = 5.0
"""How long a process may take to end."""
_DEAD = "a process that held calls has died"


class Crew:
    """Holds calls. Use as a context: its processes end with the block, and with this process."""

    def __init__(self, processes: int = 1) -> None:
        """Describe it.

        Args:
            processes: Among how many the calls are divided, 1 or more.

        Raises:
            ConfigError: If there are none, or picows is missing.
        """
        if processes < 1:
            raise ConfigError(f"the number of processes is {processes!r}; it must be 1 or more")
        try:
            import picows  # noqa: F401, PLC0415 - an extra
        except ImportError as error:
            raise ConfigError("load needs picows: pip install 'turnwise[bench]'") from error
        self._size = processes
        self._processes: list[SpawnProcess] = []
        self._pipes: list[Connection] = []

    def __enter__(self) -> Self:
        """Start the processes, and wait until they are there."""
        context = multiprocessing.get_context("spawn")
        for _ in range(self._size):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._pipes.append(ours)
        for pipe in self._pipes:
            _told(pipe)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End them, in the midst of calls if need be."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(_LEAVE_S)
            process.kill()

    def hold(self, plan: Plan, watch: Watch | None = None) -> Tally:
        """Hold the calls of a plan; return what their users noticed.

        Args:
            plan: How many, for how long.
            watch: Called in this process while the calls are held, and once when the hold is over.

        Raises:
            ConfigError: If a process died.
        """
        begin = time.monotonic() + _HEADSTART_S
        try:
            for number, pipe in enumerate(self._pipes):
                pipe.send((plan, range(number, plan.calls, self._size), begin))
        except OSError as error:
            raise ConfigError(_DEAD) from error
        if watch is not None:
            for second in _seconds(plan.hold_s):
                time.sleep(max(0.0, begin + plan.ramp_s + second - time.monotonic()))
                watch(second)
        return together([tally for pipe in self._pipes if (tally := _told(pipe)) is not None])


def _told(pipe: Connection) -> Tally | None:
    try:
        told: Tally | None = pipe.recv()
    except (EOFError, OSError) as error:
        raise ConfigError(_DEAD) from error
    return told


def _seconds(hold_s: float) -> Iterator[float]:
    yield from (float(second) for second in range(int(hold_s)))
    yield hold_s


# --- in the processes ----------------------------------------------------------------------------


def _work(pipe: Connection) -> None:
    """Hold the calls that the pipe asks for, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asked decides
    tally: Tally | None = None  # ready
    while True:
        try:
            pipe.send(tally)
            plan, numbers, begin = pipe.recv()
        except (EOFError, OSError):
            return
        gc.collect()
        gc.freeze()
        hold_at = begin + plan.ramp_s
        tally = Tally(hold_at, hold_at + plan.hold_s)
        uvloop.run(_calls(plan, tally, numbers, begin, pipe))


async def _calls(plan: Plan, tally: Tally, numbers: range, begin: float, pipe: Connection) -> None:
    loop, nobody_waits = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pipe.fileno(), nobody_waits.set)  # nothing is sent meanwhile: it was closed
    try:
        async with asyncio.TaskGroup() as tasks:
            holding = tasks.create_task(_hold(plan, tally, numbers, begin))
            leaving = tasks.create_task(nobody_waits.wait())
            await asyncio.wait((holding, leaving), return_when=asyncio.FIRST_COMPLETED)
            holding.cancel()
            leaving.cancel()
    finally:
        loop.remove_reader(pipe.fileno())
        os.set_blocking(pipe.fileno(), True)  # libuv has changed it


async def _hold(plan: Plan, tally: Tally, numbers: range, begin: float) -> None:
    from turnwise.testing.load.line import Line, call  # noqa: PLC0415 - needs an extra

    @cache
    def cut(wire: AudioFormat) -> Utterance:
        return utterance(plan.speech, plan.speech_hz, wire, plan.chunk_ms)

    beats = Beats(Writer.period_s if plan.text else plan.chunk_ms / 1000, tally)
    end = tally.ends_at + TAIL_S

    async def user(number: int) -> None:
        """Call, and call again, until all is over."""
        rng = Random(number)  # noqa: S311 - varies pauses
        line = partial(Line, plan, tally, rng, cut)
        await _until(begin + plan.ramp_s * number / plan.calls)
        while (now := time.monotonic()) < tally.ends_at:
            until = end if plan.call_s is None else now + plan.call_s * (0.5 + rng.random())
            await call(line, plan, tally, beats, min(end, until))
            await asyncio.sleep(0.2)  # a server that refuses is not stormed

    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(beats.run())
        async with asyncio.TaskGroup() as users:
            users.create_task(_count_cpu(tally))
            for number in numbers:
                users.create_task(user(number))
        beating.cancel()


async def _count_cpu(tally: Tally) -> None:
    await _until(tally.begins_at)
    before = _cpu_s()
    await _until(tally.ends_at)
    tally.cpu_s = _cpu_s() - before


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.monotonic()))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
