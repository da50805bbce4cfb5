import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from turnwise.base.errors import Error
from turnwise.cli.replay import replay
from turnwise.testing import Say, World
from turnwise.turns.policy import Policy

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(replay)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    call = World(Policy(first_message="Hello."), [Say("Tell me a story.")]).run()
    return list(call.journal())


def written(folder: Path, lines: list[str]) -> Path:
    path = folder / "journal.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(path: Path, *options: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(path), *options], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def test_a_journal_replays_without_a_difference(tmp_path: Path, lines: list[str]) -> None:
    output = run(written(tmp_path, lines))
    assert "Tell me a story." in output
    assert "why" in output
    assert "events replayed without a difference" in output


def test_quiet_only_compares(tmp_path: Path, lines: list[str]) -> None:
    output = run(written(tmp_path, lines), "--quiet")
    assert len(output.splitlines()) == 1


def test_explanations_may_be_left_out(tmp_path: Path, lines: list[str]) -> None:
    path = written(tmp_path, lines)
    assert len(run(path, "--no-explanations")) < len(run(path))


def test_an_edited_journal_is_told_and_exit_code_one(tmp_path: Path, lines: list[str]) -> None:
    place = next(i for i, line in enumerate(lines) if '"final":true' in line)
    said = lines[place].replace("Tell me a story", "Tell me nothing")
    output = run(written(tmp_path, [*lines[:place], said, *lines[place + 1 :]]), "--quiet", code=1)
    assert "nothing" in output
    assert "story" in output


@pytest.mark.parametrize(
    "text", ["", "garbage", "{}", '{"journal": 99}', "[1, 2]", '{"journal": 1, "policy": 5}']
)
def test_garbage_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(Error, match=r"line 1: .*journal\.jsonl"):
        run(written(tmp_path, [text]))


def test_a_broken_line_is_named(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(Error, match=r"line 2: "):
        run(written(tmp_path, [lines[0], "{", *lines[1:]]))


def test_a_file_that_is_no_text_or_not_there_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Error, match="is not UTF-8 text"):
        run(tmp_path / "x")
    with pytest.raises(Error, match="cannot read"):
        run(tmp_path / "none")


def test_garbage_ends_the_program_with_two(tmp_path: Path) -> None:
    path = written(tmp_path, ["garbage"])
    result = subprocess.run(
        [sys.executable, "-m", "turnwise", "replay", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("turnwise: line 1: ")
