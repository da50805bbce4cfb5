"""Several language models as one: when one fails, the next is asked.

Laws: another is asked only as long as nothing of an answer was passed on; an answer without words
is a failure, but after a tool's result, where there may be nothing to add; there are at least
`LEAST_ATTEMPTS`, round and round. Nobody is hurried whom nobody stands behind: the first word may
take longer than `cascade_timeout_s` where the same model would be asked again.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from turnwise.base.errors import ProviderBroken, ProviderError, ProviderTimeout
from turnwise.providers.ports import (
    Answering,
    LanguageModel,
    ModelEvent,
    ModelRequest,
    ThoughtDelta,
    Usage,
    has_tiers,
)
from turnwise.runtime.answers import is_word

LEAST_ATTEMPTS = 3  # spec/semantics.md, 13
LONGEST_PAUSE_S = 2.0
"""A caller is waiting: a model is asked again after so long, however long it asked to be left."""
FIRST_PAUSE_S = 0.2
"""Before a model that failed is asked again at once, the first time; then twice as long."""


class AllModelsFailed(ProviderError):
    """The model and all its backups failed."""

    code = "cascade_brain_error"


class CustomModelFailed(ProviderError):
    """The agent's own model failed, again and again."""

    code = "custom_llm_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One model of a cascade."""

    model: LanguageModel
    asked_for: str
    """The model's own name at its provider; empty: the provider's default."""
    name: str
    """For the record."""


class Cascade:
    """Asks one after the other until one answers."""

    def __init__(
        self, steps: Sequence[Step], *, failure: type[ProviderError] | None = None
    ) -> None:
        """Ask nobody yet.

        Args:
            steps: Who is asked, in order, one or more.
            failure: What is raised when all have failed; None: what the last one raised.
        """
        assert steps
        self._steps = steps
        self._failure = failure

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield who answers, then the answer.

        Raises:
            ProviderError: If nobody answers, or the answer breaks off.
        """
        failures: list[str] = []
        errors: list[ProviderError] = []
        attempts = max(LEAST_ATTEMPTS, len(self._steps))
        for number in range(attempts):
            step, begun = self._step(number), False
            try:
                async with aclosing(self._attempt(number, attempts, request)) as events:
                    async for event in events:
                        if isinstance(event, ThoughtDelta):
                            yield event  # another may still be asked
                            continue
                        if isinstance(event, Usage):
                            yield replace(event, model=event.model or step.name)
                            continue
                        if not begun:
                            begun = True
                            ignored = _ignored(step.model, request)
                            yield Answering(step.name, tuple(failures), tuple(errors), ignored)
                        yield event
            except ProviderError as error:
                if begun:
                    raise
                errors.append(error)
                failures.append(f"{step.name}: {error.code}: {error.reason}")
                if number + 1 == attempts:
                    raise self._given_up(error) from error
                pause_s = self._pause_s(number, error)
            else:
                return
            await asyncio.sleep(pause_s)

    async def aclose(self) -> None:
        """Do nothing: the models are somebody else's."""

    def _step(self, number: int) -> Step:
        return self._steps[number % len(self._steps)]

    async def _attempt(
        self, number: int, attempts: int, request: ModelRequest
    ) -> AsyncGenerator[ModelEvent, None]:
        """Ask one model; what it yields before the first word is held back, but for thoughts."""
        step = self._step(number)
        hurried = number + 1 < attempts and self._step(number + 1) is not step
        patience_s = request.cascade_timeout_s if hurried else None
        asked = replace(request, model=step.asked_for)
        held: list[ModelEvent] = []
        now = asyncio.get_running_loop().time
        until = None if patience_s is None else now() + patience_s
        async with aclosing(step.model.stream(asked)) as events:
            while not held or not is_word(held[-1]):
                try:
                    async with asyncio.timeout_at(until):
                        event = await anext(events, None)
                except TimeoutError:
                    raise ProviderTimeout(step.name, f"no word within {patience_s:g} s") from None
                if event is None:
                    break
                if isinstance(event, ThoughtDelta):
                    yield event
                else:
                    held.append(event)
            if not any(is_word(event) for event in held) and not _may_be_empty(request):
                for spent in held:
                    if isinstance(spent, Usage):
                        yield replace(spent, wasted=True)
                raise ProviderBroken(step.name, "an empty answer")
            for event in held:
                yield event
            async for event in events:
                yield event

    def _pause_s(self, number: int, error: ProviderError) -> float:
        if self._step(number + 1) is not self._step(number) or not error.retryable:
            return 0.0
        asked_s = error.retry_after_s
        return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**number if asked_s is None else asked_s)

    def _given_up(self, last: ProviderError) -> ProviderError:
        if self._failure is None:
            return last
        return self._failure(last.provider, last.reason, status=last.status)


def _ignored(model: LanguageModel, request: ModelRequest) -> tuple[str, ...]:
    tier = request.service_tier
    if tier in {None, "standard"} or has_tiers(model):
        return ()
    return (f"service_tier {tier!r} has no effect: none is asked for",)


def _may_be_empty(request: ModelRequest) -> bool:
    return bool(request.messages) and request.messages[-1].role == "tool"
