"""One HTTP request as ASGI gives it: the headers we read, its id, its body, its response; and the
parameters in its body or query string (GraphQL over HTTP, 5). `HttpError` refuses a request that
something is wrong with.
"""

from __future__ import annotations

import re
import secrets
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from gateway.execution.request import GraphQLRequest
from gateway.execution.response import error_of
from gateway.transport.cycle import Cycle, line_of
from gateway.transport.lingering import has_body, send_and_linger
from gateway.transport.negotiation import JSON
from gateway.transport.origins import ORIGIN_HEADERS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = [
    "CallerLeft",
    "Headers",
    "HttpError",
    "HttpRequest",
    "error_body",
    "new_request_id",
    "read_body",
    "read_query",
]

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
_encode = msgspec.json.Encoder().encode

CLOSE: Final = (b"connection", b"close")
_READ = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"origin",
        b"cache-control",
        b"if-none-match",
        b"x-request-id",
        b"access-control-request-headers",
        b"access-control-request-private-network",
        b"authorization",
        b"private-token",
        b"job-token",
        b"sudo",
        *ORIGIN_HEADERS,
    }
)
# Of these the first counts. (Joined, two credentials would be a third.)
_SINGLE = frozenset({b"authorization", b"private-token", b"job-token", b"traceparent"})
_is_request_id = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}").fullmatch
# Ours: unlike any other process's, and cheap.
_PROCESS = secrets.token_hex(6)
_numbers = count(1)

_decode_one = msgspec.json.Decoder(GraphQLRequest).decode
_decode_many = msgspec.json.Decoder(list[GraphQLRequest]).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_NAMES: Final = {
    "query": "query",
    "operationName": "operation_name",
    "documentId": "document_id",
}
# What a request holds beside the values that are bounded: its parameters, a persisted query.
_OTHER_VALUES: Final = 50
_OBJECTS: Final = {"variables", "extensions"}


class HttpError(Exception):
    """A request that is refused: status, `extensions.code`, what is wrong and what to do."""

    def __init__(self, status: int, code: str, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


def error_body(message: str, code: str, request_id: str) -> bytes:
    """A response of one error, as JSON."""
    return _encode({"errors": [error_of(message, code, request_id)]})


class CallerLeft(Exception):
    """The caller left before the request had arrived."""


class HttpRequest:
    """A request to be answered.

    `headers` are those we read (and maybe others), repeated ones joined, of credentials the first.
    `arrived` is when it began to arrive, by `perf_counter`. `media_type` is what the response is
    written in, once that is negotiated; `is_read` once the body was read to its end. `cycle` is the
    server's, where the application stands on the server itself.
    """

    __slots__ = (
        "arrived",
        "cycle",
        "headers",
        "is_read",
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
        cycle = getattr(send, "__self__", None)
        self.cycle = cycle if isinstance(cycle, Cycle) else None
        self.method: str = scope["method"]
        self.headers = headers = _read_headers(scope["headers"])
        told = headers.get(b"x-request-id")
        if told is not None and _is_request_id(told):
            self.request_id = told.decode()
        else:
            # As `new_request_id`, without calling it.
            self.request_id = f"{_PROCESS}-{next(_numbers):x}"
        self.media_type = JSON
        self.is_read = False

    async def body(self, at_most: int) -> bytes:
        """The body. Raises `HttpError` (413) once it is known to be larger than `at_most` bytes,
        and `CallerLeft`.
        """
        try:
            if int(self.headers.get(b"content-length", b"0")) > at_most:
                raise _too_large(at_most)
        except ValueError:
            raise HttpError(400, "BAD_REQUEST", "content-length is no number") from None
        cycle = self.cycle
        if cycle is not None and (body := cycle.take_body()) is not None:
            if len(body) > at_most:
                raise _too_large(at_most)
            self.is_read = True
            return body
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
                self.is_read = True
                return b"".join([*parts, part]) if parts else part
            parts.append(part)

    async def respond(
        self, status: int, body: bytes, headers: Headers, *, reads_on: bool = False
    ) -> None:
        """Send a response; `reads_on` where the request's body was not read to its end."""
        cycle = self.cycle
        if cycle is not None and not reads_on and CLOSE not in headers:
            lines = b"content-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\n" % (
                self.media_type,
                len(body),
                self.request_id.encode(),
            )
            if headers:
                lines += b"".join([line_of(*header) for header in headers])
            if cycle.respond(status, lines, body):
                return
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
        if reads_on and has_body(self.scope):
            await send_and_linger(body, self.receive, self.send)
        else:
            await self.send({"type": "http.response.body", "body": body})

    async def respond_unchanged(self, headers: Headers) -> None:
        """Respond that the caller has it already (RFC 9110, 15.4.5): without a length, which would
        be that of what they have.
        """
        told = [(b"x-request-id", self.request_id.encode()), *headers]
        await self.send({"type": "http.response.start", "status": 304, "headers": told})
        await self.send({"type": "http.response.body", "body": b""})

    async def begin(self, status: int, headers: Headers) -> None:
        """Begin a response of unknown length."""
        await self.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", self.media_type),
                    (b"x-request-id", self.request_id.encode()),
                    *headers,
                ],
            }
        )

    async def send_part(self, part: bytes) -> None:
        """Send a part of it at once; waits while the caller does not read."""
        await self.send({"type": "http.response.body", "body": part, "more_body": True})

    async def end(self) -> None:
        """End it."""
        await self.send({"type": "http.response.body", "body": b""})


