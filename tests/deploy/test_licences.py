"""`scripts/licences.py`: whose licence is known to go with ours, and whose is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "licences.py"


def check(tmp_path, *licences):
    bom = tmp_path / "bom.json"
    component = {"name": "one", "version": "1", "licenses": list(licences)}
    bom.write_text(json.dumps({"components": [component]}))
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(bom)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "licence",
    [
        {"license": {"id": "MIT"}},
        {"expression": "MIT OR Apache-2.0"},
        {"license": {"name": "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)"}},
    ],
)
def test_permissive_ones_and_what_is_taken_as_it_is_pass(tmp_path, licence):
    assert check(tmp_path, licence).returncode == 0


@pytest.mark.parametrize(
    ("licences", "told"),
    [
        ([{"license": {"id": "GPL-3.0-only"}}], "one 1: GPL-3.0-only"),
        ([{"expression": "MIT AND AGPL-3.0-only"}], "one 1: AGPL-3.0-only"),
        ([{"license": {"name": "A text\nof many lines"}}], "one 1: its licence is not told"),
        ([], "one 1: its licence is not told"),
    ],
)
def test_others_are_named(tmp_path, licences, told):
    ended = check(tmp_path, *licences)

    assert ended.returncode == 1
    assert ended.stderr.strip() == told


def test_a_bill_of_nothing_is_a_fault(tmp_path):
    (tmp_path / "bom.json").write_text('{"components": []}')

    ended = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "bom.json")], timeout=60, check=False
    )

    assert ended.returncode == 1
