import asyncio
import socket
import threading

from turnwise.testing.virtual_loop import VirtualLoop, run


def test_an_hour_of_sleeps_happens_in_its_order_at_exact_times() -> None:
    done: list[tuple[str, float]] = []

    async def sleep(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        done.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for name, seconds in [("hour", 3_600), ("second", 1), ("tenth", 0.1), ("minute", 60)]:
                group.create_task(sleep(name, seconds))

    run(main())
    assert done == [("tenth", 0.1), ("second", 1.0), ("minute", 60.0), ("hour", 3_600.0)]


def test_sleeps_that_end_together_end_in_the_order_they_began() -> None:
    done: list[int] = []

    async def sleep(number: int) -> None:
        await asyncio.sleep(5)
        done.append(number)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(sleep(number))

    run(main())
    assert done == list(range(20))


def test_many_thousand_timers_keep_their_order() -> None:
    done: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(30_000):
            loop.call_later(number // 3, done.append, number)
        await asyncio.sleep(10_000)

    run(main())
    assert done == list(range(30_000))


def test_a_time_out_comes_at_its_time() -> None:
    async def main() -> float:
        try:
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        except TimeoutError:
            return asyncio.get_running_loop().time()
        raise AssertionError("it waits for ever")

    assert run(main()) == 30.0


def test_the_clock_stands_still_while_a_thread_works() -> None:
    begun = threading.Event()

    def work() -> str:
        begun.wait()
        return "done"

    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        working = loop.run_in_executor(None, work)
        loop.call_soon(begun.set)
        result = await asyncio.wait_for(working, 0.001)
        return result, loop.time()

    assert run(main()) == ("done", 0.0)


def test_what_is_ready_on_a_socket_goes_before_a_timer() -> None:
    async def main() -> tuple[bytes, float]:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with near, far:
            near.settimeout(0)
            far.settimeout(0)
            loop.call_later(10, near.close)
            loop.call_soon(far.send, b"hello")
            return await loop.sock_recv(near, 5), loop.time()

    assert run(main()) == (b"hello", 0.0)


def test_run_returns_what_the_coroutine_returns_on_a_virtual_loop() -> None:
    async def main() -> bool:
        return isinstance(asyncio.get_running_loop(), VirtualLoop)

    assert run(main())
