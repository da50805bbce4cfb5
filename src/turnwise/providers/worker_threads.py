"""Threads for engines that block but let go of Python's lock while they work.

Each worker is one thread that does one job after the other, so that what belongs to one utterance
is never touched by two at once. Who finds no free worker in time is turned away.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import Lock
from typing import Generic, TypeVar

from turnwise.base.errors import (
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)

PATIENCE_S = 3.0
"""How long an utterance or a sentence waits for a free worker."""
TIMEOUT_S = 30.0
"""How long one job may take, the loading of a model included."""

E = TypeVar("E")
"""The engine, as its library has it."""
T = TypeVar("T")


def cores() -> int:
    """Return how many processors there are."""
    return os.cpu_count() or 1


class Workers(Generic[E]):
    """The threads of one provider. Make them on any thread; use them on one event loop."""

    def __init__(
        self,
        provider: str,
        load: Callable[[], E],
        *,
        count: int,
        shared: bool = True,
        patience_s: float = PATIENCE_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Start the threads; they load the engine while the server goes on.

        Args:
            provider: Its full name, for errors.
            load: Returns the engine. What it raises is a `ProviderRefused` for all who ask.
            count: Threads, 1 or more.
            shared: Whether one engine serves all threads; otherwise each loads its own.
            patience_s: Longest wait for a free thread.
            timeout_s: Longest time that a job may take.
        """
        self._provider = provider
        self._patience_s = patience_s
        self._timeout_s = timeout_s
        self._closed = False
        lock = Lock()  # a library's first steps are seldom made for two at once
        loader = _Loader(load, lock)
        self._workers = [
            Worker(self, loader if shared else _Loader(load, lock)) for _ in range(max(1, count))
        ]
        self._free: asyncio.LifoQueue[Worker[E]] = asyncio.LifoQueue()  # the warmest first
        for worker in self._workers:
            self._free.put_nowait(worker)

    @asynccontextmanager
    async def take(self) -> "AsyncIterator[Worker[E]]":
        """Have a worker alone. It is free for others when its last job is done.

        Raises:
            ProviderUnavailable: If none is free in time, or they are closed.
        """
        worker = await self._take()
        try:
            yield worker
        finally:
            worker.give_back(self._free)

    async def _take(self) -> "Worker[E]":
        if self._closed:
            raise self.closed_error()
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._free.get()
        except TimeoutError:
            raise ProviderUnavailable(
                self._provider,
                f"all {len(self._workers)} workers were busy for {self._patience_s} s",
            ) from None

    async def aclose(self) -> None:
        """Do no further job; a job that goes on is not waited for."""
        self._closed = True
        for worker in self._workers:
            worker.end()

    # --- for the workers ----------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether no further job is done."""
        return self._closed

    @property
    def timeout_s(self) -> float:
        """Longest time that a job may take."""
        return self._timeout_s

    def closed_error(self) -> ProviderError:
        """Return what whoever still asks is told."""
        return ProviderUnavailable(self._provider, "it was closed")

    def late_error(self) -> ProviderError:
        """Return what whoever waits for a job that takes too long is told."""
        return ProviderTimeout(self._provider, f"no answer in {self._timeout_s} s")

    def work(self, loader: "_Loader[E]", job: Callable[[E], T]) -> T:
        """Do a job, in a worker's thread; what a library raises becomes a `ProviderError`."""
        if self._closed:
            raise self.closed_error()
        try:
            engine = loader.engine()
        except Exception as error:
            reason = f"the model cannot be loaded: {type(error).__name__}: {error}"
            raise ProviderRefused(self._provider, reason) from error
        try:
            return job(engine)
        except ProviderError:
            raise
        except Exception as error:
            reason = f"the engine failed with {type(error).__name__}"
            raise ProviderBroken(self._provider, reason) from error


class Worker(Generic[E]):
    """One thread, and what it does for one utterance or sentence at a time."""

    def __init__(self, workers: Workers[E], loader: "_Loader[E]") -> None:
        """Start the thread and let it load the engine."""
        self._workers = workers
        self._loader = loader
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="provider")
        self.later(lambda _: None)

    async def run(self, job: Callable[[E], T]) -> T:
        """Return what a job returns. Whoever gives up leaves it to end by itself.

        Raises:
            ProviderRefused: If the engine cannot be loaded.
            ProviderTimeout: If the job takes too long.
            ProviderBroken: If the engine fails.
            ProviderUnavailable: If the provider was closed.
        """
        if self._workers.closed:
            raise self._workers.closed_error()
        answer = asyncio.wrap_future(self._submit(job))
        try:
            async with asyncio.timeout(self._workers.timeout_s):
                return await answer
        except TimeoutError:
            raise self._workers.late_error() from None

    def later(self, job: Callable[[E], object]) -> None:
        """Do a job after all before; nobody waits for it or asks whether it failed."""
        if not self._workers.closed:
            self._submit(job)

    def give_back(self, free: "asyncio.LifoQueue[Worker[E]]") -> None:
        """Put the worker into the queue when its last job is done."""
        if self._workers.closed:
            return
        loop = asyncio.get_running_loop()

        def done(_: "Future[None]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(free.put_nowait, self)

        self._thread.submit(lambda: None).add_done_callback(done)

    def end(self) -> None:
        """Take no further job."""
        self._thread.shutdown(wait=False)

    def _submit(self, job: Callable[[E], T]) -> "Future[T]":
        return self._thread.submit(self._workers.work, self._loader, job)


class _Loader(Generic[E]):
    """Loads an engine once, or fails once and for all."""

    def __init__(self, load: Callable[[], E], lock: Lock) -> None:
        """Load nothing yet; those that share a lock load one after the other."""
        self._load = load
        self._lock = lock
        self._engine: E | None = None
        self._error: Exception | None = None

    def engine(self) -> E:
        """Return it, loaded; the threads that ask meanwhile wait."""
        if self._engine is not None:
            return self._engine
        with self._lock:
            if self._error:
                raise self._error
            if self._engine is None:
                try:
                    self._engine = self._load()
                except Exception as error:
                    self._error = error
                    raise
            return self._engine
