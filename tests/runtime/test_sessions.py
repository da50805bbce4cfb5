"""Who is let in and who is not, without a conversation: only its name and its agent matter."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import cast

import pytest

from turnwise.runtime.load import SAMPLES, Load, LoopWatch
from turnwise.runtime.metrics import Metrics
from turnwise.runtime.roll import Roll
from turnwise.runtime.session import Session
from turnwise.runtime.sessions import AtCapacity, Sessions
from turnwise.testing import run
from turnwise.turns.events import Event, HungUp


@dataclass
class Talk:
    """As much of a session as is looked at."""

    conversation_id: str
    agent_id: str = "a"
    watcher: object = None
    told: list[Event] = field(default_factory=list)

    def backlog(self) -> tuple[int, int]:
        return 2, 500

    def tell(self, event: Event) -> None:
        self.told.append(event)


def talk(number: int, agent: str = "a") -> Session:
    return cast("Session", Talk(f"conv_{number}", agent))


@dataclass
class House:
    """Sessions and what they are made of."""

    most: int = 0
    lag_limit_ms: int = 50

    def __post_init__(self) -> None:
        self.load = Load(self.lag_limit_ms)
        self.metrics = Metrics()
        self.roll = Roll()
        self.registry = self.metrics.registry(self.roll)
        self.sessions = Sessions(self.roll, most=self.most, load=self.load, metrics=self.metrics)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def reason(self, session: Session, most_of_agent: int | None = None) -> str:
        with (
            pytest.raises(AtCapacity) as refused,
            self.sessions.hold(session, most_of_agent=most_of_agent),
        ):
            pass
        return refused.value.reason


def test_one_more_than_the_limit_is_refused_and_the_others_go_on() -> None:
    house = House(most=2)
    with house.sessions.hold(talk(1)), house.sessions.hold(talk(2)):
        assert house.reason(talk(3)) == "server"
        with pytest.raises(AtCapacity):
            house.sessions.check()
        assert len(house.sessions) == house.sessions.count() == 2
        assert house.sessions.find("conv_1") is not None
        assert house.sessions.find("conv_3") is None
    house.sessions.check()
    with house.sessions.hold(talk(3)):
        assert house.sessions.count(["a"]) == 1
    assert house.value("turnwise_calls_total") == 3
    assert house.value("turnwise_refused_calls_total", reason="server") == 2


def test_an_agent_has_a_limit_of_its_own() -> None:
    house = House()
    with house.sessions.hold(talk(1), most_of_agent=1):
        assert house.reason(talk(2), most_of_agent=1) == "agent"
        with house.sessions.hold(talk(3, "b"), most_of_agent=1):
            assert house.sessions.count() == 2
    with house.sessions.hold(talk(2), most_of_agent=1):
        pass


def test_a_process_that_lags_refuses_before_those_that_talk_suffer() -> None:
    house = House()
    with ExitStack() as stack:
        for number in range(20):
            stack.enter_context(house.sessions.hold(talk(number)))
        for _ in range(SAMPLES):
            house.load.look(80.0, 20)
        assert house.reason(talk(20)) == "load"
        for _ in range(SAMPLES):
            house.load.look(1.0, 20)
        assert house.load.capacity == 18
        assert house.reason(talk(20)) == "load"  # what it has learned
    for number in range(10):
        with house.sessions.hold(talk(number)):
            pass


def test_a_call_that_is_held_is_measured() -> None:
    house = House()
    session = talk(1)
    with house.sessions.hold(session):
        assert session.watcher is house.metrics


async def _drain(house: House, patience_s: float) -> tuple[list[Event], str]:
    session = talk(1)
    ended = asyncio.Event()

    async def converse() -> None:
        with house.sessions.hold(session):
            await ended.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(converse())
        await asyncio.sleep(0)
        draining = tasks.create_task(house.sessions.drain(patience_s))
        await asyncio.sleep(patience_s / 2)
        reason = house.reason(talk(2))
        await asyncio.sleep(patience_s)
        told = cast("Talk", session).told
        ended.set()
        await draining
    return told, reason


def test_who_drains_takes_nobody_and_ends_those_who_are_left() -> None:
    house = House()
    assert not house.sessions.draining
    told, reason = run(_drain(house, 10.0))
    assert told == [HungUp("the server is shutting down")]
    assert reason == "draining"
    assert house.sessions.draining


async def _watch(house: House) -> None:
    house.sessions.watch()
    with house.sessions.hold(talk(1)):
        await asyncio.sleep(1.05)
        assert house.value("turnwise_live_calls", worker="0") == 1
        assert house.value("turnwise_queue_depth", worker="0", queue="events") == 2
        assert house.value("turnwise_unheard_sound_seconds", worker="0") == 0.5
    await asyncio.sleep(1)
    await house.sessions.drain(1)
    assert house.value("turnwise_live_calls", worker="0") == 0
    assert house.value("turnwise_loop_lag_recent_seconds", worker="0") == 0
    assert house.value("turnwise_capacity_calls", worker="0") == float("inf")
    looked = house.value("turnwise_loop_lag_seconds_count")
    assert looked == 20
    await asyncio.sleep(1)
    assert house.value("turnwise_loop_lag_seconds_count") == looked


def test_the_load_is_watched_and_told_until_all_is_over() -> None:
    run(_watch(House()))


def test_a_loop_that_does_something_long_is_late() -> None:
    load, late = Load(limit_ms=50), list[float]()

    async def stall() -> None:
        loop = asyncio.get_running_loop()
        watch = LoopWatch(load, lambda: 0, late.append)
        watch.start()
        stuck_until = loop.time() + 0.4
        while loop.time() < stuck_until:
            pass
        while len(late) < 2:  # noqa: ASYNC110 - of a real loop
            await asyncio.sleep(0.01)
        watch.stop()

    asyncio.run(stall())
    assert late[0] > 0.29
    assert late[1] < late[0]
