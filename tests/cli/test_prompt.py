import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from turnwise.base.errors import ConfigError
from turnwise.cli.prompt import prompt
from turnwise.store import open_store

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(prompt)

AGENT: dict[str, Any] = {
    "name": "Luigi",
    "conversation_config": {
        "agent": {
            "first_message": "Hello {{name}}",
            "prompt": {
                "prompt": "Be kind to {{name}}.",
                "ignore_default_personality": False,
                "timezone": "Europe/Oslo",
                "knowledge_base": [
                    {"id": "k", "name": "Hours", "type": "text", "text": "We open at nine."}
                ],
            },
        },
        "language_presets": {"es": {"overrides": {"tts": {"voice_id": "v"}}}},
    },
    "platform_settings": {"guardrails": {"focus": {"is_enabled": True}}},
}


@pytest.fixture(autouse=True)
def agent_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    for name in [name for name in os.environ if name.startswith("TURNWISE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TURNWISE_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    async def store() -> str:
        opened = await open_store(f"sqlite:///{tmp_path / 'turnwise.db'}", tmp_path)
        async with opened.writing() as tx:
            record = await tx.agents.create(AGENT)
        await opened.close()
        return record.agent_id

    return asyncio.run(store())


def parts(*arguments: str) -> dict[str, str]:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    blocks = result.stdout.removeprefix("=== ").split("\n\n=== ")
    return {head: text.strip() for head, _, text in (b.partition(" ===\n") for b in blocks)}


def test_each_part_stands_under_its_name(agent_id: str) -> None:
    found = parts(agent_id, "--var", "name=Ada = Countess")
    assert list(found) == ["prompt", "personality", "time", "normalisation", "knowledge", "focus"]
    assert found["prompt"] == "Be kind to Ada = Countess."
    assert "(Europe/Oslo)" in found["time"]
    assert "We open at nine." in found["knowledge"]


def test_a_chat_and_another_language_are_told_otherwise(agent_id: str) -> None:
    found = parts(agent_id, "--var", "name=Ada", "--text", "--language", "es")
    assert "normalisation" not in found
    assert "'es'" in found["language"]


def test_what_is_missing_is_said_with_its_option(agent_id: str) -> None:
    with pytest.raises(ConfigError, match=r"in first message: \{'name'\}; give them: --var name="):
        parts(agent_id)


@pytest.mark.parametrize("pair", ["name", "=Ada", " =Ada"])
def test_a_variable_is_a_name_and_a_value(agent_id: str, pair: str) -> None:
    with pytest.raises(ConfigError, match="NAME=VALUE"):
        parts(agent_id, "--var", pair)


def test_an_agent_or_a_branch_that_is_not_there_is_named(agent_id: str) -> None:
    with pytest.raises(ConfigError, match="agent_of_nobody"):
        parts("agent_of_nobody")
    with pytest.raises(ConfigError, match="agtbrch_x"):
        parts(agent_id, "--var", "name=Ada", "--branch", "agtbrch_x")
