import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from turnwise.base.errors import (
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from turnwise.providers.worker_threads import Workers

pytestmark = pytest.mark.anyio

Make = Callable[..., Workers[str]]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made = []

    def make_one(load: Callable[[], str] = lambda: "engine", **options: object) -> Workers[str]:
        settings = {"count": 1, **options}
        made.append(Workers("stt/x", load, **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make_one
    for workers in made:
        await workers.aclose()


async def ask(workers: Workers[str]) -> str:
    async with workers.take() as worker:
        return await worker.run(lambda engine: f"{engine} works")


async def test_a_job_gets_the_engine(make: Make) -> None:
    assert await ask(make()) == "engine works"


@pytest.mark.parametrize(("shared", "loads"), [(True, 1), (False, 3)])
async def test_an_engine_is_loaded_once_or_for_each(
    make: Make, *, shared: bool, loads: int
) -> None:
    threads = []

    def load() -> str:
        threads.append(threading.get_ident())
        return "engine"

    workers = make(load, count=3, shared=shared)
    async with workers.take() as one, workers.take() as two, workers.take() as three:
        for worker in (one, two, three):
            await worker.run(str)
    assert len(threads) == loads


async def test_who_finds_no_free_worker_is_told_so_and_the_next_is_served(make: Make) -> None:
    workers = make(patience_s=0.05)
    async with workers.take():
        with pytest.raises(ProviderUnavailable, match="all 1 workers were busy"):
            await ask(workers)
    assert await ask(workers) == "engine works"


async def test_a_worker_is_free_only_when_its_last_job_is_done(make: Make) -> None:
    workers = make(patience_s=5)
    go, order = threading.Event(), []

    def slow(_: str) -> None:
        go.wait(5)
        order.append("slow")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), workers.take() as worker:
            await worker.run(slow)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(ask(workers))
        await asyncio.sleep(0.05)
        assert not following.done()
        go.set()
    assert order == ["slow"]
    assert following.result() == "engine works"


async def test_a_model_that_cannot_be_loaded_is_refused_to_all(make: Make) -> None:
    def fail() -> str:
        raise RuntimeError("no such file")

    workers = make(fail, count=2)
    for _ in range(3):
        with pytest.raises(ProviderRefused, match="cannot be loaded: RuntimeError: no such file"):
            await ask(workers)


async def test_an_engine_that_fails_tells_no_words(make: Make) -> None:
    def fail(_: str) -> None:
        raise ValueError("my secret")

    async with make().take() as worker:
        with pytest.raises(ProviderBroken, match="ValueError") as caught:
            await worker.run(fail)
    assert "secret" not in str(caught.value)


async def test_a_job_that_takes_too_long_is_given_up(make: Make) -> None:
    go = threading.Event()
    async with make(timeout_s=0.05).take() as worker:
        with pytest.raises(ProviderTimeout):
            await worker.run(lambda _: go.wait(5))
        go.set()


async def test_closed_workers_fail_whoever_asks_and_what_waits(make: Make) -> None:
    workers = make()
    go = threading.Event()
    async with workers.take() as worker:
        worker.later(lambda _: go.wait(5))
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(fails(worker.run(str)))
            await asyncio.sleep(0)
            await workers.aclose()
            go.set()
        with pytest.raises(ProviderUnavailable):
            await worker.run(str)
        worker.later(str)
    assert waiting.done()
    with pytest.raises(ProviderUnavailable):
        await ask(workers)


async def fails(job: object) -> None:
    with pytest.raises(ProviderError):
        await job  # type: ignore[misc]


async def test_the_event_loop_goes_on_while_a_job_blocks(make: Make) -> None:
    go = threading.Event()
    async with make().take() as worker:
        job = asyncio.ensure_future(worker.run(lambda _: go.wait(5)))  # noqa: TID251 - a task alone
        await asyncio.sleep(0)
        go.set()
        assert await job
