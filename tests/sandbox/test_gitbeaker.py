"""@gitbeaker/rest, as published and unmodified, believes the sandbox (over a real HTTP server).

Skipped where Node.js or npm is missing or npm cannot install; with `CI=true` that is a failure.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.testing.server import serve

SOURCE = Path(__file__).parent / "gitbeaker"

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def script(tmp_path_factory, lacking) -> list[str]:
    """Command that runs core.mjs with its one dependency installed beside it."""
    if not shutil.which("node") or not shutil.which("npm"):
        lacking("Node.js and npm are not installed")
    folder = tmp_path_factory.mktemp("gitbeaker")
    for name in ("package.json", "package-lock.json", "core.mjs"):
        shutil.copy(SOURCE / name, folder / name)
    install = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lacking(f"npm could not install: {done.stderr.strip()[-500:]}")
    return ["node", str(folder / "core.mjs")]


@pytest.fixture(scope="module")
def results(script) -> dict[str, Any]:
    """What each step of core.mjs gave, by name; all in one run against one fresh world."""
    with serve() as server:
        seen = {"SANDBOX_URL": server.url, "SANDBOX_TOKENS": json.dumps(dict(server.tokens))}
        done = subprocess.run(
            script, env=os.environ | seen, capture_output=True, text=True, check=False, timeout=120
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_offset_keyset_path_and_bearer_give_the_same_jobs(results):
    ids = results["keyset"]

    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) > 100
    assert results["offset"] == results["by_path"] == results["bearer"] == ids


def test_scope_holds_over_keyset_pages(results):
    assert set(results["keyset_scoped"]) == {"failed", "success"}


def test_paging_headers_are_read(results):
    paging = results["first_page"]["paginationInfo"]
    total = len(results["pipeline_jobs"])

    assert [row["id"] for row in results["first_page"]["data"]] == results["pipeline_jobs"][:2]
    assert paging == {
        "total": total,
        "next": 2,
        "current": 1,
        "previous": None,
        "perPage": 2,
        "totalPages": -(-total // 2),
    }


def test_pipeline_jobs_and_bridges(results):
    assert {6, 7, 8} <= set(results["pipeline_jobs"])
    assert set(results["pipeline_jobs"]) <= set(results["pipeline_jobs_with_retried"])
    assert results["bridges"][0]["downstream_pipeline"]["id"] == 5
    assert results["pipeline"]["id"] == 6


def test_job_log_and_commit(results):
    assert results["job"]["id"] == 1
    assert results["job"]["artifacts"]
    assert len(results["log"]) > 0
    assert results["commit"][0] == results["commit"][1]


@pytest.mark.parametrize(
    ("step", "status", "description"),
    [
        ("unknown_job", 404, "404 Not found"),
        ("unknown_project", 404, "404 Project Not Found"),
        ("bad_scope", 400, "scope does not have a valid value"),
        ("anonymous", 401, "401 Unauthorized"),
        ("reporter_cancels", 403, "403 Forbidden"),
        ("retry_of_running", 403, "403 Forbidden - Job is not retryable"),
        ("play_of_running", 400, "400 Bad request - Unplayable Job"),
    ],
)
def test_refusals_are_its_own_errors(results, step, status, description):
    assert results[step] == {
        "name": "GitbeakerRequestError",
        "status": status,
        "description": description,
    }


def test_cancel(results):
    answer = results["cancel"]

    assert (answer["id"], answer["status"]) == (answer["asked"], "canceled")


def test_retry(results):
    answer = results["retry"]

    assert answer["id"] > answer["asked"]
    assert answer["name"] == answer["was"]


def test_play(results):
    answer = results["play"]

    assert (answer["id"], answer["status"]) == (answer["asked"], "pending")


def test_erase(results):
    assert results["erase"]["erased_at"]
    assert results["erase"]["artifacts"] == []
    assert results["erase"]["log"] == ""
