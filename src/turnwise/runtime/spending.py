"""What language models cost one conversation, and which of them wrote what.

All that was begun is counted (`initiated_generation`), and apart from it what became part of the
conversation (`irreversible_generation`): no lost bets, no slower ones of two. An answer that was
broken off has an estimate instead of numbers: its server tells them only at the end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from turnwise.providers.ports import Answering, Usage
from turnwise.turns.events import ReplyId

Json = dict[str, Any]


@dataclass(slots=True)
class _Spent:
    models: list[str] = field(default_factory=list)
    usage: list[Usage] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    lost: bool = False


class Spending:
    """The costs of one conversation."""

    def __init__(self) -> None:
        """Nothing was spent."""
        self._replies: dict[ReplyId, _Spent] = {}
        self._beside: list[Usage] = []
        self.failures: list[str] = []
        """Who did not answer and why, where somebody else did; what they did not act on."""

    def answered(self, reply: ReplyId, answering: Answering) -> None:
        """Note who writes a reply, or its next pass."""
        self._of(reply).models.append(answering.model)
        self.failures += (f"llm: {failure}" for failure in answering.failed)
        ignored = (f"llm: {answering.model}: {each}" for each in answering.ignored)
        self.failures += (each for each in ignored if each not in self.failures)

    def spent(self, reply: ReplyId, usage: Usage) -> None:
        """Note what a pass of a reply cost."""
        of = self._of(reply)
        model = usage.model or (of.models[-1] if of.models else "")
        of.usage.append(replace(usage, model=model))

    def thought(self, reply: ReplyId, text: str) -> None:
        """Note what was thought of a reply: it was paid for, and is shown on record."""
        self._of(reply).thoughts.append(text)

    def reasoning(self, reply: ReplyId) -> list[Json]:
        """Return what was thought of a reply, in the published shape."""
        found = self._replies.get(reply)
        thoughts = found.thoughts if found is not None else ()
        return [{"summary": text, "provider_redact": False} for text in thoughts]

    def spent_beside(self, usage: Usage) -> None:
        """Note what something else cost than a reply: a filler."""
        self._beside.append(usage)

    def lose(self, reply: ReplyId) -> None:
        """Note that a reply was a lost bet: begun, never heard."""
        self._of(reply).lost = True

    def producing_llm(self, reply: ReplyId) -> str | None:
        """Return which model wrote a reply, its last pass if there were several; None: none did."""
        found = self._replies.get(reply)
        return found.models[-1] if found is not None and found.models else None

    def llm_usage(self, reply: ReplyId) -> Json | None:
        """Return what a reply cost, in the published shape; None: nobody told."""
        found = self._replies.get(reply)
        return _model_usage(found.usage) if found is not None and found.usage else None

    def charging(self) -> Json:
        """Return what the conversation cost, as `metadata.charging` has it."""
        begun = list(self._begun())
        return {
            "llm_usage": {
                "irreversible_generation": _model_usage(self._kept()),
                "initiated_generation": _model_usage(begun),
            },
            "llm_price": sum(each.input_price + each.output_price for each in begun),
            "llm_charge": 0,
            "call_charge": 0,
        }

    def _of(self, reply: ReplyId) -> _Spent:
        return self._replies.setdefault(reply, _Spent())

    def _begun(self) -> Iterator[Usage]:
        for spent in self._replies.values():
            yield from spent.usage
        yield from self._beside

    def _kept(self) -> Iterator[Usage]:
        for spent in self._replies.values():
            if not spent.lost:
                yield from (each for each in spent.usage if not each.wasted)
        yield from self._beside


def _model_usage(usage: Iterable[Usage]) -> Json:
    """Return costs by model, as `LLMUsage` has them; tokens of caches are not counted as input."""
    models: dict[str, Json] = {}
    for each in usage:
        row = models.setdefault(
            each.model or "unknown",
            {name: {"tokens": 0, "price": 0.0} for name in _CATEGORIES},
        )
        cached = each.cache_read_tokens + each.cache_write_tokens
        row["input"]["tokens"] += each.input_tokens - cached
        row["input"]["price"] += each.input_price
        row["input_cache_read"]["tokens"] += each.cache_read_tokens
        row["input_cache_write"]["tokens"] += each.cache_write_tokens
        row["output_total"]["tokens"] += each.output_tokens
        row["output_total"]["price"] += each.output_price
    return {"model_usage": models}


_CATEGORIES = ("input", "input_cache_read", "input_cache_write", "output_total")
