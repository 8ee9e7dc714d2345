"""`gateway.testing`: the fixtures themselves, and how pytest comes to know them."""

import http.client
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class TestFixtures:
    def test_sandbox_is_fresh_for_each_test(self, sandbox, api):
        assert api.post("/projects/1/jobs/1/erase").status == 201

    def test_sandbox_is_fresh_for_each_other_test(self, sandbox, api):
        assert api.post("/projects/1/jobs/1/erase").status == 201

    def test_sandbox_server_answers_over_http(self, sandbox_server):
        host = sandbox_server.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request(
            "GET",
            "/api/v4/projects/1/jobs?per_page=1",
            headers={"PRIVATE-TOKEN": sandbox_server.tokens["developer"]},
        )
        answer = connection.getresponse()
        rows = json.load(answer)
        connection.close()

        assert (answer.status, len(rows)) == (200, 1)
        assert answer.headers["Link"].startswith(f"<{sandbox_server.api_url}/projects/1/jobs?")

    def test_both_fixtures_are_one_world(self, sandbox, sandbox_server):
        assert sandbox is sandbox_server.sandbox

    @pytest.mark.sandbox(profile="16")
    def test_a_marker_sets_options(self, sandbox_options, api):
        assert sandbox_options == {"profile": "16"}
        assert api.get("/projects/1/jobs?scope=canceling").status == 400


@pytest.mark.sandbox(profile="16", seed=7)
class TestMarkersAround:
    @pytest.mark.sandbox(profile="17")
    def test_the_nearest_option_wins(self, sandbox_options):
        assert sandbox_options == {"profile": "17", "seed": 7}


class TestPlugin:
    def test_the_entry_point_bears_the_modules_name(self):
        """So that pytest sees one plugin, installed or named in a conftest."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert project["entry-points"]["pytest11"] == {"gateway.testing": "gateway.testing"}

    def test_importing_it_loads_nothing_heavy(self):
        code = (
            "import sys, pytest; before = set(sys.modules); import gateway.testing;"
            "print(*sorted(set(sys.modules) - before))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["gateway", "gateway.testing", "gateway.version"]

    @pytest.mark.parametrize(("installed", "named"), [(True, True), (True, False), (False, True)])
    def test_registered_once_however_it_is_found(self, tmp_path, installed, named):
        library = tmp_path / "library"
        metadata = library / "gateway_stand_in-1.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: gateway-stand-in\nVersion: 1\n"
        )
        if installed:
            entry = "[pytest11]\ngateway.testing = gateway.testing\n"
            (metadata / "entry_points.txt").write_text(entry)
        suite = tmp_path / "suite"
        suite.mkdir()
        (suite / "conftest.py").write_text(
            'pytest_plugins = ["gateway.testing"]\n' if named else ""
        )
        (suite / "test_it.py").write_text("def test_it(sandbox): assert sandbox.tokens['admin']\n")

        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "."],
            cwd=suite,
            env={"PYTHONPATH": f"{library}:{ROOT}", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 passed" in done.stdout
