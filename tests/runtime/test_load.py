from collections.abc import Callable

import pytest

from turnwise.runtime.load import COOLING, EACH, FEW_CALLS, SAMPLES, Load

Cost = Callable[[int], float]
"""The lag in milliseconds that so many calls make."""


def seconds(load: Load, count: int, live: int, late_ms: float) -> None:
    for _ in range(count * EACH):
        load.look(late_ms, live)


def test_a_process_that_never_lagged_takes_any_number() -> None:
    load = Load(limit_ms=50)
    seconds(load, 5, 400, 3.0)
    assert load.admits(400)
    assert load.capacity is None
    assert not load.strained
    assert load.lag_ms == 3.0


@pytest.mark.parametrize(
    ("late", "admitted"),
    [
        ([500.0], True),  # one stall
        ([60.0] * 3, False),
        ([40.0] * SAMPLES, True),
        ([60.0] * SAMPLES, False),
    ],
)
def test_a_lag_that_lasts_closes_the_door(late: list[float], *, admitted: bool) -> None:
    load = Load(limit_ms=50)
    for late_ms in [*[0.0] * (SAMPLES - len(late)), *late]:
        load.look(late_ms, 100)
    assert load.admits(100) is admitted


def test_without_a_limit_the_door_is_open() -> None:
    load = Load(limit_ms=0)
    seconds(load, 10, 500, 5_000)
    assert load.admits(500)


def test_few_calls_are_never_too_many() -> None:
    load = Load(limit_ms=50)
    seconds(load, 30, FEW_CALLS - 1, 900)
    assert load.admits(FEW_CALLS - 1)
    assert not load.admits(FEW_CALLS)
    assert load.capacity is None  # others on the machine are to blame


def test_what_was_too_much_is_remembered_when_it_is_over() -> None:
    load = Load(limit_ms=50)
    seconds(load, 3, 200, 80)
    assert load.capacity == 180
    seconds(load, 3, 150, 1)
    assert not load.strained
    assert load.admits(179)
    assert not load.admits(180)


def test_a_lag_that_goes_on_teaches_more_only_when_fewer_calls_are_left() -> None:
    load = Load(limit_ms=50)
    seconds(load, 10 * COOLING, 200, 80)
    assert load.capacity == 180
    seconds(load, 1, 180, 80)
    assert load.capacity == 162
    seconds(load, COOLING - 1, 160, 80)
    assert load.capacity == 162
    seconds(load, 1, 160, 80)
    assert load.capacity == 144


def drive(load: Load, cost: Cost, offered: int, rounds: int) -> list[int]:
    """Offer calls without end for so many seconds, each of 60 s; return how many were live."""
    live: list[int] = []
    ends: list[int] = []
    for second in range(rounds):
        ends = [end for end in ends if end > second]
        for _ in range(offered):
            if load.admits(len(ends)):
                ends.append(second + 60)
        seconds(load, 1, len(ends), cost(len(ends)))
        live.append(len(ends))
    return live


@pytest.mark.parametrize("most", [100, 400])
def test_it_learns_how_many_it_carries(most: int) -> None:
    def cost(live: int) -> float:
        return 2.0 if live <= most else 2.0 + (live - most) * 4

    load = Load(limit_ms=50)
    live = drive(load, cost, offered=40, rounds=900)
    later = live[300:]
    assert max(later) <= most * 1.15  # it suffers a little, sometimes, to find out
    assert sum(later) / len(later) >= most * 0.8


def test_it_finds_out_when_calls_become_cheaper() -> None:
    load = Load(limit_ms=50)
    seconds(load, 3, 100, 80)
    assert load.capacity == 90
    live = drive(load, lambda _: 1.0, offered=40, rounds=300)
    assert live[-1] > 200
