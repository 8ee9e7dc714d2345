"""The programs beside each other: started on a core of their own, looked at from outside, ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.driver import get

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["PROGRAMS", "Program", "Upstream", "pin", "start_program", "start_upstream"]

PROGRAMS = ("floor", "plain", "gateway")

_ROOT = Path(__file__).parents[2]
_START_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Upstream:
    """The running upstream."""

    port: int

    @property
    def api_url(self) -> str:
        """Root of the REST API."""
        return f"http://127.0.0.1:{self.port}/api/v4"

    def calls(self) -> int:
        """Calls answered since its start."""
        return int(get(self.port, "/-/calls"))


@dataclass(frozen=True, slots=True)
class Program:
    """A running program."""

    name: str
    port: int
    pid: int

    def cpu_s(self) -> float:
        """CPU used since its start, all threads, by the process's own clock (ns resolution)."""
        # The clock of another process: clock_getcpuclockid(3) makes the same number.
        return time.clock_gettime((~self.pid << 3) | 2)

    def memory_bytes(self, what: str) -> int:
        """`VmRSS` is what it holds now, `VmHWM` the most it ever held."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) * 1024
        raise LookupError(what)


def pin(core: int) -> None:
    """Keep this process, and those it starts, on one core; a machine of one core has no choice."""
    os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})


@contextmanager
def start_upstream() -> Iterator[Upstream]:
    """The upstream, ready, on the core of this process."""
    port = _free_port()
    with _run("upstream", [sys.executable, "-m", "tests.benchmarks.upstream", str(port)], port):
        yield Upstream(port)


@contextmanager
def start_program(name: str, upstream: Upstream, *, core: int | None = None) -> Iterator[Program]:
    """A program of `PROGRAMS`, ready, on a core of its own if one is named."""
    port = _free_port()
    command, environment = _command(name, port, upstream.api_url)
    with _run(name, command, port, environment, core=core) as process:
        yield Program(name, port, process.pid)


def _command(name: str, port: int, api_url: str) -> tuple[list[str], dict[str, str]]:
    if name != "gateway":
        return [sys.executable, "-m", f"tests.benchmarks.{name}", str(port), api_url], {}
    # Everything is on that is on by default, one record a request included.
    command = [sys.executable, "-m", "gateway", "serve", "--port", str(port)]
    return command, {"GATEWAY_UPSTREAM_URL": api_url}


@contextmanager
def _run(
    name: str,
    command: Sequence[str],
    port: int,
    environment: dict[str, str] | None = None,
    *,
    core: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that answers on `port`; ended, and waited for, with the block."""
    own_cores = os.sched_getaffinity(0)
    if core is not None:
        pin(core)  # inherited, so that threads made at once are on it, too
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GATEWAY_")}
    process = subprocess.Popen(  # noqa: S603 - our own programs
        command,
        cwd=_ROOT,
        env=clean | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    os.sched_setaffinity(0, own_cores)
    try:
        _await_port(name, process, port)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_port(name: str, process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"{name} did not listen within {_START_TIMEOUT_S} s")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
