from pathlib import Path

import pytest
from ladder import Plain
from peers import compare
from peers.compare import BEGIN, END, nothing, put, ratios, table

from benchmarks.test_ladder import level


def cost(made: Plain, cpu_ms: float) -> Plain:
    made["server"] = {"cpu_ms_per_call_s": cpu_ms, "cores": 0.5, "memory_mb_per_call": 1.5}
    return made


RESULTS = {
    "Turnwise": [cost(level(1), 20.0), cost(level(5), 4.0), cost(level(400), 2.0)],
    "Another": [cost(level(1), 30.0), cost(level(5), 24.0), cost(level(50, 999.0), 20.0)],
}


def test_the_table_says_what_was_held_and_what_came_next() -> None:
    text = "\n".join(table(RESULTS))
    assert "| | Turnwise | Another |" in text
    assert "| calls held on one core | 400 | 5 |" in text
    assert "| CPU per call-second there, ms | 2.00 | 24.00 |" in text
    assert "| CPU per call-second at 5, ms | 4.00 | 24.00 |" in text
    assert "| what the next level's users felt | not tried | 50: answers 299 ms later |" in text


def test_the_ratios_are_those_of_what_was_held() -> None:
    [line] = ratios(RESULTS)
    assert "80.0 x the calls of Another, at 1/12.0 of the CPU" in line


def test_a_framework_that_breaks_has_no_figures() -> None:
    results = {**RESULTS, "Another": [nothing(1, "it broke")]}
    text = "\n".join(table(results))
    assert "| calls held on one core | 400 | - |" in text
    assert "1: 1 errors, such as: it broke" in text
    assert ratios(results) == []


def test_the_report_takes_the_place_of_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    monkeypatch.setattr(compare, "PAGE", page)
    put("new\n")
    put("newer\n")
    assert page.read_text() == f"before\n{BEGIN}\nnewer\n{END}\nafter\n"


def test_the_page_has_a_place_for_the_report() -> None:
    text = compare.PAGE.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.index(BEGIN) < text.index(END)
