"""Faults on demand: what networks, proxies and overloaded servers do to an answer.

A fault strikes the requests of its route and method with its probability (seeded), at most `times`
times. Some kinds replace the answer, others spoil it on the wire.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from gateway.sandbox.http.answers import Answer
from gateway.sandbox.http.limits import RETRY_LATER, TOO_MANY, rate_limit_headers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from starlette.types import Receive, Send

    from gateway.sandbox.profile import Profile

__all__ = ["KINDS", "Fault", "choose", "deliver", "replacement"]

Kind = Literal[
    "latency",
    "status",
    "rate_limit_global",
    "rate_limit_endpoint",
    "reset",
    "cut_body",
    "broken_json",
    "html",
    "wrong_content_type",
    "slow_drip",
    "hang",
    "redirect",
]

KINDS: dict[Kind, str] = {
    "latency": "waits `seconds`, then goes on (further faults may follow)",
    "status": "answers `status` (503) as GitLab's JSON error; Retry-After if `retry_after` is set",
    "rate_limit_global": "429 text/plain with RateLimit-*; Retry-After if `retry_after` is set",
    "rate_limit_endpoint": "429 JSON; Retry-After if `retry_after` is set",
    "reset": "closes the connection before any header",
    "cut_body": "promises the whole body, sends `after_bytes` of it (half), closes",
    "broken_json": "sends the body without its last bytes (`after_bytes` of it), as if complete",
    "html": "answers a sign-in page: `status` (200) text/html",
    "wrong_content_type": "the right body as application/octet-stream",
    "slow_drip": "sends the body in pieces of `after_bytes` (16), `seconds` apart",
    "hang": "never answers",
    "redirect": "302 to the same path on the origin `location`",
}
"""Each kind and what it does."""

_PIECE = 1 << 20
_SPOILING = {"cut_body", "broken_json", "wrong_content_type", "slow_drip"}
_REASONS = {
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Unavailable",
    504: "504 Gateway Timeout",
    409: "409 Conflict: Resource lock",
}
_PAGE = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head>"
    b"<body>GitLab is not responding</body></html>"
)


@dataclass(slots=True, kw_only=True)
class Fault:
    """One switch; see `KINDS` for what each kind does with the fields."""

    kind: Kind
    route: str | None = None
    """An endpoint's name (`project_jobs`), else a pattern searched in the encoded path and
    query."""
    method: str | None = None
    probability: float = 1.0
    times: int | None = None
    """How often it strikes; None is always."""
    seconds: float = 0.0
    status: int | None = None
    retry_after: int | None = None
    """Seconds for Retry-After; None sends no such header."""
    after_bytes: int | None = None
    location: str = "http://elsewhere.example"
    executed: bool | None = None
    """Whether the request is carried out all the same. None: only by kinds that spoil a real
    answer."""
    fired: int = field(default=0, init=False)
    """How often it has struck."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault: {self.kind!r} (known: {', '.join(KINDS)})")

    @property
    def executes(self) -> bool:
        return self.kind in _SPOILING if self.executed is None else self.executed

    def matches(self, *, endpoint: str | None, method: str, target: str) -> bool:
        if self.times is not None and self.fired >= self.times:
            return False
        if self.method is not None and self.method.upper() != method:
            return False
        return self.route is None or self.route == endpoint or bool(re.search(self.route, target))


def choose(
    faults: Iterable[Fault], chance: Random, *, endpoint: str | None, method: str, target: str
) -> list[Fault]:
    """The faults that strike this request: any number of latencies, then at most one other."""
    struck: list[Fault] = []
    for fault in faults:
        if not fault.matches(endpoint=endpoint, method=method, target=target):
            continue
        if fault.probability < 1.0 and chance.random() >= fault.probability:
            continue
        fault.fired += 1
        struck.append(fault)
        if fault.kind != "latency":
            break
    return struck


def replacement(fault: Fault, *, target: str, profile: Profile, now: float) -> Answer | None:
    """The answer a fault gives instead of the real one; None if it has none of its own."""
    retry = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    match fault.kind:
        case "status":
            status = fault.status or 503
            said = {"message": _REASONS.get(status, f"{status} Error")}
            return Answer.json(said, status=status, headers=retry)
        case "rate_limit_global":
            headers = rate_limit_headers(profile, now, limit=600, observed=601)
            return Answer(
                429, {"Content-Type": "text/plain"} | headers | retry, RETRY_LATER.encode()
            )
        case "rate_limit_endpoint":
            return Answer.json(TOO_MANY, status=429, headers=retry)
        case "html":
            return Answer(fault.status or 200, {"Content-Type": "text/html; charset=utf-8"}, _PAGE)
        case "redirect":
            return Answer(fault.status or 302, {"Location": f"{fault.location}{target}"})
        case _:
            return None


async def deliver(
    answer: Answer,
    headers: list[tuple[bytes, bytes]],
    *,
    fault: Fault | None,
    receive: Receive,
    send: Send,
) -> None:
    """Send an answer, spoiled if there is a fault. Headers come without their Content-Length."""
    kind = fault.kind if fault is not None else None
    if kind == "reset":
        await _drop(receive, send, reset=True)
        return
    if kind == "hang":
        await _wait_for_hang_up(receive)
        return
    body = answer.body
    if kind == "broken_json":
        body = body[: _cut(fault, len(body))]
    if kind == "wrong_content_type":
        headers = [pair for pair in headers if pair[0] != b"content-type"]
        headers.append((b"content-type", b"application/octet-stream"))
    if answer.status not in {204, 304} and "Content-Length" not in answer.headers:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if kind == "cut_body":
        await send(_piece(body[: _cut(fault, len(body))], more=True))
        await _drop(receive, send, reset=False)
    elif fault is not None and kind == "slow_drip":
        await _send_pieces(body, send, size=fault.after_bytes or 16, pause_s=fault.seconds)
    else:
        # A long log goes out in pieces, so that the server's flow control can hold it back.
        await _send_pieces(body, send, size=_PIECE)


async def _send_pieces(body: bytes, send: Send, *, size: int, pause_s: float = 0.0) -> None:
    start = 0
    while len(body) - start > size:
        await send(_piece(body[start : start + size], more=True))
        if pause_s:
            await asyncio.sleep(pause_s)
        start += size
    await send(_piece(body[start:] if start else body, more=False))


def _piece(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _wait_for_hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _cut(fault: Fault | None, length: int) -> int:
    wanted = fault.after_bytes if fault is not None else None
    return min(length // 2 if wanted is None else wanted, max(length - 1, 0))


async def _drop(receive: Receive, send: Send, *, reset: bool) -> None:
    """Close the connection in the middle of an answer, or reset it.

    ASGI has no message for this. Under uvicorn `send` is a method of the object that owns the
    transport. Elsewhere an exception is all one can do: in-process transports raise it at their
    caller.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the sandbox closed the connection on purpose")
    if reset:
        # Zero linger time: the peer gets RST, not FIN.
        if (sock := transport.get_extra_info("socket")) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    await _wait_for_hang_up(receive)
