"""Answers to requests whose bodies nobody read: the answer first, then what is left of the body.

A server that closes a connection while data arrives resets it, and the reset overtakes the answer
at a caller who is still sending. So the answer goes out, and the body is read on a little and
dropped (RFC 9112, 9.6; nginx calls it a lingering close). The caller leaves once it has the answer,
or its body ends; who sends longer than that is not waited for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from gateway.eager import own_task

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Receive = Callable[[], Awaitable[Any]]
    Send = Callable[[Any], Awaitable[None]]

__all__ = ["has_body", "lingering", "send_and_linger"]

# A body of common limits comes within both of them, over a slow line too.
LINGER_BYTES: Final = 64 * 1024 * 1024
LINGER_S: Final = 15.0
# How long nothing may come.
IDLE_S: Final = 2.0


def has_body(scope: Any) -> bool:
    """Does a request announce a body (RFC 9112, 6.3)?"""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


async def send_and_linger(body: bytes, receive: Receive, send: Send) -> None:
    """Send the body of an answer whose head is sent, and read the request's to its end."""
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await _drop(receive)
    await send({"type": "http.response.body", "body": b""})


def lingering(scope: Any, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """The `receive` and `send` for an application that may leave a body unread."""
    if not has_body(scope):
        return receive, send
    is_read = False

    async def receive_noting() -> Any:
        nonlocal is_read
        message = await receive()
        is_read = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def send_lingering(message: Any) -> None:
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if is_last and not is_read:
            await send_and_linger(message.get("body", b""), receive, send)
        else:
            await send(message)

    return receive_noting, send_lingering


async def _drop(receive: Receive) -> None:
    await own_task()
    left_bytes = LINGER_BYTES
    loop = asyncio.get_running_loop()
    until = loop.time() + LINGER_S
    try:
        while left_bytes > 0:
            async with asyncio.timeout_at(min(until, loop.time() + IDLE_S)):
                message = await receive()
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                return
            left_bytes -= len(message.get("body", b""))
    except TimeoutError:
        return
