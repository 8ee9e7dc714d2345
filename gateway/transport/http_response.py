"""What goes out by HTTP, and what is answered where no operation came to an end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.errors import UpstreamUnavailable
from gateway.execution.response import CUT_OFF, INTERNAL_ERROR
from gateway.hooks import CALLER_LEFT
from gateway.transport.callers import Ending
from gateway.transport.request import CLOSE, Headers, error_body

if TYPE_CHECKING:
    from gateway.transport.request import HttpRequest

__all__ = ["LEFT", "STREAMED", "HttpResponse", "ended", "failed"]

_log: Final = logging.getLogger("gateway.transport")


class HttpResponse(msgspec.Struct, frozen=True, gc=False):
    """What goes out. `codes` are those of a request that never became an operation; `reads_on` is
    set where its body was refused before its end. With a `validator` its caller may keep it.
    """

    status: int
    body: bytes
    headers: Headers = ()
    codes: tuple[str, ...] = ()
    reads_on: bool = False
    validator: bytes = b""


LEFT: Final = HttpResponse(CALLER_LEFT, b"")
# It has gone out already.
STREAMED: Final = HttpResponse(200, b"")


def ended(ending: Ending | None, request: HttpRequest) -> HttpResponse:
    """What is answered to a request that was ended from outside."""
    if ending is Ending.LEFT:
        return LEFT
    if ending is Ending.TOO_SLOW:
        return _too_slow(request)
    code = UpstreamUnavailable.code
    return HttpResponse(503, error_body(CUT_OFF, code, request.request_id), (CLOSE,), (code,))


def _too_slow(request: HttpRequest) -> HttpResponse:
    message = "the request did not arrive in time"
    body = error_body(message, "REQUEST_TIMEOUT", request.request_id)
    return HttpResponse(408, body, (CLOSE,), ("REQUEST_TIMEOUT",))


def failed(request: HttpRequest) -> HttpResponse:
    _log.exception("request %s failed unexpectedly", request.request_id)
    code = "INTERNAL_SERVER_ERROR"
    return HttpResponse(500, error_body(INTERNAL_ERROR, code, request.request_id), (), (code,))
