"""Requests that are answered without running an operation, and the shape of such answers."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

__all__ = ["Headers", "Refusal", "error_body"]

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

_encode = msgspec.json.Encoder().encode


class Refusal(Exception):
    """A request that is not run: `extensions.code`, what is wrong and what to do.

    `status` is None where the media type of the response decides, as for other request errors.
    """

    def __init__(self, status: int | None, code: str, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


def error_body(message: str, code: str, request_id: str, *, data: bool = False) -> bytes:
    """A response of one error, as JSON. `data` adds `"data": null`: the operation did run."""
    extensions = {"code": code, "requestId": request_id}
    response: dict[str, object] = {"errors": [{"message": message, "extensions": extensions}]}
    if data:
        response["data"] = None
    return _encode(response)
