"""Several processes behind one port: calls are spread, counts and limits are of all of them."""

import os
import signal
from contextlib import ExitStack

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from acceptance.callers import AS_TEXT, Caller
from acceptance.conftest import MakeHouse
from acceptance.house import KEY, LIMIT_S, House, agent, wait_until

pytestmark = pytest.mark.acceptance

HOURS = "We are open from ten to six."
TOO_MANY = (4300, "too many concurrent connections")


def told(house: House, name: str) -> dict[str, float]:
    """The values of one of the figures in `/metrics`, by the worker that they are of."""
    text = httpx.get(f"{house.url}/metrics", timeout=LIMIT_S).raise_for_status().text
    return {
        sample.labels.get("worker", sample.labels.get("reason", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def counted(house: House) -> int:
    """The live count that whichever worker says which a new connection leads to."""
    path = f"{house.url}/v1/convai/analytics/live-count"
    found = httpx.get(path, headers={"xi-api-key": KEY}, timeout=LIMIT_S)
    return int(found.raise_for_status().json()["count"])


def wait_for_count(house: House, count: int) -> None:
    """Wait until all workers say so: ten connections in a row."""
    said = f"{count} live calls"  # a worker that is replaced takes its time
    wait_until(lambda: {counted(house) for _ in range(10)} == {count}, said, 2 * LIMIT_S)


def spread_of(house: House, count: int) -> dict[str, float]:
    """How many calls each worker holds, when they are so many in all."""

    def look() -> dict[str, float] | None:
        found = told(house, "turnwise_live_calls")
        return found if sum(found.values()) == count else None

    return wait_until(look, f"{count} calls in /metrics")


def begin(calls: ExitStack, url: str, count: int) -> list[Caller]:
    begun = [calls.enter_context(Caller(url, AS_TEXT)) for _ in range(count)]
    for caller in begun:
        caller.wait("agent_response")
    return begun


def answer(callers: list[Caller]) -> None:
    """Each call goes on: a question is answered."""
    for caller in callers:
        before = len(caller.replies())
        caller.write("When are you open?")
        caller.wait("agent_response", before + 1)
        assert caller.replies()[-1] == HOURS


def process_of(house: House, worker: int) -> int:
    """The process of a worker, as the roll has it."""
    roll = house.folder / "data" / "live" / "roll"
    return int(np.fromfile(roll, "<i8", worker + 1)[worker])


def refuse(url: str) -> None:
    """One more caller is told that there are enough."""
    with Caller(url, AS_TEXT) as refused:
        assert refused.wait_for_close() == TOO_MANY


def kill_one(house: House, callers: list[Caller]) -> list[Caller]:
    """Kill a worker: its calls end and are on record so; return those of the other, which go on."""
    before = spread_of(house, len(callers))
    assert set(before) == {"0", "1"}
    assert all(before.values()), before
    ids = [caller.conversation_id for caller in callers]
    begun = told(house, "turnwise_calls_total")
    os.kill(process_of(house, 0), signal.SIGKILL)
    wait_until(
        lambda: sum(caller.closed is not None for caller in callers) == before["0"],
        "the end of the calls of the worker",
    )
    wait_for_count(house, int(before["1"]))
    for conversation_id, caller in zip(ids, callers, strict=True):
        if caller.closed is not None:
            record = house.ended(conversation_id)
            assert record["status"] == "failed"
            assert "stopped" in record["metadata"]["termination_reason"]
        else:
            assert house.conversation(conversation_id)["status"] == "in-progress"
    assert told(house, "turnwise_calls_total") == begun  # what the dead one counted is not lost
    left = [caller for caller in callers if caller.closed is None]
    answer(left)
    return left


def limit_an_agent(house: House) -> None:
    """An agent takes so many calls, wherever they are."""
    limited = agent(HOURS, "Hello!")
    limited["platform_settings"]["call_limits"] = {"agent_concurrency_limit": 2}
    url = house.socket_url(house.create(limited))
    with ExitStack() as calls:
        callers = begin(calls, url, 2)
        for _ in range(4):
            refuse(url)
        answer(callers)
        count = counted(house)
        callers[0].hang_up()
        wait_for_count(house, count - 1)
        answer(begin(calls, url, 1))


def stop(house: House, url: str, callers: list[Caller]) -> None:
    """A server that is told to stop lets calls go on, and ends with the last one."""
    os.kill(house.pid, signal.SIGTERM)
    wait_until(lambda: {ready(house) for _ in range(6)} == {503}, "the end of its welcome")
    refuse(url)
    answer(callers)
    ids = [caller.conversation_id for caller in callers]
    for caller in callers[1:]:
        caller.hang_up()
    assert [house.ended(each)["status"] for each in ids[1:]] == ["done"] * (len(ids) - 1)
    callers[0].hang_up()
    assert house._process is not None
    assert house._process.wait(LIMIT_S) == 0


def ready(house: House) -> int:
    return httpx.get(f"{house.url}/readyz", timeout=LIMIT_S).status_code


def test_two_processes_are_one_server(make_house: MakeHouse) -> None:
    house = make_house(WORKERS="2", MOST_CALLS="12", DRAIN_S="600")
    url = house.socket_url(house.create(agent(HOURS, "Hello!")))
    with ExitStack() as calls:
        callers = begin(calls, url, 12)
        wait_for_count(house, 12)
        refuse(url)
        assert told(house, "turnwise_refused_calls_total") == {"server": 1}
        callers = kill_one(house, callers)
        limit_an_agent(house)
        wait_for_count(house, len(callers))
        callers += begin(calls, url, 12 - len(callers))
        assert all(spread_of(house, 12).values())
        stop(house, url, callers)
    assert house.faults() == ""
