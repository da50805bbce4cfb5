from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from turnwise.base.errors import ConfigError
from turnwise.cli.download import download
from turnwise.cli.serve import print_banner
from turnwise.main import FirstStart
from turnwise.minds import BETTER, Choice
from turnwise.providers.model_files import ModelFiles
from turnwise.settings import Settings

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(download)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_it_fetches_and_says_how_to_use_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = []

    def fetch(full_name: str, model: ModelFiles, folder: Path, _: object) -> None:
        fetched.append((full_name, model.name, folder))

    monkeypatch.setattr("turnwise.providers.model_files.fetch", fetch)
    output = run("tts/kokoro", "--to", str(tmp_path))
    assert fetched == [("tts/kokoro", "Kokoro v1.0", tmp_path)]
    assert "Apache-2.0" in output
    assert "TURNWISE_TTS=kokoro" in output
    assert f"""TURNWISE_TTS_OPTIONS='{{"path": "{tmp_path}"}}'""" in output
    assert "OPTIONS" not in run("tts/kokoro")


@pytest.mark.parametrize("engine", ["tts/espeak", "nobody"])
def test_an_engine_without_a_model_is_refused(engine: str) -> None:
    with pytest.raises(ConfigError, match=rf"{engine}.*stt/moonshine"):
        run(engine)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match="cannot be written to"):
        run("stt/sherpa", "--to", str(file))


def test_the_banner_says_how_to_get_a_better_engine(capsys: pytest.CaptureFixture[str]) -> None:
    choice = Choice(kind="tts", name="espeak", sentence="x", is_demo=True)
    print_banner("http://x", Settings(), {"tts": choice}, FirstStart(agent_id="agent_x"))
    told = capsys.readouterr().out
    assert f"better: {BETTER['tts']}" in told
    assert "pip install 'turnwise[kokoro]', then turnwise download tts/kokoro" in told
