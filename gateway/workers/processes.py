"""The processes of workers, as their parent sees them: how one is started, the ways to it, and how
it is told that one failed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.settings import SettingsError
from gateway.workers.door import Entrance
from gateway.workers.line import Line, Start

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from gateway.embedded_sandbox import EmbeddedSandbox
    from gateway.settings import Settings
    from gateway.slate import Slate
    from gateway.workers.line import Word

__all__ = ["Place", "Spawner", "Worker", "WorkersFailed", "in_a_line", "told"]

MAX_PAUSE_S: Final = 30.0
# As a record tells mistakes.
TOLD: Final = 20
_PACKAGE: Final = Path(__file__).parent.parent.parent


class WorkersFailed(Exception):
    """Workers that could not be started; the message says how they ended."""


class Worker:
    """A worker's process, and the ways to it."""

    def __init__(
        self, place: Place, process: Process, line: Line, entrance: Entrance, now: float
    ) -> None:
        self.place = place
        self.process = process
        self.line = line
        self.entrance = entrance
        self.is_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.began = self.heard = now
        self.mistakes: tuple[str, ...] = ()
        """What is wrong with the settings, as it found before it ended."""

    def __str__(self) -> str:
        return f"worker {self.place.number} (process {self.process.pid})"

    def tell(self, word: Word) -> None:
        self.line.tell(word)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()


class Place:
    """Where a worker stands: its number, and two rows of the slate for who goes and who comes."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.worker: Worker | None = None
        self.changing = asyncio.Lock()
        """Held while a worker is started here, so that two are never."""
        self.pause_s = 0.0
        """How long to wait before another one is started."""
        self._is_odd = True

    @property
    def is_empty(self) -> bool:
        return self.worker is None

    def next_row(self) -> int:
        self._is_odd = not self._is_odd
        return 2 * self.number + self._is_odd

    def wait_longer(self) -> None:
        """Let the pause grow, from one second."""
        self.pause_s = min(max(2 * self.pause_s, 1.0), MAX_PAUSE_S)


class Spawner:
    """Starts the processes of `size` workers. `folder` is where they count together."""

    def __init__(
        self, size: int, slate: Slate, sandbox: EmbeddedSandbox | None, folder: str
    ) -> None:
        self._size = size
        self._slate = slate
        self._sandbox = None if sandbox is None else (sandbox.url, dict(sandbox.tokens))
        self._folder = folder
        self._key = secrets.token_bytes(32)

    async def spawn(self, place: Place, settings: Settings) -> Worker:
        """A process that has been told what it has to know, and does not serve yet."""
        row = place.next_row()
        self._slate.open_row(row)
        line, line_end = socket.socketpair()
        door, door_end = socket.socketpair()
        with line_end, door_end:
            ends = (line_end.fileno(), door_end.fileno(), self._slate.descriptor)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                # The package of this process, whatever lies in the directory it was started in.
                "-P",
                "-m",
                "gateway.workers.worker",
                str(ends[0]),
                pass_fds=ends,
                stdin=asyncio.subprocess.DEVNULL,
                env=self._environment(),
            )
            entrance = Entrance(door, self._slate, row)
            now = asyncio.get_running_loop().time()
            worker = Worker(place, process, await Line.over(line), entrance, now)
            # A worker that ends at once is told of by its status.
            with suppress(OSError):
                await worker.line.start(
                    Start(
                        settings=settings,
                        number=place.number,
                        size=self._size,
                        fingerprint_key=self._key,
                        door=ends[1],
                        slate=ends[2],
                        rows=self._slate.rows,
                        row=row,
                        sandbox=self._sandbox,
                    )
                )
        return worker

    def _environment(self) -> dict[str, str]:
        given = os.environ.get("PYTHONPATH")
        path = os.pathsep.join([str(_PACKAGE), *([given] if given else [])])
        return {**os.environ, "PYTHONPATH": path, "PROMETHEUS_MULTIPROC_DIR": self._folder}


def told(status: int) -> str:
    """How a process ended, by its status."""
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def in_a_line(failure: SettingsError | WorkersFailed) -> str:
    """Why workers do not serve, for a record."""
    if not isinstance(failure, SettingsError):
        return str(failure)
    more = f"; and {len(failure.mistakes) - TOLD} more" if len(failure.mistakes) > TOLD else ""
    return "; ".join(failure.mistakes[:TOLD]) + more
