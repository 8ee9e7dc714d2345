"""The programs beside each other: started on a core of their own, looked at from outside, ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from tests.benchmarks.driver import ask, get
from tests.benchmarks.operation import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "PROGRAMS",
    "Program",
    "Upstream",
    "pin",
    "start_live",
    "start_program",
    "start_upstream",
]

# In this order, so that floors and gateway, which come closest, take their turns side by side.
# `own_wire` is the floor over the gateway's own wire.
PROGRAMS = ("floor", "own_wire", "gateway", "kept", "plain")

# The gateway twice. The others read anew for each operation, so one that does is compared with
# them; `kept` is what it is by default.
_SETTINGS = {"gateway": {"GATEWAY_KEPT_READS": "false"}, "kept": {"GATEWAY_KEPT_READS": "true"}}

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
        return _cpu_s(self.pid)

    def cpu_s_of_workers(self) -> dict[int, float]:
        """The same of each process that it started, by process id."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return {int(pid): _cpu_s(int(pid)) for pid in children}

    def memory_bytes(self, what: str) -> int:
        """`VmRSS` is what it holds now, `VmHWM` the most it ever held."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) * 1024
        raise LookupError(what)


def _cpu_s(pid: int) -> float:
    # The clock of another process: clock_getcpuclockid(3) makes the same number.
    return time.clock_gettime((~pid << 3) | 2)


def pin(core: int) -> None:
    """Keep this process, and those it starts, on one core; a machine of one core has no choice."""
    os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})


@contextmanager
def start_upstream() -> Iterator[Upstream]:
    """The upstream, ready, on the core of this process."""
    port = _free_port()
    upstream = Upstream(port)
    with _run("tests.benchmarks.upstream", str(port), is_ready=upstream.calls):
        yield upstream


@contextmanager
def start_program(
    name: str, upstream: Upstream, *, core: int | None = None, workers: int = 1
) -> Iterator[Program]:
    """A program of `PROGRAMS`, ready, on a core of its own if one is named. The gateway may have
    several workers.
    """
    port, url = _free_port(), upstream.api_url
    is_ready = partial(ask, port, OPERATIONS["typename"])
    if name in _SETTINGS:
        # All else is on that is on by default, one record a request included.
        settings = {"GATEWAY_UPSTREAM_URL": url, "GATEWAY_WORKERS": str(workers), **_SETTINGS[name]}
        run = _run("gateway", "serve", f"--port={port}", is_ready=is_ready, settings=settings)
    elif name == "own_wire":
        run = _run("tests.benchmarks.floor", str(port), url, "own", is_ready=is_ready)
    else:
        run = _run(f"tests.benchmarks.{name}", str(port), url, is_ready=is_ready)
    with ExitStack() as stack:
        with _on_core(core):
            process = stack.enter_context(run)
        yield Program(name, port, process.pid)


@contextmanager
def start_live(
    program: str, web_sockets: str, upstream_url: str, *, core: int | None = None
) -> Iterator[Program]:
    """A program of `tests.benchmarks.live_programs`, ready."""
    port = _free_port()
    run = _run(
        "tests.benchmarks.live_programs",
        *(program, web_sockets, str(port), upstream_url),
        is_ready=partial(get, port, "/health/live"),
    )
    with ExitStack() as stack:
        with _on_core(core):
            process = stack.enter_context(run)
        yield Program(program, port, process.pid)


@contextmanager
def _on_core(core: int | None) -> Iterator[None]:
    """What is started here is on that core, and every thread of it."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    pin(core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _run(
    module: str,
    *arguments: str,
    is_ready: Callable[[], object],
    settings: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A module run as a process; ended, and waited for, with the block.

    `is_ready` raises an `OSError` until it answers.
    """
    environment = {name: value for name, value in os.environ.items() if "GATEWAY_" not in name}
    environment.update(settings or {})
    with TemporaryFile() as records:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=records,
        )
        try:
            if not _answers(process, is_ready):
                records.seek(0)
                raise RuntimeError(f"{module} does not answer:\n{records.read().decode()}")
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(process: subprocess.Popen[bytes], is_ready: Callable[[], object]) -> bool:
    """Wait until it does; False if it ended or takes too long."""
    end = time.monotonic() + _START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < end:
        try:
            is_ready()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
