"""Patter's adapter for ElevenLabs agents and its phone server, unmodified, from the package."""

from pathlib import Path
from typing import Any

import pytest

from acceptance.brain import Brain, Call, Step
from acceptance.environments import Environment, Json, installed, snippets
from acceptance.house import KEY, House, agent, client_tool, free_port, said
from acceptance.speech import HZ, Sound, at_rate, from_wire, likeness, similarity, spoken, to_wire

pytestmark = pytest.mark.acceptance

GREETING = "Hello, how can I help you?"
OVERRIDDEN = "Luigi's pizzeria, good evening."
ADDRESS = "Our address is twelve Market Street."
LONG = (
    "Welcome to the pizzeria. We bake all our pizzas in a wood oven, and the dough rests for two "
    "days. Ask me for the hours, for the address, or for the delivery, and I will gladly tell you."
)
FOUND = "It is on its way."
QUESTION = "what is your address"
VOICE = "en-us+f4"
"""What stands in for the voice that Patter asks for where nobody chooses."""
ALIKE = 0.3

OPENED = {"agent": {"first_message": True, "language": True}, "tts": {"voice_id": True}}
ORDER = client_tool("look_up_order", "Looks up an order.", "number")


@pytest.fixture(scope="session")
def patter() -> Environment:
    return Environment(installed("patter", ["getpatter==0.7.0"]))


def answers(messages: list[Json]) -> list[Step]:
    """First the address, then a tool, then what it found."""
    if messages[-1]["role"] == "tool":
        return [str(messages[-1]["content"])]
    asked = sum(message["role"] == "user" for message in messages)
    return [ADDRESS] if asked == 1 else [Call("look_up_order", {"number": "7"})]


def environ(house: House) -> dict[str, str]:
    return {"TURNWISE_URL": house.url, "TURNWISE_KEY": KEY, "PATTER_TELEMETRY_DISABLED": "1"}


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def asked_for(folder: Path, name: str) -> str:
    path = folder / f"{name}.question"
    path.write_bytes(to_wire(spoken(QUESTION), name))
    return str(path)


def agents(house: House, prompt: str) -> Json:
    opened = {"overrides": {"conversation_config_override": OPENED}}
    private = {**opened, "auth": {"enable_auth": True}}
    return {
        "open": house.create(agent(prompt, GREETING, tools=[ORDER], settings=opened)),
        "private": house.create(agent(prompt, GREETING, settings=private)),
        "talkative": house.create(agent(prompt, LONG, settings=opened)),
        "locked": house.create(agent(prompt, GREETING)),
    }


def kinds(call: Json) -> list[str]:
    return [kind for kind, _ in call["events"]]


def texts(call: Json, kind: str) -> list[Any]:
    return [value for each, value in call["events"] if each == kind]


def sound(folder: Path, name: str, wire: str, rate: int) -> Sound:
    return at_rate(from_wire((folder / f"{name}.raw").read_bytes(), wire), rate, HZ)


def test_the_adapter_is_used_in_all_its_ways(
    scripted_house: House, brain: Brain, patter: Environment, tmp_path: Path
) -> None:
    [page], [shown] = snippets("patter.md"), snippets("patter.md", "text")
    made = agents(scripted_house, brain.learn(answers))
    order = {
        "page": written(tmp_path, "page.py", page),
        "agents": made,
        "pcm": asked_for(tmp_path, "pcm_16000"),
        "ulaw": asked_for(tmp_path, "ulaw_8000"),
        "found": FOUND,
    }
    told = {**environ(scripted_house), "AGENT_ID": made["open"]}
    report = patter.run("patter_calls", order, tmp_path, told)
    assert report["printed"].endswith(shown)

    _check_a_conversation(report["bare"], tmp_path)
    _check_mu_law(scripted_house, report["telnyx"], tmp_path)
    _check_barge_in(report["barge_in"])
    assert texts(report["italian"], "transcript_output") == [GREETING]
    italian = scripted_house.ended(report["italian"]["conversation_id"])
    assert italian["metadata"]["main_language"] == "it"

    refused = report["locked"]
    assert kinds(refused) == ["error", "end"]
    assert "Override for field" in texts(refused, "error")[0]


def _check_a_conversation(call: Json, folder: Path) -> None:
    assert call["formats"] == ["pcm_16000", "pcm_16000"]
    reply = ["transcript_output", "response_start", "audio", "response_done"]
    asked = ["transcript_input"]
    assert kinds(call) == [*reply, *asked, *reply, *asked, "function_call", *reply, "end"]
    assert texts(call, "transcript_output") == [GREETING, ADDRESS, FOUND]
    assert texts(call, "transcript_input") == [QUESTION, QUESTION]
    [called] = texts(call, "function_call")
    assert (called["name"], called["arguments"]) == ("look_up_order", {"number": "7"})
    assert all(0.4 < quiet < 2 for quiet in call["quiet_s"])  # by silence, and not in between
    heard = sound(folder, "bare", "pcm_16000", 16_000)
    assert all(likeness(heard, text, VOICE) > ALIKE for text in (GREETING, ADDRESS, FOUND))


def _check_mu_law(house: House, call: Json, folder: Path) -> None:
    assert call["formats"] == ["ulaw_8000", "ulaw_8000"]
    assert texts(call, "transcript_output") == [GREETING, ADDRESS]
    heard = sound(folder, "telnyx", "ulaw_8000", 8_000)
    assert likeness(heard, GREETING, VOICE) > ALIKE
    record = house.ended(call["conversation_id"])
    assert record["metadata"]["authorization_method"] == "signed_url"
    rate, user, _ = house.recording(call["conversation_id"])
    assert similarity(at_rate(user, rate, HZ), spoken(QUESTION)) > 0.8


def _check_barge_in(call: Json) -> None:
    happened = kinds(call)
    at = happened.index("interruption")
    assert happened[at - 1 : at + 1] == ["response_done", "interruption"]
    assert happened[at + 1 :][:3] == ["transcript_input", "transcript_output", "response_start"]
    assert texts(call, "transcript_output") == [LONG, ADDRESS]


def test_the_phone_server_takes_a_call(
    scripted_house: House, brain: Brain, patter: Environment, tmp_path: Path
) -> None:
    [page] = snippets("patter.md", "python phone")
    agent_id = agents(scripted_house, brain.learn([ADDRESS]))["open"]
    order = {
        "page": written(tmp_path, "phone.py", page),
        "ulaw": asked_for(tmp_path, "ulaw_8000"),
    }
    told = {
        **environ(scripted_house),
        "AGENT_ID": agent_id,
        "HOME": str(tmp_path),
        "PORT": str(free_port()),
        "PHONE_NUMBER": "+15550001234",
        "PUBLIC_HOST": "phone.example.com",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "0" * 32,
    }
    report = patter.run("patter_phone", order, tmp_path, told)
    assert "wss://phone.example.com/ws/stream/" in report["twiml"]
    for name, text in (("greeting", OVERRIDDEN), ("answer", ADDRESS)):
        assert likeness(sound(tmp_path, name, "ulaw_8000", 8_000), text, VOICE) > ALIKE
    record = scripted_house.newest_of(agent_id)
    assert said(record, "agent")[0] == OVERRIDDEN
    assert set(said(record, "agent")[1:]) == {ADDRESS}  # twice, where the caller was cut short
    assert said(record, "user")
