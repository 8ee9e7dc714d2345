"""Responses that go on: server-sent events, and Apollo's multipart responses.

    text/event-stream  the distinct connections mode of the graphql-sse protocol, any operation
    multipart/mixed    Apollo's protocol for subscriptions over HTTP, for these alone

Both say now and then that they are there. They end with a word that says so when the operation is
complete; where the gateway stops they end without it, so that clients come again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from gateway.execution.request import Carrier
from gateway.execution.response import RESPONSE_KINDS
from gateway.transport.negotiation import ranges_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from gateway.execution.response import GraphQLResponse, ResponseKind
    from gateway.transport.request import Headers, HttpRequest

__all__ = [
    "EVENT_STREAM",
    "MULTIPART",
    "StreamFormat",
    "negotiate_stream",
    "stream",
]

# Each kind of response is told in the stream, whose status has been sent.
_STATUSES: Final[dict[ResponseKind, int]] = dict.fromkeys(RESPONSE_KINDS, 200)


class StreamFormat(Struct, frozen=True, eq=False):
    """How responses are written one after another. `opening` comes first, then each response
    between `before` and `after`, `heartbeat` where there is none for long, `closing` when the
    operation is complete, and `broken` where the gateway stops first.
    """

    media_type: bytes
    name: str
    opening: bytes
    before: bytes
    after: bytes
    heartbeat: bytes
    closing: bytes
    broken: bytes
    for_subscriptions_only: bool

    def carrier(self, method: str) -> Carrier:
        return _CARRIERS[self.name, method]


EVENT_STREAM: Final = StreamFormat(
    media_type=b"text/event-stream; charset=utf-8",
    name="sse",
    opening=b":\n\n",
    before=b"event: next\ndata: ",
    after=b"\n\n",
    heartbeat=b":\n\n",
    closing=b"event: complete\ndata:\n\n",
    broken=b"",
    for_subscriptions_only=False,
)

_PART: Final = b"\r\ncontent-type: application/json\r\n\r\n"
# A part ends with the next delimiter, so that comes with it, and not with the part that follows.
_DELIMITER: Final = b"\r\n--graphql"
_STOPPED: Final = (
    b'{"payload":null,"errors":[{"message":"the gateway stops; subscribe again",'
    b'"extensions":{"code":"UPSTREAM_UNAVAILABLE"}}]}'
)
MULTIPART: Final = StreamFormat(
    media_type=b'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"',
    name="multipart",
    opening=b"--graphql",
    before=_PART + b'{"payload":',
    after=b"}" + _DELIMITER,
    heartbeat=_PART + b"{}" + _DELIMITER,
    closing=b"--\r\n",
    broken=_PART + _STOPPED + _DELIMITER + b"--\r\n",
    for_subscriptions_only=True,
)

_CARRIERS: Final = {
    (name, method): Carrier(name, method, method != "POST", _STATUSES)
    for name in ("sse", "multipart")
    for method in ("POST", "GET", "HEAD")
}
_KEPT_BY_NOBODY: Final = (
    (b"cache-control", b"no-store"),
    # nginx sends on what comes at once, then.
    (b"x-accel-buffering", b"no"),
)


_STREAMS: Final = {"text/event-stream": EVENT_STREAM, "multipart/mixed": MULTIPART}


@lru_cache(maxsize=256)
def negotiate_stream(accept: bytes) -> StreamFormat | None:
    """How to write the responses of a subscription, for callers that name it; between equals what
    is named first. Those who take it also name others: which one is taken hangs on the operation.
    """
    ranges = ranges_of(accept.decode("latin-1"))
    named = [name for name in ranges if name in _STREAMS and ranges[name] > 0]
    best = max(named, key=lambda name: ranges[name], default=None)
    return None if best is None else _STREAMS[best]


async def stream(
    request: HttpRequest,
    responses: AsyncGenerator[GraphQLResponse],
    form: StreamFormat,
    headers: Headers,
    *,
    heartbeat_s: float,
) -> None:
    """Send responses as they come, to their end. When this is cancelled nothing more is sent."""
    request.media_type = form.media_type
    await request.begin(200, (*_KEPT_BY_NOBODY, *headers))
    await request.send_part(form.opening)
    coming: asyncio.Future[GraphQLResponse] | None = None
    try:
        while True:
            if coming is None:
                coming = asyncio.ensure_future(anext(responses))
            done, _ = await asyncio.wait((coming,), timeout=heartbeat_s)
            if not done:
                await request.send_part(form.heartbeat)
                continue
            came, coming = coming, None
            try:
                response = came.result()
            except StopAsyncIteration:
                break
            await request.send_part(form.before + response.body + form.after)
    finally:
        if coming is not None:
            coming.cancel()
            # It may have come to its end in the turn of the loop in which this was cancelled.
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
        await responses.aclose()
    await request.send_part(form.closing)
    await request.end()
