"""The official Python SDK, unmodified, without sound: messages, tools, ends and beginnings."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai.conversation import (
    AsyncConversation,
    ClientTools,
    Conversation,
    ConversationInitiationData,
    DisconnectionDetails,
    OnPremInitiationData,
)

from acceptance.brain import Brain, Call, last_said
from acceptance.callers import Diary
from acceptance.house import END_CALL, House, agent, client_tool, said, wait_until

pytestmark = pytest.mark.acceptance

HOURS = "We are open from nine to five."
PRICE = "The blue bicycle costs ninety dollars."


class Chat:
    """A conversation in writing."""

    def __init__(self, client: ElevenLabs, agent_id: str, **options: Any) -> None:  # noqa: ANN401
        self.diary = Diary()
        self.call = Conversation(
            client,
            agent_id,
            **{"requires_auth": False, **options},
            callback_agent_response=self.diary.note("reply"),
            callback_agent_response_correction=self.diary.note("correction"),
            callback_agent_chat_response_part=self.diary.note("part"),
            callback_user_transcript=self.diary.note("transcript"),
            callback_disconnect=self.diary.note("gone"),
        )

    def tell(self, text: str) -> None:
        """Send a message, as soon as the conversation has begun."""
        wait_until(lambda: self.call._conversation_id, "the metadata")
        self.call.send_user_message(text)

    def ask(self, text: str, reply: int) -> str:
        """Send a message and return the reply of this number, counted from 1."""
        self.tell(text)
        return str(self.diary.wait("reply", reply))

    def gone(self) -> DisconnectionDetails:
        """How it ended, when it has."""
        found: DisconnectionDetails = self.diary.wait("gone")
        return found


@contextmanager
def chat(client: ElevenLabs, agent_id: str, **options: Any) -> Iterator[Chat]:  # noqa: ANN401
    made = Chat(client, agent_id, **options)
    made.call.start_session()
    try:
        yield made
    finally:
        made.call.end_session()
        made.call.wait_for_session_end()


# --- messages -----------------------------------------------------------------------------------


def test_a_conversation_in_writing(sdk: ElevenLabs, house: House) -> None:
    agent_id = house.create(agent(f"{HOURS} {PRICE}", "Hello!"))
    with chat(sdk, agent_id, user_id="ada") as talk:
        assert talk.diary.wait("reply") == "Hello!"
        assert talk.ask("What does the bicycle cost?", 2) == PRICE
        assert talk.ask("When are you open?", 3) == HOURS
    record = house.ended(talk.call.wait_for_session_end() or "")
    assert talk.gone() == DisconnectionDetails(reason="user")
    assert talk.diary.of("transcript") == []  # what was typed is not echoed
    assert "".join(talk.diary.of("part")) == f"Hello!{PRICE}{HOURS}"
    kinds = [values[1].value for _, kind, values in talk.diary.lines if kind == "part"]
    assert (kinds[0], kinds[-1], kinds.count("start")) == ("start", "stop", 3)
    assert said(record, "agent") == ["Hello!", PRICE, HOURS]
    assert said(record, "user") == ["What does the bicycle cost?", "When are you open?"]
    assert record["status"] == "done"
    assert record["metadata"]["text_only"]
    assert record["metadata"]["conversation_initiation_source"] == "python_sdk"
    assert record["user_id"] == "ada"
    assert not record["has_audio"]


def test_the_asynchronous_client_in_writing(sdk: ElevenLabs, house: House) -> None:
    agent_id = house.create(agent(f"{HOURS} {PRICE}"))
    diary = Diary()

    async def hold() -> str | None:
        call = AsyncConversation(
            sdk,
            agent_id,
            requires_auth=False,
            callback_agent_response=diary.note_async("reply"),
            callback_disconnect=diary.note_async("gone"),
        )
        await call.start_session()
        while call._conversation_id is None:
            await asyncio.sleep(0.02)
        await call.register_user_activity()
        await call.send_contextual_update("The user is on the page of bicycles.")
        await call.send_user_message("When are you open?")
        await asyncio.to_thread(diary.wait, "reply")
        await call.end_session()
        return await call.wait_for_session_end()

    record = house.ended(asyncio.run(hold()) or "")
    assert diary.of("reply") == [HOURS]
    assert [turn["role"] for turn in record["transcript"]] == ["user", "user", "agent"]


def test_context_is_told_to_the_model_and_asks_for_no_reply(
    scripted_sdk: ElevenLabs, scripted_house: House, brain: Brain
) -> None:
    prompt = brain.learn(lambda messages: [f"You said {last_said(messages)!r}."])
    with chat(scripted_sdk, scripted_house.create(agent(prompt, "Hello!"))) as talk:
        talk.diary.wait("reply")
        talk.call.send_contextual_update("The cart holds two lamps.")
        talk.call.register_user_activity()
        assert "ready" in talk.ask("I am ready", 2)
    [asked] = brain.heard(prompt)
    told = " ".join(str(message["content"]) for message in asked["messages"])
    assert "The cart holds two lamps." in told
    record = scripted_house.ended(talk.call.wait_for_session_end() or "")
    contexts = [turn for turn in record["transcript"] if turn.get("contextual_update_info")]
    assert [turn["message"] for turn in contexts] == ["The cart holds two lamps."]
    assert len(said(record, "agent")) == 2


# --- tools --------------------------------------------------------------------------------------


def weather(messages: list[dict[str, Any]]) -> list[Any]:
    last = messages[-1]
    if last["role"] == "tool":
        return [f"They say: {last['content']}"]
    return ["Let me look. ", Call("get_weather", {"city": "Oslo"})]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_client_tool_whose_answer_is_awaited(
    scripted_sdk: ElevenLabs, scripted_house: House, brain: Brain, *, is_async: bool
) -> None:
    called: list[dict[str, Any]] = []

    def sync_tool(parameters: dict[str, Any]) -> str:
        called.append(parameters)
        return f"Rain in {parameters['city']}"

    async def async_tool(parameters: dict[str, Any]) -> str:
        await asyncio.sleep(0)
        return sync_tool(parameters)

    tools = ClientTools()
    tools.register("get_weather", async_tool if is_async else sync_tool, is_async=is_async)
    tool = client_tool("get_weather", "Tells the weather of a city.", "city")
    prompt = brain.learn(weather)
    agent_id = scripted_house.create(agent(prompt, tools=[tool]))
    with chat(scripted_sdk, agent_id, client_tools=tools) as talk:
        talk.tell("How is the weather?")
        talk.diary.wait("reply", 2)
    assert talk.diary.of("reply") == ["Let me look.", "They say: Rain in Oslo"]
    assert [each["city"] for each in called] == ["Oslo"]
    record = scripted_house.ended(talk.call.wait_for_session_end() or "")
    [call] = [call for turn in record["transcript"] for call in turn["tool_calls"]]
    [result] = [each for turn in record["transcript"] for each in turn["tool_results"]]
    assert call["tool_name"] == result["tool_name"] == "get_weather"
    assert call["request_id"] == result["request_id"] == called[0]["tool_call_id"]
    assert (result["result_value"], result["is_error"]) == ("Rain in Oslo", False)
    offered = brain.heard(prompt)[0]["tools"][0]["function"]
    assert offered["name"] == "get_weather"
    assert offered["parameters"]["required"] == ["city"]


def test_a_client_tool_that_is_only_told(
    scripted_sdk: ElevenLabs, scripted_house: House, brain: Brain
) -> None:
    called = threading.Event()
    tools = ClientTools()
    tools.register("show_map", lambda parameters: called.set())
    tool = client_tool("show_map", "Shows a map.", expects_response=False)

    def script(messages: list[dict[str, Any]]) -> list[Any]:
        return ["There."] if messages[-1]["role"] == "tool" else [Call("show_map")]

    agent_id = scripted_house.create(agent(brain.learn(script), tools=[tool]))
    with chat(scripted_sdk, agent_id, client_tools=tools) as talk:
        talk.tell("Where is it?")
        assert talk.diary.wait("reply") == "There."
        assert called.wait(10)
        assert talk.ask("And now?", 2) == "There."


def test_a_handler_that_returns_no_text_ends_the_conversation(
    sdk: ElevenLabs, house: House
) -> None:
    """The SDK sends what the handler returned; the published server takes nothing but text."""
    tools = ClientTools()
    tools.register("get_weather", lambda parameters: {"sky": "grey"})
    tool = client_tool("get_weather", "Tells the weather.")
    agent_id = house.create(agent(tools=[tool]))
    with chat(sdk, agent_id, client_tools=tools) as talk:
        talk.tell("tell me the weather")
        gone = talk.gone()
    assert (gone.reason, gone.close_code) == ("error", 1008)
    assert "result" in (gone.close_reason or "")
    record = house.ended(talk.call.wait_for_session_end() or "")
    assert record["status"] == "failed"
    assert record["metadata"]["error"]["code"] == 1008


def test_a_tool_that_fails_is_reported_to_the_model(sdk: ElevenLabs, house: House) -> None:
    """The client has no such tool; the built-in responder tells so."""
    agent_id = house.create(agent(tools=[client_tool("get_weather", "Tells the weather.")]))
    with chat(sdk, agent_id) as talk:
        talk.tell("tell me the weather")
        talk.diary.wait("reply", 2)
    record = house.ended(talk.call.wait_for_session_end() or "")
    [result] = [each for turn in record["transcript"] for each in turn["tool_results"]]
    assert result["is_error"]
    assert "not registered" in result["result_value"]


def test_the_agent_hangs_up(sdk: ElevenLabs, house: House) -> None:
    agent_id = house.create(agent(tools=[END_CALL]))
    with chat(sdk, agent_id) as talk:
        talk.tell("Goodbye!")
        gone = talk.gone()
    assert (gone.reason, gone.close_code) == ("agent", 1000)
    assert talk.diary.of("reply") == ["Goodbye!"]
    record = house.ended(talk.call.wait_for_session_end() or "")
    assert record["status"] == "done"
    assert record["metadata"]["termination_reason"] == "end_call tool was called."
    assert record["metadata"]["error"] is None


# --- who may talk -------------------------------------------------------------------------------

PRIVATE = {"auth": {"enable_auth": True}}


def test_a_signed_url_opens_a_private_agent(sdk: ElevenLabs, house: House) -> None:
    agent_id = house.create(agent(first_message="Hello!", settings=PRIVATE))
    with chat(sdk, agent_id, requires_auth=True) as talk:
        assert talk.diary.wait("reply") == "Hello!"
    record = house.ended(talk.call.wait_for_session_end() or "")
    assert record["metadata"]["authorization_method"] == "signed_url"


def test_a_private_agent_is_closed_to_everybody_else(sdk: ElevenLabs, house: House) -> None:
    agent_id = house.create(agent(first_message="Hello!", settings=PRIVATE))
    with chat(sdk, agent_id, requires_auth=False) as talk:
        gone = talk.gone()
    assert gone.close_code == 3000
    assert gone.close_reason == "Could not authorize the conversation."
    assert talk.diary.of("reply") == []


def test_an_unknown_agent(sdk: ElevenLabs) -> None:
    with chat(sdk, "agent_of_nobody") as talk:
        gone = talk.gone()
    assert (gone.reason, gone.close_code) == ("error", 3000)
    assert gone.close_reason == "The AI agent you are trying to reach does not exist."


# --- what clients bring along -------------------------------------------------------------------


def allowing(**paths: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"overrides": {"conversation_config_override": paths}}


def test_overrides_that_the_agent_permits(
    scripted_sdk: ElevenLabs, scripted_house: House, brain: Brain
) -> None:
    permitted = allowing(
        agent={"first_message": True, "language": True, "prompt": {"prompt": True}},
        conversation={"text_only": True},
    )
    permitted["overrides"]["custom_llm_extra_body"] = True
    instead = brain.learn(["From the other script."])
    agent_id = scripted_house.create(agent("[[none]]", "Hello!", settings=permitted))
    config = ConversationInitiationData(
        conversation_config_override={
            "agent": {"first_message": "Good evening!", "prompt": {"prompt": instead}}
        },
        extra_body={"seed": 7},
    )
    with chat(scripted_sdk, agent_id, config=config) as talk:
        assert talk.diary.wait("reply") == "Good evening!"
        assert talk.ask("Hello", 2) == "From the other script."
    [asked] = brain.heard(instead)
    assert asked["seed"] == 7
    assert asked["model"] == "scripted"


def test_an_override_that_the_agent_forbids(sdk: ElevenLabs, house: House) -> None:
    agent_id = house.create(agent(first_message="Hello!"))
    override = {"tts": {"voice_id": "en-us+m3"}}
    config = ConversationInitiationData(conversation_config_override=override)
    with chat(sdk, agent_id, config=config) as talk:
        gone = talk.gone()
    assert (gone.reason, gone.close_code) == ("error", 1008)
    assert gone.close_reason == "Override for field 'voice_id' is not allowed by config."
    record = house.newest_of(agent_id)
    assert record["status"] == "failed"
    assert record["metadata"]["error"] == {"code": 1008, "reason": gone.close_reason}
    assert record["transcript"] == []


def test_dynamic_variables_are_filled_in(
    scripted_sdk: ElevenLabs, scripted_house: House, brain: Brain
) -> None:
    prompt = brain.learn(["All right."])
    document = agent(
        f"{prompt} The user is {{{{name}}}}, aged {{{{age}}}}.",
        "Hello {{name}}, from {{town}}!",
        config={"agent": {"dynamic_variables": _placeholders(town="nowhere", name="nobody")}},
    )
    given = {"name": "Ada", "age": 36, "town": "Oslo"}
    config = ConversationInitiationData(dynamic_variables=given)
    with chat(scripted_sdk, scripted_house.create(document), config=config) as talk:
        assert talk.diary.wait("reply") == "Hello Ada, from Oslo!"
        talk.ask("Hello", 2)
    system = brain.heard(prompt)[0]["messages"][0]["content"]
    assert "The user is Ada, aged 36." in system


def _placeholders(**values: object) -> dict[str, Any]:
    return {"dynamic_variable_placeholders": values}


@pytest.mark.parametrize("where", ["first message", "tools"])
def test_dynamic_variables_that_are_missing(sdk: ElevenLabs, house: House, where: str) -> None:
    tool = client_tool("order", "Orders a pizza.")
    tool["parameters"]["properties"] = {
        "token": {"type": "string", "dynamic_variable": "customer_name"}
    }
    in_tools = where == "tools"
    first = "Hello!" if in_tools else "Hello {{customer_name}}!"
    agent_id = house.create(agent(first_message=first, tools=[tool] if in_tools else []))
    with chat(sdk, agent_id) as talk:
        gone = talk.gone()
    assert gone.close_code == 1008
    assert gone.close_reason == (
        f"Missing required dynamic variables in {where}: {{'customer_name'}}"
    )
    record = house.newest_of(agent_id)
    assert record["status"] == "failed"
    assert record["metadata"]["error"]["code"] == 1008


def test_a_document_of_the_on_premises_handshake_is_answered_once(
    sdk: ElevenLabs, house: House
) -> None:
    fact = "The red tricycle costs forty dollars."
    setup = OnPremInitiationData(
        on_prem_conversation_url=house.socket_url(),
        agent_config_dict={"conversation_config": {"agent": {"first_message": "Hello!"}}},
        prompt_knowledge_base=[fact],
    )
    with chat(sdk, "ignored", on_prem_config=setup) as talk:
        assert talk.ask("What does the tricycle cost?", 2) == fact


def test_the_on_premises_handshake_brings_its_own_agent(sdk: ElevenLabs, house: House) -> None:
    called: list[dict[str, Any]] = []
    tools = ClientTools()
    tools.register("find_order", lambda parameters: called.append(parameters) or "It was sent.")
    setup = OnPremInitiationData(
        on_prem_conversation_url=house.socket_url(),
        agent_config_dict={
            "conversation_config": {
                "agent": {"first_message": "Hello from here!", "prompt": {"prompt": PRICE}}
            }
        },
        override_agent_config_list=[
            {"conversation_config": {"agent": {"first_message": "Hello from the branch!"}}}
        ],
        tools_config_list=[client_tool("find_order", "Finds an order that was placed.")],
        prompt_knowledge_base=["The red tricycle costs forty dollars."],
    )
    with chat(sdk, "ignored", on_prem_config=setup, client_tools=tools) as talk:
        assert talk.diary.wait("reply") == "Hello from the branch!"
        told = talk.ask("What does the tricycle cost?", 2)
        assert told.startswith("The red tricycle costs forty dollars.")
        assert talk.ask("What does the bicycle cost?", 3) == PRICE
        talk.call.send_user_message("Find the order that I placed")
        assert talk.diary.wait("reply", 5) == "It was sent."
    assert len(called) == 1
