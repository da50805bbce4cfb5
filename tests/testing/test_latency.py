from statistics import median

import pytest

from turnwise.base.errors import ConfigError
from turnwise.testing.chance import seeded
from turnwise.testing.latency import Fixed, Latency, LogNormal, Never, Uniform, parse


def test_a_fixed_latency_is_always_the_same() -> None:
    assert Fixed(80).draw(seeded(0)) == 80


def test_a_uniform_latency_stays_in_its_range_and_reaches_both_ends() -> None:
    rng = seeded(0)
    assert {Uniform(5, 8).draw(rng) for _ in range(200)} == {5, 6, 7, 8}


def test_a_log_normal_latency_has_its_median_and_its_percentile() -> None:
    rng = seeded(0)
    drawn = sorted(LogNormal(120, 400).draw(rng) for _ in range(4_000))
    assert median(drawn) == pytest.approx(120, rel=0.05)
    assert drawn[3_800] == pytest.approx(400, rel=0.1)


def test_never_is_none() -> None:
    never: Latency = Never()
    assert never.draw(seeded(0)) is None


def test_draws_follow_the_seed() -> None:
    latency = LogNormal(120, 400)
    assert [latency.draw(seeded(3)) for _ in range(3)] == [latency.draw(seeded(3))] * 3


@pytest.mark.parametrize(
    ("text", "latency"),
    [
        ("80", Fixed(80)),
        (" 0 ", Fixed(0)),
        ("50-200", Uniform(50, 200)),
        ("50 - 200", Uniform(50, 200)),
        ("lognormal:120,400", LogNormal(120, 400)),
        ("LogNormal: 120, 400", LogNormal(120, 400)),
        ("never", Never()),
    ],
)
def test_a_latency_is_read_from_text(text: str, latency: Latency) -> None:
    assert parse(text) == latency


@pytest.mark.parametrize("text", ["", "fast", "-5", "1.5", "5-", "lognormal:5", "lognormal:a,b"])
def test_other_text_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ConfigError, match="is no latency; write '80', '50-200'"):
        parse(text)


@pytest.mark.parametrize("text", ["200-50", "lognormal:0,5", "lognormal:400,120"])
def test_numbers_that_make_no_distribution_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="it must be 0 <"):
        parse(text)


def test_a_negative_latency_is_refused() -> None:
    with pytest.raises(ConfigError, match="-1 ms; it must be 0 or more"):
        Fixed(-1)
