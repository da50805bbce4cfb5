"""Language models that do what they are told, in virtual time."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from turnwise.base.errors import ProviderError
from turnwise.providers.ports import (
    LanguageModel,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    TextDelta,
    Usage,
)

ASK = ModelRequest(messages=[ModelMessage(role="user", text="Hi")], cascade_timeout_s=4.0)
AFTER_TOOL = ModelRequest(messages=[ModelMessage(role="tool", text="ok", tool_call_id="1")])

Step = float | ModelEvent | ProviderError
"""Seconds to wait, something to say, or how it fails."""


def words(text: str, *, after: float = 0.0, usage: tuple[int, int] = (10, 2)) -> list[Step]:
    return [after, TextDelta(text), Usage(*usage)]


@dataclass
class Told:
    """Plays one script after the other; the last one again and again."""

    scripts: Sequence[Sequence[Step]]
    asked: list[ModelRequest] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    """When it was asked, in seconds of the loop."""
    cancelled: int = 0
    closed: int = 0

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        script = self.scripts[min(len(self.asked), len(self.scripts) - 1)]
        self.asked.append(request)
        self.at.append(asyncio.get_running_loop().time())
        whole = False
        try:
            for step in script:
                if isinstance(step, float | int):
                    await asyncio.sleep(step)
                elif isinstance(step, ProviderError):
                    whole = True
                    raise step
                else:
                    yield step
            whole = True
        finally:
            self.cancelled += not whole

    async def aclose(self) -> None:
        self.closed += 1


async def heard(
    model: LanguageModel, request: ModelRequest = ASK
) -> tuple[list[ModelEvent], ProviderError | None, float]:
    """What a model says, how it fails, and how many seconds it takes."""
    events: list[ModelEvent] = []
    began = asyncio.get_running_loop().time()
    failure: ProviderError | None = None
    try:
        async for event in model.stream(request):
            events.append(event)  # noqa: PERF401 - what came before an error counts
    except ProviderError as error:
        failure = error
    return events, failure, asyncio.get_running_loop().time() - began


def text_of(events: Sequence[ModelEvent]) -> str:
    return "".join(each.text for each in events if isinstance(each, TextDelta))
