from collections import Counter

import pytest

from turnwise.testing.load.plan import Plan
from turnwise.testing.load.report import Level, Spread, slope_an_hour
from turnwise.testing.load.tally import Tally, together
from turnwise.testing.load.usage import Usage


def test_a_spread_is_by_rank() -> None:
    assert Spread.of([float(value) for value in range(101)]) == Spread(101, 50, 95, 99, 100)
    assert Spread.of([7.0]) == Spread(1, 7, 7, 7, 7)
    assert Spread.of([]) == Spread(0)


def tally(**figures: object) -> Tally:
    made = Tally(100.0, 120.0)
    for name, value in figures.items():
        setattr(made, name, value)
    return made


def test_only_what_began_in_the_hold_counts() -> None:
    made = tally()
    for at in (99.9, 100.0, 119.9, 120.0):
        made.note(made.responses, at, 0.7)
        made.late(at, at + 0.0035)
    assert made.responses == [(0.0, 700.0), (19.9, 700.0)]
    assert made.lags == {3: 2}


def test_the_figures_of_processes_are_put_together() -> None:
    first = tally(responses=[(1.0, 700.0)], audio_s=1.0, cpu_s=0.5)
    first.errors, first.lags = Counter(a=1), Counter({1: 2})
    second = tally(responses=[(2.0, 800.0)], audio_s=2.0, cpu_s=0.25, errors=Counter(a=1, b=1))
    whole = together([first, second])
    assert whole.responses == [(1.0, 700.0), (2.0, 800.0)]
    assert (whole.audio_s, whole.cpu_s) == (3.0, 0.75)
    assert whole.errors == {"a": 2, "b": 1}
    assert whole.lags == {1: 2}


def test_a_level_says_what_a_call_costs() -> None:
    plan = Plan(address="", calls=10, hold_s=20.0)
    seconds = [(0.0, Usage(5.0, 90_000_000, 40)), (20.0, Usage(9.0, 110_000_000, 50))]
    level = Level.of(plan, tally(cpu_s=2.0), Usage(1.0, 60_000_000, 20), seconds)
    assert level.server is not None
    assert level.server.cores == pytest.approx(0.2)
    assert level.server.cpu_ms_per_call_s == pytest.approx(20)
    assert level.server.memory_mb_per_call == pytest.approx(5)
    assert level.client_cpu_ms_per_call_s == pytest.approx(10)
    assert level.to_plain()["server"] == {
        "cpu_ms_per_call_s": 20.0,
        "cores": 0.2,
        "memory_mb": 110.0,
        "memory_mb_per_call": 5.0,
        "open_files": 50,
    }


@pytest.mark.parametrize("seconds", [[], [(0.0, Usage(5.0, 90, 4))]])
def test_a_server_that_does_not_tell_has_no_cost(seconds: list[tuple[float, Usage]]) -> None:
    level = Level.of(Plan(address=""), tally(), Usage(1.0, 60, 2), seconds)
    assert level.server is None
    assert level.to_plain()["server"] is None


def test_holes_are_a_share_of_the_time_of_listening() -> None:
    level = Level.of(Plan(address=""), tally(audio_s=9.0, holes=[(1.0, 400.0), (2.0, 600.0)]))
    assert level.hole_share == pytest.approx(0.1)
    assert level.hole == Spread.of([400.0, 600.0])
    assert Level.of(Plan(address=""), tally()).hole_share == 0.0


@pytest.mark.parametrize(("lags", "late"), [({0: 99, 90: 1}, False), ({0: 90, 90: 10}, True)])
def test_a_client_that_is_late_itself_is_told_apart(lags: dict[int, int], late: bool) -> None:  # noqa: FBT001 - a parameter
    assert Level.of(Plan(address=""), tally(lags=Counter(lags))).is_client_late is late


@pytest.mark.parametrize(
    ("points", "slope"),
    [
        ([], 0.0),
        ([(0.0, 5.0)], 0.0),
        ([(0.0, 5.0), (0.0, 6.0)], 0.0),
        ([(0.0, 5.0), (1_800.0, 5.0), (3_600.0, 5.0)], 0.0),
        ([(0.0, 5.0), (1_800.0, 6.0), (3_600.0, 7.0)], 2.0),
    ],
)
def test_a_slope_is_what_grows_in_an_hour(points: list[tuple[float, float]], slope: float) -> None:
    assert slope_an_hour(points) == pytest.approx(slope, abs=1e-9)
