"""Applications behind a real server, and what they answer."""

import asyncio
from contextlib import asynccontextmanager

from gateway.transport.server import listen, serving

__all__ = ["UNTIL_CLOSED_S", "echo", "hello_at_once", "served", "until_closed"]

UNTIL_CLOSED_S = 10


@asynccontextmanager
async def served(app, **options):
    """An application behind a real server, and a way to connect to it."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    options = {"receive_timeout_s": 0.05, "shutdown_timeout_s": 1, **options}
    async with serving(app, listener, **options):
        yield lambda: asyncio.open_connection("127.0.0.1", port)


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
