import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from runtime.model_doubles import ASK, Told, heard, text_of, words
from turnwise.base.errors import ConfigError, ProviderUnavailable
from turnwise.providers.ports import Answering, Endpoint, LanguageModel, ModelRequest, TextDelta
from turnwise.runtime import routed_model
from turnwise.runtime.cascade import AllModelsFailed, CustomModelFailed
from turnwise.runtime.llm_routes import Route, Routes
from turnwise.runtime.routed_model import RoutedModel
from turnwise.testing import run

DOWN = ProviderUnavailable("llm/x", "the server fails")
GPT = Route(match="gpt-*", provider="openai", model="big")
SAME = Route(match="o*", provider="openai", model="big")
ENGINE = Route(match="*", provider="other", model="small")
MINE = replace(ASK, model="custom-llm", endpoint=Endpoint(url="http://mine/v1", model="own"))


def nobody(_: Endpoint) -> LanguageModel:
    raise AssertionError("no agent has a model of its own")


def routed(models: Mapping[Route, Told], **more: object) -> RoutedModel:
    rows = [route for route in models if route is not ENGINE]
    return RoutedModel(Routes(rows, ENGINE), models, more.get("make_custom", nobody))  # type: ignore[arg-type]


def for_llm(llm: str, backups: tuple[str, ...] | None = None) -> ModelRequest:
    return replace(ASK, model=llm, backups=backups)


def test_a_name_is_routed_and_the_record_has_the_real_one() -> None:
    big, small = Told([words("Big.")]), Told([words("Small.")])
    model = routed({GPT: big, ENGINE: small})
    events, _, _ = run(heard(model, for_llm("gpt-4o")))
    assert events[:2] == [Answering("big"), TextDelta("Big.")]
    events, _, _ = run(heard(model, for_llm("made-up")))
    assert events[:2] == [Answering("small"), TextDelta("Small.")]
    assert [each.model for each in (*big.asked, *small.asked)] == ["big", "small"]


def test_a_failing_model_is_replaced_by_the_servers_own_choice() -> None:
    model = routed({GPT: Told([[DOWN]]), ENGINE: Told([words("Small.")])})
    events, _, _ = run(heard(model, for_llm("gpt-4o")))
    assert text_of(events) == "Small."


def test_without_backups_it_is_not() -> None:
    small = Told([words("Small.")])
    _, failure, _ = run(heard(routed({GPT: Told([[DOWN]]), ENGINE: small}), for_llm("gpt-4o", ())))
    assert failure is DOWN
    assert small.asked == []


def test_rows_that_lead_to_the_same_model_are_one() -> None:
    big = Told([[DOWN]])
    model = routed({GPT: big, SAME: big, ENGINE: Told([[DOWN]])})
    _, failure, _ = run(heard(model, for_llm("gpt-4o")))
    assert isinstance(failure, AllModelsFailed)
    assert len(big.asked) == 2


def test_an_agents_own_model_is_asked_again_and_nobody_else() -> None:
    small, own = Told([words("Small.")]), Told([[DOWN]])
    model = routed({ENGINE: small}, make_custom=lambda _: own)
    _, failure, _ = run(heard(model, MINE))
    assert isinstance(failure, CustomModelFailed)
    assert [each.model for each in own.asked] == ["own"] * 3
    assert small.asked == []


def test_an_agents_own_model_answers() -> None:
    model = routed({ENGINE: Told([[]])}, make_custom=lambda _: Told([words("Mine.")]))
    events, _, _ = run(heard(model, MINE))
    assert events[:2] == [Answering("own"), TextDelta("Mine.")]


def test_its_client_is_made_once_for_each_place() -> None:
    made: list[Endpoint] = []

    def make(endpoint: Endpoint) -> LanguageModel:
        made.append(endpoint)
        return Told([words("Mine.")])

    async def main() -> None:
        model = routed({ENGINE: Told([[]])}, make_custom=make)
        for url in ("http://a/v1", "http://a/v1", "http://b/v1"):
            await heard(model, replace(MINE, endpoint=Endpoint(url=url)))

    run(main())
    assert [each.url for each in made] == ["http://a/v1", "http://b/v1"]


def test_clients_nobody_uses_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routed_model, "MOST_ENDPOINTS", 1)
    made: dict[str, Told] = {}

    def make(endpoint: Endpoint) -> LanguageModel:
        return made.setdefault(endpoint.url, Told([words("Mine.", after=1.0)]))

    async def main() -> None:
        model = routed({ENGINE: Told([[]])}, make_custom=make)
        async with asyncio.TaskGroup() as tasks:
            for url in ("http://a", "http://b"):
                asked = replace(MINE, endpoint=Endpoint(url=url))
                tasks.create_task(heard(model, asked))
            await asyncio.sleep(0.5)
            assert [each.closed for each in made.values()] == [0, 0]
        assert [each.closed for each in made.values()] == [1, 0]
        await model.aclose()
        assert [each.closed for each in made.values()] == [1, 1]

    run(main())


def test_an_agent_without_the_model_it_wants_is_told() -> None:
    model = routed({ENGINE: Told([[]])})
    _, failure, _ = run(heard(model, replace(MINE, endpoint=None)))
    assert isinstance(failure, CustomModelFailed)
    assert "custom_llm" in str(failure)


def test_an_address_that_is_none_is_told() -> None:
    def make(_: Endpoint) -> LanguageModel:
        raise ConfigError("base_url is 'x'")

    _, failure, _ = run(heard(routed({ENGINE: Told([[]])}, make_custom=make), MINE))
    assert isinstance(failure, CustomModelFailed)


def test_closing_closes_each_model_once() -> None:
    big, small = Told([[]]), Told([[]])
    run(routed({GPT: big, SAME: big, ENGINE: small}).aclose())
    assert (big.closed, small.closed) == (1, 1)
