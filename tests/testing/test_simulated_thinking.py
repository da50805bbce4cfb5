from turnwise.testing.agenda import Agenda
from turnwise.testing.chance import seeded
from turnwise.testing.latency import Fixed, Never
from turnwise.testing.providers import Model, Tools, Written
from turnwise.testing.thinking import FILLER, Thinking, Toolbox
from turnwise.turns.commands import CallTool, Cause, StartReply
from turnwise.turns.events import (
    CallId,
    EndAsked,
    Event,
    FillerMade,
    ReplyFailed,
    ReplyId,
    ReplyText,
    ReplyWritten,
    ToolRequested,
    ToolReturned,
    TurnSkipped,
)
from turnwise.turns.transcript import Transcript

ONE = ReplyId(1)
CALL = CallId("call_1")
ASKED = StartReply(ONE, Cause.USER_TURN, ())


def rows(agenda: Agenda) -> list[tuple[int, Event]]:
    found: list[tuple[int, Event]] = []
    while agenda.next_at is not None:
        at, entry = agenda.pop()
        if not entry.crossed_out:
            assert not callable(entry.what)
            found.append((at, entry.what))
    return found


def written(model: Model, order: StartReply = ASKED) -> list[tuple[int, Event]]:
    agenda = Agenda()
    Thinking(model, seeded(0), agenda).start(order, 1_000)
    return rows(agenda)


def ran(tools: Tools, name: str) -> list[tuple[int, Event]]:
    agenda = Agenda()
    Toolbox(tools, seeded(0), agenda).call(CallTool(ONE, CALL, name, "{}"), 1_000)
    return rows(agenda)


def test_a_reply_comes_in_pieces_and_is_complete() -> None:
    model = Model(first_token=Fixed(300), token_ms=20, replies=("One two three.",))
    assert written(model) == [
        (1_300, ReplyText(ONE, "One two ")),
        (1_340, ReplyText(ONE, "three.")),
        (1_360, ReplyWritten(ONE)),
    ]


def test_a_function_writes_what_it_makes_of_the_transcript() -> None:
    def count(transcript: Transcript) -> str:
        return f"{len(transcript)} entries."

    events = written(Model(replies=count))
    assert "".join(e.text for _, e in events if isinstance(e, ReplyText)) == "0 entries."


def test_tools_are_wanted_after_the_words() -> None:
    model = Model(first_token=Fixed(0), replies=(Written("Wait.", (("look_up", "{}"),)),))
    assert [event for _, event in written(model)] == [
        ReplyText(ONE, "Wait."),
        ReplyText(ONE, " "),
        ToolRequested(ONE, CALL, "look_up", "{}"),
        ReplyWritten(ONE),
    ]


def test_a_tool_may_come_before_the_answer_but_not_again() -> None:
    model = Model(replies=("Done.",), tools=(("look_up", "{}"),), tool_chance=1.0)
    assert any(isinstance(e, ToolRequested) for _, e in written(model))
    next_pass = StartReply(ONE, Cause.TOOL_RESULT, ())
    assert not any(isinstance(e, ToolRequested) for _, e in written(model, next_pass))


def test_a_model_may_fail_hang_at_once_or_hang_in_the_middle() -> None:
    assert [type(e) for _, e in written(Model(fails=1.0))] == [ReplyFailed]
    assert written(Model(first_token=Never())) == []
    words = [e for _, e in written(Model(hangs=1.0, replies=("a b c d e f g h",)))]
    assert words == [ReplyText(ONE, "a b "), ReplyText(ONE, "c d ")]


def test_a_filler_is_made_in_its_time_or_never() -> None:
    for latency, made in ((Fixed(300), [(1_300, FillerMade(ONE, FILLER))]), (Never(), [])):
        agenda = Agenda()
        Thinking(Model(filler=latency), seeded(0), agenda).fill(ONE, 1_000)
        assert rows(agenda) == made


def test_a_tool_answers_what_it_is_told_to() -> None:
    tools = Tools(latency=Fixed(500), results={"look_up": "42"})
    assert ran(tools, "look_up") == [(1_500, ToolReturned(CALL, "42"))]
    assert ran(tools, "other") == [(1_500, ToolReturned(CALL, "ok"))]


def test_a_tool_may_fail_or_hang() -> None:
    assert [e.failed for _, e in ran(Tools(fails=1.0), "x") if isinstance(e, ToolReturned)] == [
        True
    ]
    assert ran(Tools(latency=Never()), "x") == []


def test_system_tools_do_what_they_do() -> None:
    tools = Tools(latency=Fixed(0))
    assert ran(tools, "end_call") == [(1_000, EndAsked("end_call", call=CALL))]
    assert ran(tools, "skip_turn") == [(1_000, TurnSkipped(CALL))]


def test_a_cancelled_tool_does_not_answer() -> None:
    agenda = Agenda()
    toolbox = Toolbox(Tools(), seeded(0), agenda)
    toolbox.call(CallTool(ONE, CALL, "x", "{}"), 0)
    toolbox.cancel(CALL)
    toolbox.cancel(CallId("unknown"))
    assert rows(agenda) == []
