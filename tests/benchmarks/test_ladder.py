from typing import Any

import pytest
from ladder import Plain, added_ms, held, line, why_not_held


def level(calls: int, p95: float | None = 700.0, holes: int = 0, errors: int = 0) -> Plain:
    spread: dict[str, Any] = {"count": 9, "p50": p95, "p95": p95, "p99": p95, "max": p95}
    return {
        "calls": calls,
        "response_ms": spread,
        "interruption_ms": spread,
        "audio": {"hole_ms": {"count": holes}},
        "errors": {"odd": errors} if errors else {},
        "server": {"cpu_ms_per_call_s": 2.0, "cores": 0.1, "memory_mb_per_call": 0.5},
        "client": {"cpu_ms_per_call_s": 0.3, "late_ms": spread},
    }


FIRST = level(1)


@pytest.mark.parametrize(
    ("later", "why"),
    [
        (level(9, 730.0), ""),
        (level(9, 650.0), ""),
        (level(9, 731.0), "answers 31 ms later"),
        (level(9, None), "no answers"),
        (level(9, holes=2), "2 holes in the sound"),
        (level(9, errors=3), "3 errors, such as: odd"),
    ],
)
def test_a_level_is_held_when_users_feel_nothing(later: Plain, why: str) -> None:
    assert why_not_held(later, FIRST) == why
    assert (why or "held") in line(later, FIRST)


def test_what_is_added_is_not_known_without_answers() -> None:
    assert added_ms(level(9, None), FIRST) is None
    assert added_ms(level(9), level(1, None)) is None


def test_the_highest_level_that_was_held_counts() -> None:
    assert held([FIRST, level(50), level(100, 900.0)]) == level(50)
    assert held([FIRST, level(50, errors=1), level(100)]) == level(100)
    assert held([level(1, errors=1)]) is None
