"""One HTTP request as ASGI gives it: the headers we read, its id, its body, its response."""

from __future__ import annotations

import re
import secrets
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Any

from gateway.transport.http_error import HttpError
from gateway.transport.negotiation import JSON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.transport.http_error import Headers

__all__ = ["CallerLeft", "HttpRequest"]

_READ = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"origin",
        b"x-request-id",
        b"access-control-request-headers",
        b"access-control-request-private-network",
        b"authorization",
        b"private-token",
        b"job-token",
        b"sudo",
    }
)
# Of these the first counts. (Joined, two credentials would be a third.)
_SINGLE = frozenset({b"authorization", b"private-token", b"job-token"})
_is_request_id = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}").fullmatch
# Ours: unlike any other process's, and cheap.
_PROCESS = secrets.token_hex(6)
_numbers = count(1)


class CallerLeft(Exception):
    """The caller left before the request had arrived."""


class HttpRequest:
    """A request to be answered.

    `headers` are those we read, repeated ones joined, of credentials the first. `arrived` is when
    it began to arrive, by `perf_counter`. `media_type` is what the response is written in, once
    that is negotiated.
    """

    __slots__ = (
        "arrived",
        "headers",
        "media_type",
        "method",
        "receive",
        "request_id",
        "scope",
        "send",
    )

    def __init__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        self.arrived = perf_counter()
        self.scope = scope
        self.receive = receive
        self.send = send
        self.method: str = scope["method"]
        self.headers = headers = _read_headers(scope["headers"])
        told = headers.get(b"x-request-id")
        if told is not None and _is_request_id(told):
            self.request_id = told.decode()
        else:
            self.request_id = f"{_PROCESS}-{next(_numbers):x}"
        self.media_type = JSON

    async def body(self, at_most: int) -> bytes:
        """The body. Raises `HttpError` (413) once it is known to be larger than `at_most` bytes,
        and `CallerLeft`.
        """
        try:
            if int(self.headers.get(b"content-length", b"0")) > at_most:
                raise _too_large(at_most)
        except ValueError:
            raise HttpError(400, "BAD_REQUEST", "content-length is no number") from None
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise CallerLeft
            part = message.get("body", b"")
            size += len(part)
            if size > at_most:
                raise _too_large(at_most)
            if not message.get("more_body", False):
                return b"".join([*parts, part]) if parts else part
            parts.append(part)

    async def respond(self, status: int, body: bytes, headers: Headers) -> None:
        await self.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", self.media_type),
                    (b"content-length", b"%d" % len(body)),
                    (b"x-request-id", self.request_id.encode()),
                    *headers,
                ],
            }
        )
        await self.send({"type": "http.response.body", "body": body})


def _too_large(at_most: int) -> HttpError:
    # The rest of the body is not read, so nothing can follow it on this connection.
    close = (b"connection", b"close")
    message = f"the body has more than {at_most} bytes"
    return HttpError(413, "PAYLOAD_TOO_LARGE", message, (close,))


def _read_headers(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers we read; repeated ones joined (RFC 9110, 5.3)."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name not in _READ:
            continue
        if name not in found:
            found[name] = value
        elif name not in _SINGLE:
            found[name] += b", " + value
    return found
