from contextlib import closing
from pathlib import Path

import pytest

from turnwise.runtime.pace import MOST, Pace


class Clock:
    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def steps(pace: Pace, count: int, who: str = "a", most: int = 10) -> list[bool]:
    return [pace.step(who, most, 1.0) == 0 for _ in range(count)]


def test_a_burst_is_allowed_and_no_more(clock: Clock) -> None:
    pace = Pace(now=clock)
    assert steps(pace, 12) == [True] * 10 + [False] * 2
    assert steps(pace, 1, "b") == [True]
    clock.s += 1.0
    assert steps(pace, 12) == [True] * 10 + [False] * 2


def test_the_wait_is_as_long_as_it_says(clock: Clock) -> None:
    pace = Pace(now=clock)
    steps(pace, 10)
    wait_s = pace.step("a", 10, 1.0)
    assert wait_s == pytest.approx(0.1)
    clock.s += wait_s - 0.01
    assert pace.step("a", 10, 1.0) == pytest.approx(0.01)
    clock.s += 0.01
    assert steps(pace, 2) == [True, False]


@pytest.mark.parametrize("ahead_s", [0.0, 0.3, 0.9])
def test_in_the_long_run_it_is_the_rate(clock: Clock, ahead_s: float) -> None:
    pace = Pace(now=clock)
    clock.s += ahead_s
    made = 0
    for _ in range(10_000):  # a hundred seconds, a hundred tries a second
        clock.s += 0.01
        made += pace.step("a", 10, 1.0) == 0
    assert 1_000 <= made <= 1_010


def test_all_processes_count_together(tmp_path: Path, clock: Clock) -> None:
    with (
        closing(Pace(tmp_path / "pace", clock)) as one,
        closing(Pace(tmp_path / "pace", clock)) as two,
    ):
        assert steps(one, 6) == [True] * 6
        assert steps(two, 6) == [True] * 4 + [False] * 2


def test_there_is_room_for_more_than_there_are_rows(clock: Clock) -> None:
    pace = Pace(now=clock)

    def step(number: int) -> float:
        return pace.step(f"user {number}", 1, 1.0)

    assert all(step(number) == 0 for number in range(MOST + 1_000))
    clock.s += 1.0
    assert step(0) == 0
    assert step(0) > 0
