"""`turnwise bridge veris`: what it refuses before it listens."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from turnwise.base.errors import ConfigError
from turnwise.cli import app

LISTEN = ["bridge", "veris", "--port", "0", "--url", "http://127.0.0.1:1"]


def fails(*words: str, environ: dict[str, str | None] | None = None) -> str:
    clean = dict.fromkeys(("AGENT_ID", "TURNWISE_URL", "TURNWISE_API_KEY", "ELEVENLABS_API_KEY"))
    found = CliRunner().invoke(app, [*LISTEN, *words], env={**clean, **(environ or {})})
    assert isinstance(found.exception, ConfigError)
    return str(found.exception)


def test_an_agent_is_needed() -> None:
    assert "AGENT_ID" in fails()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--protocol", "xml"], "binary or json"),
        (["--tools", "nowhere_at_all:TOOLS"], "--tools nowhere_at_all:TOOLS"),
        (["--tools", "json"], "app.tools:REGISTRY"),
        (["--url", "here"], "--url is 'here'"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(words: list[str], said: str) -> None:
    assert said in fails("--agent-id", "agent_1", *words)


@pytest.mark.parametrize("text", ["no json", "[1]"])
def test_an_agent_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "agent.json"
    file.write_text(text)
    assert str(file) in fails("--agent", str(file))


def test_a_server_that_is_away_makes_no_agent(tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    file.write_text(json.dumps({"conversation_config": {}}))
    assert "the agent cannot be made" in fails("--agent", str(file))
