from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from turnwise.runtime.roll import Full, Roll

Sign = Callable[[int], Roll]


@pytest.fixture
def sign(tmp_path: Path) -> Iterator[Sign]:
    """Signs workers on to one roll."""
    with ExitStack() as stack:
        yield lambda worker: stack.enter_context(closing(Roll(worker, tmp_path / "roll")))


def enter(roll: Roll, agent: str = "a", *, most: int = 100, of_agent: int | None = None) -> int:
    return roll.enter(agent, most=most, most_of_agent=of_agent)


def test_all_processes_count_all_calls(sign: Sign) -> None:
    one, two = sign(0), sign(1)
    rows = [enter(one), enter(one, "b"), enter(two)]
    assert len(set(rows)) == 3
    for roll in (one, two):
        assert roll.count() == 3
        assert roll.count(["a"]) == 2
        assert roll.count(["a", "b", "nobody"]) == 3
        assert roll.count(["nobody"]) == 0
    one.leave(rows[1])
    assert two.count() == 2
    assert two.count(["b"]) == 0


def test_the_limit_is_of_all_processes(sign: Sign) -> None:
    one, two = sign(0), sign(1)
    row = enter(one, most=2)
    enter(two, most=2)
    with pytest.raises(Full, match="2 conversations of the server are live; the limit is 2") as no:
        enter(two, most=2)
    assert no.value.whose == "server"
    one.leave(row)
    enter(two, most=2)


@pytest.mark.parametrize("alone", [True, False])
def test_an_agent_has_a_limit_of_its_own(sign: Sign, *, alone: bool) -> None:
    roll = Roll() if alone else sign(0)
    enter(roll, "a", of_agent=1)
    enter(roll, "b", of_agent=1)
    with pytest.raises(Full, match="of the agent") as no:
        enter(roll, "a", of_agent=1)
    assert no.value.whose == "agent"
    with pytest.raises(Full):
        enter(roll, "c", of_agent=0)
    assert roll.count() == 2


def test_who_takes_the_place_of_a_dead_process_strikes_out_its_calls(sign: Sign) -> None:
    dead, other = sign(0), sign(1)
    enter(dead)
    enter(other, "b")
    enter(dead)
    again = sign(0)
    assert again.count() == other.count() == 1
    assert again.count(["b"]) == 1
    assert again.workers().keys() == {0, 1}


def test_rolls_without_a_file_know_nothing_of_each_other() -> None:
    one, two = Roll(), Roll()
    enter(one)
    assert (one.count(), two.count()) == (1, 0)
