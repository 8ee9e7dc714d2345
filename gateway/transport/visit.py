"""One request from its headers to its response, and the watch over all that are under way.

The watch looks at the visits ten times a second, so that neither a timer nor a task has to be made
for each: requests whose body does not arrive in time are ended, and operations that still run are
ended when their caller leaves. Operations that finish between two looks cost it an entry in a set.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from enum import Enum
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from gateway.transport.negotiation import JSON
from gateway.transport.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.execution.engine import Outcome
    from gateway.transport.refusal import Headers
    from gateway.upstream.scope import CallScope

__all__ = ["CallerLeft", "Ending", "Visit", "Watch"]

_READ = frozenset(
    {
        b"accept",
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"origin",
        b"x-request-id",
        b"access-control-request-method",
    }
)
_is_request_id = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}").fullmatch
# Ours: unlike any other process's, and cheap.
_PROCESS = secrets.token_hex(6)
_numbers = count(1)

LOOK_EVERY_S: Final = 0.1


class Ending(Enum):
    """Why a visit was ended from outside."""

    TOO_SLOW = "the request did not arrive in time"
    LEFT = "the caller left"


class CallerLeft(Exception):
    """The caller left before the request had arrived."""


class Visit:
    """A request being answered.

    `began` is for telling how long it took; `started` is by the loop's clock, which stands still
    between two turns of the loop.
    """

    __slots__ = (
        "began",
        "document",
        "ending",
        "found",
        "is_receiving",
        "listener",
        "media_type",
        "method",
        "outcome",
        "receive",
        "request_id",
        "scope",
        "send",
        "started",
        "task",
        "upstream",
    )

    def __init__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.method: str = scope["method"]
        self.found = found = _found(scope["headers"])
        told = found.get(b"x-request-id")
        if told is not None and _is_request_id(told):
            self.request_id = told.decode()
        else:
            self.request_id = f"{_PROCESS}-{next(_numbers):x}"
        self.media_type = JSON
        self.began = perf_counter()
        self.started = 0.0
        self.is_receiving = False
        self.task: asyncio.Task[Any] | None = None
        self.listener: asyncio.Task[None] | None = None
        self.ending: Ending | None = None
        self.upstream: CallScope | None = None
        self.document: str | None = None
        self.outcome: Outcome | None = None

    async def receive_body(self, at_most: int) -> bytes:
        """The body. Raises `Refusal` (413) once it is known to be larger than `at_most` bytes, and
        `CallerLeft`.
        """
        if _length(self.found) > at_most:
            raise _too_large(at_most)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                self.ending = Ending.LEFT
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

    def end(self, ending: Ending) -> None:
        """Stop what is being done for this request."""
        if self.ending is None and self.task is not None:
            self.ending = ending
            self.task.cancel()

    def was_ended(self) -> bool:
        """Did the visit end by its `ending`, and was its task cancelled for nothing else?"""
        return self.ending is not None and (self.task is None or self.task.uncancel() == 0)

    async def listen(self) -> None:
        """Wait for the caller to leave."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
        self.end(Ending.LEFT)


class Watch:
    """The visits under way."""

    def __init__(self, receive_timeout_s: float) -> None:
        self._receive_timeout_s = receive_timeout_s
        self._visits: set[Visit] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._visits)

    def enter(self, visit: Visit, loop: asyncio.AbstractEventLoop) -> None:
        """Watch over a visit; call it in the task that answers it."""
        visit.task = asyncio.current_task(loop)
        visit.started = loop.time()
        self._visits.add(visit)
        if self._timer is None:
            self._timer = loop.call_later(LOOK_EVERY_S, self._look, loop)

    def leave(self, visit: Visit) -> None:
        self._visits.discard(visit)
        listener, visit.listener = visit.listener, None
        if listener is not None:
            # It holds the visit, and with it the whole answer: hold on to it no longer, or both
            # wait for the collector.
            listener.cancel()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        too_early = loop.time() - self._receive_timeout_s
        for visit in self._visits:
            if not visit.is_receiving:
                if visit.listener is None:
                    visit.listener = loop.create_task(visit.listen())
            elif visit.started <= too_early:
                visit.end(Ending.TOO_SLOW)
        self._timer = loop.call_later(LOOK_EVERY_S, self._look, loop) if self._visits else None


def _length(found: dict[bytes, bytes]) -> int:
    """What the caller says of the body's size; 0 where they don't."""
    try:
        return int(found.get(b"content-length", b"0"))
    except ValueError:
        raise Refusal(400, "BAD_REQUEST", "content-length is no number") from None


def _too_large(at_most: int) -> Refusal:
    # The rest of the body is not read, so nothing can follow it on this connection.
    close = (b"connection", b"close")
    message = f"the body has more than {at_most} bytes"
    return Refusal(413, "PAYLOAD_TOO_LARGE", message, (close,))


def _found(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers we read; repeated ones joined (RFC 9110, 5.3)."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _READ:
            found[name] = found[name] + b", " + value if name in found else value
    return found
