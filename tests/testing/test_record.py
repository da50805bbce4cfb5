from turnwise.base.units import Millis
from turnwise.testing.record import Record
from turnwise.turns.commands import End, Report
from turnwise.turns.events import Tick
from turnwise.turns.journal import Step

STEPS = [
    Step(Millis(5), Tick(), (Report("a", "b"), Report("a", "c")), ("rule",)),
    Step(Millis(9), Tick(), (End("over"),)),
]


def test_all_that_was_done_is_one_row() -> None:
    assert Record(STEPS).done == [(5, Report("a", "b")), (5, Report("a", "c")), (9, End("over"))]


def test_it_is_asked_for_a_command_or_for_a_type() -> None:
    record = Record(STEPS)
    assert record.when(Report("a", "c")) == [5]
    assert record.when(Report) == [5, 5]
    assert record.of(End) == [(9, End("over"))]
    assert record.fired() == [(5, "rule")]
