"""`docs/reference/fields.md` is kept true: no field is left out, or said to work untested.

What is said to be stored only must be read by no code, and what is said to work by some.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turnwise.agents.stored_only import STORED_ONLY
from turnwise.contract import load

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "turnwise"
PAGE = (ROOT / "docs" / "reference" / "fields.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([\w-]+) \| `([\w*]+)` \| ([a-z ]+) \| (.+) \|$", PAGE, re.MULTILINE)
WORKS = [(shape, field, note) for shape, field, state, note in ROWS if state == "works"]
PROMPT = "PromptAgentAPIModel-Input"
APART = {"SMBToolConfig"}
"""Kinds of tools that cannot be called here at all: what is in them is not looked into."""

# where a name stands without being acted upon
VIEWS = {"agents/config.py", "agents/stored_only.py", "agents/overrides.py", "agents/references.py"}
# names that also stand for something else: filters, formats of sound
ELSEWHERE = {"node_id", "output_format", "source_id"}

Json = Any


def _refs(schema: Json) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, part in schema.items():
            if key == "$ref":
                yield part.rpartition("/")[2]
            elif key != "discriminator":
                yield from _refs(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _refs(part)


def _published() -> dict[str, list[str]]:
    """The fields of each shape that a prompt or one of its tools is made of."""
    shapes = load().shapes
    found: dict[str, list[str]] = {}
    left = [PROMPT]
    while left:
        name = left.pop()
        if name in found:
            continue
        found[name] = list(shapes[name].get("properties") or ())
        if name not in APART:
            left += _refs(shapes[name])
    return {name: fields for name, fields in found.items() if fields}


def _sources() -> Iterator[str]:
    for path in SRC.rglob("*.py"):
        place = path.relative_to(SRC).as_posix()
        if place not in VIEWS and not place.startswith(("contract/", "api/")):
            yield path.read_text(encoding="utf-8")


CODE = "\n".join(_sources())


def _is_named(field: str, text: str) -> bool:
    return re.search(rf"\b{field}\b", text) is not None


def test_every_published_field_has_one_row() -> None:
    published = _published()
    whole = {shape for shape, field, *_ in ROWS if field == "*"}
    wanted = [
        (shape, field)
        for shape, fields in published.items()
        for field in (["*"] if shape in whole else fields)
    ]
    rows = [(shape, field) for shape, field, *_ in ROWS]
    assert sorted(rows) == sorted(wanted)
    assert {state for *_, state, _ in ROWS} == {"works", "stored only", "a label"}


@pytest.mark.parametrize(("shape", "field", "note"), WORKS)
def test_what_works_is_read_and_shown_by_a_test_that_names_it(
    shape: str, field: str, note: str
) -> None:
    assert _is_named(field, CODE), f"{shape}.{field}: no code reads it"
    path, name = note.strip("`").split("::")
    text = (ROOT / "tests" / path).read_text(encoding="utf-8")
    assert f"def {name}(" in text, f"{shape}.{field}: {note} is not there"
    assert _is_named(field, text), f"{shape}.{field}: {path} does not name it"


def test_what_is_stored_only_is_what_the_server_says_itself() -> None:
    idle = [row for row in ROWS if row[2] == "stored only" and row[1] != "*"]
    prompt = "conversation_config.agent.prompt."
    places = {place for place in STORED_ONLY if place.startswith(prompt)}
    assert {note.strip("`") for *_, note in idle} == places


@pytest.mark.parametrize("place", STORED_ONLY)
def test_nothing_acts_on_what_is_stored_only(place: str) -> None:
    field = place.rpartition(".")[2].removesuffix("[]")
    if field not in ELSEWHERE:
        assert not _is_named(field, CODE), f"{place} is acted on: stored_only.py is out of date"
