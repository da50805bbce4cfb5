"""`@elevenlabs/client`, unmodified, in Debian's Chromium: voice over WebRTC, its default."""

import base64
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acceptance.house import END_CALL, House, agent, client_tool, said
from acceptance.speech import (
    HZ,
    at_rate,
    from_wire,
    pause,
    similarity,
    spoken,
    understood,
    write_wav,
)
from acceptance.test_browser import (
    ADDRESS,
    CHROMIUM,
    FACTS,
    GREETING,
    HOURS,
    QUESTION,
    browse,
    messages,
    of,
)

pytestmark = pytest.mark.acceptance

SPEECH = "This is a long greeting, which nobody wants to hear to its end, and it goes on and on."
LOSE_SIGNALLING = "window.call.connection.getRoom().simulateScenario('signal-reconnect')"

Json = dict[str, Any]


@pytest.fixture
def _browser(node_packages: Path) -> None:
    """What a test in a browser needs."""
    assert node_packages.exists()
    pytest.importorskip("aiortc")
    if CHROMIUM is None:
        pytest.skip("Chromium is missing: apt-get install chromium")


def rtc_url(house: House) -> str:
    return house.url.replace("http", "ws", 1)


def microphone(folder: Path, wait_s: float) -> Path:
    """A question, after so many seconds."""
    question = spoken(QUESTION, "flite" if shutil.which("flite") else "espeak")
    tape = np.concatenate([pause(wait_s), question, pause(1.0)])
    return write_wav(folder / "microphone.wav", at_rate(tape, HZ, 48_000), 48_000)


@pytest.mark.usefixtures("_browser")
def test_a_spoken_question_is_answered_over_webrtc(house: House, tmp_path: Path) -> None:
    agent_id = house.create(agent(f"{HOURS} {ADDRESS}", GREETING))
    options = {"agentId": agent_id, "origin": house.url, "livekitUrl": rtc_url(house)}
    steps: list[Json] = [
        {"wait": "message", "count": 1, "source": "ai"},
        {"run": LOSE_SIGNALLING},
        {"wait": "message", "count": 1, "source": "user"},
        {"wait": "message", "count": 2, "source": "ai"},
        {"quiet_ms": 1_500},
        {"end": True},
        {"wait": "disconnect"},
    ]
    log = browse(tmp_path, options, steps, microphone(tmp_path, 6.0))
    assert log["failure"] is None, log
    assert log["outside"] == []
    assert of(log, "error") == []
    assert messages(log, "ai") == [GREETING, ADDRESS]
    assert [each["reason"] for each in of(log, "disconnect")] == ["user"]
    assert {"speaking", "listening"} <= set(of(log, "mode"))
    sound = from_wire(b"".join(map(base64.b64decode, of(log, "audio"))), "pcm_48000")
    heard = at_rate(sound, 48_000, HZ)  # by the browser, less what is not loud
    split = len(heard) * len(GREETING) // len(GREETING + ADDRESS)
    assert understood(heard[split:], FACTS) or understood(heard, [f"{GREETING} {ADDRESS}"])

    record = house.ended(log["id"])
    assert record["status"] == "done"
    assert record["metadata"]["conversation_initiation_source"] == "js_sdk"
    assert said(record, "agent") == [GREETING, ADDRESS]
    assert said(record, "user") == messages(log, "user")
    rate, user, other = house.recording(log["id"])
    question = spoken(QUESTION, "flite" if shutil.which("flite") else "espeak")
    assert similarity(at_rate(user, rate, HZ), question) > 0.5  # the browser filters speech
    spoke = np.flatnonzero(np.abs(user.astype(np.int32)) > 500)
    assert understood(at_rate(other[spoke[-1] :], rate, HZ), FACTS) == ADDRESS


@pytest.mark.usefixtures("_browser")
def test_interruption_tool_and_the_agents_own_end_over_webrtc(house: House, tmp_path: Path) -> None:
    tool = client_tool("show_map", "Shows the map.")
    agent_id = house.create(agent(HOURS, SPEECH, tools=[tool, END_CALL]))
    token = house.ask("/v1/convai/conversation/token", agent_id=agent_id)["token"]
    options = {"conversationToken": token, "livekitUrl": rtc_url(house), "tools": ["show_map"]}
    steps: list[Json] = [
        {"wait": "interruption"},
        {"wait": "message", "count": 2, "source": "ai"},
        {"write": "show me the map"},
        {"wait": "tool"},
        {"wait": "message", "count": 3, "source": "ai"},
        {"write": "Goodbye!"},
        {"wait": "disconnect"},
    ]
    log = browse(tmp_path, options, steps, microphone(tmp_path, 2.5))
    assert log["failure"] is None, log
    assert of(log, "error") == []
    assert of(log, "tool") == [{"name": "show_map", "parameters": {}}]
    assert of(log, "disconnect")[0]["reason"] == "agent"
    record = house.ended(log["id"])
    assert record["status"] == "done"
    heard = said(record, "agent")[0].removesuffix("...").rstrip()
    assert len(heard) < len(SPEECH)
    assert SPEECH.startswith(heard)
    again = browse(tmp_path, options, [])
    assert "was used already" in again["failure"]


@pytest.mark.usefixtures("_browser")
def test_the_snippet_of_the_webrtc_page(house: House, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "webrtc.md").read_text()
    snippet = page.partition("After:")[2].partition("```javascript")[2].partition("```")[0]
    options = dict(re.findall(r'^  (\w+): "(.*)",$', snippet, re.MULTILINE))
    assert options.keys() == {"agentId", "origin", "livekitUrl"}
    options |= {"agentId": house.create(agent(HOURS, GREETING))}
    options |= {"origin": house.url, "livekitUrl": rtc_url(house)}
    steps: list[Json] = [{"wait": "audio"}, {"end": True}, {"wait": "disconnect"}]
    log = browse(tmp_path, options, steps)
    assert log["failure"] is None, log
    assert messages(log, "ai") == [GREETING]
    assert of(log, "disconnect")[0]["reason"] == "user"
