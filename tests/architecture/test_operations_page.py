"""`docs/reference/operations.md` is kept true: `python scripts/operations.py` writes it."""

import re
from pathlib import Path

from turnwise.api.app import implemented
from turnwise.contract import load

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "operations.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([A-Z]+ [^`]+)` \| \w* \| ([a-z ]+) \| (.*) \|$", PAGE, re.MULTILINE)


def test_every_operation_has_a_row_with_its_state() -> None:
    served = implemented()
    wanted = {key: "works" if key in served else "not yet" for key in load().operations}
    assert {key: state for key, state, _ in ROWS} == wanted


def test_what_works_names_a_test_that_exists() -> None:
    for key, state, shown in ROWS:
        if state == "works":
            path, name = shown.strip("`").split("::")
            text = (ROOT / "tests" / path).read_text(encoding="utf-8")
            assert f"def {name}(" in text, f"{key}: {path}::{name} is not there"
