"""`turnwise bench` against a real server: what its users notice, and what it leaves behind."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from acceptance.house import KEY, House, Json

pytestmark = pytest.mark.acceptance


PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "benchmark.md"


def report(house: House, folder: Path, *options: str) -> list[Json]:
    """Let it run; return the levels that it reports."""
    command = [sys.executable, "-m", "turnwise", "bench", "--url", house.url, "--api-key", KEY]
    command += ["--json", str(folder / "report.json"), "--plot", str(folder / "chart.png")]
    command += ["--ramp", "1", *options]
    subprocess.run(command, check=True, timeout=240, capture_output=True)
    assert (folder / "chart.png").read_bytes().startswith(b"\x89PNG")
    levels: list[Json] = json.loads((folder / "report.json").read_text())["levels"]
    return levels


def test_speech_is_answered(scripted_house: House, tmp_path: Path) -> None:
    pid = str(scripted_house.pid)
    [level] = report(scripted_house, tmp_path, "--calls", "2", "--hold", "8", "--pid", pid)
    assert level["response_ms"]["count"] > 0
    assert level["audio"]["seconds"] > 0
    assert level["server"]["cpu_ms_per_call_s"] > 0


def test_writing_is_answered_at_each_level(scripted_house: House, tmp_path: Path) -> None:
    agents = scripted_house.ask("/v1/convai/agents", page_size="100")
    levels = report(scripted_house, tmp_path, "--calls", "1,2", "--hold", "3", "--text")
    assert [level["calls"] for level in levels] == [1, 2]
    for level in levels:
        assert level["response_ms"]["count"] > 0
        assert level["server"]["cpu_ms_per_call_s"] > 0  # the server tells it in its metrics
    assert scripted_house.ask("/v1/convai/agents", page_size="100") == agents


def test_the_snippet_of_the_page_runs(
    scripted_house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    [snippet] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    address = scripted_house.socket_url(scripted_house.sample_agent())
    exec(snippet, {"ADDRESS": address})  # noqa: S102 - our own page
    assert capsys.readouterr().out
