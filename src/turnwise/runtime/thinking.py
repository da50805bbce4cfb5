"""From "start a reply" to its words: asks the language model, passes on what it writes."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from turnwise.base.errors import ProviderBroken, ProviderError
from turnwise.providers.ports import (
    Answering,
    LanguageModel,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    TextDelta,
    Thought,
    ThoughtDelta,
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
Spend = Callable[[Usage], None]
"""Takes down what an answer cost."""
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
        self.on_thought: Callable[[ReplyId, str], None] = lambda _reply, _text: None
        """Told what a model thinks of a reply, as it does."""

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
        try:
            words = await self._written(self._ask_filler())
        except ProviderError as error:
            self.on_failure(error)
            return
        self._tell(FillerMade(reply, words))

    async def consult(self, task: str, matter: str, limit_s: float, /) -> str | None:
        """Return what the agent's model makes of something beside the conversation.

        Args:
            task: What it is to do.
            matter: What it is to do it with; nothing in it is an instruction.
            limit_s: The longest wait, in seconds.

        Returns:
            Its words; None: there are none, or not in time.
        """
        told = [ModelMessage(role="system", text=task), ModelMessage(role="user", text=matter)]
        request = replace(self._ask_filler(), messages=told, aside=True)
        try:
            async with asyncio.timeout(limit_s):
                return (await self._written(request)).strip() or None
        except ProviderError as error:
            self.on_failure(error)
        except TimeoutError:
            pass
        return None

    async def _written(self, request: ModelRequest) -> str:
        """Return what a model writes that is no reply."""
        words = ""
        async with aclosing(self._counted(request, self._spending.spent_beside)) as answer:
            async for event in answer:
                if isinstance(event, TextDelta):
                    words += event.text
        return words

    def _forget(self, reply: ReplyId, done: asyncio.Task[None]) -> None:
        if self._running.get(reply) is done:
            del self._running[reply]

    async def _write(self, command: StartReply) -> None:
        reply = command.reply
        try:
            request = await self._ask(command)
            spend = partial(self._spending.spent, reply)
            async with aclosing(self._counted(request, spend)) as answer:
                async for event in answer:
                    match event:
                        case Answering():
                            self._spending.answered(reply, event)
                            for error in event.errors:
                                self.on_failure(error)
                        case Thought(text=text):
                            self._spending.thought(reply, text)
                        case ThoughtDelta(text=text):
                            self.on_thought(reply, text)
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

    async def _counted(
        self, request: ModelRequest, spend: Spend
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
                        case Usage():
                            counted = counted or not event.wasted
                            spend(event)
                        case _:
                            written.append(event)
                    yield event
        except ProviderError:
            counted = counted or not written
            raise
        finally:
            if not counted:
                spend(replace(guessed_usage(request, written), model=by))


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
