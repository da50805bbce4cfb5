"""When a live conversation is stored."""

import asyncio

import pytest

from turnwise.runtime.storing import SETTLING_S, UNHURRIED_S, Storing
from turnwise.testing.virtual_loop import VirtualLoop

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": VirtualLoop}


async def stored_at(*acts: tuple[float, str]) -> list[float]:
    """Return when it is stored, if at some times there is something new."""
    loop = asyncio.get_running_loop()
    began, stored = loop.time(), list[float]()

    async def store() -> None:
        stored.append(round(loop.time() - began, 3))

    storing = Storing(store)
    task = asyncio.create_task(storing.run())  # noqa: TID251 - ends with the test
    for at, act in acts:
        await asyncio.sleep(began + at - loop.time())
        (storing.soon if act == "turn" else storing.later)()
    await asyncio.sleep(3 * UNHURRIED_S)
    task.cancel()
    return stored


async def test_turns_that_follow_at_once_are_stored_together() -> None:
    assert await stored_at((1, "turn"), (1.1, "turn")) == [1 + SETTLING_S]


async def test_what_is_no_turn_is_stored_with_the_next_one() -> None:
    assert await stored_at((1, "figures"), (3, "turn")) == [3 + SETTLING_S]


async def test_or_by_itself_where_none_comes() -> None:
    late = 1 + UNHURRIED_S + SETTLING_S
    assert await stored_at((1, "figures"), (2, "figures")) == [late]
