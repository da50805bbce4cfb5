"""`turnwise bridge veris`, as its page says, and a caller of that channel."""

import base64
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from acceptance.brain import Brain, Call, Step
from acceptance.environments import snippets
from acceptance.house import KEY, LIMIT_S, House, free_port, said, wait_until
from acceptance.speech import CLEAR_VOICE, HZ, Sound, at_rate, likeness, pause, spoken
from acceptance.tool_service import ToolService

pytestmark = pytest.mark.acceptance

Json = dict[str, Any]

RATE = 24_000
GREETING = "Thanks for calling Acme Bank. How can I help you?"
FOUND = "Your card is active until the end of January."
QUESTION = "what is your address"
COMMIT_S = 1.5
"""Received silence after which the caller takes the agent's turn for over."""
ALIKE = 0.3
LONG = (
    "We have many cards, and I will tell you of all of them. The first one is blue and free of "
    "charge. The second one is golden and comes with an insurance. The third one is black."
)

SHORT = "Of course."


def answers(messages: list[Json]) -> list[Step]:
    """First a tool, then what it found, then a long answer, and then a short one."""
    if messages[-1]["role"] == "tool":
        return [FOUND]
    asked = sum(message["role"] == "user" for message in messages)
    return [Call("find_card", {"last4": "4242"})] if asked == 1 else [LONG if asked == 2 else SHORT]


class Actor:
    """A caller whose microphone is always on, and who judges turns by silence received."""

    def __init__(self, url: str, protocol: str) -> None:
        self._json = protocol == "json"
        self._stack = ExitStack()
        opening = connect(url, compression=None, open_timeout=LIMIT_S)
        self._socket = self._stack.enter_context(opening)
        self._lock = threading.Lock()
        self._waiting = b""
        self._data = bytearray()
        self.ended = False
        self.closed: int | None = None
        self._threads = [threading.Thread(target=each) for each in (self._hear, self._talk)]
        for thread in self._threads:
            thread.start()

    def _hear(self) -> None:
        try:
            while True:
                frame = self._socket.recv()
                assert isinstance(frame, str) == self._json
                if isinstance(frame, bytes):
                    self._data += frame
                    continue
                message = json.loads(frame)
                self.ended |= message["type"] == "end"
                self._data += base64.b64decode(message.get("audio", ""))
        except ConnectionClosed as gone:
            self.closed = gone.rcvd.code if gone.rcvd else 1006

    def _talk(self) -> None:
        due = time.monotonic()
        while self.closed is None:
            with self._lock:
                frame, self._waiting = self._waiting[:960], self._waiting[960:]
            frame = frame.ljust(960, b"\0")
            told = {"type": "audio", "audio": base64.b64encode(frame).decode()}
            try:
                self._socket.send(json.dumps(told) if self._json else frame)
            except ConnectionClosed:
                return
            due += 0.02
            time.sleep(max(0.0, due - time.monotonic()))

    def say(self, sound: Sound) -> None:
        with self._lock:
            self._waiting += at_rate(sound, HZ, RATE).astype("<i2").tobytes()

    def heard(self) -> Sound:
        """All that came, at 24 kHz."""
        data = bytes(self._data)
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)

    def turn(self, since: int) -> Sound:
        """What came after a sample, once it is a turn: speech, and enough silence behind it."""

        def is_over() -> bool:
            sound = self.heard()[since:]
            loud = np.flatnonzero(np.abs(sound) > 200)
            return len(loud) > 0 and len(sound) - loud[-1] >= COMMIT_S * RATE

        wait_until(is_over, "the end of the agent's turn")
        return self.heard()[since:]

    def hang_up(self) -> None:
        self._stack.close()
        for thread in self._threads:
            thread.join(LIMIT_S)


@contextmanager
def bridge(folder: Path, command: str, environ: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Run the page's command; yield the URL of the channel and what it printed."""
    _, *words = shlex.split(command)
    port = free_port()
    kept = {key: value for key, value in os.environ.items() if "TURNWISE" not in key}
    log = folder / f"bridge-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "turnwise", *words, "--port", str(port)],
            cwd=folder,
            env={**kept, **environ},
            stdout=out,
            stderr=out,
        )
    try:

        def ready() -> str | None:
            assert process.poll() is None, log.read_text()
            text = log.read_text()
            return text if "The channel is at" in text else None

        yield f"ws://127.0.0.1:{port}/voice", wait_until(ready, "the start of the bridge")
    finally:
        process.terminate()
        process.wait(LIMIT_S)
    assert "Traceback" not in log.read_text()


