"""`docs/compatibility.md` is kept true: rows name tests that exist, and no message is missing."""

import re
from pathlib import Path
from typing import get_args

from turnwise.wire.client_messages import ClientMessage, Unknown
from turnwise.wire.server_messages import ServerMessage

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
STATES = {"works", "partly", "not yet"}


def rows() -> list[tuple[str, str, str]]:
    found = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]*) \|$", PAGE, re.MULTILINE)
    return [
        (feature.strip(), state.strip(), shown.strip())
        for feature, state, shown in found
        if feature.strip() not in {"feature", "message"} and not set(state) <= {"-"}
    ]


def test_every_state_is_one_of_three() -> None:
    assert rows()
    assert {state for _, state, _ in rows()} <= STATES


def test_what_works_names_a_test_that_exists() -> None:
    for feature, state, shown in rows():
        tests = re.findall(r"`([\w/]+\.py)::(\w+)`", shown)
        assert tests or state == "not yet", f"{feature}: {state}, and no test shows it"
        for path, name in tests:
            text = (ROOT / "tests" / path).read_text(encoding="utf-8")
            assert f"def {name}(" in text, f"{feature}: {path}::{name} is not there"


def test_every_message_of_the_wire_has_a_row() -> None:
    named = {feature.strip("`") for feature, _, _ in rows()}
    kinds = {*get_args(ServerMessage), *get_args(ClientMessage)} - {Unknown}
    for kind in kinds:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
        assert name in named, f"{name} has no row"
