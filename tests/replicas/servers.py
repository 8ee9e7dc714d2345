"""What runs: the upstream, the store, the replicas. All but the upstream are processes that can be
killed, frozen and started again.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections import Counter
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from gateway.sandbox import Sandbox
from gateway.transport.server import address_of, listen, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Replica", "Server", "StoreServer", "Upstream", "upstream"]

STARTED_S = 60
ENDED_S = 30
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Upstream:
    """A sandbox whose writes are counted by what they were sent to, and its calls in all."""

    def __init__(self, url: str, sandbox: Sandbox) -> None:
        self.url = url
        self.sandbox = sandbox
        self.calls = 0
        self.writes: Counter[str] = Counter()

    def counted(self, app: ASGIApp) -> ASGIApp:
        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                self.calls += 1
                if scope["method"] == "POST":
                    self.writes[scope["path"]] += 1
            await app(scope, receive, send)

        return counting


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    """A sandbox in which time goes on, served in this process."""
    listener = listen("127.0.0.1", 0)
    url = address_of(listener)
    with closing(Sandbox(external_url=url, live=True, record=False)) as sandbox:
        it = Upstream(url, sandbox)
        async with serving(it.counted(sandbox.app), listener, shutdown_timeout_s=1, lifespan=True):
            yield it


class Server:
    """A process that serves on a port of its own, which it keeps when it is started again."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.folder = folder
        self.port = _free_port()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def command(self) -> list[str]:
        raise NotImplementedError

    @property
    def environment(self) -> Mapping[str, str]:
        return {}

    async def is_ready(self) -> bool:
        raise NotImplementedError

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def errors(self) -> str:
        """What it wrote to standard error, over all its lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def resident_bytes(self) -> int:
        assert self._process is not None
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * PAGE_BYTES

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                env={**os.environ, **self.environment},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
            )
        async with asyncio.timeout(STARTED_S):
            while not await self.is_ready():
                if self._process.returncode is not None:
                    raise RuntimeError(f"{self.name} has ended: {self.errors[-2_000:]}")
                await asyncio.sleep(0.05)

    async def end(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal that ends it, and wait until it has."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(number)
        try:
            async with asyncio.timeout(ENDED_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            raise RuntimeError(f"{self.name} does not end when it is asked to") from None

    async def freeze(self, seconds: float) -> None:
        """Stop it for a while: its connections stay open, and nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGCONT)

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}.log"


class StoreServer(Server):
    """A Redis that keeps nothing over its end."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "store")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def command(self) -> list[str]:
        program = shutil.which("redis-server", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        return [program, *where, "--save", "", "--appendonly", "no"]

    async def is_ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.write(b"PING\r\n")
        answer = await reader.readline()
        writer.close()
        return answer == b"+PONG\r\n"


class Replica(Server):
    """`jobs-gateway serve` over the upstream, with the store where there is one."""

    def __init__(self, folder: Path, number: int, upstream_url: str, store_url: str | None) -> None:
        super().__init__(folder, f"replica-{number}")
        self._upstream_url = upstream_url
        self._store_url = store_url

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "gateway", "serve", "--port", str(self.port)]

    @property
    def environment(self) -> Mapping[str, str]:
        settings = {
            "GATEWAY_UPSTREAM_URL": self._upstream_url,
            "GATEWAY_LOG_LEVEL": "warning",
            "GATEWAY_DRAIN_S": "0",
        }
        if self._store_url is not None:
            settings["GATEWAY_STORE_URL"] = self._store_url
            settings["GATEWAY_STORE_KEY"] = "of these replicas and of nobody else"
        return settings

    async def is_ready(self) -> bool:
        async with httpx.AsyncClient(timeout=1) as client:
            try:
                answer = await client.get(f"http://127.0.0.1:{self.port}/health/ready")
            except httpx.HTTPError:
                return False
        return answer.status_code == 200


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port
