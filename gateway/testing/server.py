"""A sandbox behind a real HTTP server, in a thread of the test's process."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import uvicorn

from gateway.sandbox import Sandbox
from gateway.transport.protocol import BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SandboxServer", "serve"]

# How long requests that are running at the end may go on.
ENDS_S = 1.0
LOOK_EVERY_S = 0.005


@dataclass(frozen=True, slots=True)
class SandboxServer:
    """A running sandbox: where it listens, and the sandbox itself to steer and to look into."""

    url: str
    """Root of the instance, for clients that add `/api/v4` themselves."""
    sandbox: Sandbox

    @property
    def api_url(self) -> str:
        """Root of the REST API, for clients that want `/api/v4` named."""
        return f"{self.url}/api/v4"

    @property
    def tokens(self) -> Mapping[str, str]:
        """One credential per role, as `Sandbox.tokens`."""
        return self.sandbox.tokens


@contextmanager
def serve(**options: Any) -> Iterator[SandboxServer]:
    """Serve `Sandbox(**options)` over HTTP/1.1 on a free loopback port until the block is left.

    For fixtures of a wider scope than a test; `sandbox_server` is this for one test. Requests still
    running at the end (a fault may never answer) are cancelled, not waited for.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    sandbox = Sandbox(**{"external_url": url, **options})
    server = _Server(
        uvicorn.Config(
            sandbox.app,
            http=BoundedProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
        )
    )
    thread = Thread(target=server.run_on, args=(listener,), name="sandbox", daemon=True)
    thread.start()
    try:
        server.ready.wait()
        if not server.started:
            raise RuntimeError(
                "the sandbox's server did not start; its thread's traceback says why"
            )
        yield SandboxServer(url, sandbox)
    finally:
        server.leave()
        thread.join()
        listener.close()
        sandbox.close()


class _Server(uvicorn.Server):
    """uvicorn that says when it has started, or has failed to, and ends as soon as it is told to:
    by itself it looks ten times a second, and waits for as long again, in each test.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()
        self._leaving = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run_on(self, listener: socket.socket) -> None:
        try:
            self.run([listener])
        finally:
            self.ready.set()

    def leave(self) -> None:
        """End it, from another thread."""
        self.should_exit = True
        if self._loop is not None:
            # It may have ended by itself.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._leaving.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._leaving.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDS_S):
                while state.connections or state.tasks:  # noqa: ASYNC110 - uvicorn tells nobody
                    await asyncio.sleep(LOOK_EVERY_S)
        for task in state.tasks:
            task.cancel()
        await self.lifespan.shutdown()
