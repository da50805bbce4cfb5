import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.base.units import Millis
from turnwise.wire.ping import MOST_MS, PingClock


def run(clock: PingClock, rounds: list[int], *, waits: bool) -> list[int]:
    """Send a ping every 10 s to a client so far away; return what was announced."""
    announced = []
    for number, ms in enumerate(rounds):
        at = number * 10_000
        ping = clock.ping(Millis(at))
        slept = 0
        if ping.ping_ms is not None:
            announced.append(ping.ping_ms)
            slept = ping.ping_ms if waits else 0
        clock.pong(ping.event_id, Millis(at + ms + slept))
    return announced


def test_the_first_ping_announces_nothing_and_numbers_rise() -> None:
    clock = PingClock()
    first = clock.ping(Millis(0))
    assert (first.event_id, first.ping_ms, clock.ping_ms) == (1, None, None)
    clock.pong(1, Millis(12))
    second, third = clock.ping(Millis(20)), clock.ping(Millis(30))
    assert (second.event_id, second.ping_ms) == (2, 12)
    assert (third.event_id, third.ping_ms) == (3, None)


@pytest.mark.parametrize("waits", [True, False])
def test_a_steady_client_is_measured_exactly_whether_it_waits_or_not(waits: bool) -> None:  # noqa: FBT001
    assert run(PingClock(), [40] * 20, waits=waits) == [40] * 10


@pytest.mark.parametrize("waits", [True, False])
def test_a_change_is_followed(waits: bool) -> None:  # noqa: FBT001
    announced = run(PingClock(), [20] * 10 + [200] * 40, waits=waits)
    assert abs(announced[-1] - 200) <= 5


@given(st.lists(st.integers(0, 5_000), min_size=2, max_size=30), st.booleans())
def test_what_is_announced_cannot_run_away(rounds: list[int], waits: bool) -> None:  # noqa: FBT001
    announced = run(PingClock(), rounds, waits=waits)
    least, most = (max(1, min(MOST_MS, ms)) for ms in (min(rounds), max(rounds)))
    assert all(least <= ms <= most for ms in announced)


def test_answers_to_nothing_measure_nothing() -> None:
    clock = PingClock()
    ping = clock.ping(Millis(0))
    assert clock.pong(None, Millis(5)) is None
    assert clock.pong(99, Millis(5)) is None
    assert clock.pong(ping.event_id, Millis(5)) == 5
    assert clock.pong(ping.event_id, Millis(9)) is None


def test_pings_that_nobody_answers_are_forgotten() -> None:
    clock = PingClock()
    first = clock.ping(Millis(0))
    for number in range(40):
        clock.ping(Millis(number))
    assert clock.pong(first.event_id, Millis(50)) is None
    assert clock.pong(41, Millis(50)) is not None
