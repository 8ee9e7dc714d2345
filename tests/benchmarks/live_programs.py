"""The programs that `tests.benchmarks.live` compares, each over an implementation of WebSockets.

    python -m tests.benchmarks.live_programs PROGRAM IMPLEMENTATION PORT UPSTREAM_URL

**gateway** is served as `jobs-gateway serve` does, all defaults. **bare** knows WebSockets and no
more: whoever subscribes is told one fixed message, and again with each `POST /push`.
"""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import uvloop

from gateway.app import Gateway
from gateway.memory import settle_in
from gateway.settings import Settings
from gateway.stopping import StopSignals
from gateway.transport.records import standard_records
from gateway.transport.server import listen, serving
from tests.benchmarks.web_sockets import NEXT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Bare:
    """An application that holds WebSockets."""

    def __init__(self) -> None:
        self._subscribers: list[Callable[[Any], Awaitable[None]]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._hold(receive, send)
            return
        if scope["path"] == "/push":
            for tell in self._subscribers:
                await tell({"type": "websocket.send", "text": NEXT})
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    async def _hold(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
        while (message := await receive())["type"] != "websocket.disconnect":
            if "connection_init" in message["text"]:
                await send({"type": "websocket.send", "text": '{"type":"connection_ack"}'})
            else:
                self._subscribers.append(send)
                await send({"type": "websocket.send", "text": NEXT})
        if send in self._subscribers:
            self._subscribers.remove(send)


async def serve(program: str, web_sockets: Any, port: int, upstream_url: str) -> None:
    """Serve until the process is told to stop."""
    settings = Settings(upstream_url=upstream_url, port=port)
    serve_on = partial(
        serving,
        listener=listen(settings.host, port),
        shutdown_timeout_s=1,
        max_message_bytes=settings.max_body_bytes,
        web_sockets=web_sockets,
    )
    with StopSignals() as signals:
        async with AsyncExitStack() as stack:
            if program == "bare":
                await stack.enter_async_context(serve_on(Bare()))
            else:
                gateway = Gateway(settings, standard_records())
                await stack.enter_async_context(gateway.running())
                await stack.enter_async_context(serve_on(gateway, hang_up=gateway.hang_up))
            settle_in()
            await signals.first()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
