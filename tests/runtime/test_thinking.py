import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

from typing_extensions import override

from runtime.model_doubles import ASK, Step, Told, words
from runtime.session_rig import Client, Scene, hold
from turnwise.base.errors import ProviderBroken, ProviderError, ProviderUnavailable
from turnwise.providers.llm.scripted import Scripted
from turnwise.providers.ports import (
    Answering,
    ModelEvent,
    ModelRequest,
    TextDelta,
    Thought,
    ThoughtDelta,
    ToolCall,
    Usage,
)
from turnwise.runtime.cascade import AllModelsFailed, CustomModelFailed
from turnwise.runtime.session import Session
from turnwise.runtime.spending import Spending
from turnwise.runtime.thinking import Thinking
from turnwise.testing import run
from turnwise.turns.commands import Cause, FinishReply, StartReply
from turnwise.turns.events import (
    Event,
    FillerMade,
    HungUp,
    ReplyFailed,
    ReplyId,
    ReplyText,
    ReplyWritten,
    ToolRequested,
    UserWrote,
)
from turnwise.turns.policy import Policy

ONE = ReplyId(1)
START = StartReply(ONE, Cause.USER_TURN, ())
Acts = Callable[[Thinking], Awaitable[None]]


async def begin(thinking: Thinking) -> None:
    thinking.start(START)


async def ask(_: StartReply) -> ModelRequest:
    return ASK


def thought(model: Told, acts: Acts = begin) -> tuple[list[Event], Spending]:
    events: list[Event] = []
    spending = Spending()

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            await acts(Thinking(model, ask, lambda: ASK, events.append, tasks, spending))

    run(main())
    return events, spending


def tokens(spending: Spending, kind: str = "initiated_generation") -> dict[str, tuple[int, int]]:
    found = spending.charging()["llm_usage"][kind]["model_usage"]
    return {
        model: (row["input"]["tokens"], row["output_total"]["tokens"])
        for model, row in found.items()
    }


def test_words_and_costs() -> None:
    script = [Answering("m"), *words("Hello."), Usage(3, 0, model="n", wasted=True)]
    events, spending = thought(Told([script]))
    assert events == [ReplyText(ONE, "Hello."), ReplyWritten(ONE)]
    assert spending.producing_llm(ONE) == "m"
    assert tokens(spending) == {"m": (10, 2), "n": (3, 0)}
    assert tokens(spending, "irreversible_generation") == {"m": (10, 2)}


def test_thoughts_are_passed_on_as_they_come() -> None:
    heard: list[tuple[ReplyId, str]] = []

    async def acts(thinking: Thinking) -> None:
        thinking.on_thought = lambda reply, text: heard.append((reply, text))
        thinking.start(START)

    thoughts = [ThoughtDelta("Hm. "), ThoughtDelta("So.")]
    events, spending = thought(Told([[Answering("m"), *thoughts, *words("Yes.")]]), acts)
    assert heard == [(ONE, "Hm. "), (ONE, "So.")]
    assert events == [ReplyText(ONE, "Yes."), ReplyWritten(ONE)]
    assert spending.reasoning(ONE) == []  # on record is only what is told at the end


class Ponders(Scripted):
    @override
    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        yield ThoughtDelta("Hm.")
        async with aclosing(super().stream(request)) as answer:
            async for event in answer:
                yield event


def test_a_client_that_can_be_told_thoughts_is_told_them(tmp_path: Path) -> None:
    async def acts(session: Session, client: Client) -> None:
        session.tell(UserWrote("go"))
        await client.until(lambda: client.when(FinishReply))
        session.tell(HungUp())

    scene = Scene(policy=Policy(text_only=True), model=Ponders(replies=["Yes."]))
    held = hold(scene, tmp_path, acts)
    assert held.client.thoughts == ["1: Hm."]
    assert held.document["transcript"][-1]["message"] == "Yes."


def test_what_a_model_does_not_act_on_is_noted_once() -> None:
    async def acts(thinking: Thinking) -> None:
        thinking.start(START)
        await asyncio.sleep(1)
        thinking.start(START)

    ignored = ("service_tier 'fast' has no effect: none is asked for",)
    _, spending = thought(Told([[Answering("m", ignored=ignored), *words("Hello.")]]), acts)
    assert spending.failures == [f"llm: m: {ignored[0]}"]


def test_a_tool_call_gets_an_id_of_its_own() -> None:
    call = ToolCall(id="call_0", name="look", arguments="{}")
    events, _ = thought(Told([[call]]))
    assert isinstance(events[0], ToolRequested)
    assert events[0].call.startswith("look_")


def test_what_is_broken_off_has_its_cost_guessed() -> None:
    async def acts(thinking: Thinking) -> None:
        thinking.start(START)
        await asyncio.sleep(1)
        thinking.cancel(ONE)

    model = Told([[Answering("m"), TextDelta("Twelve chars"), 60.0]])
    events, spending = thought(model, acts)
    assert events == [ReplyText(ONE, "Twelve chars")]
    assert tokens(spending) == {"m": (1, 3)}
    assert model.cancelled == 1


def test_an_answer_that_breaks_costs_what_came() -> None:
    script: list[Step] = [Answering("m"), TextDelta("Four"), ProviderUnavailable("llm/x", "gone")]
    events, spending = thought(Told([script]))
    assert events[-1] == ReplyFailed(ONE, "provider_unavailable: llm/x: gone", "llm_error")
    assert tokens(spending) == {"m": (1, 1)}


def test_a_request_that_nobody_took_costs_nothing() -> None:
    _, spending = thought(Told([[ProviderUnavailable("llm/x", "gone")]]))
    assert tokens(spending) == {}


def test_who_failed_is_told() -> None:
    failures: list[tuple[ProviderError, str]] = [
        (AllModelsFailed("llm/x", "down"), "cascade_brain_error"),
        (CustomModelFailed("llm/x", "down"), "custom_llm_error"),
        (ProviderBroken("llm/x", "down"), "llm_error"),
    ]
    for failure, kind in failures:
        [event], _ = thought(Told([[failure]]))
        assert isinstance(event, ReplyFailed)
        assert event.kind == kind


def test_fillers_are_counted_too() -> None:
    async def acts(thinking: Thinking) -> None:
        thinking.make_filler(ONE)

    script: list[Step] = [
        Answering("m"),
        TextDelta("Let me "),
        TextDelta("see."),
        Usage(4, 3, model="m"),
    ]
    events, spending = thought(Told([script]), acts)
    assert events == [FillerMade(ONE, "Let me see.")]
    assert tokens(spending) == {"m": (4, 3)}


def test_a_filler_that_fails_is_none() -> None:
    async def acts(thinking: Thinking) -> None:
        thinking.make_filler(ONE)

    events, _ = thought(Told([[ProviderUnavailable("llm/x", "gone")]]), acts)
    assert events == []


def test_what_a_model_tells_of_its_thoughts_is_on_record_and_not_said() -> None:
    script: list[Step] = [TextDelta("Yes."), Thought("Hm."), Usage(10, 2)]
    events, spending = thought(Told([script]))
    assert events == [ReplyText(ONE, "Yes."), ReplyWritten(ONE)]
    assert spending.reasoning(ONE) == [{"summary": "Hm.", "provider_redact": False}]
    assert spending.reasoning(ReplyId(2)) == []
