import json
import wave
from collections import Counter
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from turnwise.base.errors import ConfigError
from turnwise.cli import bench_server
from turnwise.cli.bench import bench
from turnwise.cli.bench_report import show, write
from turnwise.cli.bench_server import agent_to_call, usage_source
from turnwise.cli.talk_server import Server
from turnwise.settings import Settings
from turnwise.testing.load import Level, Plan, Usage
from turnwise.testing.load.tally import Tally

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(bench)

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def silent_wav(tmp_path: Path) -> Path:
    path = tmp_path / "silent.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(16_000))
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--calls", "many"], "--calls is 'many'"),
        (["--calls", "1,0"], "number of calls is 0"),
        (["--hold", "0"], "hold"),
        (["--url", "localhost"], "--url is 'localhost'"),
        (["--chunk-ms", "1"], "milliseconds"),
        (["--speech", "missing.wav"], "cannot read 'missing.wav'"),
        (["--speech", "SILENT"], "silent"),
        (["--json", "missing/report.json"], "no such folder"),
        (["--plot", "missing/chart.png"], "no such folder"),
        (["--processes", "0"], "processes is 0"),
        (["--pid", "4194305"], "no process 4194305"),
        ([], "no server answers"),
        (["agent_1"], "no server answers"),
    ],
)
def test_bad_input_is_refused_before_any_call(
    arguments: list[str], words: str, silent_wav: Path
) -> None:
    given = [str(silent_wav) if each == "SILENT" else each for each in arguments]
    given = given if "--url" in given else [*given, "--url", NOWHERE]
    with pytest.raises(ConfigError, match=words):
        CliRunner().invoke(app, ["--api-key", "sk", *given], catch_exceptions=False)


def test_without_a_key_no_agent_is_made() -> None:
    server = Server(NOWHERE, "")
    with pytest.raises(ConfigError, match="--api-key"), agent_to_call(server, "", Settings()):
        pass


def test_a_server_without_metrics_has_no_usage() -> None:
    assert usage_source(Server(NOWHERE, ""), None) is None


def test_the_agent_that_is_made_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(_: Server, method: str, path: str, body: object = None) -> dict[str, str]:
        asked.append(f"{method} {path}{'' if body is None else ' ' + type(body).__name__}")
        return {"agent_id": "agent_1"}

    monkeypatch.setattr(bench_server, "_ask", ask)
    with (
        pytest.raises(ConfigError, match="midst"),
        agent_to_call(Server(NOWHERE, "sk"), "", Settings()),
    ):
        raise ConfigError("in the midst of it")
    assert asked == ["POST /v1/convai/agents/create dict", "DELETE /v1/convai/agents/agent_1"]


def level(calls: int, *, usage: bool = True) -> Level:
    tally = Tally(0.0, 20.0)
    tally.responses = [(1.0, 1_700.0)]
    tally.errors = Counter({"a turn was not answered": 3})
    tally.lags = Counter({90: 1})
    seconds = [(0.0, Usage(1.0, 10**8)), (20.0, Usage(3.0, 2 * 10**8))] if usage else []
    return Level.of(Plan(address="", calls=calls), tally, Usage(0.5, 10**8), seconds)


def test_the_figures_are_shown() -> None:
    console = Console(width=100, record=True, quiet=False)
    show(console, [level(1), level(1_000, usage=False)])
    shown = console.export_text()
    for words in ("1,700", "100.00", "3 times: a turn was not answered", "90 ms late"):
        assert words in shown


def test_the_report_is_written(tmp_path: Path) -> None:
    write(tmp_path / "report.json", Plan(address="", api_key="sk_secret"), [level(2)])
    text = (tmp_path / "report.json").read_text()
    assert "sk_secret" not in text
    report = json.loads(text)
    assert report["plan"]["mode"] == "voice"
    assert report["levels"][0]["calls"] == 2


def test_a_report_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot write"):
        write(tmp_path, Plan(address=""), [level(2)])
