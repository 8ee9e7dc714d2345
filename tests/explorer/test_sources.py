"""The explorer's sources: types, and the tests that need no browser."""

import json
import subprocess
from pathlib import Path
from shutil import copy

import pytest

EXPLORER = Path(__file__).parents[2] / "explorer"


@pytest.mark.node
def test_types_fit(explorer_project, modern_node):
    _run([modern_node, "node_modules/typescript/bin/tsc"], explorer_project)


@pytest.mark.node
def test_its_own_tests_pass(explorer_project, modern_node):
    tests = sorted(map(str, (explorer_project / "tests").glob("*.test.ts")))

    printed = _run([modern_node, "--test", "--test-reporter=tap", *tests], explorer_project)

    assert "# fail 0" in printed
    assert "# skipped 0" in printed


@pytest.mark.node
def test_the_types_of_its_operations_are_those_of_the_schema(explorer_project, modern_node):
    """Or somebody changed one of the two, and did not run `npm run codegen`."""
    made, kept = (root / "src/pipelines/gql" for root in (explorer_project, EXPLORER))
    # Where the configuration looks for it.
    copy(EXPLORER.parent / "schema.graphql", explorer_project.parent)

    _run([modern_node, "node_modules/@graphql-codegen/cli/esm/bin.js"], explorer_project)

    names = sorted(path.name for path in kept.iterdir())
    assert sorted(path.name for path in made.iterdir()) == names
    assert [name for name in names if (made / name).read_text() != (kept / name).read_text()] == []


def test_the_lock_file_and_npmrc_name_no_address():
    lock = (EXPLORER / "package-lock.json").read_text(encoding="utf-8")
    npmrc = (EXPLORER / ".npmrc").read_text(encoding="utf-8")
    packages = json.loads(lock)["packages"]

    assert not [name for name, package in packages.items() if "resolved" in package]
    assert all("integrity" in package for name, package in packages.items() if name)
    assert "registry=" not in npmrc
    assert "http" not in npmrc


def _run(command, folder) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
