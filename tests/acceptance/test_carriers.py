"""Phone calls over media streams as Twilio and Telnyx speak them, by a scripted carrier."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from elevenlabs.client import ElevenLabs
from starlette.testclient import TestClient

from acceptance.brain import Brain, Call, last_said
from acceptance.carrier import CALL, STREAM, Carrier, stream_url
from acceptance.environments import snippets
from acceptance.house import END_CALL, KEY, House, agent, said, wait_until
from acceptance.speech import (
    CLEAR_VOICE,
    HZ,
    Sound,
    _espeak,
    at_rate,
    likeness,
    pause,
    share,
    spoken,
)

pytestmark = pytest.mark.acceptance

Json = dict[str, Any]

ADDRESS = "Our address is twelve Market Street."
LONG = (
    "Welcome to the pizzeria. We bake all our pizzas in a wood oven, and the dough rests for two "
    "days. Ask me for the hours, for the address, or for the delivery, and I will gladly tell you."
)
PERSON, NUMBER = "+15550001111", "+15552223333"
PRIVATE: Json = {"auth": {"enable_auth": True}}
ALIKE = 0.3
BOTH = pytest.mark.parametrize("carrier_name", ["twilio", "telnyx"])


def registered(sdk: ElevenLabs, agent_id: str, init: Json | None = None) -> tuple[str, Json]:
    """What the TwiML of a registered call says: the URL of the stream, and its parameters."""
    twiml = sdk.conversational_ai.twilio.register_call(
        agent_id=agent_id,
        from_number=PERSON,
        to_number=NUMBER,
        conversation_initiation_client_data=init,
    )
    return stream_of(twiml)


def stream_of(twiml: str) -> tuple[str, Json]:
    stream = fromstring(twiml).find("Connect/Stream")
    assert stream is not None
    told = {each.attrib["name"]: each.attrib["value"] for each in stream.findall("Parameter")}
    return stream.attrib["url"], told


def ear(carrier: Carrier) -> Sound:
    return at_rate(carrier.heard, 8_000, HZ)


def call_of(house: House, carrier: str, agent_id: str, **more: Any) -> Carrier:  # noqa: ANN401
    """A call that nobody announced."""
    parameters = {"agent_id": agent_id, **more.pop("parameters", {})}
    return Carrier(stream_url(house, carrier), parameters, dialect=carrier, **more)


def test_a_registered_call_is_held_once(
    scripted_house: House, scripted_sdk: ElevenLabs, brain: Brain
) -> None:
    prompt = brain.learn([ADDRESS])
    document = agent(prompt + " {{system__caller_id}}", "Hello {{name}}.", settings=PRIVATE)
    agent_id = scripted_house.create(document)
    init = {"dynamic_variables": {"name": "Ann"}}
    url, told = registered(scripted_sdk, agent_id, init)
    with Carrier(url, told) as carrier:
        carrier.wait_for_quiet()
        assert likeness(ear(carrier), "Hello Ann.") > ALIKE
        carrier.say(np.concatenate([spoken("what is your address"), pause(0.5)]))
        carrier.wait_for_words(2.0)
        carrier.wait_for_quiet()
        assert likeness(ear(carrier), ADDRESS) > ALIKE
        carrier.stop()
        assert carrier.wait_for_close() == (1000, "")
    with Carrier(url, told) as again:
        assert again.wait_for_close() == (3000, "Could not authorize the conversation.")
    record = scripted_house.ended(told["conversation_id"])
    assert said(record, "agent") == ["Hello Ann.", ADDRESS]
    assert record["metadata"]["phone_call"] == {
        "type": "twilio",
        "direction": "inbound",
        "phone_number_id": "",
        "agent_number": NUMBER,
        "external_number": PERSON,
        "call_sid": CALL,
        "stream_sid": STREAM,
        "call_result": "answered",
    }
    assert record["metadata"]["conversation_initiation_source"] == "twilio"
    assert PERSON in str(brain.heard(prompt)[0]["messages"])


@BOTH
def test_what_was_not_heard_is_not_in_the_transcript(
    scripted_house: House, brain: Brain, carrier_name: str
) -> None:
    agent_id = scripted_house.create(agent(brain.learn([ADDRESS]), LONG))
    # sound is on its way for so long: what was sent is not what was heard
    with call_of(scripted_house, carrier_name, agent_id, delay_ms=1500) as carrier:
        carrier.wait_for_words(2.5)
        carrier.say(np.concatenate([spoken("what is your address please"), pause(0.5)]))
        wait_until(lambda: carrier.of("clear"), "the interruption")
        cut = len(carrier.heard)
        carrier.wait_for_words(carrier.loud_s + 0.7)
        carrier.wait_for_quiet()
        assert carrier.returned
        assert likeness(ear(carrier), ADDRESS) > ALIKE
        carrier.stop()
        carrier.wait_for_close()
    record = scripted_house.newest_of(agent_id)
    turn = record["transcript"][0]
    assert turn["interrupted"]
    assert turn["original_message"] == LONG
    # nothing of it is more than was heard, and not much less
    loud = np.flatnonzero(np.abs(carrier.heard[:cut]) > 200)
    heard_ms = int(loud[-1] - loud[0]) / 8
    said_ms = len(turn["message"]) / len(LONG) * whole_ms(LONG)
    assert -2000 < said_ms - heard_ms < 900, (turn["message"], said_ms, heard_ms)


def whole_ms(text: str) -> float:
    """How long the agent takes to say something."""
    return len(_espeak(text, CLEAR_VOICE)) * 1000 / HZ


@BOTH
def test_keys_are_turns_and_the_agent_presses_keys(
    scripted_house: House, brain: Brain, carrier_name: str
) -> None:
    def answer(messages: list[Json]) -> list[Any]:
        if messages[-1]["role"] == "tool":
            return ["Done."]
        if last_said(messages) == "12*":
            return [Call("play_keypad_touch_tone", {"dtmf_tones": "5w9", "reason": "menu"})]
        return ["Thank you."]

    tones = {
        "type": "system",
        "name": "play_keypad_touch_tone",
        "description": "",
        "params": {"system_tool_type": "play_keypad_touch_tone"},
    }
    config = {"conversation": {"dtmf_input_settings": {"dtmf_input_timeout": 1.0}}}
    agent_id = scripted_house.create(agent(brain.learn(answer), tools=[tones], config=config))
    with call_of(scripted_house, carrier_name, agent_id) as carrier:
        carrier.press("12*#")
        carrier.wait_for_quiet(0.7)
        carrier.press("7")  # nothing follows: it is told after a while
        wait_until(
            lambda: "Thank you." in said(record_now(scripted_house, agent_id), "agent"), "it"
        )
        carrier.stop()
        carrier.wait_for_close()
    record = scripted_house.newest_of(agent_id)
    users = [turn for turn in record["transcript"] if turn["role"] == "user"]
    assert [(turn["message"], turn["source_medium"]) for turn in users] == [
        ("12*", "dtmf"),
        ("7", "dtmf"),
    ]
    assert said(record, "agent") == ["Done.", "Thank you."]
    results = [result for turn in record["transcript"] for result in turn["tool_results"]]
    assert results[0]["result"]["result_type"] == "play_dtmf_success"
    pressed = carrier.heard[np.flatnonzero(np.abs(carrier.heard) > 200)[0] :][: 120 * 8]
    for low, high in ((755, 785), (1320, 1352)):  # the two tones of "5"
        assert share(pressed, 8_000, low, high) > 0.4


def record_now(house: House, agent_id: str) -> Json:
    rows = house.ask("/v1/convai/conversations", agent_id=agent_id)["conversations"]
    return house.conversation(rows[0]["conversation_id"])


@BOTH
def test_the_agent_hangs_up_when_its_last_words_were_heard(
    scripted_house: House, brain: Brain, carrier_name: str
) -> None:
    prompt = brain.learn([Call("end_call", {"reason": "done", "message": "Good bye my friend."})])
    agent_id = scripted_house.create(agent(prompt, tools=[END_CALL]))
    with call_of(scripted_house, carrier_name, agent_id, delay_ms=600) as carrier:
        carrier.press("1#")
        assert carrier.wait_for_close() == (1000, "")
        assert likeness(ear(carrier), "Good bye my friend.") > ALIKE
        assert carrier.returned[-1] == carrier.of("mark")[-1]["mark"]["name"]
    record = scripted_house.newest_of(agent_id)
    assert record["metadata"]["termination_reason"] == "end_call tool was called."
    kind = {"twilio": "twilio", "telnyx": "sip_trunking"}[carrier_name]
    assert record["metadata"]["phone_call"]["type"] == kind


def test_a_private_agent_wants_to_know_who_calls(house: House, sdk: ElevenLabs) -> None:
    agent_id = house.create(agent("", "Hello there.", settings=PRIVATE))
    signed = sdk.conversational_ai.conversations.get_signed_url(agent_id=agent_id).signed_url
    token = signed.partition("conversation_signature=")[2]
    with call_of(house, "telnyx", agent_id) as nobody:
        assert nobody.wait_for_close()[0] == 3000
    with call_of(house, "telnyx", agent_id, parameters={"token": token[:-4] + "AAAA"}) as forger:
        assert forger.wait_for_close()[0] == 3000
    with call_of(house, "telnyx", agent_id, parameters={"token": token}) as carrier:
        carrier.wait_for_words()
    with call_of(house, "telnyx", agent_id, headers={"authorization": f"Bearer {KEY}"}) as carrier:
        carrier.wait_for_words()


def _media_first(carrier: Carrier) -> None:
    carrier.media()


def _garbage(carrier: Carrier) -> None:
    carrier.begin()
    carrier.send("\x00 no JSON")


def _twice(carrier: Carrier) -> None:
    carrier.begin()
    carrier.begin()


def _nothing(_: Carrier) -> None:
    """Connect, and say no more."""


def _no_agent(carrier: Carrier) -> None:
    carrier._parameters.clear()
    carrier.begin()


def _media_after_stop(carrier: Carrier) -> None:
    carrier.begin()
    carrier.stop()
    carrier.media()
    carrier.media()


ABUSES: dict[str, tuple[Callable[[Carrier], None], int]] = {
    "media before start": (_media_first, 1008),
    "garbage": (_garbage, 1008),
    "start twice": (_twice, 1008),
    "silence after connect": (_nothing, 1008),
    "no agent": (_no_agent, 1008),
    "media after stop": (_media_after_stop, 1000),
}


def test_abuse_is_closed_with_a_reason_and_leaves_nothing_behind(house: House) -> None:
    agent_id = house.create(agent("", "Hello there."))
    live = house.folder / "data" / "live"
    before: list[str] = []
    for carrier_name in ("twilio", "telnyx"):
        abuse(house, carrier_name, agent_id)
        wait_until(lambda: not conversations_in(live), "no call to be live")
        if not before:
            before = open_files(house)
    wait_until(lambda: len(open_files(house)) <= len(before), "all files to be closed")


def abuse(house: House, carrier_name: str, agent_id: str) -> None:
    """All at once, as one waits for a time-out."""
    carriers = {name: call_of(house, carrier_name, agent_id, begin=False) for name in ABUSES}
    for name, (act, _) in ABUSES.items():
        act(carriers[name])
    for name, (_, code) in ABUSES.items():
        found, reason = carriers[name].wait_for_close()
        assert (found, bool(reason)) == (code, code != 1000), name
        carriers[name].__exit__()


def open_files(house: House) -> list[str]:
    found = []
    for each in Path(f"/proc/{house.pid}/fd").iterdir():
        with suppress(OSError):
            found.append(str(each.readlink()))
    # the store keeps the connections that it once needed
    return sorted(each for each in found if "turnwise.db" not in each)


def conversations_in(live: Path) -> list[Path]:
    return [each for each in live.rglob("conv_*") if each.is_dir()]


# --- the page -----------------------------------------------------------------------------------

PAGE = "telephone.md"
VOICE_EXAMPLE = "wss://voice.example/v1/convai/telephony"


def greets(carrier: Carrier) -> bool:
    carrier.wait_for_quiet(0.6)
    return likeness(ear(carrier), "Hello Ann.") > ALIKE


def test_the_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    agent_id = house.create(agent("", "Hello {{name}}."))
    for name, value in (("KEY", KEY), ("URL", house.url)):
        monkeypatch.setenv(f"TURNWISE_{name}", value)
    monkeypatch.setenv("AGENT_ID", agent_id)
    [program] = snippets(PAGE)
    shown: Json = {}
    exec(compile(program, PAGE, "exec"), shown)  # noqa: S102 -- the page shows it
    with TestClient(shown["app"]) as webhook:
        twiml = webhook.post("/voice", data={"From": PERSON, "To": NUMBER}).text
    shown["client"]._client_wrapper.httpx_client.httpx_client.close()
    with Carrier(*stream_of(twiml)) as carrier:
        assert greets(carrier)
    [bin_] = snippets(PAGE, "xml")
    url, told = stream_of(bin_)
    filled = {**told, "agent_id": agent_id, "caller_id": PERSON}
    with Carrier(stream_url(house, url.split("/")[-2]), filled) as carrier:
        assert greets(carrier)
    [answer] = snippets(PAGE, "json")
    address = json.loads(answer)["stream_url"].replace("agent_…", agent_id)
    address = address.replace(VOICE_EXAMPLE, f"ws://127.0.0.1:{house.port}/v1/convai/telephony")
    with Carrier(address, dialect="telnyx") as carrier:
        assert greets(carrier)
    numbers = {
        house.conversation(row["conversation_id"])["metadata"]["phone_call"]["external_number"]
        for row in house.ask("/v1/convai/conversations", agent_id=agent_id)["conversations"]
    }
    assert numbers == {PERSON, "+13122010094"}
