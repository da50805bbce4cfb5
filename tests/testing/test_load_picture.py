import sys
from collections import Counter
from pathlib import Path

import pytest

from turnwise.base.errors import ConfigError
from turnwise.testing.load import Level, Plan, Usage, draw
from turnwise.testing.load.tally import Tally


def level(calls: int, *, measured: bool = True) -> Level:
    tally = Tally(0.0, 20.0)
    if not measured:
        return Level.of(Plan(address="", calls=calls), tally)
    tally.responses = [(1.0, 700.0), (2.0, 800.0)]
    tally.interruptions = [(1.0, 200.0)]
    tally.errors = Counter(odd=1)
    seconds = [(0.0, Usage(1.0, 10**8)), (20.0, Usage(3.0, 2 * 10**8))]
    return Level.of(Plan(address="", calls=calls), tally, Usage(0.5, 10**8), seconds)


@pytest.mark.parametrize("measured", [True, False])
def test_levels_are_drawn(tmp_path: Path, measured: bool) -> None:  # noqa: FBT001 - a parameter
    pytest.importorskip("matplotlib")
    levels = [level(1), level(1_000, measured=measured)]
    draw(levels, tmp_path / "chart.png", "Calls")
    draw(levels[1:], tmp_path / "one.png", "Calls")
    for name in ("chart.png", "one.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["missing/chart.png", "chart.tape"])
def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(ConfigError, match="cannot write the chart"):
        draw([level(1)], tmp_path / name, "Calls")


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"turnwise\[bench\]"):
        draw([level(1)], tmp_path / "chart.png", "Calls")
