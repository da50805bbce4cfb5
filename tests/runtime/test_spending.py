from typing import Any

from turnwise.providers.ports import Answering, Usage
from turnwise.runtime.spending import Spending
from turnwise.turns.events import ReplyId

ONE, TWO = ReplyId(1), ReplyId(2)


def tokens(usage: Any) -> dict[str, tuple[int, int]]:  # noqa: ANN401 - as published
    return {
        model: (row["input"]["tokens"], row["output_total"]["tokens"])
        for model, row in usage["model_usage"].items()
    }


def test_who_wrote_a_reply_and_what_it_cost() -> None:
    spending = Spending()
    spending.answered(ONE, Answering("a"))
    spending.spent(ONE, Usage(10, 3))
    spending.answered(ONE, Answering("b", ("a: provider_timeout: no word within 4 s",)))
    spending.spent(ONE, Usage(20, 5))
    assert spending.producing_llm(ONE) == "b"
    assert tokens(spending.llm_usage(ONE)) == {"a": (10, 3), "b": (20, 5)}
    assert spending.failures == ["llm: a: provider_timeout: no word within 4 s"]


def test_a_reply_that_nobody_wrote_cost_nothing() -> None:
    assert Spending().producing_llm(ONE) is None
    assert Spending().llm_usage(ONE) is None


def test_what_was_thrown_away_is_counted_apart() -> None:
    spending = Spending()
    for reply in (ONE, TWO):
        spending.answered(reply, Answering("a"))
        spending.spent(reply, Usage(10, 3))
    spending.spent(ONE, Usage(10, 0, model="b", wasted=True, estimated=True))
    spending.lose(TWO)
    spending.spent_beside(Usage(1, 1, model="c"))
    told = spending.charging()["llm_usage"]
    assert tokens(told["initiated_generation"]) == {"a": (20, 6), "b": (10, 0), "c": (1, 1)}
    assert tokens(told["irreversible_generation"]) == {"a": (10, 3), "c": (1, 1)}


def test_prices_and_cached_tokens() -> None:
    spending = Spending()
    spending.answered(ONE, Answering("a"))
    used = Usage(
        100, 10, cache_read_tokens=60, cache_write_tokens=30, input_price=0.5, output_price=0.25
    )
    spending.spent(ONE, used)
    row = (spending.llm_usage(ONE) or {})["model_usage"]["a"]
    assert {name: (each["tokens"], each["price"]) for name, each in row.items()} == {
        "input": (10, 0.5),
        "input_cache_read": (60, 0.0),
        "input_cache_write": (30, 0.0),
        "output_total": (10, 0.25),
    }
    assert spending.charging()["llm_price"] == 0.75
