"""Applications behind a real server, and what they answer."""

import asyncio
from contextlib import asynccontextmanager

from gateway.transport.server import listen, serving

__all__ = ["UNTIL_CLOSED_S", "echo", "hello_at_once", "served", "until_closed"]

UNTIL_CLOSED_S = 30


@asynccontextmanager
async def served(app, **options):
    """An application behind a real server: a way to connect to it, and the server with it."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    options = {"receive_timeout_s": 0.05, "shutdown_timeout_s": 1, **options}
    async with serving(app, listener, **options) as server:
        yield Served(port, server)


class Served:
    """Call it for a connection; unpack it for that and the server."""

    def __init__(self, port, server):
        self._port = port
        self._server = server

    async def __call__(self):
        return await asyncio.open_connection("127.0.0.1", self._port)

    def __iter__(self):
        return iter((self, self._server))


async def echo(scope, receive, send):
    """Answers 200 with the body, or nothing to a caller that left."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        if not message["more_body"]:
            break
    await hello_at_once(scope, receive, send, body)


async def hello_at_once(_scope, _receive, send, body=b"hello"):
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def until_closed(reader):
    return await asyncio.wait_for(reader.read(), UNTIL_CLOSED_S)
