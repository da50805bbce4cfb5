import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from turnwise.base.errors import ConfigError
from turnwise.testing.latency import Fixed, Never
from turnwise.testing.persona import Persona
from turnwise.testing.providers import Model, Providers
from turnwise.testing.simulation import Report, Spread, one_call, simulate
from turnwise.turns.policy import Eagerness, Endpointing, Policy

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "simulate-calls.md"
GREETS = Policy(first_message="Hello, how can I help?")


def eager(eagerness: Eagerness, bet_ms: int | None = None) -> Policy:
    return Policy(endpointing=Endpointing(eagerness=eagerness, bet_ms=bet_ms))


def test_the_same_seed_gives_the_identical_report() -> None:
    assert simulate(GREETS, calls=8, seed=3) == simulate(GREETS, calls=8, seed=3)
    assert simulate(GREETS, calls=8, seed=3) != simulate(GREETS, calls=8, seed=4)


def test_the_report_does_not_depend_on_how_many_processes_share_the_work() -> None:
    assert simulate(GREETS, calls=6, processes=2) == simulate(GREETS, calls=6)


def test_the_users_are_the_same_whatever_the_policy_is() -> None:
    patient = one_call(eager(Eagerness.PATIENT), Persona(), Providers(), 0, 1)
    hasty = one_call(eager(Eagerness.EAGER), Persona(), Providers(), 0, 1)
    assert patient.deeds[0] == hasty.deeds[0]
    assert patient.length_ms != hasty.length_ms


def median(policy: Policy) -> int:
    found = simulate(policy, calls=30).response.p50
    assert found is not None
    return found


def test_eagerness_orders_the_response_times() -> None:
    times = [median(eager(e)) for e in (Eagerness.EAGER, Eagerness.NORMAL, Eagerness.PATIENT)]
    assert times == sorted(times)
    assert len(set(times)) == 3


def test_bets_make_the_response_faster() -> None:
    assert median(eager(Eagerness.NORMAL, bet_ms=250)) < median(eager(Eagerness.NORMAL))


def test_a_faster_model_makes_the_response_faster() -> None:
    slow = simulate(GREETS, calls=10, providers=Providers(model=Model(first_token=Fixed(900))))
    fast = simulate(GREETS, calls=10, providers=Providers(model=Model(first_token=Fixed(100))))
    assert (fast.response.p50 or 0) < (slow.response.p50 or 0)


def test_a_hanging_model_shows() -> None:
    hangs = Providers(model=Model(first_token=Never()))
    report = simulate(GREETS, Persona(turns=(2, 2)), hangs, calls=3)
    assert report.response == Spread()
    assert report.missed_ends > 0


def test_a_report_adds_up() -> None:
    report = simulate(GREETS, calls=5)
    assert report.calls == 5
    assert report.turns >= len(report.responses_ms) > 0
    assert list(report.responses_ms) == sorted(report.responses_ms)
    assert report.interrupted <= report.barge_ins
    assert report.hours > 0


def test_a_report_can_be_written_down() -> None:
    plain = json.loads(json.dumps(simulate(GREETS, calls=2).to_plain()))
    assert plain["calls"] == 2
    assert set(plain["response"]) == {"p50", "p90", "p99"}


def test_errors_are_told_with_what_to_compare_them_with() -> None:
    report = replace(simulate(GREETS, calls=2), barge_ins=5, interrupted=3)
    assert report.errors()[-1] == ("barge-ins ignored", 2, 5, "5 barge-ins")


def test_percentiles_are_numbers_of_the_row() -> None:
    assert Spread.of(range(1, 101)) == Spread(50, 90, 99)
    assert Spread.of([7]) == Spread(7, 7, 7)
    assert Spread.of([]) == Spread(None, None, None)


def test_no_calls_make_an_empty_report() -> None:
    report = Report.of([])
    assert (report.calls, report.hours, report.incidents) == (0, 0.0, {})


@pytest.mark.parametrize("wrong", [{"calls": 0}, {"processes": 0}])
def test_too_small_a_number_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="is 0; it must be 1 or more"):
        simulate(GREETS, calls=wrong.get("calls", 1), processes=wrong.get("processes", 1))


def test_the_examples_of_the_page_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), {})  # noqa: S102 - our own page
