"""Tools in a whole session on the virtual clock: what is called, told, noted and assigned."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from runtime.session_rig import Client, Held, Scene, ask, hold, speak
from turnwise.agents.tools import Tool, normalise
from turnwise.agents.variables import Variables
from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ProviderUnavailable, ShapeError
from turnwise.providers.llm.scripted import Reply
from turnwise.providers.ports import ListeningOptions, ModelRequest, SoundPiece, VoiceOptions, Words
from turnwise.providers.stt.scripted import Scripted as Transcriber
from turnwise.providers.tts.scripted import Scripted as Voice
from turnwise.runtime.live_variables import LiveVariables
from turnwise.runtime.persona import (
    CannotTakeOver,
    Casting,
    LacksVariables,
    Persona,
    Transfer,
)
from turnwise.runtime.session import Session
from turnwise.runtime.system_tools import MOST_TRANSFERS
from turnwise.runtime.toolkit import Toolkit
from turnwise.tools.mocks import mocks_of
from turnwise.tools.ports import Outcome, ToolFailed, ToolRequest
from turnwise.turns.commands import End, StartReply
from turnwise.turns.events import CallId, HungUp, UserWrote
from turnwise.turns.policy import Endpointing, Execution, Policy, ToolManners

Json = dict[str, Any]


@dataclass
class Runner:
    """Answers as it is told, after a while."""

    answer: str | Exception = '{"id": 7}'
    takes_s: float = 0.5
    asked: list[ToolRequest] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    given_up: int = 0

    async def run(self, request: ToolRequest) -> Outcome:
        self.asked.append(request)
        self.at.append(asyncio.get_running_loop().time())
        try:
            await asyncio.sleep(self.takes_s)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if isinstance(self.answer, Exception):
            raise self.answer
        return Outcome(text=self.answer, details={"type": "webhook", "url": "x", "method": "GET"})


def tool(name: str = "book", kind: str = "webhook", **more: object) -> Tool:
    schema = {
        "type": "object",
        "properties": {"size": {"type": "string", "description": "how large"}},
        "required": ["size"],
    }
    stored = {"type": kind, "name": name, "parameters": schema, **more}
    return normalise(stored, tool_id=f"tool_{name}")


def system(name: str, **params: object) -> Tool:
    return normalise({"type": "system", "name": name, "params": params}, ["en", "de"])


LARGE = (("book", {"size": "large"}),)
CALLS = Reply("", tools=LARGE)


def held_with(
    folder: Path,
    *tools: Tool,
    replies: tuple[Reply | str, ...] = (CALLS, "Done."),
    runner: Runner | None = None,
    policy: Policy | None = None,
    words: tuple[str, ...] = ("go",),
    **kit: Any,  # noqa: ANN401
) -> Held:
    async def acts(session: Session, client: Client) -> None:
        for each in words:
            session.tell(UserWrote(each))
            await asyncio.sleep(30)
        session.tell(HungUp())

    toolkit = Toolkit(runners={"webhook": runner or Runner()}, **kit)
    scene = Scene(
        policy=policy or Policy(text_only=True),
        replies=replies,
        more_tools=tools or (tool(),),
        toolkit=toolkit,
    )
    return hold(scene, folder, acts)


def call_of(held: Held) -> Json:
    calls = [call for turn in held.document["transcript"] for call in turn["tool_calls"]]
    return dict(calls[0])


def result_of(held: Held, number: int = 0) -> Json:
    results = [each for turn in held.document["transcript"] for each in turn["tool_results"]]
    return dict(results[number])


def heard_by_model(held: Held) -> str:
    return str(held.model.requests[-1].messages)


# --- tools with a runner ------------------------------------------------------------------------


def test_a_runner_gets_the_call_and_the_record_has_all_of_it(tmp_path: Path) -> None:
    runner = Runner()
    held = held_with(tmp_path, runner=runner)
    [asked] = runner.asked
    call, result = call_of(held), result_of(held)
    assert (asked.arguments, asked.tool.name) == ({"size": "large"}, "book")
    assert asked.call_id == call["request_id"] == result["request_id"]
    assert asked.idempotency_key == f"conv_1:1:{asked.call_id}"
    assert call == {
        "type": "webhook",
        "request_id": asked.call_id,
        "tool_name": "book",
        "tool_id": "tool_book",
        "params_as_json": '{"size": "large"}',
        "tool_has_been_called": True,
        "tool_details": {"type": "webhook", "url": "x", "method": "GET"},
    }
    assert result == {
        "type": "webhook",
        "request_id": asked.call_id,
        "tool_name": "book",
        "tool_id": "tool_book",
        "result_value": '{"id": 7}',
        "is_error": False,
        "is_blocked": False,
        "tool_has_been_called": True,
        "tool_latency_secs": 0.5,
        "error_type": "",
        "raw_error_message": "",
        "dynamic_variable_updates": [],
    }


@pytest.mark.parametrize(
    ("error", "told", "fault", "raw"),
    [
        (
            ToolFailed("external_server", "HTTP 500: secret stack"),
            "The tool failed.",
            "external_server",
            "HTTP 500: secret stack",
        ),
        (ShapeError("a", "b"), "The tool failed.", "internal", "shape"),
    ],
)
def test_a_failure_is_hidden_from_the_model_and_kept_for_the_record(
    tmp_path: Path, error: Exception, told: str, fault: str, raw: str
) -> None:
    held = held_with(tmp_path, runner=Runner(error))
    result = result_of(held)
    assert (result["is_error"], result["result_value"]) == (True, told)
    assert (result["error_type"], result["raw_error_message"]) == (fault, raw)
    assert raw not in heard_by_model(held)


SUMMARISED = {"tool_error_handling_mode": "summarized"}
BROKEN = ToolFailed("external_server", "HTTP 503: <html>the shop is closed</html>")
BY_RULE = "The service behind the tool failed: HTTP 503: <html>the shop is closed</html>"


def spent_tokens(held: Held) -> int:
    usage = held.document["metadata"]["charging"]["llm_usage"]["irreversible_generation"]
    return sum(row["output_total"]["tokens"] for row in usage["model_usage"].values())


def test_a_failure_is_summed_up_by_the_agents_model_and_paid_for(tmp_path: Path) -> None:
    summary = Reply("The shop is closed now.")
    replies = (CALLS, summary, "Done.")
    held = held_with(tmp_path, tool(**SUMMARISED), runner=Runner(BROKEN), replies=replies)
    result = result_of(held)
    assert (result["is_error"], result["result_value"]) == (True, "The shop is closed now.")
    assert (result["error_type"], result["raw_error_message"]) == ("external_server", str(BROKEN))
    assert result["tool_latency_secs"] == 0.5  # of the tool, not of its summary
    asked = held.model.requests[1]
    assert asked.aside
    assert not asked.tools
    assert str(BROKEN) in asked.messages[-1].text
    assert held.document["transcript"][-1]["message"] == "Done."
    assert spent_tokens(held) == 0 + 5 + 1


@pytest.mark.parametrize(
    "summary",
    [
        Reply(""),
        Reply("x", error=ProviderUnavailable("llm/x", "gone")),
        Reply("word " * 1_000),
    ],
    ids=["nothing", "fails", "slow"],
)
def test_a_summary_that_cannot_be_had_is_made_by_rule(tmp_path: Path, summary: Reply) -> None:
    replies = (CALLS, summary, "Done.")
    held = held_with(tmp_path, tool(**SUMMARISED), runner=Runner(BROKEN), replies=replies)
    assert result_of(held)["result_value"] == BY_RULE
    assert held.document["transcript"][-1]["message"] == "Done."


def test_there_is_no_summary_when_the_engine_waits_no_longer(tmp_path: Path) -> None:
    policy = Policy(text_only=True, tools=(ToolManners(name="book", timeout_ms=5_000),))
    made = tool(**SUMMARISED, response_timeout_secs=5)
    runner = Runner(BROKEN, takes_s=4.6)
    held = held_with(tmp_path, made, runner=runner, policy=policy)
    assert result_of(held)["result_value"] == BY_RULE
    assert [each.aside for each in held.model.requests] == [False, False]


def test_a_summary_is_given_up_with_the_conversation(tmp_path: Path) -> None:
    async def acts(session: Session, _: Client) -> None:
        session.tell(UserWrote("go"))
        await asyncio.sleep(1)  # the tool has failed, and its summary is written
        session.tell(HungUp())

    scene = Scene(
        policy=Policy(text_only=True),
        replies=(CALLS, Reply("word " * 1_000)),
        more_tools=(tool(**SUMMARISED),),
        toolkit=Toolkit(runners={"webhook": Runner(BROKEN)}),
    )
    held = hold(scene, tmp_path, acts)
    assert held.model.requests[-1].aside
    assert not any(turn["tool_results"] for turn in held.document["transcript"])
    assert spent_tokens(held) > 0


def test_a_tool_that_takes_too_long_is_stopped_and_told_of(tmp_path: Path) -> None:
    runner = Runner(takes_s=100)
    policy = Policy(text_only=True, tools=(ToolManners(name="book", timeout_ms=3_000),))
    made = tool(response_timeout_secs=3)
    held = held_with(tmp_path, made, runner=runner, policy=policy)
    result = result_of(held)
    assert runner.given_up == 1
    assert (result["is_error"], result["error_type"]) == (True, "external_server")
    assert result["raw_error_message"] == "there was no answer within 3 s"
    assert result["tool_latency_secs"] == 3.0
    assert held.document["transcript"][-1]["message"] == "Done."


@pytest.mark.parametrize(("takes_s", "given_up"), [(40, 0), (100, 1)])
def test_a_tool_that_runs_at_the_end_is_finished_within_its_time(
    tmp_path: Path, takes_s: float, given_up: int
) -> None:
    runner = Runner(takes_s=takes_s)
    policy = Policy(text_only=True, tools=(ToolManners(name="book", timeout_ms=None),))
    held = held_with(tmp_path, tool(response_timeout_secs=50), runner=runner, policy=policy)
    assert runner.given_up == given_up
    assert not any(turn["tool_results"] for turn in held.document["transcript"])


def test_the_answer_to_a_call_that_was_given_up_changes_nothing(tmp_path: Path) -> None:
    variables, runner = LiveVariables(Variables({"id": "old"})), Runner(takes_s=3)
    assignment = {"dynamic_variable": "id", "value_path": "id"}
    policy = Policy(text_only=True, tools=(ToolManners(name="book", timeout_ms=2_000),))
    made = tool(assignments=[assignment])
    held = held_with(tmp_path, made, runner=runner, policy=policy, variables=variables)
    assert result_of(held)["is_error"]
    assert runner.given_up == 0
    assert variables.kept().values["id"] == "old"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("{}", "size is missing."),
        ('{"size": {}}', "size should be a string."),
        ("[1]", "The arguments are not a JSON object."),
    ],
)
def test_arguments_that_will_not_do_are_not_sent(tmp_path: Path, arguments: str, told: str) -> None:
    runner = Runner()
    bad = Reply("", tools=(("book", json.loads(arguments)),))
    held = held_with(tmp_path, runner=runner, replies=(bad, CALLS, "Done."))
    result = result_of(held)
    assert (result["is_error"], result["result_value"]) == (True, told)
    assert not result["tool_has_been_called"]
    assert len(runner.asked) == 1  # the second attempt
    assert not result_of(held, 1)["is_error"]


def test_a_kind_that_nobody_runs_is_said_to_be_unavailable(tmp_path: Path) -> None:
    held = held_with(tmp_path, tool(kind="code"))
    assert result_of(held)["result_value"] == "The code tool 'book' is not available here."


def test_a_mocked_tool_is_not_called(tmp_path: Path) -> None:
    runner = Runner()
    answers = {"tool_book": [{"mock_result": '{"id": 9}'}]}
    mocks = mocks_of({"mocking_strategy": "all"}, answers)
    held = held_with(tmp_path, runner=runner, mocks=mocks)
    assert runner.asked == []
    assert result_of(held)["result_value"] == '{"id": 9}'


@pytest.mark.parametrize(
    ("words", "told"),
    [("Yes.", "fits"), ("**yes**, it is", "fits"), ("No, yes is no.", "other"), ("", "other")],
)
def test_a_model_decides_which_prepared_answer_fits(tmp_path: Path, words: str, told: str) -> None:
    rule = {"path": "size", "eval": {"type": "llm", "description": "not small"}}
    answers: list[Json] = [
        {"parameter_conditions": [rule], "mock_result": "fits"},
        {"mock_result": "other"},
    ]
    mocks = mocks_of({"mocking_strategy": "all"}, {"book": answers})
    held = held_with(tmp_path, mocks=mocks, replies=(CALLS, Reply(words), "Done."))
    assert result_of(held)["result_value"] == told
    asked = held.model.requests[1]
    assert "not small" in asked.messages[-1].text
    assert "large" in asked.messages[-1].text
    assert held.document["transcript"][-1]["message"] == "Done."


def test_a_mocked_tool_without_an_answer_may_be_called(tmp_path: Path) -> None:
    runner = Runner()
    config = {"mocking_strategy": "all", "fallback_strategy": "call_real_tool"}
    held = held_with(tmp_path, runner=runner, mocks=mocks_of(config, {}))
    assert len(runner.asked) == 1
    assert (result_of(held)["result_value"], result_of(held)["tool_latency_secs"]) == (
        '{"id": 7}',
        0.5,
    )


def test_a_mocked_tool_without_an_answer_fails(tmp_path: Path) -> None:
    mocks = mocks_of({"mocking_strategy": "all"}, {})
    result = result_of(held_with(tmp_path, mocks=mocks))
    assert (result["is_error"], result["error_type"]) == (True, "customer_config")


def test_an_answer_assigns_variables_that_the_next_call_is_filled_from(tmp_path: Path) -> None:
    runner, variables = Runner(), LiveVariables(Variables({"order": "none"}))
    assignment = {"dynamic_variable": "order", "value_path": "id"}
    again = Reply("", tools=LARGE)
    held = held_with(
        tmp_path,
        tool(assignments=[assignment]),
        runner=runner,
        replies=(CALLS, again, "Done."),
        variables=variables,
    )
    assert variables.kept().values["order"] == 7
    assert runner.asked[0].variables.values["order"] == "none"
    assert runner.asked[1].variables.values["order"] == 7
    [update] = result_of(held)["dynamic_variable_updates"]
    assert (update["variable_name"], update["old_value"], update["new_value"]) == (
        "order",
        "none",
        "7",
    )
    assert update["tool_request_id"] == runner.asked[0].call_id


def test_the_platforms_variables_are_those_of_the_moment(tmp_path: Path) -> None:
    runner = Runner()
    held_with(tmp_path, runner=runner, words=("go", "again"), replies=(CALLS, "A.", CALLS, "B."))
    first, second = (asked.variables.values for asked in runner.asked)
    assert first["system__current_agent_id"] == "agent_1"
    assert (first["system__call_duration_secs"], second["system__call_duration_secs"]) == (0, 30)
    assert (first["system__agent_turns"], second["system__agent_turns"]) == (0, 1)
    assert [t["message"] for t in json.loads(first["system__conversation_history"])] == ["go"]


# --- bets and modes -----------------------------------------------------------------------------


def betting(folder: Path, *, safe: bool) -> float:
    """Return when the tool ran, in ms after the user fell silent at 2,500."""
    began: list[float] = []

    async def acts(session: Session, client: Client) -> None:
        began.append(asyncio.get_running_loop().time())
        await speak(session, 1_500, loud=False)
        await speak(session, 1_000)
        await speak(session, 5_000, loud=False)
        session.tell(HungUp())

    runner = Runner()
    policy = Policy(
        endpointing=Endpointing(bet_ms=200),
        tools=(ToolManners(name="book", safe_to_bet=safe),),
    )
    scene = Scene(
        policy=policy,
        texts=("book it",),
        replies=(CALLS, "Done."),
        more_tools=(tool(),),
        toolkit=Toolkit(runners={"webhook": runner}),
    )
    hold(scene, folder, acts)
    return round((runner.at[0] - began[0]) * 1000) - 2_500


def test_only_what_changes_nothing_runs_before_the_turn_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert betting(tmp_path / "a", safe=False) >= 480
    assert betting(tmp_path / "b", safe=True) < 450


def test_an_asynchronous_tool_brings_its_answer_later(tmp_path: Path) -> None:
    manners = ToolManners(name="book", execution=Execution.ASYNC, timeout_ms=None)
    held = held_with(
        tmp_path,
        runner=Runner(takes_s=10),
        replies=(CALLS, "I am on it.", "It is booked."),
        policy=Policy(text_only=True, tools=(manners,)),
    )
    said = [t["message"] for t in held.document["transcript"] if t["message"]]
    assert said == ["go", "I am on it.", "It is booked."]
    assert result_of(held, 1)["tool_latency_secs"] == 10.0


# --- client tools -------------------------------------------------------------------------------


def client_call(folder: Path, answer: tuple[str, bool], *assignments: Json) -> Held:
    async def acts(session: Session, client: Client) -> None:
        session.tell(UserWrote("go"))
        await client.until(lambda: client.calls)
        call = client.calls[0][0].call
        session.client_answered(CallId("nobody"), "x", failed=False)
        session.client_answered(call, answer[0], failed=answer[1])
        session.client_answered(call, "late", failed=False)
        await asyncio.sleep(5)
        session.tell(HungUp())

    made = tool(kind="client", expects_response=True, assignments=list(assignments))
    scene = Scene(policy=Policy(text_only=True), replies=(CALLS, "Done."), more_tools=(made,))
    return hold(scene, folder, acts)


def test_a_clients_answer_assigns_variables_too(tmp_path: Path) -> None:
    assignment = {"dynamic_variable": "card", "value_path": "card", "sanitize": True}
    held = client_call(tmp_path, ('{"card": "4111", "ok": true}', False), assignment)
    result = result_of(held)
    assert result["result_value"] == '{"ok":true}'
    assert result["dynamic_variable_updates"][0]["new_value"] == "4111"
    assert "4111" not in heard_by_model(held)
    assert call_of(held)["tool_details"] == {"type": "client", "parameters": '{"size": "large"}'}


def test_a_clients_failure_is_told_in_its_own_words(tmp_path: Path) -> None:
    result = result_of(client_call(tmp_path, ("no such page", True)))
    assert (result["result_value"], result["error_type"]) == ("no such page", "external_client")


def test_a_client_that_does_not_answer_is_noted(tmp_path: Path) -> None:
    policy = Policy(text_only=True, tools=(ToolManners(name="book", timeout_ms=2_000),))
    held = held_with(tmp_path, tool(kind="client", expects_response=True), policy=policy)
    assert result_of(held)["error_type"] == "client_timeout"


def test_a_client_that_is_only_told_is_not_waited_for(tmp_path: Path) -> None:
    manners = ToolManners(name="book", expects_response=False)
    policy = Policy(text_only=True, tools=(manners,))
    held = held_with(tmp_path, tool(kind="client"), policy=policy)
    assert result_of(held)["result_value"] == "Tool Called."


# --- system tools -------------------------------------------------------------------------------


class Agents(Casting):
    """Personas by id, and by language."""

    @override
    async def transferred(
        self, transfer: Transfer, present: Persona, variables: Variables
    ) -> Persona:
        agent_id = str(transfer["agent_id"])
        if agent_id == "nobody":
            raise CannotTakeOver("There is no such agent.")
        if agent_id == "demanding":
            raise LacksVariables("The other agent needs a name.")
        back = {"transfers": [{"agent_id": present.agent_id, "condition": "always"}]}
        return replace(
            present,
            agent_id=agent_id,
            ask=marked(agent_id),
            voice=VoiceOptions(voice=agent_id),
            tools=(system("transfer_to_agent", **back),),
            first_message=f"{agent_id} here.",
            branch_id="branch_1",
        )

    @override
    async def in_language(self, present: Persona, language: str, variables: Variables) -> Persona:
        policy = replace(present.policy, language=language)
        return replace(
            present,
            language=language,
            policy=policy,
            ask=marked(language),
            voice=VoiceOptions(voice=language),
            listening=ListeningOptions(language=language),
        )


def marked(name: str) -> Callable[[StartReply], ModelRequest]:
    def told(command: StartReply) -> ModelRequest:
        return replace(ask(command), model=name)

    return told


def models(held: Held) -> list[str]:
    return [request.model for request in held.model.requests]


def transfer(number: int = 0) -> Reply:
    return Reply("", tools=(("transfer_to_agent", {"agent_number": number}),))


SALES = {"agent_id": "sales", "condition": "buying"}


def test_an_agent_that_lacks_variables_ends_the_conversation(tmp_path: Path) -> None:
    chosen = {"agent_id": "demanding", "condition": "always"}
    held = held_with(
        tmp_path,
        system("transfer_to_agent", transfers=[chosen]),
        replies=(replace(transfer(), text="One moment."), "Never asked."),
        words=("buy",),
        casting=Agents(),
    )
    assert held.session.end_reason == "missing_dynamic_variable_transfer"
    assert [t["message"] for t in held.document["transcript"] if t["message"]] == [
        "buy",
        "One moment.",
    ]
    assert result_of(held)["result"]["error"] == "The other agent needs a name."
    assert len(held.model.requests) == 1


def test_another_agent_takes_over(tmp_path: Path) -> None:
    chosen = {
        **SALES,
        "transfer_message": "I connect {{name}}.",
        "enable_transferred_agent_first_message": True,
        "delay_ms": 500,
    }
    held = held_with(
        tmp_path,
        system("transfer_to_agent", transfers=[chosen]),
        replies=(transfer(), "Sold."),
        words=("buy", "yes"),
        casting=Agents(),
        variables=LiveVariables(Variables({"name": "you"})),
    )
    turns = [(t["message"], t["agent_metadata"]) for t in held.document["transcript"]]
    said = [(text, meta["agent_id"]) for text, meta in turns if text]
    assert said == [
        ("buy", "agent_1"),
        ("I connect you.", "agent_1"),
        ("sales here.", "sales"),
        ("yes", "sales"),
        ("Sold.", "sales"),
    ]
    assert models(held) == ["", "sales"]
    assert result_of(held)["result"] == {
        "result_type": "transfer_to_agent_success",
        "status": "success",
        "from_agent": "agent_1",
        "to_agent": "sales",
        "condition": "buying",
        "delay_ms": 500,
        "transfer_message": "I connect you.",
        "enable_transferred_agent_first_message": True,
        "branch_info": {"branch_reason": "defaulting_to_main", "branch_id": "branch_1"},
    }
    assert held.document["visited_agents"] == [{"agent_id": "agent_1"}, {"agent_id": "sales"}]


def test_agents_that_hand_over_in_a_circle_are_stopped(tmp_path: Path) -> None:
    circle = tuple(transfer() for _ in range(MOST_TRANSFERS + 1))
    held = held_with(
        tmp_path,
        system("transfer_to_agent", transfers=[SALES]),
        replies=(*circle, "I will help you."),
        casting=Agents(),
    )
    results = [each for turn in held.document["transcript"] for each in turn["tool_results"]]
    assert [each["is_error"] for each in results] == [False] * MOST_TRANSFERS + [True]
    assert results[-1]["result"]["result_type"] == "transfer_to_agent_error"
    assert held.document["transcript"][-1]["message"] == "I will help you."


@pytest.mark.parametrize(
    ("transfers", "number", "error"),
    [
        ([{"agent_id": "nobody", "condition": ""}], 0, "There is no such agent."),
        ([SALES], 0, "There are no other agents here."),
        ([SALES, SALES], 1, "There are no other agents here."),
    ],
)
def test_a_transfer_that_leads_nowhere_is_an_error_the_agent_goes_on_with(
    tmp_path: Path, transfers: list[Json], number: int, error: str
) -> None:
    casting: Json = {"casting": Agents()} if "nobody" in str(transfers) else {}
    held = held_with(
        tmp_path,
        system("transfer_to_agent", transfers=transfers),
        replies=(transfer(number), "Sorry."),
        **casting,
    )
    result = result_of(held)
    assert (result["is_error"], result["result_value"]) == (True, error)
    assert result["result"]["from_agent"] == "agent_1"
    assert held.document["transcript"][-1]["message"] == "Sorry."


class Noting(Voice):
    """Notes which voice said what."""

    def __init__(self) -> None:
        super().__init__(latency_ms=50)
        self.said: list[tuple[str, str]] = []

    @override
    async def speak(self, text: str, options: VoiceOptions) -> AsyncGenerator[SoundPiece, None]:
        self.said.append((options.voice, text.strip()))
        async for piece in super().speak(text, options):
            yield piece


class Listener(Transcriber):
    """Notes for which language it listened."""

    def __init__(self) -> None:
        super().__init__(texts=("auf Deutsch", "danke"), latency_ms=50)
        self.languages: list[str] = []

    @override
    async def transcribe(
        self, utterance: AsyncIterator[Pcm], options: ListeningOptions
    ) -> AsyncGenerator[Words, None]:
        self.languages.append(options.language)
        async for words in super().transcribe(utterance, options):
            yield words


def test_voice_and_ears_change_with_the_language_and_what_was_said_before_does_not(
    tmp_path: Path,
) -> None:
    async def acts(session: Session, client: Client) -> None:
        for _ in range(2):
            await speak(session, 1_000)
            await speak(session, 6_000, loud=False)
        session.tell(HungUp())

    made, reply = german()
    voice, ears = Noting(), Listener()
    scene = Scene(
        policy=Policy(),
        replies=(replace(reply, text="One moment. I will switch. "), "Gut.", "Bitte."),
        more_tools=(made,),
        toolkit=Toolkit(casting=Agents()),
        voice=voice,
        transcriber=ears,
    )
    hold(scene, tmp_path, acts)
    by_voice = [("", "One moment."), ("", "I will switch."), ("de", "Gut."), ("de", "Bitte.")]
    assert voice.said == by_voice
    assert ears.languages == ["en", "de"]


def german(**params: object) -> tuple[Tool, Reply]:
    arguments = {"reason": "asked", "language": "de"}
    return system("language_detection", **params), Reply(
        "", tools=(("language_detection", arguments),)
    )


def test_the_agent_goes_on_in_another_language(tmp_path: Path) -> None:
    made, reply = german()
    held = held_with(tmp_path, made, replies=(reply, "Guten Tag."), casting=Agents())
    assert models(held) == ["", "de"]
    result = result_of(held)
    assert not result["is_error"]
    assert result["result"] == {
        "result_type": "language_detection_success",
        "status": "success",
        "reason": "asked",
        "language": "de",
    }


def test_the_present_language_is_kept_without_a_switch(tmp_path: Path) -> None:
    made = system("language_detection")
    reply = Reply("", tools=(("language_detection", {"reason": "r", "language": "en"}),))
    held = held_with(tmp_path, made, replies=(reply, "Fine."))
    assert not result_of(held)["is_error"]
    assert models(held) == ["", ""]


def test_a_language_that_nobody_speaks_is_refused(tmp_path: Path) -> None:
    made, reply = german()
    result = result_of(held_with(tmp_path, made, replies=(reply, "Sorry.")))
    assert (result["is_error"], result["result_value"]) == (
        True,
        "This agent has no other language.",
    )


@pytest.mark.parametrize(("turns", "refused"), [(2, False), (3, True)])
def test_the_language_may_be_fixed_after_the_start(
    tmp_path: Path, turns: int, *, refused: bool
) -> None:
    made, reply = german(only_at_conversation_start=True)
    words = tuple(f"turn {number}" for number in range(turns))
    early: tuple[Reply | str, ...] = ("Yes.",) * (turns - 1)
    replies = (*early, reply, "Gut.")
    held = held_with(tmp_path, made, replies=replies, words=words, casting=Agents())
    assert result_of(held)["is_error"] is refused


@pytest.mark.parametrize(
    ("name", "arguments", "result_type"),
    [
        (
            "transfer_to_number",
            {"transfer_number": "+4412", "client_message": "a", "agent_message": "b"},
            "transfer_to_number_error",
        ),
        ("play_keypad_touch_tone", {"dtmf_tones": "1#"}, "play_dtmf_error"),
    ],
)
def test_what_needs_a_phone_is_an_error_off_the_phone(
    tmp_path: Path, name: str, arguments: Json, result_type: str
) -> None:
    reply = Reply("", tools=((name, arguments),))
    result = result_of(held_with(tmp_path, system(name), replies=(reply, "Sorry.")))
    assert result["is_error"]
    assert result["result_value"] == "This conversation is not a phone call."
    assert result["result"]["result_type"] == result_type
    assert result["result"]["status"] == "error"
    assert "only on the phone" in result["result"]["details"]


def test_a_voicemail_gets_its_message_and_the_call_ends(tmp_path: Path) -> None:
    made = system("voicemail_detection", voicemail_message="Call us, {{name}}.")
    reply = Reply("", tools=(("voicemail_detection", {"reason": "beep"}),))
    held = held_with(
        tmp_path,
        made,
        replies=(reply,),
        variables=LiveVariables(Variables({"name": "Ada"})),
    )
    assert held.document["transcript"][-1]["message"] == "Call us, Ada."
    assert held.client.when(End)
    assert result_of(held)["result"] == {
        "result_type": "voicemail_detection_success",
        "status": "success",
        "voicemail_message": "Call us, Ada.",
        "reason": "beep",
    }


def test_end_call_and_skip_turn_have_their_results(tmp_path: Path) -> None:
    skips = Reply("", tools=(("skip_turn", {"reason": "thinks"}),))
    ends = Reply("", tools=(("end_call", {"reason": "done", "message": "Bye."}),))
    held = held_with(
        tmp_path,
        system("skip_turn", wait_timeout_secs=12.0),
        system("end_call"),
        replies=(skips, ends),
    )
    assert result_of(held)["result"]["result_type"] == "skip_turn_success"
    assert result_of(held, 1)["result"] == {
        "result_type": "end_call_success",
        "status": "success",
        "reason": "done",
        "message": "Bye.",
    }
    waited = [t for t in held.document["transcript"] if t.get("platform_event")]
    assert waited[0]["platform_event"] == "skip_turn_wait_elapsed"
    assert waited[0]["time_in_call_secs"] == 12
