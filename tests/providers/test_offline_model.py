import json
from collections.abc import Sequence

import pytest

from providers.provider_rig import all_of
from turnwise.base.errors import ProviderRefused
from turnwise.providers.llm.offline import Answer, Offline, answer_to
from turnwise.providers.ports import (
    ModelMessage,
    ModelRequest,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)

PROMPT = """You are the phone agent of Luigi's pizzeria. We are open from 11 to 22 o'clock. \
A margherita costs 8 euros. A salami pizza costs 9.50 euros. Always be friendly. \
Never talk about the margherita's secret recipe. You can find us at 12 Main Street.

## Parking
- There is a free car park behind the house.
"""
KNOWLEDGE = ["Our chef Luigi comes from Naples. The dough rests for 48 hours."]


def tool(
    tool_name: str, description: str, required: Sequence[str] = (), /, **kinds: str
) -> ToolSpec:
    properties = {each: {"type": kind} for each, kind in kinds.items()}
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return ToolSpec(name=tool_name, description=description, parameters=schema)


END_CALL = tool("end_call", "Ends the call.", reason="string")
BOOK = tool(
    "book_table",
    "Book a table at the restaurant.",
    ("guests", "date", "time"),
    guests="integer",
    date="string",
    time="string",
    name="string",
)
WEATHER = tool("get_weather", "Get the current weather for a location.", ("city",), city="string")
ORDER = tool(
    "get_order_status", "Look up the status of an order.", ("order_id",), order_id="string"
)
TOOLS = (END_CALL, BOOK, WEATHER, ORDER)


class Talk:
    """A conversation with the responder."""

    def __init__(self, tools: Sequence[ToolSpec] = TOOLS, prompt: str = PROMPT) -> None:
        self.tools = tools
        self.messages = [ModelMessage(role="system", text=prompt)]

    def say(self, text: str) -> Answer:
        self.messages.append(ModelMessage(role="user", text=text))
        return self.answer()

    def tool_says(self, result: str) -> Answer:
        self.messages.append(ModelMessage(role="tool", text=result, tool_call_id="call_1"))
        return self.answer()

    def answer(self) -> Answer:
        request = ModelRequest(messages=self.messages, tools=self.tools, knowledge=KNOWLEDGE)
        answer = answer_to(request)
        calls = (
            (ToolCall(id="call_1", name=answer.tool, arguments=answer.arguments),)
            if answer.tool
            else ()
        )
        self.messages.append(ModelMessage(role="assistant", text=answer.text, tool_calls=calls))
        return answer


def called(answer: Answer) -> tuple[str | None, object]:
    return answer.tool, json.loads(answer.arguments)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("how much is the margherita", "A margherita costs 8 euros."),
        ("what does the salami pizza cost?", "A salami pizza costs 9.50 euros."),
        ("when are you open", "We are open from 11 to 22 o'clock."),
        ("What time do you close?", "We are open from 11 to 22 o'clock."),
        ("where can I find you", "You can find us at 12 Main Street."),
        ("can I park at your place", "There is a free car park behind the house."),
        ("where does the chef come from", "Our chef Luigi comes from Naples."),
        ("who are you", "I am the phone agent of Luigi's pizzeria."),
    ],
)
def test_it_answers_with_what_it_was_told(said: str, answer: str) -> None:
    assert Talk().say(said) == Answer(answer)


@pytest.mark.parametrize("said", ["what is the capital of france", "qwertz", "tell me a secret"])
def test_it_says_when_it_does_not_know(said: str) -> None:
    assert "do not know" in Talk().say(said).text


def test_it_greets() -> None:
    assert Talk().say("Hello there!").text.startswith("Hello")
    assert Talk().answer().text.startswith("Hello")


def test_it_repeats() -> None:
    talk = Talk()
    told = talk.say("how much is the margherita")
    assert talk.say("sorry?") == told
    assert talk.say("could you say that again please") == told


@pytest.mark.parametrize(
    "said", ["goodbye", "okay bye", "that's all, thank you", "have a nice day"]
)
def test_it_says_goodbye_and_hangs_up(said: str) -> None:
    assert called(Talk().say(said)) == ("end_call", {"reason": "The user said goodbye."})
    assert Talk(tools=()).say(said) == Answer("Goodbye!")


def test_a_no_to_anything_else_is_a_goodbye() -> None:
    talk = Talk()
    assert "anything else" in talk.say("thank you").text
    assert talk.say("no thanks").tool == "end_call"
    assert Talk().say("no").tool is None


