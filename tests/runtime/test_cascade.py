import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from runtime.model_doubles import AFTER_TOOL, ASK, Step, Told, heard, text_of, words
from turnwise.base.errors import (
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from turnwise.providers.ports import (
    Answering,
    ModelEvent,
    ModelRequest,
    TextDelta,
    ThoughtDelta,
    ToolCall,
    Usage,
    has_tiers,
)
from turnwise.runtime.cascade import AllModelsFailed, Cascade, CustomModelFailed
from turnwise.runtime.cascade import Step as One
from turnwise.runtime.hedging import Hedged
from turnwise.testing import run

DOWN = ProviderUnavailable("llm/x", "the server fails", status=500)
NO = ProviderRefused("llm/x", "the key is not accepted", status=401)


def asked(
    *models: Told,
    request: ModelRequest = ASK,
    failure: type[ProviderError] | None = AllModelsFailed,
) -> tuple[list[ModelEvent], ProviderError | None, float]:
    steps = [
        One(model=model, asked_for=f"m{n}", name=f"name{n}") for n, model in enumerate(models, 1)
    ]
    return run(heard(Cascade(steps, failure=failure), request))


def test_a_model_that_answers_is_the_only_one_asked() -> None:
    first, second = Told([words("Yes.", after=1.0)]), Told([words("No.")])
    events, failure, seconds = asked(first, second)
    assert events == [Answering("name1"), TextDelta("Yes."), Usage(10, 2, model="name1")]
    assert (failure, seconds) == (None, 1.0)
    assert first.asked[0].model == "m1"
    assert second.asked == []


def test_thoughts_are_passed_on_before_the_first_word_and_bind_nobody() -> None:
    thinks = Told([[ThoughtDelta("Hm."), 9.0]])
    answers = Told([[ThoughtDelta("So."), 1.0, *words("Yes.")]])
    events, failure, seconds = asked(thinks, answers)
    assert events[:2] == [ThoughtDelta("Hm."), ThoughtDelta("So.")]
    assert [each.model for each in events if isinstance(each, Answering)] == ["name2"]
    assert (text_of(events), failure, seconds) == ("Yes.", None, 5.0)


class WithTiers(Told):
    has_tiers = True


@pytest.mark.parametrize(
    ("model", "tier", "ignored"),
    [
        (Told, "fast", ("service_tier 'fast' has no effect: none is asked for",)),
        (Told, "standard", ()),
        (Told, None, ()),
        (WithTiers, "fast", ()),
    ],
)
def test_a_tier_that_is_not_asked_for_is_said(
    model: type[Told], tier: str | None, ignored: tuple[str, ...]
) -> None:
    request = replace(ASK, service_tier=tier)
    events, _, _ = asked(model([words("Yes.")]), request=request)
    assert events[0] == Answering("name1", ignored=ignored)
    plain = Hedged(model([words("Yes.")]))  # says of itself what its model says
    assert has_tiers(plain) is (model is WithTiers)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ([DOWN], "provider_unavailable: the server fails"),
        ([NO], "provider_refused: the key is not accepted"),
        ([Usage(5, 0)], "provider_broken: an empty answer"),
        ([TextDelta(" \n"), Usage(5, 1)], "provider_broken: an empty answer"),
        ([9.0, TextDelta("Late.")], "provider_timeout: no word within 4 s"),
        ([TextDelta(" "), 9.0, TextDelta("Late.")], "provider_timeout: no word within 4 s"),
    ],
    ids=["down", "refused", "empty", "blank", "slow", "slow after a blank"],
)
def test_the_next_one_is_asked_when_one_fails(script: Sequence[Step], reason: str) -> None:
    events, failure, _ = asked(Told([script]), Told([words("Yes.")]))
    assert failure is None
    assert Answering("name2", (f"name1: {reason}",)) in events
    assert text_of(events) == "Yes."


def test_the_next_one_is_asked_at_once_when_time_is_up() -> None:
    first, second = Told([[60.0]]), Told([words("Yes.", after=0.5)])
    _, _, seconds = asked(first, second)
    assert seconds == 4.5
    assert first.cancelled == 1


def test_a_tool_call_is_an_answer() -> None:
    call = ToolCall(id="1", name="look", arguments="{}")
    events, failure, _ = asked(Told([[call]]), Told([words("No.")]))
    assert (events, failure) == ([Answering("name1"), call], None)


