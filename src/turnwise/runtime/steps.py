"""Steps of a conversation that the event loop calls by itself, where a task would only wait."""

import asyncio
from collections.abc import Callable
from typing import NoReturn, ParamSpec

P = ParamSpec("P")


def step_of(tasks: asyncio.TaskGroup, step: Callable[P, None]) -> Callable[P, None]:
    """Return a step of a conversation's: what it raises ends the conversation, as in a task.

    Args:
        tasks: Of the conversation.
        step: What is done; never blocks.
    """

    def taken(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            step(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the group raises it
            tasks.create_task(_raised(error))

    return taken


async def _raised(error: Exception) -> NoReturn:
    raise error