@pytest.mark.parametrize(
    ("said", "name", "arguments"),
    [
        ("what's the weather in paris", "get_weather", {"city": "paris"}),
        ("What is the weather like in New York today?", "get_weather", {"city": "New York"}),
        (
            "I would like to book a table for two people on friday at 7 pm",
            "book_table",
            {"guests": 2, "date": "friday", "time": "7 pm"},
        ),
        (
            "book a table for 12 on May 5th at half past seven, my name is Ann Smith",
            "book_table",
            {"guests": 12, "date": "May 5th", "time": "half past seven", "name": "Ann Smith"},
        ),
        ("what is the status of order 1234", "get_order_status", {"order_id": "1234"}),
    ],
)
def test_it_calls_the_tool_that_is_meant(
    said: str, name: str, arguments: dict[str, object]
) -> None:
    assert called(Talk().say(said)) == (name, arguments)


def test_it_asks_for_what_is_missing_until_it_has_it() -> None:
    talk = Talk()
    assert (
        talk.say("i want to book a table").text == "Please tell me the guests, date and the time."
    )
    assert talk.say("for twenty five people tomorrow").text == "Please tell me the time."
    arguments = {"guests": 25, "date": "tomorrow", "time": "in the evening"}
    assert called(talk.say("in the evening")) == ("book_table", arguments)


def test_it_does_not_ask_for_ever() -> None:
    talk = Talk()
    answers = [talk.say(said).text for said in ("book a table", "hm", "well", "hm", "so")]
    assert answers[0].startswith("Please tell me")
    assert any("did not understand" in answer for answer in answers[1:])


def test_it_asks_for_one_thing_and_takes_the_answer() -> None:
    talk = Talk()
    assert talk.say("what is the weather").text == "Please tell me the city."
    assert called(talk.say("London.")) == ("get_weather", {"city": "London"})


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("It is sunny.", "It is sunny."),
        ("sunny", "Sunny."),
        ('{"status": "shipped", "total": 42}', "The status is shipped, the total is 42."),
        ('[{"name": "Ann"}, {"name": "Bob"}]', "The name is Ann, the name is Bob."),
        ('{"error": "no such order"}', "I am sorry, that did not work: no such order."),
        ('{"paid": true, "note": null}', "Paid: yes."),
        ("{}", "That is done."),
        ("", "That is done."),
    ],
)
def test_it_tells_what_a_tool_found(result: str, told: str) -> None:
    talk = Talk()
    talk.say("what is the status of order 1234")
    assert talk.tool_says(result) == Answer(told)


def test_types_of_arguments() -> None:
    schema = {
        "type": "object",
        "properties": {
            "size": {"type": "string", "enum": ["small", "large"]},
            "sliced": {"type": "boolean"},
            "weight": {"type": "number"},
            "email": {"type": "string"},
            "phone": {"type": "string"},
            "message": {"type": "string"},
            "source": {"type": "string", "const": "phone"},
            "tags": {"type": "array"},
        },
        "required": ["size"],
    }
    pizza = ToolSpec(name="order_pizza", description="Order a pizza.", parameters=schema)
    said = "order a Large pizza of 1.5 kilos, no slices, to a.b@c.de or +43 660 123456"
    name, arguments = called(Talk(tools=[pizza]).say(said))
    assert name == "order_pizza"
    assert arguments == {
        "size": "large",
        "sliced": False,
        "weight": 1.5,
        "email": "a.b@c.de",
        "phone": "+43 660 123456",
        "message": said,
        "source": "phone",
    }


@pytest.mark.parametrize("parameters", [{}, {"type": "object"}, {"properties": 5, "required": 7}])
def test_a_tool_with_odd_parameters_is_called_without(parameters: dict[str, object]) -> None:
    lamp = ToolSpec(name="switch_lamp", description="Switch the lamp.", parameters=parameters)
    assert called(Talk(tools=[lamp]).say("switch the lamp on")) == ("switch_lamp", {})


@pytest.mark.anyio
async def test_it_streams_word_by_word_and_counts() -> None:
    messages = [
        ModelMessage(role="system", text="The shop opens at nine."),
        ModelMessage(role="user", text="goodbye"),
    ]
    events = await all_of(Offline().stream(ModelRequest(messages=messages, tools=TOOLS)))
    assert events == [
        TextDelta("Goodbye!"),
        ToolCall(id="call_1", name="end_call", arguments='{"reason": "The user said goodbye."}'),
        Usage(6, 1),
    ]


def test_the_same_request_gives_the_same_answer() -> None:
    assert len({Talk().say("tell me about the pizza and the opening hours") for _ in range(5)}) == 1


@pytest.mark.anyio
async def test_a_task_beside_the_conversation_is_refused() -> None:
    told = ModelMessage(role="user", text="When do you open?")
    request = ModelRequest(messages=[told], aside=True)
    with pytest.raises(ProviderRefused, match="follows no instructions"):
        await all_of(Offline().stream(request))
