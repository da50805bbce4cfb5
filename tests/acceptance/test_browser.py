"""`@elevenlabs/client`, unmodified, in Debian's Chromium with a fake microphone."""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acceptance.house import END_CALL, LIMIT_S, House, agent, client_tool, said
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

pytestmark = pytest.mark.acceptance

HERE = Path(__file__).with_name("js")
CHROMIUM = shutil.which("chromium")

GREETING = "Hello, how can I help you?"
ADDRESS = "Our address is twelve Market Street."
HOURS = "We are open every day from eleven to ten."
FACTS = [GREETING, ADDRESS, HOURS]
QUESTION = "what is your address"

Json = dict[str, Any]


@pytest.fixture
def _browser(node_packages: Path) -> None:
    """What a test in a browser needs."""
    assert node_packages.exists()
    if CHROMIUM is None:
        pytest.skip("Chromium is missing: apt-get install chromium")


def browse(
    folder: Path, options: Json, steps: Sequence[object], microphone: Path | None = None
) -> Json:
    """Hold a conversation in the browser; return what happened in it."""
    script = folder / "script.json"
    patience_ms = int(LIMIT_S * 1_000)
    order = {"options": options, "steps": steps, "patience_ms": patience_ms, "chromium": CHROMIUM}
    order["screenshot"] = str(folder / "page.png")
    if microphone is not None:
        order["microphone"] = str(microphone)
    script.write_text(json.dumps(order))
    done = subprocess.run(
        ["node", "drive.mjs", str(script)],
        cwd=HERE,
        check=False,
        capture_output=True,
        timeout=4 * LIMIT_S,
    )
    assert done.returncode == 0, done.stderr.decode()
    log: Json = json.loads(done.stdout)
    return log


def of(log: Json, kind: str) -> list[Any]:
    return [event["value"] for event in log["events"] if event["kind"] == kind]


def messages(log: Json, source: str) -> list[str]:
    return [each["message"] for each in of(log, "message") if each["source"] == source]


@pytest.mark.usefixtures("_browser")
def test_a_spoken_question_in_a_browser(house: House, tmp_path: Path) -> None:
    agent_id = house.create(agent(f"{HOURS} {ADDRESS}", GREETING))
    question = spoken(QUESTION, "flite" if shutil.which("flite") else "espeak")
    tape = np.concatenate([pause(4.5), question, pause(1.0)])
    microphone = write_wav(tmp_path / "microphone.wav", at_rate(tape, HZ, 48_000), 48_000)
    options = {"agentId": agent_id, "connectionType": "websocket", "origin": house.url}
    steps: list[Json] = [
        {"wait": "message", "count": 1, "source": "user"},
        {"wait": "message", "count": 2, "source": "ai"},
        {"wait": "audio"},
        {"quiet_ms": 1_000},
        {"end": True},
        {"wait": "disconnect"},
    ]
    log = browse(tmp_path, options, steps, microphone)
    assert log["failure"] is None, log
    assert log["outside"] == []
    assert of(log, "error") == []
    assert messages(log, "ai") == [GREETING, ADDRESS]
    assert of(log, "disconnect")[0]["reason"] == "user"
    assert {"speaking", "listening"} <= set(of(log, "mode"))
    sound = from_wire(b"".join(map(base64.b64decode, of(log, "audio"))), "pcm_16000")
    split = len(sound) * len(GREETING) // len(GREETING + ADDRESS)
    assert understood(sound[split:], FACTS) or understood(sound, [f"{GREETING} {ADDRESS}"])

    record = house.ended(log["id"])
    assert record["status"] == "done"
    assert record["metadata"]["conversation_initiation_source"] == "js_sdk"
    assert said(record, "agent") == [GREETING, ADDRESS]
    assert said(record, "user") == messages(log, "user")
    rate, user, other = house.recording(log["id"])
    assert similarity(at_rate(user, rate, HZ), question) > 0.5  # the browser filters speech
    spoke = np.flatnonzero(np.abs(user.astype(np.int32)) > 500)
    assert understood(at_rate(other[spoke[-1] :], rate, HZ), FACTS) == ADDRESS


@pytest.mark.usefixtures("_browser")
def test_a_conversation_in_writing_in_a_browser(house: House, tmp_path: Path) -> None:
    tool = client_tool("show_map", "Shows the map.")
    agent_id = house.create(agent(HOURS, "Hello!", tools=[tool, END_CALL]))
    options = {"agentId": agent_id, "textOnly": True, "origin": house.url, "tools": ["show_map"]}
    steps: list[Json] = [
        {"wait": "message", "count": 1, "source": "ai"},
        {"write": "When are you open?"},
        {"wait": "message", "count": 2, "source": "ai"},
        {"write": "show me the map"},
        {"wait": "tool"},
        {"wait": "message", "count": 4, "source": "ai"},
        {"write": "Goodbye!"},
        {"wait": "disconnect"},
    ]
    log = browse(tmp_path, options, steps)
    assert log["failure"] is None, log
    assert messages(log, "ai")[:2] == ["Hello!", HOURS]
    assert messages(log, "ai")[-1] == "Goodbye!"
    assert of(log, "tool") == [{"name": "show_map", "parameters": {}}]
    assert of(log, "disconnect")[0]["reason"] == "agent"
    assert of(log, "error") == []
    parts = [part["text"] for part in of(log, "part")]
    assert "".join(parts).startswith(f"Hello!{HOURS}")
    record = house.ended(log["id"])
    assert record["status"] == "done"
    assert record["metadata"]["text_only"]


@pytest.mark.usefixtures("_browser")
def test_a_refusal_reaches_the_page_with_its_reason(house: House, tmp_path: Path) -> None:
    options = {"agentId": "agent_of_nobody", "textOnly": True, "origin": house.url}
    log = browse(tmp_path, options, [])
    assert "The AI agent you are trying to reach does not exist." in log["failure"]


@pytest.mark.usefixtures("_browser")
def test_the_snippet_of_the_how_to_page(house: House, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "javascript-sdk.md").read_text()
    snippet = page.partition("After:")[2].partition("```javascript")[2].partition("```")[0]
    options = dict(re.findall(r'^  (\w+): "(.*)",$', snippet, re.MULTILINE))
    assert options.keys() == {"agentId", "origin", "connectionType"}
    options |= {"agentId": house.create(agent(HOURS, GREETING)), "origin": house.url}
    steps: list[Json] = [{"wait": "audio"}, {"end": True}, {"wait": "disconnect"}]
    log = browse(tmp_path, options, steps)
    assert log["failure"] is None, log
    assert messages(log, "ai") == [GREETING]
    assert of(log, "disconnect")[0]["reason"] == "user"
