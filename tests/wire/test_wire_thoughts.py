"""What a model thinks, as the client is told."""

from turnwise.turns.commands import (
    Announce,
    CallTool,
    CancelReply,
    Cause,
    Command,
    FinishReply,
    Speak,
    StartReply,
)
from turnwise.turns.events import CallId, ReplyId
from turnwise.wire.server_messages import (
    AgentReasoningResponsePart,
    AgentResponse,
    ServerMessage,
)
from turnwise.wire.translate import Translator

ONE, TWO = ReplyId(1), ReplyId(2)
WANTED = ["agent_reasoning_response_part", "agent_response"]
Thought = tuple[ReplyId, str]


def told(*steps: Command | Thought, events: list[str] = WANTED) -> list[str]:
    """What is sent, as `number type words`."""
    translator = Translator(events, text_only=True)
    messages: list[ServerMessage] = []
    for step in steps:
        if isinstance(step, tuple):
            messages += translator.thought(*step)
        else:
            messages += translator.obey(step)
    return [_short(message) for message in messages]


def _short(message: ServerMessage) -> str:
    match message:
        case AgentReasoningResponsePart(event_id=number, part=part, text=text):
            return f"{number} {part} {text}".strip()
        case AgentResponse(event_id=number, agent_response=text):
            return f"{number} said {text}"
        case _:
            return type(message).__name__


def start(reply: ReplyId = ONE, *, bet: bool = False) -> StartReply:
    return StartReply(reply, Cause.USER_TURN, (), speculative=bet)


def test_thoughts_are_told_as_they_come_and_end_before_the_words() -> None:
    steps = (start(), (ONE, "Hm. "), (ONE, "So."), Speak(ONE, "Yes."), Announce(ONE, "Yes."))
    assert told(*steps) == ["1 start", "1 delta Hm.", "1 delta So.", "1 stop", "1 said Yes."]
    assert told(*steps, events=["agent_response"]) == ["1 said Yes."]


def test_each_pass_of_a_reply_has_thoughts_of_its_own() -> None:
    call = CallTool(ONE, CallId("look_1"), "look", "{}")
    again = StartReply(ONE, Cause.TOOL_RESULT, ())
    assert told(start(), (ONE, "A"), call, again, (ONE, "B"), Speak(ONE, "x")) == [
        *("1 start", "1 delta A", "1 stop"),
        *("1 start", "1 delta B", "1 stop"),
    ]


def test_thoughts_of_a_bet_are_told_when_it_is_won() -> None:
    bet = start(bet=True)
    assert told(bet, (ONE, "A"), (ONE, "B")) == []
    assert told(bet, (ONE, "A"), (ONE, "B"), Speak(ONE, "x")) == [
        *("1 start", "1 delta A", "1 delta B", "1 stop"),
    ]
    lost = (bet, (ONE, "A"), CancelReply(ONE, speculative=True))
    assert told(*lost, start(TWO), (TWO, "B")) == ["1 start", "1 delta B"]


def test_thoughts_of_a_reply_wait_for_the_one_before_it() -> None:
    before = (start(), Speak(ONE, "x"), Announce(ONE, "x"), start(TWO), (TWO, "B"))
    assert told(*before) == ["1 said x"]
    assert told(*before, FinishReply(ONE), (TWO, "C")) == [
        "1 said x",
        *("2 start", "2 delta B", "2 delta C"),
    ]


def test_a_reply_that_is_given_up_ends_its_thoughts() -> None:
    assert told(start(), (ONE, "A"), CancelReply(ONE)) == ["1 start", "1 delta A", "1 stop"]


def test_nobody_hears_thoughts_of_a_reply_that_never_began() -> None:
    assert told((ONE, "A"), start(TWO), (ONE, "A"), (TWO, "B")) == ["1 start", "1 delta B"]
