"""`turnwise import elevenlabs`, as far as it needs no source: tests/acceptance/test_import.py."""

import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from turnwise.cli import app

KEY = "sk_not_shown"


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("words", "environ", "reason"),
    [
        (["elevenlabs"], {}, "set ELEVENLABS_API_KEY, or give --key"),
        (["elevenlabs", "--key", KEY, "--from", "api.test"], {}, "begins with https://"),
        (["elevenlabs", "--from", "http://127.0.0.1:CLOSED", "--key", KEY], {}, "no connection"),
        (["elevenlabs", "--from", "http://127.0.0.1:CLOSED"], {"ELEVENLABS_API_KEY": KEY}, "no co"),
        (
            ["elevenlabs", "--from", "http://127.0.0.1:CLOSED"],
            {"TURNWISE_ELEVENLABS_API_KEY": KEY},
            "no connection",
        ),
        (["folder", "--audio"], {}, "for `import elevenlabs`, not for 'folder'"),
        (["folder", "--from", "https://a.test"], {}, "for `import elevenlabs`"),
        (["folder"], {}, "folder is no export"),
    ],
)
def test_bad_input_is_told_in_a_sentence_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: list[str],
    environ: dict[str, str],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [each for each in os.environ if each.startswith(("TURNWISE_", "ELEVENLABS_"))]:
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    words = [each.replace("CLOSED", str(closed_port())) for each in words]
    told = CliRunner().invoke(app, ["import", *words, "--data", str(tmp_path / "data")])
    assert reason in str(told.exception)
    assert KEY not in told.output + str(told.exception)
    if words[0] == "elevenlabs":
        assert not (tmp_path / "data").exists()


def test_the_help_names_both_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", KEY)
    told = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["import", "--help"])
    assert told.exit_code == 0
    for word in ("SOURCE", "elevenlabs", "--key", "--from", "--audio", "ELEVENLABS_API_KEY"):
        assert word in told.output
    assert KEY not in told.output
