"""`@elevenlabs/client`, unmodified, in Debian's Chromium with a fake microphone."""

import pytest

from acceptance.house import END_CALL, House, agent, client_tool
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

pytestmark = pytest.mark.acceptance


def test_a_spoken_question_in_a_browser(house: House, browser: Browser) -> None:
    agent_id = house.create(agent(f"{HOURS} {ADDRESS}", GREETING))
    talked = talk(
        browser,
        {"agentId": agent_id, "connectionType": "websocket", "origin": house.url},
        happened("message", 1, "user"),
        happened("message", 2, "ai"),
        quiet(1_000),
        *HANG_UP,
        microphone=asking(after_s=4.5),
    )
    question_was_answered(house, talked, "pcm_16000", 16_000)


def test_a_conversation_in_writing_in_a_browser(house: House, browser: Browser) -> None:
    tool = client_tool("show_map", "Shows the map.")
    agent_id = house.create(agent(HOURS, "Hello!", tools=[tool, END_CALL]))
    talked = talk(
        browser,
        {"agentId": agent_id, "textOnly": True, "origin": house.url, "tools": ["show_map"]},
        happened("message", 1, "ai"),
        write("When are you open?"),
        happened("message", 2, "ai"),
        write("show me the map"),
        happened("tool"),
        happened("message", 4, "ai"),
        write("Goodbye!"),
        happened("disconnect"),
    )
    talked.went_well()
    assert talked.messages("ai")[:2] == ["Hello!", HOURS]
    assert talked.messages("ai")[-1] == "Goodbye!"
    assert talked.of("tool") == [{"name": "show_map", "parameters": {}}]
    assert talked.of("disconnect")[0]["reason"] == "agent"
    parts = [part["text"] for part in talked.of("part")]
    assert "".join(parts).startswith(f"Hello!{HOURS}")
    record = house.ended(talked.id)
    assert record["status"] == "done"
    assert record["metadata"]["text_only"]


def test_a_refusal_reaches_the_page_with_its_reason(house: House, browser: Browser) -> None:
    options = {"agentId": "agent_of_nobody", "textOnly": True, "origin": house.url}
    reason = "The AI agent you are trying to reach does not exist."
    assert reason in refusal(browser, options)


def test_the_snippet_of_the_how_to_page(house: House, browser: Browser) -> None:
    options = snippet("javascript-sdk.md")
    assert options.keys() == {"agentId", "origin", "connectionType"}
    options |= {"agentId": house.create(agent(HOURS, GREETING)), "origin": house.url}
    talked = talk(browser, options, happened("audio"), *HANG_UP)
    assert talked.messages("ai") == [GREETING]
    assert talked.of("disconnect")[0]["reason"] == "user"
