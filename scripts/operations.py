"""Write docs/reference/operations.md: each operation, its state, and a test that shows it.

python scripts/operations.py

Runs the tests of the API and notes which operation each had answered well. Takes as long as they.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from itertools import groupby
from pathlib import Path

import elevenlabs

from turnwise.api.app import implemented
from turnwise.contract import Operation, load

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "operations.md"
HEAD = """<!-- written by `python scripts/operations.py`; do not edit -->
# Operations

The published REST operations of the agents platform and its neighbours: {works} of {known} work
here. What does not answers 501 and says so. A priority is how much a user of the hosted service
misses it.
"""
_TEST = re.compile(r"tests/([\w/]+\.py)::(\w+)")
_CALL = re.compile(r'httpx_client\.(?:request|stream)\(\s*f?"([^"]+)",.*?method="(\w+)"', re.DOTALL)
"""How the SDK asks: with a path and, further down, a method."""


def shown() -> tuple[dict[str, set[str]], set[str]]:
    """Run the tests; return those that show each operation, and what the SDK was answered."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record"
        environment = {**os.environ, "TURNWISE_RECORD_OPERATIONS": str(record)}
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "tests/api"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        found: dict[str, set[str]] = defaultdict(set)
        by_sdk: set[str] = set()
        for line in record.read_text(encoding="utf-8").splitlines():
            operation, status, test, client = line.split("\t")
            if client and status < "5":  # what no client can make here is answered 404
                by_sdk.add(operation)
            elif status.startswith("2") and (match := _TEST.match(test)):
                found[operation].add(f"{match[1]}::{match[2]}")
        return found, by_sdk


def had_by_sdk() -> set[str]:
    """Return the published operations that the official Python SDK has."""
    known = {_plain(key): key for key in load().operations}
    files = Path(elevenlabs.__file__).parent.rglob("raw_client.py")
    calls = (_CALL.findall(file.read_text(encoding="utf-8")) for file in files)
    found = {_plain(f"{method} /{path.lstrip('/')}") for each in calls for path, method in each}
    return {known[each] for each in found & known.keys()}


def _plain(key: str) -> str:
    return re.sub(r"{[^}]*}", "*", key)


def best(operation: Operation, tests: set[str]) -> str:
    """Return the test that shows an operation best: with the official SDK, and named after it."""
    words = set(re.findall(r"[a-z]+", operation.path.lower())) - {"v", "convai"}

    def worth(test: str) -> tuple[bool, int, str]:
        return "sdk" in test, sum(word.rstrip("s") in test for word in words), test

    return max(tests, key=worth)


def main() -> None:
    (tests, by_sdk), served, operations = shown(), implemented(), load().operations
    if untried := sorted(served.keys() & had_by_sdk() - by_sdk):
        raise SystemExit("no test has the official SDK call\n  " + "\n  ".join(untried))
    if silent := sorted(served.keys() - tests.keys()):
        raise SystemExit("no test shows\n  " + "\n  ".join(silent))
    page = HEAD.format(works=len(served), known=len(operations))
    ordered = sorted(operations.values(), key=lambda each: (each.resource, each.path, each.method))
    for resource, of in groupby(ordered, key=lambda each: each.resource):
        page += (
            f"\n## {resource}\n\n| operation | priority | state | shown by |\n|---|---|---|---|\n"
        )
        for each in of:
            by = f"`{best(each, tests[each.key])}`" if each.key in served else ""
            state = "works" if each.key in served else "not yet"
            page += f"| `{each.key}` | {each.priority or ''} | {state} | {by} |\n"
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
