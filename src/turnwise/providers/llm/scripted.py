"""A language model that says what it was told to say. For tests and load."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass

from turnwise.base.errors import ProviderError
from turnwise.providers.ports import ModelEvent, ModelRequest, TextDelta, ToolCall, Usage
from turnwise.providers.spec import ProviderSpec

SPEC = ProviderSpec(
    kind="llm",
    name="scripted",
    sentence="Says given replies, one for each request.",
    quality="double",
    licence="Part of this package.",
)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    text: str = ""

    tools: tuple[tuple[str, Mapping[str, object]], ...] = ()
    """Name and arguments of the tools that it wants after the text."""

    error: ProviderError | None = None
    """What goes wrong; None: nothing."""

    error_after_words: int = 0
    """Words that come before it does."""


Author = Callable[[ModelRequest], Reply | str]
"""Writes an answer."""


class Scripted:
    """Gives one reply after the other; the last one again and again."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        replies: Sequence[Reply | str] | Author = ("All right.",),
        latency_ms: float = 0.0,
        word_ms: float = 0.0,
    ) -> None:
        """Make one.

        Args:
            replies: The replies, one or more, or who writes them.
            latency_ms: Wait before the first word.
            word_ms: Wait after each word.
        """
        assert callable(replies) or replies
        self._replies = replies
        self._latency_s = latency_ms / 1000
        self._word_s = word_ms / 1000
        self.requests: list[ModelRequest] = []
        """What it was asked so far."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the next reply word by word."""
        number = len(self.requests)
        self.requests.append(request)
        reply = self._reply(number, request)
        await asyncio.sleep(self._latency_s)
        words = re.findall(r"\S+\s*", reply.text)
        for index, word in enumerate(words):
            if reply.error and index >= reply.error_after_words:
                raise reply.error
            yield TextDelta(word)
            await asyncio.sleep(self._word_s)
        if reply.error:
            raise reply.error
        for index, (name, arguments) in enumerate(reply.tools):
            yield ToolCall(id=f"call_{number}_{index}", name=name, arguments=json.dumps(arguments))
        yield Usage(sum(len(message.text.split()) for message in request.messages), len(words))

    async def aclose(self) -> None:
        """Do nothing: it holds nothing."""

    def _reply(self, number: int, request: ModelRequest) -> Reply:
        if callable(self._replies):
            reply = self._replies(request)
        else:
            reply = self._replies[min(number, len(self._replies) - 1)]
        return Reply(reply) if isinstance(reply, str) else reply
