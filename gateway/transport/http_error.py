"""Requests that never become an operation because something is wrong with them."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from gateway.execution.response import error_of

__all__ = ["Headers", "HttpError", "error_body"]

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

_encode = msgspec.json.Encoder().encode


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
