from turnwise.testing.agenda import Agenda
from turnwise.turns.events import SpeechStarted, Tick


def test_the_earliest_comes_first() -> None:
    agenda = Agenda()
    agenda.note(20, Tick())
    agenda.note(10, SpeechStarted())
    assert agenda.next_at == 10
    assert [agenda.pop()[0], agenda.pop()[0]] == [10, 20]
    assert agenda.next_at is None


def test_the_same_millisecond_keeps_the_order_of_noting() -> None:
    agenda = Agenda()
    entries = [agenda.note(10, Tick()) for _ in range(9)]
    assert [agenda.pop()[1] for _ in range(9)] == entries


def test_an_entry_can_be_crossed_out() -> None:
    agenda = Agenda()
    agenda.note(10, Tick()).crossed_out = True
    assert agenda.pop()[1].crossed_out
