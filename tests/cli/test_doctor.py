import asyncio
import json
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from turnwise.base.errors import ConfigError
from turnwise.cli import doctor_checks
from turnwise.cli.doctor import doctor
from turnwise.cli.keys import keys
from turnwise.minds import BETTER
from turnwise.providers.llm.offline import Offline
from turnwise.providers.ports import ModelEvent, ModelRequest
from turnwise.providers.registry import Availability, available
from turnwise.providers.spec import Kind
from turnwise.store import open_store

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(doctor)

SCRIPTED = {"TURNWISE_STT": "scripted", "TURNWISE_TTS": "scripted", "TURNWISE_LLM": "scripted"}
WORKING = {"TURNWISE_VAD": "energy", "TURNWISE_LLM": "offline"}

needs_demo = pytest.mark.skipif(
    any(
        each.reason
        for kind, name in (("tts", "espeak"), ("stt", "pocketsphinx"))
        for each in available(kind)  # type: ignore[arg-type]
        if each.full_name == f"{kind}/{name}"
    ),
    reason="the extra demo is not installed",
)


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TURNWISE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TURNWISE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def run(environ: dict[str, str], *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, arguments, env=environ, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def told(environ: dict[str, str], code: int = 0) -> dict[str, Any]:
    found = json.loads(run(environ, "--json", code=code))
    assert isinstance(found, dict)
    return found


def check(found: dict[str, Any], what: str) -> dict[str, Any]:
    (row,) = (row for row in found["checks"] if row["check"].startswith(what))
    assert isinstance(row, dict)
    return row


@needs_demo
def test_what_works_right_after_install_passes() -> None:
    output = run({})
    sections = [block.splitlines()[0].split()[0] for block in output.split("\n\n")[1:]]
    assert sections == ["setting", "in", "provider", "check", "better"]
    assert "tts/espeak" in output
    assert "heard '" in output
    assert "TURNWISE_TTS=openai" in output
    assert not [line for line in output.splitlines() if line != line.rstrip()]


@needs_demo
def test_programs_get_json() -> None:
    found = told({})
    assert found["ok"] is True
    assert {row["state"] for row in found["checks"]} == {"ok"}
    assert all(isinstance(row["ms"], int) for row in found["checks"])
    espeak = next(row for row in found["providers"] if row["provider"] == "tts/espeak")
    assert (espeak["in_use"], espeak["can_run_here"], espeak["quality"]) == ("yes", "yes", "demo")
    assert "GPL" in espeak["licence"]


@needs_demo
def test_nothing_is_made(tmp_path: Path) -> None:
    found = told({})
    assert not (tmp_path / "data").exists()
    assert "not there yet" in check(found, "data folder")["what_happened"]
    assert "the first start makes" in check(found, "database")["what_happened"]


def test_settings_say_where_they_come_from_and_keep_secrets(tmp_path: Path) -> None:
    (tmp_path / "turnwise.toml").write_text('lead_ms = 300\nllm_model = "x"\n')
    environ = SCRIPTED | {"TURNWISE_API_KEY": "sk_secret", "TURNWISE_LEAD_MS": "200"}
    found = told(environ, code=1)
    rows = {row["setting"]: (row["value"], row["from"]) for row in found["settings"]}
    assert rows["lead_ms"] == ("200", "TURNWISE_LEAD_MS")
    assert rows["llm_model"] == ("x", "turnwise.toml")
    assert rows["host"] == ("127.0.0.1", "default")
    assert rows["api_key"] == ("set, not shown", "TURNWISE_API_KEY")
    assert "sk_secret" not in json.dumps(found)
    used = {row["in_use"]: (row["what"], row["why"]) for row in found["in_use"]}
    assert used["voice"] == ("tts/scripted", "chosen in the settings")
    assert used["speech detection"][1] == "the best that can run here"


def test_an_engine_that_does_not_do_its_part_is_found(tmp_path: Path) -> None:
    found = told(SCRIPTED, code=1)  # the scripted transcriber hears nothing of what is said
    assert found["ok"] is False
    heard = check(found, "speech recognition")
    assert heard["state"] == "failed"
    assert heard["what_happened"].startswith("it heard ")
    assert check(found, "language model")["state"] == "ok"


def test_an_engine_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_: object, __: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        await asyncio.sleep(60)
        yield  # type: ignore[misc]

    monkeypatch.setattr(Offline, "stream", hang)
    monkeypatch.setattr(doctor_checks, "CHECK_S", 0.5)
    found = told(code=1, environ=SCRIPTED | {"TURNWISE_LLM": "offline"})
    assert check(found, "language model")["what_happened"] == "nothing within 0 s"


def test_a_model_that_cannot_be_reached_is_a_failed_check() -> None:
    environ = SCRIPTED | {"TURNWISE_LLM": "", "TURNWISE_LLM_BASE_URL": "http://127.0.0.1:9/v1"}
    environ |= {"TURNWISE_LLM_API_KEY": "sk_hidden", "TURNWISE_LLM_MODEL": "m"}
    pytest.importorskip("openai")
    found = told(environ, code=1)
    row = check(found, "language model, llm/openai")
    assert row["state"] == "failed"
    assert "sk_hidden" not in json.dumps(found)


def test_a_voice_that_is_missing_skips_what_depends_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing_installed(kind: Kind) -> list[Availability]:
        return [
            Availability(each.full_name, each.spec, "it is not installed")
            if each.full_name == "tts/espeak"
            else each
            for each in available(kind)
        ]

    monkeypatch.setattr("turnwise.minds.available", nothing_installed)
    monkeypatch.setattr(doctor_checks, "available", nothing_installed)
    found = told(WORKING | {"TURNWISE_STT": "scripted"}, code=1)
    assert check(found, "voice")["what_happened"].endswith("it is not installed")
    assert check(found, "speech recognition")["state"] == "skipped"
    assert {"better": "voice", "how": BETTER["tts"]} in found["better"]


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"TURNWISE_PORT": "many"}, "TURNWISE_PORT is 'many'"),
        ({"TURNWISE_TTS": "nobody"}, "tts is 'nobody'; it should be one of"),
    ],
)
def test_bad_settings_are_one_sentence(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        run(environ)


def test_a_folder_and_a_database_that_cannot_be_used_are_found() -> None:
    broken = {"TURNWISE_DATA": "/dev/null/x", "TURNWISE_DATABASE_URL": "sqlite:////dev/null"}
    found = told(SCRIPTED | broken, code=1)
    assert "/dev/null cannot be written to" in check(found, "data folder")["what_happened"]
    assert check(found, "database")["state"] == "failed"


def test_the_database_tells_its_version(tmp_path: Path) -> None:
    CliRunner().invoke(keys, ["add", "one"], catch_exceptions=False)
    found = told(SCRIPTED, code=1)
    row = check(found, "database")
    assert row["state"] == "ok"
    assert "SQLite 3." in row["what_happened"]
    assert "schema 0" in row["what_happened"]


def test_settings_of_agents_that_do_nothing_are_named(tmp_path: Path) -> None:
    prompt = {
        "rag": {"num_candidates": 3},
        "built_in_tools": {"transfer_to_number": {"params": {"transfers": [{"uui": {"u": 1}}]}}},
    }
    document = {"name": "Luigi", "conversation_config": {"agent": {"prompt": prompt}}}
    data = tmp_path / "data"

    async def store() -> str:
        opened = await open_store(f"sqlite:///{data / 'turnwise.db'}", data)
        async with opened.writing() as tx:
            record = await tx.agents.create(document)
        await opened.close()
        return record.agent_id

    data.mkdir()
    agent_id = asyncio.run(store())
    rows = told(WORKING | SCRIPTED, code=1)["agents"]  # a stand-in is no voice
    agent = f"{agent_id} (Luigi)"
    place = "conversation_config.agent.prompt"
    assert [(row["agent"], row["has_no_effect"]) for row in rows] == [
        (agent, f"{place}.built_in_tools{{}}.params.transfers[].uui"),
        (agent, f"{place}.rag.num_candidates"),
    ]
    assert all(row["because"] for row in rows)
