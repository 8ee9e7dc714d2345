"""Who may import whom: the contracts in pyproject.toml, and no circles of imports."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
CHECK = "import sys, importlinter.cli as cli; sys.exit(cli.lint_imports(no_cache=True))"


def test_imports_keep_the_contracts():
    # A process of its own: import-linter switches off every logger there is. It reads the sources
    # where they stand, not an installed copy.
    checked = subprocess.run(
        [sys.executable, "-c", CHECK],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_imports_go_in_a_circle():
    graph = imports(ROOT / "gateway")

    assert len(graph) > 100
    assert circle(graph) == []


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"a": "import pack.b", "b": "from pack import c", "c": "import os"}, []),
        ({"a": "from pack.b import X", "b": "import pack.a"}, ["pack.a", "pack.b"]),
        (
            {
                "a": "from pack import b",
                "b": "def f():\n  from pack.c import X",
                "c": "import pack.a",
            },
            ["pack.a", "pack.b", "pack.c"],
        ),
        (
            {"a": "from pack.b import X", "b": "if TYPE_CHECKING:\n  from pack.a import Y"},
            ["pack.a", "pack.b"],
        ),
        (
            {
                "a": "from pack.b import X",
                "b": "if TYPE_CHECKING:\n  from pack.a import Y\nstrawberry.lazy('pack.a')",
            },
            [],
        ),
        (
            {"a": "from pack.b import X", "b": "from pack.a import Y\nstrawberry.lazy('pack.a')"},
            ["pack.a", "pack.b"],
        ),
        (
            {"__init__": "from pack.a import X", "a": "from pack import b", "b": ""},
            ["pack", "pack.a"],
        ),
        ({"__init__": "from pack.a import X", "a": "import pack.b as b", "b": ""}, []),
    ],
    ids=[
        "none",
        "two",
        "three",
        "for types",
        "lazy type",
        "lazy and imported",
        "through the package's face",
        "past the package's face",
    ],
)
def test_circles_are_found(tmp_path, files, found):
    package = tmp_path / "pack"
    package.mkdir()
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)

    assert sorted(set(circle(imports(package)))) == found


def imports(package: Path) -> dict[str, set[str]]:
    """The modules of a package that each of its modules imports, for types or to run. A package's
    `__init__` is a module, by the package's name.

    Strawberry's lazy types are left out: an import for types of a module that
    `strawberry.lazy("...")` names in the same file.
    """
    files = {_module(path, package): path for path in package.rglob("*.py")}
    graph = {}
    for module, path in files.items():
        tree = ast.parse(path.read_text())
        lazy = set(_lazy_modules(tree))
        graph[module] = {
            imported
            for imported, is_for_types in _imported(tree, files.keys())
            if not (is_for_types and imported in lazy)
        }
    return graph


def circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle of a graph, its first module at the end again; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def _module(path: Path, package: Path) -> str:
    names = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def _lazy_modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "strawberry.lazy":
            yield ast.literal_eval(node.args[0])


def _imported(tree: ast.Module, modules: set[str]) -> Iterator[tuple[str, bool]]:
    """Which of the modules are imported, and whether under `if TYPE_CHECKING`."""
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            assert node.module is not None
            # A module that is taken from its package imports the package as well.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from ((name, id(node) in for_types) for name in names if name in modules)
