import pytest
from density import share_of_floor
from ladder import Plain

from benchmarks.test_compare import cost
from benchmarks.test_ladder import level

FLOOR = [cost(level(1), 20.0), cost(level(100), 2.0), cost(level(400), 1.0)]


@pytest.mark.parametrize(
    ("levels", "share"),
    [
        ([cost(level(1), 40.0), cost(level(50), 9.0), cost(level(100), 8.0)], 0.25),
        ([cost(level(100), 8.0), cost(level(400), 2.0)], 0.5),
        ([cost(level(100), 8.0), cost(level(400, errors=3), 0.1)], 0.25),
        ([cost(level(50), 9.0)], None),
    ],
    ids=["highest of both", "highest", "without errors", "none in both"],
)
def test_the_share_of_the_floor_is_of_equal_levels(
    levels: list[Plain], share: float | None
) -> None:
    assert share_of_floor(levels, FLOOR) == share
