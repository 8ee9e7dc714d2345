"""Who may import whom: the contracts in pyproject.toml, checked with every test run."""

import os
import subprocess
import sys
from pathlib import Path

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
