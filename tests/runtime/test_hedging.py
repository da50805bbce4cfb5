import asyncio

import pytest

from runtime.model_doubles import ASK, Step, Told, heard, text_of, words
from turnwise.base.errors import ProviderUnavailable
from turnwise.providers.ports import ModelEvent, TextDelta, Usage
from turnwise.runtime.hedging import LEAST, WINDOW, Hedged, Pace
from turnwise.testing import run

DOWN = ProviderUnavailable("llm/x", "the server fails")


def used_to(seconds: float) -> Pace:
    pace = Pace()
    for _ in range(LEAST):
        pace.note(seconds)
    return pace


def usage_of(events: list[ModelEvent]) -> list[Usage]:
    return [each for each in events if isinstance(each, Usage)]


@pytest.mark.parametrize(
    ("seen", "usual"),
    [
        ([], None),
        ([1.0] * (LEAST - 1), None),
        ([1.0] * LEAST, 1.0),
        ([float(n) for n in range(1, 101)], 95.0),
        ([9.0] * WINDOW + [1.0] * WINDOW, 1.0),
    ],
    ids=["none", "few", "enough", "quantile", "old ones are forgotten"],
)
def test_what_is_usual_is_learned(seen: list[float], usual: float | None) -> None:
    pace = Pace()
    for seconds in seen:
        pace.note(seconds)
    assert pace.usual_s == usual


def test_a_model_as_fast_as_usual_is_asked_once() -> None:
    model = Told([words("Yes.", after=0.5)])
    events, _, seconds = run(heard(Hedged(model, used_to(1.0))))
    assert events == [TextDelta("Yes."), Usage(10, 2)]
    assert (len(model.asked), seconds) == (1, 0.5)


def test_nobody_is_asked_twice_before_anything_is_usual() -> None:
    model = Told([words("Yes.", after=30.0)])
    run(heard(Hedged(model)))
    assert len(model.asked) == 1


def test_a_slow_model_is_asked_again_and_the_faster_answer_wins() -> None:
    model = Told([words("Slow.", after=30.0), words("Fast.", after=0.5)])
    events, _, seconds = run(heard(Hedged(model, used_to(1.0))))
    assert text_of(events) == "Fast."
    assert (model.at[1] - model.at[0], seconds) == (1.0, 1.5)
    assert model.cancelled == 1
    assert usage_of(events) == [Usage(10, 2), Usage(10, 0, wasted=True, estimated=True)]


def test_the_first_wins_if_its_word_comes_first_after_all() -> None:
    model = Told([words("First.", after=1.2), words("Second.", after=5.0)])
    events, _, seconds = run(heard(Hedged(model, used_to(1.0))))
    assert (text_of(events), seconds, model.cancelled) == ("First.", 1.2, 1)


def test_the_loser_is_cancelled_before_the_winner_is_done() -> None:
    slow: list[Step] = [30.0, TextDelta("Slow.")]
    model = Told([slow, [0.5, TextDelta("Fast "), 5.0, TextDelta("words.")]])

    async def main() -> None:
        stream = Hedged(model, used_to(1.0)).stream(ASK)
        assert await anext(stream) == TextDelta("Fast ")
        await asyncio.sleep(0.1)
        assert model.cancelled == 1
        await stream.aclose()
        assert model.cancelled == 2

    run(main())


def test_one_that_fails_leaves_it_to_the_other() -> None:
    model = Told([[1.5, DOWN], words("Yes.", after=3.0)])
    events, failure, _ = run(heard(Hedged(model, used_to(1.0))))
    assert (text_of(events), failure) == ("Yes.", None)


def test_an_empty_one_leaves_it_to_the_other() -> None:
    model = Told([[1.5, Usage(3, 0)], words("Yes.", after=3.0)])
    events, failure, _ = run(heard(Hedged(model, used_to(1.0))))
    assert (text_of(events), failure) == ("Yes.", None)


def test_when_both_fail_the_first_one_says_why() -> None:
    model = Told([[2.0, DOWN], [0.1, ProviderUnavailable("llm/x", "another")]])
    _, failure, seconds = run(heard(Hedged(model, used_to(1.0))))
    assert (failure, seconds) == (DOWN, 2.0)


def test_a_failure_in_time_is_no_reason_to_ask_again() -> None:
    model = Told([[0.1, DOWN]])
    _, failure, _ = run(heard(Hedged(model, used_to(1.0))))
    assert (failure, len(model.asked)) == (DOWN, 1)


def test_words_before_a_break_are_passed_on() -> None:
    model = Told([[TextDelta("The answer "), 0.1, DOWN]])
    events, failure, _ = run(heard(Hedged(model, used_to(1.0))))
    assert (text_of(events), failure) == ("The answer ", DOWN)


def test_the_pace_is_that_of_the_model_not_of_the_race() -> None:
    pace = used_to(1.0)
    model = Told([words("Slow.", after=30.0), words("Fast.", after=0.5)])
    for _ in range(2):
        run(heard(Hedged(Told(model.scripts), pace)))
    assert pace.usual_s == 1.5


def test_being_cancelled_stops_both() -> None:
    model = Told([[30.0]])

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await heard(Hedged(model, used_to(1.0)))
        assert (len(model.asked), model.cancelled) == (2, 2)

    run(main())


def test_closing_closes_the_model() -> None:
    model = Told([[]])
    run(Hedged(model).aclose())
    assert model.closed == 1
