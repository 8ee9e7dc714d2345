"""What all tests share."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from tests.harness.redis import RedisServer, redis_program, redis_server

pytest_plugins = ["gateway.testing"]

# On a busy machine an example may take any time: that is no finding.
settings.register_profile(
    "any machine", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no process is the only one that works in the end."""
    items.sort(key=lambda item: item.get_closest_marker("dear") is None)


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio: uvicorn, the wires and uvloop know no other."""
    return "asyncio"


@pytest.fixture(scope="session")
def lacking() -> Callable[[str], NoReturn]:
    """Ends a test that needs a program this machine lacks: skipped, but failed where `CI=true`."""

    def lacking(reason: str) -> NoReturn:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)

    return lacking


@pytest.fixture
def redis(lacking: Callable[[str], NoReturn]) -> Iterator[RedisServer]:
    """A Redis server that is empty."""
    if redis_program() is None:
        lacking("redis-server is not installed")
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def chromium(lacking: Callable[[str], NoReturn]) -> str:
    """Where Chromium is."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        lacking("Chromium is not installed")
    return found


@pytest.fixture(scope="session")
def node_project(
    tmp_path_factory: pytest.TempPathFactory, lacking: Callable[[str], NoReturn]
) -> Callable[[Path], Path]:
    """Copies a folder with a package-lock.json and installs what it names; gives the copy."""
    node, npm = shutil.which("node"), shutil.which("npm")

    def install(source: Path) -> Path:
        if node is None or npm is None:
            lacking("Node.js and npm are not installed")
        folder = tmp_path_factory.mktemp(source.name) / source.name
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("node_modules"))
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            lacking(f"npm could not install: {done.stderr.strip()[-500:]}")
        return folder

    return install
