"""What `turnwise talk` makes of a server that is not as ours: a scripted one."""

import base64
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from turnwise.audio.pcm import silence
from turnwise.base.errors import ConfigError
from turnwise.base.units import Hertz
from turnwise.cli import talk_hold
from turnwise.cli.talk import talk
from turnwise.cli.talk_wav import WavFile, read_wav

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(talk)

METADATA = {
    "type": "conversation_initiation_metadata",
    "conversation_initiation_metadata_event": {
        "conversation_id": "conv_1",
        "agent_output_audio_format": "pcm_16000",
        "user_input_audio_format": "pcm_16000",
    },
}


def response(text: str, number: int) -> dict[str, Any]:
    event = {"agent_response": text, "event_id": number}
    return {"type": "agent_response", "agent_response_event": event}


class Script:
    """Talks to one client."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    def send(self, *messages: object) -> None:
        for message in messages:
            self._socket.send(message if isinstance(message, str) else json.dumps(message))

    def get(self) -> dict[str, Any]:
        message = json.loads(self._socket.recv(10))
        assert isinstance(message, dict)
        return message

    def close(self, code: int, reason: str = "") -> None:
        self._socket.close(code, reason)


@contextmanager
def serving(script: Callable[[Script], None]) -> Iterator[str]:
    failures: list[BaseException] = []

    def play(socket: ServerConnection) -> None:
        try:
            script(Script(socket))
            socket.recv(10)
        except ConnectionClosed:
            pass
        except BaseException as failure:
            failures.append(failure)
            raise

    with serve(play, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()
    assert not failures


def run(
    script: Callable[[Script], None], typed: str = "", code: int = 0, how: str = "--text"
) -> list[str]:
    with serving(script) as url:
        arguments = ["agent_1", *how.split(), "--url", url]
        result = CliRunner().invoke(app, arguments, input=typed, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output.splitlines()


def test_the_first_message_asks_for_text_and_for_what_is_shown() -> None:
    first: dict[str, Any] = {}

    def script(client: Script) -> None:
        first.update(client.get())
        client.send(METADATA)
        client.close(1000)

    run(script)
    assert first["type"] == "conversation_initiation_client_data"
    override = first["conversation_config_override"]
    assert override["text_only"] is True
    assert "agent_response_complete" in override["conversation"]["client_events"]


def test_pings_and_tools_are_answered() -> None:
    call = {"tool_name": "look", "tool_call_id": "c1", "parameters": {}, "event_id": 1}
    answers = []

    def script(client: Script) -> None:
        client.get()
        client.send(METADATA, {"type": "ping", "ping_event": {"event_id": 7, "ping_ms": None}})
        answers.append(client.get())
        more = {"expects_response": True}
        client.send({"type": "client_tool_call", "client_tool_call": call | more})
        answers.append(client.get())
        client.close(1000)

    run(script)
    assert answers[0] == {"type": "pong", "event_id": 7}
    assert answers[1]["tool_call_id"] == "c1"
    assert answers[1]["is_error"] is True
    assert answers[1]["result"] == "Tool 'look' is not registered"


def test_a_server_that_never_says_that_a_reply_is_over_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("turnwise.cli.talk_call._QUIET_S", 0.2)
    asked = []

    def script(client: Script) -> None:
        client.get()
        client.send(METADATA, response("Hello.", 1))
        for number in (2, 3):
            asked.append(client.get()["text"])
            client.send(response(f"{number}.", number))

    lines = run(script, "one\ntwo\n")
    assert asked == ["one", "two"]
    said = [line for line in lines if line.startswith(("agent", "you"))]
    assert said == ["agent: Hello.", "you:   one", "agent: 2.", "you:   two", "agent: 3."]
    assert lines[-2] == "Ended: you hung up"


def test_what_cannot_be_read_is_passed_over() -> None:
    def script(client: Script) -> None:
        client.get()
        client.send(METADATA, "not JSON", {"type": "news"}, {"type": "ping"}, response("Hello.", 1))
        client.close(1000)

    assert "agent: Hello." in run(script)


def test_an_answer_that_is_interrupted_is_told_as_heard() -> None:
    def script(client: Script) -> None:
        client.get()
        corrected = {
            "original_agent_response": "One two.",
            "corrected_agent_response": "One",
            "event_id": 1,
        }
        client.send(
            METADATA,
            response("One two.", 1),
            {"type": "interruption", "interruption_event": {"event_id": 1}},
            {
                "type": "agent_response_correction",
                "agent_response_correction_event": corrected,
            },
        )
        client.close(1000)

    lines = run(script)
    assert "       (interrupted)" in lines
    assert "       (heard until then: One)" in lines
    assert lines[-1] == "conv_1, interruptions: 1"


def test_an_end_by_an_error_is_told_and_exit_code_one() -> None:
    def script(client: Script) -> None:
        client.get()
        error = {"code": 1002, "error_type": "llm_timeout", "message": "Too slow."}
        client.send(METADATA, {"type": "error", "error_event": error})
        client.close(1002, "llm_timeout")

    lines = run(script, code=1)
    assert lines[-2] == "Ended: the server ended the conversation: Too slow. (1002)"


def test_a_server_that_just_goes_is_told() -> None:
    def script(client: Script) -> None:
        client.get()
        client.send(METADATA)
        client.close(1011, "crashed")

    assert "the server ended the conversation: crashed (1011)" in run(script, code=1)[-2]


def test_a_refusal_is_one_sentence() -> None:
    def script(client: Script) -> None:
        client.get()
        client.close(1008, "Missing required dynamic variables")

    with pytest.raises(ConfigError, match="refuses the conversation: Missing required dynamic"):
        run(script)


def test_what_is_no_conversation_socket_is_one_sentence() -> None:
    with serving(lambda _: None) as url:
        address = url.replace("http", "https")
        with pytest.raises(ConfigError, match="the conversation socket cannot be reached"):
            CliRunner().invoke(app, ["agent_1", "--text", "--url", address], catch_exceptions=False)


# --- with sound ---------------------------------------------------------------------------------


def audio(samples: int, number: int) -> dict[str, Any]:
    sound = base64.b64encode(b"\1\0" * samples).decode()
    return {"type": "audio", "audio_event": {"audio_base_64": sound, "event_id": number}}


def test_a_file_that_nobody_answers_is_told_and_exit_code_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GREETING_S", "ANSWER_S"):
        monkeypatch.setattr(talk_hold, name, 0.3)
    WavFile(tmp_path / "user.wav", Hertz(8000)).write(silence(1600))
    heard = []

    def script(client: Script) -> None:
        client.get()
        client.send(METADATA)
        while True:
            heard.append(len(base64.b64decode(client.get()["user_audio_chunk"])))

    lines = run(script, code=1, how=f"--input {tmp_path / 'user.wav'}")
    assert lines[-2].startswith("Ended: no answer within")
    assert set(heard) == {1280}  # 40 ms at 16 kHz


def test_the_microphone_is_sent_and_the_answer_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[int] = []

    class Stream:
        def __init__(self, *, callback: Callable[..., None], **_: object) -> None:
            self.callback = callback

        def __enter__(self) -> None:
            self.callback(np.full((1280, 1), 5, np.int16), 1280, None, None)

        def __exit__(self, *_: object) -> None:
            pass

        def start(self) -> None:
            pass

        def close(self) -> None:
            wanted = np.zeros((320, 1), np.int16)
            self.callback(wanted, 320, None, None)
            played.append(int(wanted.sum()))

    devices: Any = ModuleType("sounddevice")
    devices.PortAudioError = OSError
    devices.query_devices = lambda **_: {"default_samplerate": 16_000.0}
    devices.InputStream = devices.OutputStream = Stream
    monkeypatch.setitem(sys.modules, "sounddevice", devices)

    def script(client: Script) -> None:
        client.get()
        client.send(METADATA)
        assert base64.b64decode(client.get()["user_audio_chunk"]) == b"\5\0" * 640
        client.send(audio(320, 1), response("One.", 1))
        client.close(1000)

    lines = run(script, how=f"--output {tmp_path / 'agent.wav'}")
    assert "agent: One." in lines
    assert "Ended: the agent ended the conversation" in lines
    assert played == [320]
    sound, _ = read_wav(tmp_path / "agent.wav")
    assert np.count_nonzero(sound) == 320
