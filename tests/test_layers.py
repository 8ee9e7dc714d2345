"""Who may import whom: the contracts in pyproject.toml, checked with every test run."""

from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]


def test_imports_keep_the_contracts(monkeypatch: pytest.MonkeyPatch, capsys):
    # import-linter reads the sources where they stand, not an installed copy.
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(ROOT)

    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)

    assert status == 0, capsys.readouterr().out
