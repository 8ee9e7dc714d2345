"""What runs beside the store: the upstream, in this process, and replicas, which can be killed,
frozen and started again.
"""

from __future__ import annotations

import asyncio
import os
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
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Replica", "Upstream", "upstream"]

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


class Replica:
    """`jobs-gateway serve` over the upstream, with the store where there is one, on a port that it
    keeps when it is started again.
    """

    def __init__(self, folder: Path, number: int, upstream_url: str, store_url: str | None) -> None:
        self.name = f"replica-{number}"
        self._port = _free_port()
        self._log = folder / f"{self.name}.log"
        self._environment = {
            "GATEWAY_UPSTREAM_URL": upstream_url,
            "GATEWAY_LOG_LEVEL": "warning",
            "GATEWAY_DRAIN_S": "0",
        }
        if store_url is not None:
            self._environment["GATEWAY_STORE_URL"] = store_url
            self._environment["GATEWAY_STORE_KEY"] = "of these replicas and of nobody else"
        self._process: asyncio.subprocess.Process | None = None

    def set(self, name: str, value: str) -> None:
        """A setting, by its variable, from its next start on."""
        self._environment[name] = value

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/graphql"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def errors(self) -> str:
        """What it wrote to standard error, over all its lives."""
        return self._log.read_text(errors="replace")

    @property
    def resident_bytes(self) -> int:
        assert self._process is not None
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * PAGE_BYTES

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        command = [sys.executable, "-m", "gateway", "serve", "--port", str(self._port)]
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                env={**os.environ, **self._environment},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
            )
        async with asyncio.timeout(STARTED_S):
            while not await self._is_ready():
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

    async def _is_ready(self) -> bool:
        async with httpx.AsyncClient(timeout=1) as client:
            try:
                answer = await client.get(f"http://127.0.0.1:{self._port}/health/ready")
            except httpx.HTTPError:
                return False
        return answer.status_code == 200


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port
