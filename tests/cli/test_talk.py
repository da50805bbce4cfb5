"""`turnwise talk` against a real server process, and with the one it starts itself."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from turnwise.audio.pcm import Pcm, silence, to_s16le
from turnwise.base.errors import ConfigError
from turnwise.cli.talk import talk
from turnwise.providers.ports import VoiceOptions
from turnwise.providers.registry import available, create
from turnwise.providers.spec import Kind

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(talk)

KEY = "sk_for_the_tests_of_talk"
OPEN = "We are open every day from eleven in the morning to ten at night."
HERE = "Our address is twelve Market Street, next to the town hall."
NEEDED: dict[Kind, str] = {"tts": "espeak", "stt": "pocketsphinx"}
AS_PROGRAM = "import typer; from turnwise.cli.talk import talk; typer.run(talk)"

needs_speech = pytest.mark.skipif(
    any(
        each.reason
        for kind, name in NEEDED.items()
        for each in available(kind)
        if each.full_name == f"{kind}/{name}"
    ),
    reason="the extra demo is not installed",
)


@dataclass(frozen=True)
class Running:
    url: str
    data: Path

    def ask(self, path: str, body: object = None) -> dict[str, object]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"xi-api-key": KEY, "content-type": "application/json"}
        request = Request(f"{self.url}{path}", data, headers)  # noqa: S310 - our own server
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            told = json.load(answer)
        assert isinstance(told, dict)
        return told

    def private_agent(self, name: str) -> str:
        config = {"agent": {"first_message": "Psst.", "prompt": {"llm": "turnwise-offline"}}}
        body = {
            "name": name,
            "conversation_config": config,
            "platform_settings": {"auth": {"enable_auth": True}},
        }
        return str(self.ask("/v1/convai/agents/create", body)["agent_id"])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("served")
    running = Running(f"http://127.0.0.1:{free_port()}", folder / "data")
    port = running.url.rpartition(":")[2]
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TURNWISE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "turnwise", "serve", "--port", port],
        env=environ | {"TURNWISE_DATA": str(running.data), "TURNWISE_API_KEY": KEY},
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for(process, f"{running.url}/healthz")
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def _wait_for(process: "subprocess.Popen[bytes]", address: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert process.poll() is None, "the server stopped"
        try:
            urlopen(address, timeout=1).close()  # noqa: S310 - our own server
        except (URLError, OSError):
            time.sleep(0.05)
        else:
            return
    pytest.fail("the server did not start")


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's own settings counts."""
    for name in [name for name in os.environ if name.startswith("TURNWISE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TURNWISE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def run(*arguments: str | Path, typed: str = "", code: int = 0) -> str:
    result = CliRunner().invoke(
        app, [str(each) for each in arguments], input=typed, catch_exceptions=False
    )
    assert result.exit_code == code, result.output
    return result.output


def question(folder: Path) -> Path:
    """A question in stereo, at the rate of the voice."""

    async def speak() -> tuple[Pcm, int]:
        voice = create("tts", "espeak")
        speech = voice.speak("where are you", VoiceOptions())
        return np.concatenate([piece.samples async for piece in speech]), voice.rate_hz

    sound, rate_hz = asyncio.run(speak())
    sound = np.concatenate([sound, silence(rate_hz // 10)])
    with wave.open(str(folder / "user.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(to_s16le(np.repeat(sound, 2)))
    return folder / "user.wav"


# --- in text ------------------------------------------------------------------------------------


def test_typed_questions_are_answered(server: Running) -> None:
    output = run(
        "--text", "--url", server.url, "--api-key", KEY, typed="When are you open?\n\nGoodbye\nno\n"
    )
    lines = output.splitlines()
    assert lines[0] == f"Talking to Luigi's pizzeria (sample) at {server.url}"
    assert lines[1] == "agent: Hello, this is Luigi's pizzeria. What can I do for you?"
    assert lines[2:4] == ["you:   When are you open?", f"agent: {OPEN}"]
    assert re.fullmatch(r" +\(after \d+\.\d\d s\)", lines[4])
    assert "Ended: the agent ended the conversation" in lines
    assert re.match(r"conv_\w+, answers after .* s \(median of 2\)", lines[-1])


def test_the_end_of_the_input_hangs_up_and_the_record_says_so(server: Running) -> None:
    output = run("--text", "--url", server.url, "--api-key", KEY, typed="Where are you?\n")
    assert HERE in output
    assert "Ended: you hung up" in output
    found = re.search(r"conv_\w+", output)
    assert found is not None
    address = f"/v1/convai/conversations/{found.group()}"
    until = time.monotonic() + 20
    while (told := server.ask(address))["status"] in {"initiated", "in-progress", "processing"}:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert told["status"] == "done"


def test_an_agent_is_found_by_name_and_by_id(server: Running) -> None:
    agent_id = server.private_agent("A quiet one")
    for wanted in ("a QUIET one", "et on", agent_id):
        output = run(wanted, "--text", "--url", server.url, "--api-key", KEY)
        assert "agent: Psst." in output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nobody", "--api-key", KEY), r"there is no agent 'nobody'; there are agent_"),
        (("--api-key", "sk_wrong"), "does not accept the API key"),
        (("agent_none", "--api-key", KEY), "knows no such agent"),
        (("agent_none",), "refuses the conversation: The AI agent you are trying to reach"),
        ((), "can be listed only with a key"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    server: Running, arguments: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        run(*arguments, "--text", "--url", server.url)


def test_a_private_agent_needs_a_key(server: Running) -> None:
    agent_id = server.private_agent("Another one")
    with pytest.raises(ConfigError, match="Could not authorize"):
        run(agent_id, "--text", "--url", server.url)


def test_the_agents_of_this_machine_need_no_key(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURNWISE_DATA", str(server.data))
    monkeypatch.setenv("TURNWISE_PORT", server.url.rpartition(":")[2])
    output = run("--text", typed="When are you open?\n")
    assert f"at {server.url}\n" in output
    assert OPEN in output


def test_without_a_server_one_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNWISE_PORT", str(free_port()))
    output = run("--text", typed="When are you open?\n")
    assert OPEN in output
    assert (tmp_path / "data" / "turnwise.db").exists()


def test_none_is_started_where_one_runs_on_another_port(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURNWISE_DATA", str(server.data))
    monkeypatch.setenv("TURNWISE_PORT", str(free_port()))
    with pytest.raises(ConfigError, match=r"in use by another server; .*--url names a server"):
        run("--text")


def test_a_server_that_is_named_must_be_there() -> None:
    with pytest.raises(ConfigError, match=r"no server answers at http://127\.0\.0\.1"):
        run("--text", "--url", f"http://127.0.0.1:{free_port()}", "--api-key", KEY)


def test_ctrl_c_hangs_up(server: Running, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", AS_PROGRAM, "--text", "--url", server.url, "--api-key", KEY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    heard = [process.stdout.readline(), process.stdout.readline()]
    assert heard[1].startswith("agent: Hello")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert output.startswith("Ended: you hung up\nconv_")
    assert (process.returncode, errors) == (0, "")


# --- with sound ---------------------------------------------------------------------------------


@needs_speech
def test_a_file_is_said_and_the_answer_is_kept(server: Running, tmp_path: Path) -> None:
    asked, answer = question(tmp_path), tmp_path / "agent.wav"
    output = run("--input", asked, "--output", answer, "--url", server.url, "--api-key", KEY)
    lines = output.splitlines()
    assert lines[1].startswith("agent: Hello")
    assert re.match("you:   .*where", lines[2])
    assert f"agent: {HERE}" in lines
    assert lines[-2] == "Ended: the file was said and answered"
    latency = re.search(r"answers after (\S+) s", lines[-1])
    assert latency is not None
    assert 0.2 < float(latency.group(1)) < 5
    with wave.open(str(answer)) as file:
        rate_hz = file.getframerate()
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    loud = np.abs(sound[: len(sound) // rate_hz * rate_hz]).reshape(-1, rate_hz).max(axis=1) > 500
    assert 8 < len(sound) / rate_hz < 30
    assert loud[1]  # the greeting
    assert not loud[: len(loud) - 1].all()  # the user's turn is silence
    assert loud[-4:].any()  # the answer


@needs_speech
def test_a_file_may_interrupt_the_greeting(server: Running, tmp_path: Path) -> None:
    output = run("--input", question(tmp_path), "--at-once", "--url", server.url, "--api-key", KEY)
    assert "(interrupted)" in output
    assert f"agent: {HERE}" in output
    assert "interruptions: 1" in output.splitlines()[-1]


def test_text_has_no_sound() -> None:
    with pytest.raises(ConfigError, match="--text has no sound"):
        run("--text", "--input", "user.wav")


def test_without_a_microphone_the_other_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(ConfigError, match=r"turnwise\[talk\].*--text.*--input FILE"):
        run()


@pytest.mark.parametrize("url", ["localhost:8017", "ftp://x", "http://", "http://x:port", ""])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"it should be like http://127\.0\.0\.1:8017"):
        run("--text", "--url", url)
