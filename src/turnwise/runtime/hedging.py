"""A second request when the first is slower than usual: the first word wins.

Usual is what was seen: the 95th percentile of a sliding window of times to the first word. So about
one request in twenty is asked twice, and the slow ones among them cost no more than two usual ones
(Dean and Barroso, "The tail at scale", 2013). The loser is cancelled; what it cost is told.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from turnwise.base.errors import ProviderError
from turnwise.providers.ports import LanguageModel, ModelEvent, ModelRequest, Usage, has_tiers
from turnwise.runtime.answers import guessed_usage, is_word

WINDOW = 200
"""Requests that are remembered."""
LEAST = 20
"""Requests before anything is usual."""
SHARE = 0.95


class Pace:
    """How long one backend takes to its first word."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._seen: deque[float] = deque(maxlen=WINDOW)

    def note(self, seconds: float) -> None:
        """Remember one request."""
        self._seen.append(seconds)

    @property
    def usual_s(self) -> float | None:
        """The time within which 95 of 100 requests had their first word; None: too few so far."""
        if len(self._seen) < LEAST:
            return None
        return sorted(self._seen)[math.ceil(SHARE * len(self._seen)) - 1]


@dataclass(slots=True, eq=False)
class _Runner:
    """One request on its way."""

    began: float
    events: asyncio.Queue[ModelEvent | None] = field(default_factory=asyncio.Queue)
    """None: the answer is over."""
    spoke: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at the first word, or where there will be none."""
    has_word: bool = False
    error: ProviderError | None = None
    usage: Usage | None = None
    task: asyncio.Task[None] | None = None


class _Track:
    """Where requests run beside each other; leaving it stops them.

    A task group would do, but for a block that yields: it wraps the end of a generator in a group.
    """

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._runners: list[_Runner] = []

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for runner in self._runners:
            _stop(runner)
        await self._group.__aexit__(None, None, None)

    def start(self, model: LanguageModel, request: ModelRequest) -> _Runner:
        runner = _Runner(asyncio.get_running_loop().time())
        runner.task = self._group.create_task(_run(runner, model, request))
        self._runners.append(runner)
        return runner


class Hedged:
    """Asks a model, and asks it again when it is slow."""

    def __init__(self, model: LanguageModel, pace: Pace | None = None) -> None:
        """Ask nobody yet.

        Args:
            model: Closed with this one.
            pace: What is known of it; None: nothing yet.
        """
        self._model = model
        self.has_tiers = has_tiers(model)
        """Whether the model asks for a `service_tier`."""
        self._pace = pace or Pace()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer that begins first, and at the end what both cost.

        Raises:
            ProviderError: If both fail, or the answer breaks off.
        """
        async with _Track() as track:
            winner, loser = await self._race(track, request)
            while (event := await winner.events.get()) is not None:
                if isinstance(event, Usage):
                    winner.usage = event
                yield event
            if loser is not None:
                yield _wasted(winner.usage or guessed_usage(request))
            if winner.error is not None:
                raise winner.error

    async def aclose(self) -> None:
        """Close the model."""
        await self._model.aclose()

    async def _race(self, track: _Track, request: ModelRequest) -> tuple[_Runner, _Runner | None]:
        """Return who has the first word, and who has not, if there were two."""
        now = asyncio.get_running_loop().time
        first = track.start(self._model, request)
        try:
            async with asyncio.timeout(self._pace.usual_s):
                await first.spoke.wait()
        except TimeoutError:
            second = track.start(self._model, request)
        else:
            if first.has_word:
                self._pace.note(now() - first.began)
            return first, None
        winner = await _first_word(first, second)
        loser = second if winner is first else first
        self._pace.note(now() - first.began)  # of a loser: at least so long
        _stop(loser)
        return winner, loser


async def _first_word(first: _Runner, second: _Runner) -> _Runner:
    """Return who speaks first; the first one if neither does."""
    running = [first, second]
    while running:
        async with asyncio.TaskGroup() as tasks:
            waits = [tasks.create_task(runner.spoke.wait()) for runner in running]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        for runner in running:
            if runner.has_word:
                return runner
        running = [runner for runner in running if not runner.spoke.is_set()]
    return first


async def _run(runner: _Runner, model: LanguageModel, request: ModelRequest) -> None:
    stream = model.stream(request)
    try:
        async for event in stream:
            runner.events.put_nowait(event)
            if is_word(event):
                runner.has_word = True
                runner.spoke.set()
    except ProviderError as error:
        runner.error = error
    finally:
        await stream.aclose()
        runner.spoke.set()
        runner.events.put_nowait(None)


def _stop(runner: _Runner) -> None:
    assert runner.task is not None
    runner.task.cancel()


def _wasted(winner: Usage) -> Usage:
    """Return what the slower of two cost: it was told the same."""
    return replace(winner, output_tokens=0, output_price=0.0, wasted=True, estimated=True)