def new_request_id() -> str:
    """An id that no other operation has."""
    return f"{_PROCESS}-{next(_numbers):x}"


def _too_large(at_most: int) -> HttpError:
    # The rest of the body may be too much to be read, so nothing can follow it on this connection.
    message = f"the body has more than {at_most} bytes"
    return HttpError(413, "PAYLOAD_TOO_LARGE", message, (CLOSE,))


def _read_headers(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers we read, and maybe others; repeated ones joined (RFC 9110, 5.3)."""
    found = dict(headers)
    if len(found) == len(headers):
        return found
    found.clear()
    for name, value in headers:
        if name not in _READ:
            continue
        if name not in found:
            found[name] = value
        elif name not in _SINGLE:
            found[name] += b", " + value
    return found


def read_body(
    body: bytes, *, max_batch: int, max_values: int
) -> GraphQLRequest | list[GraphQLRequest]:
    """A request, or a batch of up to `max_batch` of them; raises `HttpError` (400).

    A body that holds more than `max_values` values an operation in its lists and objects is not
    decoded: a megabyte of small ones would hold the loop for too long.
    """
    at_most = (max_values + _OTHER_VALUES) * max(1, max_batch)
    # A value takes two bytes at least: itself, and a comma or bracket.
    if len(body) > 2 * at_most and _holds_more_values(body, at_most):
        if not max_batch and _is_array(body):
            raise _no_arrays()
        message = f"the body holds too many values in lists and objects: {max_values} an operation"
        raise HttpError(400, "BAD_REQUEST", f"{message} are allowed (GATEWAY_MAX_VALUES)")
    try:
        return _decode_one(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not _is_array(body):
            raise _unreadable(body, error) from None
    return _batch(body, max_batch)


def _holds_more_values(body: bytes, at_most: int) -> bool:
    """Are there more values than that in the lists and objects of a JSON text? Counted by commas
    and brackets outside of strings.
    """
    # Nearly always few: found faster one by one than counted.
    few = body
    for separator in (b",", b"[", b"{"):
        few = few.replace(separator, b"", at_most + 1)
    if len(body) - len(few) <= at_most:
        return False
    # Without escapes, each quotation mark begins or ends a string.
    plain = body.replace(rb"\\", b"").replace(rb"\"", b"")
    if plain.count(b'"') > 4 * at_most:
        return True
    bare = b"0".join(plain.split(b'"')[::2]).translate(None, b" \t\r\n")
    # A list or object that is not empty holds one value more than commas.
    return _separators(bare) - bare.count(b"[]") - bare.count(b"{}") > at_most


def _separators(text: bytes) -> int:
    return len(text) - len(text.translate(None, b",[{"))


def _is_array(body: bytes) -> bool:
    return body.lstrip().startswith(b"[")


def _no_arrays() -> HttpError:
    return HttpError(400, "BATCHING_NOT_ALLOWED", "send operations one by one: no arrays here")


def _batch(body: bytes, at_most: int) -> list[GraphQLRequest]:
    if not at_most:
        raise _no_arrays()
    try:
        requests = _decode_many(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(body, error) from None
    if not 0 < len(requests) <= at_most:
        message = f"send 1 to {at_most} operations at once, not {len(requests)}"
        raise HttpError(400, "BATCHING_NOT_ALLOWED", message)
    return requests


def read_query(query: bytes) -> GraphQLRequest:
    """The request a query string stands for; `variables` and `extensions` are JSON texts in it.

    An empty parameter counts as left out; of one given twice the last counts. Raises `HttpError`
    (400).
    """
    values: dict[str, Any] = {}
    try:
        for name, text in parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=100):
            if name in _NAMES:
                values[_NAMES[name]] = text
            elif name in _OBJECTS:
                values[name] = _decode_object(text)
    except msgspec.DecodeError:
        raise HttpError(
            400, "BAD_REQUEST", "variables and extensions must be JSON objects in the query string"
        ) from None
    except (ValueError, RecursionError):
        raise HttpError(400, "BAD_REQUEST", "the query string cannot be read") from None
    return GraphQLRequest(**values)


def _unreadable(body: bytes, error: Exception) -> HttpError:
    if not body.strip():
        return HttpError(400, "BAD_REQUEST", "the body is empty; it must be a JSON object")
    if isinstance(error, msgspec.ValidationError):
        fault = _lower(str(error))
        return HttpError(400, "BAD_REQUEST", f"the body is no GraphQL request: {fault}")
    if isinstance(error, RecursionError):
        return HttpError(400, "BAD_REQUEST", "the body is nested too deeply")
    return HttpError(400, "BAD_REQUEST", "the body is not valid JSON in UTF-8")


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