def test_after_a_tools_result_there_may_be_nothing_to_add() -> None:
    first = Told([[Usage(5, 0)]])
    events, failure, _ = asked(first, Told([words("No.")]), request=AFTER_TOOL)
    assert (events, failure) == ([Usage(5, 0, model="name1")], None)
    assert len(first.asked) == 1


def test_nobody_else_is_asked_once_words_were_passed_on() -> None:
    second = Told([words("No.")])
    events, failure, _ = asked(Told([[TextDelta("The answer is "), DOWN]]), second)
    assert text_of(events) == "The answer is "
    assert failure is DOWN
    assert second.asked == []


def test_what_an_empty_answer_cost_is_told() -> None:
    events, _, _ = asked(Told([[Usage(5, 0)]]), Told([words("Yes.", usage=(6, 1))]))
    assert [each for each in events if isinstance(each, Usage)] == [
        Usage(5, 0, model="name1", wasted=True),
        Usage(6, 1, model="name2"),
    ]


def test_there_are_three_attempts_and_the_first_comes_round_again() -> None:
    first, second = Told([[DOWN], words("Again.")]), Told([[DOWN]])
    events, _, seconds = asked(first, second)
    assert text_of(events) == "Again."
    assert (len(first.asked), len(second.asked), seconds) == (2, 1, 0.0)


def test_one_model_alone_is_asked_three_times_with_pauses() -> None:
    model = Told([[DOWN]])
    _, failure, seconds = asked(model, failure=None)
    assert failure is DOWN
    assert len(model.asked) == 3
    assert seconds == pytest.approx(0.2 + 0.4)


@pytest.mark.parametrize(("asked_s", "pause_s"), [(1.0, 1.0), (20.0, 2.0), (0.0, 0.0)])
def test_a_model_may_ask_to_be_left_alone_but_not_for_long(asked_s: float, pause_s: float) -> None:
    busy = ProviderUnavailable("llm/x", "too many requests", status=429, retry_after_s=asked_s)
    _, _, seconds = asked(Told([[busy], words("Yes.")]))
    assert seconds == pause_s


def test_nobody_is_hurried_whom_nobody_stands_behind() -> None:
    alone = Told([words("At last.", after=12.0)])
    events, _, seconds = asked(alone)
    assert (text_of(events), seconds, len(alone.asked)) == ("At last.", 12.0, 1)


def test_the_last_attempt_may_take_longer() -> None:
    first, second = Told([words("Late.", after=6.0)]), Told([[60.0]])
    events, _, seconds = asked(first, second)
    assert (text_of(events), seconds) == ("Late.", 14.0)


def test_many_models_are_all_asked_once() -> None:
    models = [Told([[DOWN]]) for _ in range(4)] + [Told([words("Yes.")])]
    events, _, _ = asked(*models)
    assert text_of(events) == "Yes."
    assert [len(model.asked) for model in models] == [1] * 5


@pytest.mark.parametrize(
    ("failure", "code"),
    [(AllModelsFailed, "cascade_brain_error"), (CustomModelFailed, "custom_llm_error")],
)
def test_when_all_fail_the_error_says_so(failure: type[ProviderError], code: str) -> None:
    events, error, _ = asked(Told([[DOWN]]), Told([[NO]]), failure=failure)
    assert events == []
    assert error is not None
    assert type(error) is failure
    assert (error.code, error.status) == (code, 500)  # of the last one, which is the first again


def test_without_words_alone_it_is_a_broken_answer() -> None:
    _, failure, _ = asked(Told([[]]), failure=None)
    assert isinstance(failure, ProviderBroken)


def test_closing_closes_the_model() -> None:
    model = Told([[TextDelta("One "), 60.0]])

    async def main() -> None:
        stream = Cascade([One(model=model, asked_for="m", name="n")]).stream(ASK)
        assert await anext(stream) == Answering("n")
        assert await anext(stream) == TextDelta("One ")
        await stream.aclose()
        assert model.cancelled == 1

    run(main())


def test_being_cancelled_while_waiting_is_no_failure() -> None:
    model = Told([[60.0]])

    async def main() -> None:
        cascade = Cascade([One(model=model, asked_for="m", name="n")] * 2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await heard(cascade)
        assert (len(model.asked), model.cancelled) == (1, 1)

    run(main())


def test_a_timeout_says_of_whom() -> None:
    _, failure, _ = asked(Told([[60.0], [DOWN]]), Told([[DOWN]]), failure=None)
    assert failure is DOWN
    assert str(ProviderTimeout("name1", "no word within 4 s")) == "name1: no word within 4 s"
