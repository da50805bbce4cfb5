from hypothesis import given
from hypothesis import strategies as st

from turnwise.base.units import Hertz, ms_of, samples_in

RATES = st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100, 48_000]).map(Hertz)


def test_samples_and_milliseconds_are_converted_in_whole_numbers() -> None:
    assert samples_in(20, Hertz(8_000)) == 160
    assert samples_in(333, Hertz(24_000)) == 7_992
    assert samples_in(1, Hertz(22_050)) == 22
    assert ms_of(8_000, Hertz(24_000)) == 333
    assert ms_of(159, Hertz(8_000)) == 19


@given(st.integers(0, 10_000_000), RATES)
def test_a_conversion_forth_and_back_loses_less_than_a_millisecond(ms: int, rate: Hertz) -> None:
    assert ms - 1 <= ms_of(samples_in(ms, rate), rate) <= ms
