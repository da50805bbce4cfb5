import sys
from pathlib import Path

import pytest

from turnwise.base.errors import ConfigError
from turnwise.testing.chart import draw
from turnwise.testing.simulation import Report, simulate
from turnwise.turns.policy import Policy


def test_a_chart_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(simulate(Policy(), calls=2), tmp_path / "chart.png", "Two calls")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_a_report_without_responses_can_be_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(Report.of([]), tmp_path / "chart.png", "Nothing")
    assert (tmp_path / "chart.png").exists()


@pytest.mark.parametrize("name", ["missing/chart.png", "chart.tape"])
def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(ConfigError, match="cannot write the chart"):
        draw(Report.of([]), tmp_path / name, "Nothing")


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"turnwise\[plot\]"):
        draw(Report.of([]), tmp_path / "chart.png", "Nothing")
