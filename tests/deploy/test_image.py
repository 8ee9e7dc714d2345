"""The image's steps in a clean environment, and what comes of them, run as an image is.

It installs and builds for a while, so it runs in CI and where asked for: pytest -m packaging.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
import yaml

from tests.deploy.image import Failed, build, is_sent
from tests.harness.command import STARTED_S, ask
from tests.harness.redis import PATIENCE_S, free_port, redis_server

ROOT = Path(__file__).parents[2]
BUNDLE = "gateway/transport/explorer/" + "bundle"
# What `docker stop` waits before it kills.
DOCKER_STOPS_S = 10
JOBS = '{ project(id: "1") { jobs(first: 2) { nodes { name } } } }'
NO_NETWORK = (
    "Could not find a version",
    "No matching distribution",
    "npm ci failed",
    "ECONNREFUSED",
)


@pytest.fixture(scope="module")
def image(request, lacking):
    """What the Dockerfile makes; the folder of its first stage is gone."""
    chosen = request.config.getoption("markexpr") == "packaging"
    if not chosen and os.environ.get("CI") != "true":
        pytest.skip("builds for a minute: run it with pytest -m packaging")
    # One that was built of these sources is taken as it is, which saves a minute.
    is_there = (ROOT / BUNDLE).is_dir() and os.environ.get("CI") != "true"
    # Not where pytest's own are, which others than their owner may not enter.
    with TemporaryDirectory(prefix="jgw-image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            made = build(ROOT, folder, [BUNDLE] if is_there else [])
        except Failed as failure:
            if any(sign in str(failure) for sign in NO_NETWORK):
                lacking(f"pip or npm could not install: {failure}")
            raise
        for path in folder.iterdir():
            if path != made.root:
                shutil.rmtree(path)
        yield made


def as_its_user(image) -> dict:
    """What makes a process be that of the image's user; nothing where it cannot be. Only root may
    become another one, and that one may not be let to this machine's Python.
    """
    its = {"user": image.user, "group": image.user, "extra_groups": []}
    command = [image.entrypoint[0], "-c", ""]
    try:
        subprocess.run(command, env=image.variables(), check=True, **its)
    except (PermissionError, subprocess.CalledProcessError):
        return {}
    return its


@contextmanager
def started(image, *arguments, **environment):
    """A container of it, as it were."""
    with subprocess.Popen(
        [*image.entrypoint, *arguments],
        cwd=image.path("."),
        env=image.variables() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **as_its_user(image),
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def health(image, *more, **environment) -> int:
    return subprocess.run(
        [*image.health_check, *more],
        cwd=image.path("."),
        env=image.variables() | environment,
        timeout=STARTED_S,
        check=False,
        capture_output=True,
        **as_its_user(image),
    ).returncode


def until_well(image, process, **environment) -> None:
    end = time.monotonic() + STARTED_S
    while health(image, **environment):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.1)


def stopped(image, process) -> tuple[float, str, str]:
    """How long its signal took to end it, and all that it said."""
    began = time.monotonic()
    process.send_signal(signal.Signals[image.stop_signal])
    out, err = process.communicate(timeout=STARTED_S)
    return time.monotonic() - began, out, err


@pytest.mark.dear
@pytest.mark.packaging
class TestImage:
    def test_it_serves_and_ends_in_time(self, image, sandbox_server):
        port = free_port()
        told = {"GATEWAY_PORT": str(port), "GATEWAY_UPSTREAM_URL": sandbox_server.url}
        before = health(image, **told)
        with started(image, **told) as process:
            until_well(image, process, **told)
            ready = health(image, "--ready", **told)
            url = f"http://127.0.0.1:{port}"
            answer = ask(f"{url}/graphql", JOBS, sandbox_server.tokens["developer"])
            page = httpx.get(f"{url}/graphql", headers={"accept": "text/html"}).text
            owner = Path(f"/proc/{process.pid}").stat().st_uid
            took_s, _, records = stopped(image, process)

        assert (before, ready) == (1, 0)
        assert len(answer["data"]["project"]["jobs"]["nodes"]) == 2
        assert 'src="' in page
        assert owner == as_its_user(image).get("user", os.geteuid())
        assert process.returncode == 0
        assert took_s < DOCKER_STOPS_S
        assert {json.loads(line)["status"] for line in records.splitlines()} == {200}

    def test_without_an_upstream_it_says_what_is_lacking(self, image):
        with started(image) as process:
            _, said = process.communicate(timeout=STARTED_S)

        assert process.returncode == 2
        assert "GATEWAY_UPSTREAM_URL is missing" in said

    def test_it_runs_as_nobody_who_may_change_it(self, image):
        assert [image.user] == image.users
        assert image.ports == [8000]
        for path in (image.path("/app/gateway"), image.path("/venv")):
            assert path.stat().st_uid != image.user
            assert not path.stat().st_mode & 0o022

    def test_nothing_of_the_build_is_left_in_it(self, image):
        assert sorted(path.name for path in image.root.iterdir()) == ["app", "venv"]
        assert [path.name for path in image.path("/app").iterdir()] == ["gateway"]
        assert image.path("/app/gateway/transport/explorer/bundle/page.html").is_file()

    def test_with_what_compose_sets_it_shares_a_store_and_tells_metrics(
        self, image, sandbox_server, redis
    ):
        """Workers, metrics and the store, for which it has all that they need."""
        compose = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())["services"]
        port, store = free_port(), free_port()
        told = {
            "GATEWAY_PORT": str(port),
            "GATEWAY_UPSTREAM_URL": sandbox_server.url,
            "GATEWAY_STORE_KEY": "k" * 32,
            "GATEWAY_STORE_TIMEOUT_S": str(PATIENCE_S),
        }
        given = {
            name: told.get(name) or value.replace("${GATEWAY_WORKERS:-2}", "2")
            for name, value in compose["gateway"]["environment"].items()
        } | told
        given["GATEWAY_STORE_URL"] = given["GATEWAY_STORE_URL"].replace(
            "valkey:6379", f"127.0.0.1:{store}"
        )
        command = compose["valkey"]["command"][1:]
        with (
            redis_server("--port", str(store), *command),
            started(image, **given) as process,
        ):
            until_well(image, process, **given)
            url = f"http://127.0.0.1:{port}"
            ask(f"{url}/graphql", JOBS, sandbox_server.tokens["developer"])
            end = time.monotonic() + STARTED_S
            while "\ngateway_workers 2.0" not in (metrics := httpx.get(f"{url}/metrics").text):
                assert time.monotonic() < end, metrics
                time.sleep(0.1)
            took_s, _, _ = stopped(image, process)

        assert "\ngateway_store_up 1.0" in metrics
        assert process.returncode == 0
        assert took_s < DOCKER_STOPS_S


@pytest.mark.parametrize(
    ("name", "is_part"),
    [
        ("gateway/app.py", True),
        ("requirements.txt", True),
        ("README.md", False),
        ("tests/conftest.py", False),
        ("gateway/" + "__pycache__/app.pyc", False),
        ("explorer/" + "node_modules/a/b.js", False),
        ("gateway/transport/explorer/bundle/page.html", False),
        ("gateway/transport/explorer/plain.html", True),
    ],
)
def test_only_what_the_image_needs_is_sent_to_its_build(name, is_part):
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert is_sent(name, patterns) is is_part
