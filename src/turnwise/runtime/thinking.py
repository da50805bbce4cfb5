"""From "start a reply" to its words: asks the language model, passes on what it writes."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

from turnwise.base.errors import ProviderBroken, ProviderError
from turnwise.providers.ports import (
    Answering,
    LanguageModel,
    ModelEvent,
    ModelRequest,
    TextDelta,
    Thought,
    ToolCall,
    Usage,
)
from turnwise.runtime.answers import guessed_usage
from turnwise.runtime.cascade import AllModelsFailed, CustomModelFailed
from turnwise.runtime.conversation import Tell
from turnwise.runtime.spending import Spending
from turnwise.turns.commands import StartReply
from turnwise.turns.events import (
    CallId,
    FillerMade,
    ReplyFailed,
    ReplyId,
    ReplyText,
    ReplyWritten,
    ToolRequested,
)

Ask = Callable[[StartReply], Awaitable[ModelRequest]]
"""Puts together what the model is told."""
AskFiller = Callable[[], ModelRequest]
"""Puts together what the model is told when only a filler is wanted."""


class Thinking:
    """Thinks for one agent."""

    def __init__(
        self,
        model: LanguageModel,
        ask: Ask,
        ask_filler: AskFiller,
        tell: Tell,
        tasks: asyncio.TaskGroup,
        spending: Spending,
    ) -> None:
        """Think of nothing yet.

        Args:
            model: Who writes.
            ask: Puts together what it is told.
            ask_filler: The same for a filler.
            tell: Takes in what happened.
            tasks: Of the conversation.
            spending: Keeps the books.
        """
        self.model = model
        self._ask = ask
        self._ask_filler = ask_filler
        self._tell = tell
        self._tasks = tasks
        self._running: dict[ReplyId, asyncio.Task[None]] = {}
        self._fillers: set[asyncio.Task[None]] = set()
        self._spending = spending
        self.on_failure: Callable[[ProviderError], None] = lambda _: None
        """Told why a model did not answer, and why those before it did not."""

    def start(self, command: StartReply) -> None:
        """Have a reply written, or its next pass."""
        task = self._tasks.create_task(self._write(command))
        self._running[command.reply] = task
        task.add_done_callback(lambda done: self._forget(command.reply, done))

    def cancel(self, reply: ReplyId) -> None:
        """Stop writing a reply."""
        task = self._running.pop(reply, None)
        if task is not None:
            task.cancel()

    def stop(self) -> None:
        """Stop writing altogether."""
        for task in self._tasks_running():
            task.cancel()

    def _tasks_running(self) -> list[asyncio.Task[None]]:
        return [*self._running.values(), *self._fillers]

    def make_filler(self, reply: ReplyId) -> None:
        """Have a filler written; if that fails, the engine takes a fixed one."""
        task = self._tasks.create_task(self._write_filler(reply))
        self._fillers.add(task)
        task.add_done_callback(self._fillers.discard)

    async def _write_filler(self, reply: ReplyId) -> None:
        words = ""
        request = self._ask_filler()
        try:
            async with aclosing(self.model.stream(request)) as answer:
                async for event in answer:
                    match event:
                        case TextDelta(text=text):
                            words += text
                        case Usage():
                            self._spending.spent_beside(event)
                        case _:
                            pass
        except ProviderError as error:
            self.on_failure(error)
            return
        self._tell(FillerMade(reply, words))

    def _forget(self, reply: ReplyId, done: asyncio.Task[None]) -> None:
        if self._running.get(reply) is done:
            del self._running[reply]

    async def _write(self, command: StartReply) -> None:
        reply = command.reply
        try:
            request = await self._ask(command)
            async with aclosing(self._answer(reply, request)) as answer:
                async for event in answer:
                    match event:
                        case TextDelta(text=text):
                            self._tell(ReplyText(reply, text))
                        case ToolCall(name=name, arguments=arguments):
                            self._tell(ToolRequested(reply, _new_call(name), name, arguments))
                        case _:
                            pass
        except ProviderError as error:
            self.on_failure(error)
            self._tell(ReplyFailed(reply, _reason(error), _kind(error)))
        else:
            self._tell(ReplyWritten(reply))

    async def _answer(
        self, reply: ReplyId, request: ModelRequest
    ) -> AsyncGenerator[ModelEvent, None]:
        """Yield an answer, and keep the books: one that is broken off has its cost guessed."""
        written: list[ModelEvent] = []
        counted, by = False, request.model
        try:
            async with aclosing(self.model.stream(request)) as answer:
                async for event in answer:
                    match event:
                        case Answering(model=model):
                            by = model
                            self._spending.answered(reply, event)
                            for error in event.errors:
                                self.on_failure(error)
                        case Thought(text=text):
                            self._spending.thought(reply, text)
                        case Usage():
                            counted = counted or not event.wasted
                            self._spending.spent(reply, event)
                        case _:
                            written.append(event)
                    yield event
        except ProviderError:
            counted = counted or not written
            raise
        finally:
            if not counted:
                self._spending.spent(reply, replace(guessed_usage(request, written), model=by))


def _new_call(tool: str) -> CallId:
    """Return an id as the hosted service makes them; models' own ids repeat."""
    return CallId(f"{tool}_{secrets.token_hex(16)}")


def _kind(error: ProviderError) -> str:
    """Return the wire's `error_type`."""
    return error.code if isinstance(error, AllModelsFailed | CustomModelFailed) else "llm_error"


def _reason(error: ProviderError) -> str:
    """Return what went wrong, without anything either side said."""
    unreadable = isinstance(error, ProviderBroken)
    return f"{error.code}: {error.provider}" if unreadable else f"{error.code}: {error}"
