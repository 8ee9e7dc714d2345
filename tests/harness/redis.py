"""A Redis server of this machine as a process of its own: killed, frozen, restarted in tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "LITTLE_PATIENCE_S",
    "PATIENCE_S",
    "RedisServer",
    "free_port",
    "redis_cluster",
    "redis_program",
    "redis_server",
]

STARTED_S = 30
# Machines that run tests are busy; of a store that will be silent no more is wanted.
PATIENCE_S = 2.0
LITTLE_PATIENCE_S = 0.1


def redis_program() -> str | None:
    """Where the server is: daemons are in sbin, which is not in everybody's PATH."""
    return shutil.which("redis-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def redis_server(*options: str):
    """A server that keeps nothing on disk, at a socket of its own."""
    program = redis_program()
    assert program is not None
    with TemporaryDirectory(prefix="jgw-redis-") as folder:
        server = RedisServer(program, Path(folder), options)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def redis_cluster(nodes: int = 3, tls: Sequence[str] = ()):
    """A cluster of servers, each with a part of the slots, and its address; over TLS where there
    are options that say by which certificate.
    """
    listening = ("--tls-cluster", "yes", *tls, "--tls-port") if tls else ("--port",)
    with ExitStack() as stack:
        ports = [free_port() for _ in range(2 * nodes)]
        servers = []
        for port, bus in zip(ports[:nodes], ports[nodes:], strict=True):
            options = ("--cluster-enabled", "yes", "--cluster-port", str(bus))
            servers.append(stack.enter_context(redis_server(*options, *listening, str(port))))
        for number, server in enumerate(servers):
            slots = [16_384 * part // nodes for part in (number, number + 1)]
            server.ask("CLUSTER", "ADDSLOTSRANGE", str(slots[0]), str(slots[1] - 1))
            server.ask("CLUSTER", "MEET", "127.0.0.1", str(ports[0]), str(ports[nodes]))
        until = time.monotonic() + STARTED_S
        for server in servers:
            while b"cluster_state:ok" not in server.ask_all("CLUSTER", "INFO"):
                assert time.monotonic() < until, "the cluster does not come together"
                time.sleep(0.05)
            while server.ask_all("CLUSTER", "NODES").count(b"connected") < nodes:
                assert time.monotonic() < until, "the cluster does not come together"
                time.sleep(0.05)
        yield f"redis{'s' if tls else ''}://127.0.0.1:{ports[0]}?cluster=true", servers


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port


class RedisServer:
    def __init__(self, program: str, folder: Path, options: tuple[str, ...] = ()) -> None:
        self._program = program
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.path = folder / "s"

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                *(self._program, "--port", "0", "--unixsocket", str(self.path)),
                *("--save", "", "--appendonly", "no", "--dir", str(self._folder)),
                *self._options,
            ],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + STARTED_S
        while not self._answers():
            assert self._process.poll() is None, "redis-server has ended"
            assert time.monotonic() < until, "redis-server does not answer"
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            return self.ask("PING") == b"+PONG"
        except OSError:
            return False

    def kill(self) -> None:
        """End it, frozen or not, without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Another one in its place, which knows nothing."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """It is there, and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def ask(self, *command: str) -> bytes:
        """The first line of an answer, over a connection of its own."""
        return self.ask_all(*command).partition(b"\r\n")[0]

    def ask_all(self, *command: str) -> bytes:
        """An answer as it comes, up to 64 kB."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(STARTED_S)
            asking.connect(str(self.path))
            asking.sendall(" ".join(command).encode() + b"\r\n")
            return asking.recv(65_536)
