"""Answers (status, headers, bytes), and the errors with their exact bodies (upstream.md, 2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Self

from gateway.sandbox.world.jsontext import encode

__all__ = [
    "Answer",
    "EarlyAnswer",
    "bad_request",
    "error",
    "forbidden",
    "not_found",
    "statistics_refreshing",
]

_JSON = "application/json"
_FRESH = "max-age=0, private, must-revalidate"
_REFRESHING = (
    "Action temporarily disabled. The project this pipeline belongs to is undergoing stats refresh."
)
_NO_STORE = "no-store, private, max-age=0"


@dataclass(slots=True)
class Answer:
    """One HTTP answer. Header names are sent as written; their order is kept."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def json(cls, value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Self:
        """A JSON body; a 200 carries the weak ETag over it."""
        body = encode(value)
        sent = {"Content-Type": _JSON, **(headers or {})}
        if status == 200:
            sent["Etag"] = f'W/"{sha256(body).hexdigest()[:32]}"'
            sent["Cache-Control"] = _FRESH
        else:
            sent["Cache-Control"] = _NO_STORE
        return cls(status, sent, body)

    @classmethod
    def text(cls, body: bytes | str, *, status: int = 200, **headers: str) -> Self:
        """Plain text; headers by name with underscores for dashes."""
        raw = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, {"Content-Type": "text/plain"} | named, raw)

    def if_changed(self, known: str | None) -> Answer:
        """This answer, or 304 without a body if `If-None-Match` names its tag. Its paging headers
        stay.
        """
        tag = self.headers.get("Etag")
        if known is None or tag is None or not _matches(known, tag):
            return self
        kept = {name: value for name, value in self.headers.items() if name != "Content-Type"}
        return Answer(304, kept)


class EarlyAnswer(Exception):
    """Ends a request with this answer, from wherever it is raised."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, answer.body)
        self.answer = answer


def error(status: int, body: Any, headers: dict[str, str] | None = None) -> EarlyAnswer:
    """An error with this JSON body."""
    return EarlyAnswer(Answer.json(body, status=status, headers=headers))


def not_found(what: str = "Not found") -> EarlyAnswer:
    """404. A record that is not there is `Not found` (small f), a file is `Not Found`."""
    return error(404, {"message": f"404 {what}"})


def forbidden(reason: str | None = None) -> EarlyAnswer:
    return error(403, {"message": f"403 Forbidden - {reason}" if reason else "403 Forbidden"})


def bad_request(reason: str | None = None) -> EarlyAnswer:
    return error(400, {"message": f"400 Bad request - {reason}" if reason else "400 Bad request"})


def statistics_refreshing() -> EarlyAnswer:
    """409: artifacts cannot be deleted while the project's statistics are recomputed."""
    return error(409, {"message": _REFRESHING})


def _matches(known: str, tag: str) -> bool:
    """Weak comparison of `If-None-Match` (RFC 9110, 13.1.2)."""
    opaque = tag.removeprefix("W/")
    return known.strip() == "*" or any(
        item.strip().removeprefix("W/") == opaque for item in known.split(",")
    )
