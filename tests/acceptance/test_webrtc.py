"""`@elevenlabs/client`, unmodified, in Debian's Chromium: voice over WebRTC, its default."""

from importlib.util import find_spec

import numpy as np
import pytest

from acceptance.house import END_CALL, House, agent, client_tool, said
from acceptance.js_client import (
    HANG_UP,
    happened,
    question_was_answered,
    quiet,
    refusal,
    snippet,
    talk,
    write,
)
from acceptance.pages import Browser
from acceptance.question import ADDRESS, GREETING, HOURS, asking

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(find_spec("aiortc") is None, reason="WebRTC is not installed"),
]

SPEECH = "This is a long greeting, which nobody wants to hear to its end, and it goes on and on."
LOSE_SIGNALLING = {"run": "call.connection.getRoom().simulateScenario('signal-reconnect')"}


def rtc_url(house: House) -> str:
    return house.url.replace("http", "ws", 1)


def test_a_spoken_question_is_answered_over_webrtc(house: House, browser: Browser) -> None:
    agent_id = house.create(agent(f"{HOURS} {ADDRESS}", GREETING))
    talked = talk(
        browser,
        {"agentId": agent_id, "origin": house.url, "livekitUrl": rtc_url(house)},
        happened("message", 1, "ai"),
        LOSE_SIGNALLING,
        happened("message", 1, "user"),
        happened("message", 2, "ai"),
        quiet(1_500),
        *HANG_UP,
        microphone=asking(after_s=6.0),
    )
    question_was_answered(house, talked, "pcm_48000", 48_000)


def test_interruption_tool_and_the_agents_own_end_over_webrtc(
    house: House, browser: Browser
) -> None:
    tool = client_tool("show_map", "Shows the map.")
    agent_id = house.create(agent(HOURS, SPEECH, tools=[tool, END_CALL]))
    token = house.ask("/v1/convai/conversation/token", agent_id=agent_id)["token"]
    options = {"conversationToken": token, "livekitUrl": rtc_url(house), "tools": ["show_map"]}
    talked = talk(
        browser,
        options,
        happened("interruption"),
        happened("message", 1, "user"),
        {"run": "call.setMicMuted(true)"},
        happened("message", 2, "ai"),
        write("show me the map"),
        happened("tool"),
        happened("message", 3, "ai"),
        write("Goodbye!"),
        happened("disconnect"),
        # asked again, should the machine be too busy to hear it the first time
        microphone=np.tile(asking(after_s=2.5, then_s=1.5), 4),
    )
    talked.went_well()
    assert talked.of("tool") == [{"name": "show_map", "parameters": {}}]
    assert talked.of("disconnect")[0]["reason"] == "agent"
    record = house.ended(talked.id)
    assert record["status"] == "done"
    heard = said(record, "agent")[0].removesuffix("...").rstrip()
    assert len(heard) < len(SPEECH)
    assert SPEECH.startswith(heard)
    assert "was used already" in refusal(browser, options)


def test_the_snippet_of_the_webrtc_page(house: House, browser: Browser) -> None:
    options = snippet("webrtc.md")
    assert options.keys() == {"agentId", "origin", "livekitUrl"}
    options |= {"agentId": house.create(agent(HOURS, GREETING))}
    options |= {"origin": house.url, "livekitUrl": rtc_url(house)}
    talked = talk(browser, options, happened("audio"), *HANG_UP)
    assert talked.messages("ai") == [GREETING]
    assert talked.of("disconnect")[0]["reason"] == "user"
