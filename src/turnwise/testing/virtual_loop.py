"""An event loop whose clock jumps to the next timer instead of waiting for it.

An hour of sleeps takes milliseconds, and everything happens in the same order every time. What is
real stays real: sockets that are ready go first, and the clock stands still while a thread of
`asyncio.to_thread` works.

With anyio's pytest plug-in::

    @pytest.fixture
    def anyio_backend():
        return "asyncio", {"loop_factory": VirtualLoop}
"""

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# typing.override comes with Python 3.12: hence the waivers below


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for no one: the time it was asked to wait is added to the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.working = 0
        """How many threads are at work."""

    def select(  # type: ignore[explicit-override]
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; if nothing is, jump."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if self.working:
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.now = round(self.now + timeout, 9)  # of sums of floats, no crumbs
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs hours of sleeps in no time, in the same order every time."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        self._latest: dict[float, float] = {}  # the last timer set for each time
        super().__init__(self._jumping)

    def time(self) -> float:  # type: ignore[explicit-override]
        """Return the seconds since the loop was made, as far as timers tell."""
        return self._jumping.now

    def call_at(  # type: ignore[explicit-override]
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set a timer; timers of the same time go off in the order they were set.

        On a real loop no two times are the same. Here they are, and a heap does not keep their
        order: so each is the next number after the one before.
        """
        if len(self._latest) > 10_000:
            self._latest = {at: last for at, last in self._latest.items() if at > self.time()}
        last = self._latest.get(when)
        self._latest[when] = at = when if last is None else math.nextafter(last, math.inf)
        return super().call_at(at, callback, *args, context=context)

    def run_in_executor(  # type: ignore[explicit-override]
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run a function in a thread; the clock stands still until it returns."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.working += 1
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _: asyncio.Future[T]) -> None:
        self._jumping.working -= 1


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a virtual loop, as `asyncio.run` does on a real one."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
