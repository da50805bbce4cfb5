"""Rules of the house that no linter knows."""

import re
import subprocess
from pathlib import Path

import pytest

from turnwise.turns.rules import RULES

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "turnwise"
BANNED_FILES = {"utils.py", "common.py", "misc.py", "helpers.py", "manager.py"}
BANNED_NAMES = re.compile(r"^class \w*(Manager|Helper|Util|Processor)\b", re.MULTILINE)


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        try:
            found.append((path, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue  # sound or a picture
    return found


def test_no_file_is_called_after_nothing() -> None:
    assert not [path for path in SRC.rglob("*.py") if path.name in BANNED_FILES]


def test_no_class_is_called_after_nothing() -> None:
    offenders = [path for path in SRC.rglob("*.py") if BANNED_NAMES.search(path.read_text())]
    assert not offenders


def test_nothing_names_a_path_of_the_machine_it_was_written_on() -> None:
    machine = re.compile(r"/(?:work|farm|root)/(?!\.|\*)[a-z]")
    offenders = [path for path, text in texts() if machine.search(text) and path != Path(__file__)]
    assert not offenders


def test_nothing_is_left_for_later() -> None:
    left = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    assert not [path for path in SRC.rglob("*.py") if left.search(path.read_text())]


def test_every_package_says_what_it_is_for() -> None:
    for init in SRC.rglob("__init__.py"):
        assert init.read_text(encoding="utf-8").startswith('"""'), init


def test_the_rule_table_is_short_and_its_names_differ() -> None:
    assert len(RULES) <= 30
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_test_files_have_names_of_their_own() -> None:
    """Else pytest cannot tell them apart: the folders of tests are no packages."""
    names = [path.name for path in tracked() if path.match("tests/**/test_*.py")]
    assert sorted(set(names)) == sorted(names)
