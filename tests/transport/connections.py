"""A connection to an application that our server serves, without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from gateway.transport.arrival import arrival_protocol
from gateway.transport.request import HttpRequest
from tests.harness.turns import turns

__all__ = ["Connection", "answering", "eager"]


class Transport(asyncio.Transport):
    """Remembers what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Timer:
    """One that was set."""

    def __init__(self, at: float, call: Any) -> None:
        self.at, self.call, self.is_cancelled = at, call, False

    def cancel(self) -> None:
        self.is_cancelled = True


class Loop:
    """The running loop, with a time that is told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []
        self.create_task = asyncio.get_running_loop().create_task

    def time(self) -> float:
        return self.now

    def call_later(self, after_s: float, call: Any) -> Timer:
        self.timers.append(Timer(self.now + after_s, call))
        return self.timers[-1]

    def go_on(self, until: float) -> None:
        """Let time pass."""
        while due := [timer for timer in self.timers if timer.at <= until]:
            timer = min(due, key=lambda timer: timer.at)
            self.timers.remove(timer)
            self.now = timer.at
            if not timer.is_cancelled:
                timer.call()
        self.now = until


class Connection:
    """A connection to an application, without a socket."""

    def __init__(self, app: Any, headers: list[tuple[str, str]] | None = None) -> None:
        config = uvicorn.Config(
            app,
            http=arrival_protocol(1_000),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
        )
        config.load()
        state = ServerState()
        state.default_headers = [
            (name.encode(), value.encode()) for name, value in headers or [("date", "now")]
        ]
        self.loop, self.transport = Loop(), Transport()
        protocol: Any = config.http_protocol_class
        self.protocol = protocol(config=config, server_state=state, app_state={}, _loop=self.loop)
        self.protocol.connection_made(self.transport)

    async def ask(self, *pieces: bytes) -> bytes:
        """Send a request, and give all that is answered."""
        self.transport.written.clear()
        for piece in pieces:
            self.protocol.data_received(piece)
            await turns()
        return b"".join(self.transport.written)


def answering(
    body: bytes, *headers: tuple[bytes, bytes], by_messages: bool, seen: Any = None
) -> Any:
    """An application that reads a body and answers by an `HttpRequest`; with what stands between it
    and the server where it has to do `by_messages`.
    """

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def passing_on(message: Any) -> None:
            await send(message)

        request = HttpRequest(scope, receive, passing_on if by_messages else send)
        request.request_id = "one"
        assert (request.cycle is None) is by_messages
        came = await request.body(100_000)
        if seen is not None:
            seen.append((came, request.is_read, scope["path"], scope["query_string"]))
        await request.respond(200, body, headers)

    return app


def eager(app: Any) -> Any:
    app.begins_at_once = True
    return app
