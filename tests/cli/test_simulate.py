import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from turnwise.base.errors import ConfigError
from turnwise.cli.simulate import simulate
from turnwise.turns import journal
from turnwise.turns.policy import Endpointing, Policy

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(simulate)


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["--calls", "3", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_it_prints_what_it_found() -> None:
    output = run()
    for words in ("3 simulated calls", "response time", "p99", "cut-ins", "false interruptions"):
        assert words in output


def test_the_same_seed_prints_the_same() -> None:
    assert run("--seed", "4") == run("--seed", "4")
    assert run("--seed", "4") != run("--seed", "5")


def test_incidents_are_printed(tmp_path: Path) -> None:
    policy = json.dumps({"guards": {"model_stall_ms": 1_000}})
    (tmp_path / "policy.json").write_text(policy)
    assert "incident llm_timeout" in run("--llm", "never", "--policy", tmp_path / "policy.json")


def test_the_report_is_written_as_json(tmp_path: Path) -> None:
    run("--json", tmp_path / "deep" / "report.json")
    assert json.loads((tmp_path / "deep" / "report.json").read_text())["calls"] == 3


def test_a_chart_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    run("--plot", tmp_path / "chart.png", "--speculative", "--turn-model")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_journals_are_written_and_replay(tmp_path: Path) -> None:
    run("--journals", tmp_path, "--keep", "2")
    written = sorted(tmp_path.iterdir())
    assert [path.name for path in written] == ["call-0000.jsonl", "call-0001.jsonl"]
    for path in written:
        _, differences = journal.replay(journal.read(path.read_text().splitlines()))
        assert differences == []


def policy_of(folder: Path, *options: str | Path) -> Policy:
    run("--journals", folder, "--keep", "1", *options)
    return journal.read((folder / "call-0000.jsonl").read_text().splitlines()).policy


def test_options_change_the_policy(tmp_path: Path) -> None:
    plain = policy_of(tmp_path / "a").endpointing
    options = ("--eagerness", "eager", "--speculative", "--turn-model")
    changed = policy_of(tmp_path / "b", *options).endpointing
    assert (plain.eagerness.value, plain.bet_ms, plain.turn_model) == ("normal", None, False)
    assert (changed.eagerness.value, changed.bet_ms, changed.turn_model) == ("eager", 200, True)


def test_a_policy_is_read_from_json_from_a_header_and_from_a_journal(tmp_path: Path) -> None:
    policy = Policy(first_message="Hi.", endpointing=Endpointing(bet_ms=350))
    header = journal.header_line(policy)
    bare = json.dumps(json.loads(header)["policy"], indent=2)
    whole = f'{header}\n{{"at":0,"event":{{"type":"Tick"}}}}\n'
    for number, text in enumerate((header, bare, whole)):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        assert policy_of(tmp_path / str(number), "--policy", path, "--speculative") == policy


def test_latencies_are_read(tmp_path: Path) -> None:
    def median(llm: str) -> int:
        run("--llm", llm, "--stt", "100-200", "--tts", "80", "--json", tmp_path / "r.json")
        found = json.loads((tmp_path / "r.json").read_text())["response"]["p50"]
        assert isinstance(found, int)
        return found

    assert median("lognormal:100,150") < median("900")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--calls", "0"), "calls is 0; it must be 1 or more"),
        (("--stt", "soon"), "'soon' is no latency"),
        (("--llm", "9-3"), "from 9 to 3 ms"),
        (("--policy", "no such file"), "cannot read the policy 'no such file'"),
        (("--plot", "no such folder/x.png"), "cannot write the chart"),
        (("--json", "/dev/null/x.json"), "cannot write '/dev/null/x.json'"),
    ],
)
def test_bad_input_is_one_sentence(options: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        run(*options)


@pytest.mark.parametrize("text", ["", "[]", '{"journal": 1}', '{"language": 5}', "{"])
def test_a_file_without_a_policy_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "policy.json").write_text(text)
    with pytest.raises(ConfigError, match="holds no policy"):
        run("--policy", tmp_path / "policy.json")


def test_an_unknown_eagerness_is_a_usage_error() -> None:
    result = CliRunner().invoke(app, ["--eagerness", "hasty"])
    assert result.exit_code == 2
    assert "hasty" in result.output


def test_bad_input_ends_the_program_with_two() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "turnwise", "simulate", "--calls", "1", "--tts", "soon"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
