"""Everything fits in one head: files, functions and classes have a size."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "turnwise"
MODULES = sorted(SRC.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SRC)))
def test_a_module_has_at_most_400_lines(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SRC)))
def test_functions_have_at_most_50_lines_and_classes_at_most_200(module: Path) -> None:
    limits = {ast.FunctionDef: 50, ast.AsyncFunctionDef: 50, ast.ClassDef: 200}
    exempt = {"react"}  # one exhaustive match over all events
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        limit = limits.get(type(node))
        if limit is None or not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        assert length <= limit or node.name in exempt, f"{node.name}: {length} lines"
