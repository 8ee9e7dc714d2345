"""The tests that docs/limits.md names are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)*)`", PAGE)


def names_in(path: str) -> set[str]:
    """Its tests, those of a class behind the class's name."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {name for node in tree.body for name in _names_of(node)}


def _names_of(node: ast.stmt, of: str = "") -> list[str]:
    if isinstance(node, ast.ClassDef):
        return [name for part in node.body for name in _names_of(part, f"::{node.name}")]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
        return [f"{of}::{node.name}"]
    return []


def test_the_page_names_a_test_for_each_input() -> None:
    rows = PAGE.partition("## What shows it")[2].partition("\n## ")[0].splitlines()
    inputs = [row for row in rows if row.startswith("| ") and not row.startswith("| input")]

    assert len(inputs) >= 15
    assert all("::test_" in row for row in inputs)


@pytest.mark.parametrize(("path", "name"), NAMED, ids=["".join(named) for named in NAMED])
def test_a_test_that_is_named_is_there(path: str, name: str) -> None:
    assert not name or name in names_in(path)
