from turnwise.base.clock import Clock
from turnwise.base.units import Millis


class StoppedClock:
    def now(self) -> Millis:
        return Millis(1_200)


def test_a_clock_is_whatever_tells_the_milliseconds_since_the_conversation_began() -> None:
    clock: Clock = StoppedClock()
    assert clock.now() == 1_200
    assert Clock.__doc__
