"""The front end of docs/clients.md, installed once for all its tests."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DOCUMENT", "HERE", "run"]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DOCUMENT = ROOT / "docs" / "clients.md"
BLOCK = re.compile(r"^```\w+ title=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="session")
def front_end(node_project: Callable[[Path], Path]) -> Path:
    """A front end's project with the document's files."""
    folder = node_project(HERE)
    (folder / "schema.graphql").write_text((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    for name, code in BLOCK.findall(DOCUMENT.read_text(encoding="utf-8")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code, encoding="utf-8")
    return folder


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done