def files(folder: Path, prompt: str) -> str:
    """Write the files of the page; return its command."""
    [document], [tools] = snippets("veris.md", "json agent"), snippets("veris.md")
    agent = json.loads(document)
    config = agent["conversation_config"]
    config["agent"]["prompt"]["prompt"] += prompt
    config["tts"] = {"voice_id": CLEAR_VOICE}
    (folder / "agent.json").write_text(json.dumps(agent), encoding="utf-8")
    (folder / "app_tools.py").write_text(tools, encoding="utf-8")
    [console] = snippets("veris.md", "console")
    [command] = re.findall(r"^\$ (turnwise .*)$", console, re.MULTILINE)
    return str(command)


@pytest.fixture
def engine() -> Iterator[ToolService]:
    service = ToolService()
    service.on("/simulations/sim_1/events", {})
    with service.serve():
        yield service


def test_a_caller_of_the_channel_is_served(
    scripted_house: House, brain: Brain, engine: ToolService, tmp_path: Path
) -> None:
    prompt = brain.learn(answers)
    command = files(tmp_path, prompt)
    environ = {
        "TURNWISE_URL": scripted_house.url,
        "TURNWISE_API_KEY": KEY,
        "ENGINE_URL": f"http://127.0.0.1:{engine.port}",
        "SIMULATION_ID": "sim_1",
    }
    with bridge(tmp_path, command, environ) as (url, printed):
        [agent_id] = re.findall(r"AGENT_ID=(agent_\w+)", printed)
        _check_a_call(Actor(url, "binary"))
    config = scripted_house.ask(f"/v1/convai/agents/{agent_id}")["conversation_config"]
    assert config["tts"]["agent_output_audio_format"] == "pcm_24000"
    assert config["asr"]["user_input_audio_format"] == "pcm_24000"

    first = scripted_house.newest_of(agent_id)
    assert said(first, "agent")[:2] == [GREETING, FOUND]
    [cut] = [turn for turn in first["transcript"] if turn["interrupted"]]
    assert cut["original_message"] == LONG
    assert len(cut["message"]) < len(LONG) * 0.8
    assert said(first, "agent")[-1] == SHORT
    assert first["metadata"]["authorization_method"] == "signed_url"
    [told] = engine.at("/simulations/sim_1/events")
    result = {"last4": "4242", "state": "active", "valid_until": "2027-01-31"}
    data = {"name": "find_card", "arguments": {"last4": "4242"}, "result": result}
    event = {"service": "agent", "event_type": "agent_tool_call", "data": data}
    assert json.loads(told.body) == event
    results = [
        message["content"]
        for asked in brain.heard(prompt)
        for message in asked["messages"]
        if message["role"] == "tool"
    ]
    assert json.loads(results[0]) == result

    # the second start finds the agent, and speaks the other protocol
    pinned = {**environ, "AGENT_ID": agent_id}
    with bridge(tmp_path, f"{command} --protocol json", pinned) as (url, printed):
        assert "Made an agent" not in printed
        actor = Actor(url, "json")
        assert likeness(at_rate(actor.turn(0), RATE, HZ), GREETING) > ALIKE
        actor.hang_up()
    second = scripted_house.newest_of(agent_id)
    assert second["conversation_id"] != first["conversation_id"]
    assert said(second, "agent") == [GREETING]


def _check_a_call(actor: Actor) -> None:
    greeting = actor.turn(0)
    assert likeness(at_rate(greeting, RATE, HZ), GREETING) > ALIKE

    actor.say(spoken(QUESTION))
    answer = actor.turn(len(greeting))
    assert likeness(at_rate(answer, RATE, HZ), FOUND) > ALIKE
    quiet = len(answer) - np.flatnonzero(np.abs(answer) > 200)[-1]
    assert quiet / RATE < 4  # once, and not without an end

    # a caller who talks over the agent: its sound stops, and it answers
    before = len(greeting) + len(answer)
    actor.say(spoken(QUESTION))
    wait_until(lambda: len(actor.heard()) > before + 2 * RATE, "the long answer")
    actor.say(np.concatenate([spoken(QUESTION), pause(0.2), spoken(QUESTION)]))
    rest = actor.turn(before)
    assert likeness(at_rate(rest, RATE, HZ), SHORT) > ALIKE
    actor.hang_up()
