"""Calls: one request to the upstream, and all that may happen to it.

    read    sent again after connection failures, 5xx and 429, with growing pauses drawn at random,
            as long as the scope's deadline allows it; redirects followed within the origin
    stream  a read whose body is taken in pieces; sent again only before the first piece
    write   sent once; equal ones in flight are one; a lost answer is `OutcomeUnknown`

The operation's calls at once are bounded by its scope, the upstream's by the wire. A credential's
reads keep the pace that the upstream tells, and while the circuit is open every call fails at once.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from random import random
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from gateway.errors import (
    OutcomeUnknown,
    RateLimited,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
    without_frames,
)
from gateway.upstream.answers import error_of
from gateway.upstream.circuit import Circuit
from gateway.upstream.pace import Pace
from gateway.upstream.paths import has_dots
from gateway.upstream.web_urls import origin_of
from gateway.upstream.wire import Answer, AnswerTooLong, TimedOut, WireError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from gateway.errors import UpstreamError
    from gateway.upstream.scope import CallScope
    from gateway.upstream.wire import StreamedAnswer, Wire

__all__ = ["Calls", "ClientConfig"]

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS: Final = 3
# A front end's words for "nobody is behind me".
UNREACHABLE: Final = frozenset({502, 503, 504})
MAX_REFUSAL_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """How the client behaves. `url` is the API's base address, `/api/v4` included.

    The pause before a read is sent again is drawn from 0 to `retry_pause_s`, then from twice as
    much each time, up to `max_pause_s`.
    """

    url: str
    max_retries: int = 3
    retry_pause_s: float = 0.1
    max_pause_s: float = 2.0
    user_agent: str = "jobs-gateway"


class Calls:
    """Sends the calls of all operations to one upstream. `draw` gives numbers from 0 to 1."""

    def __init__(
        self, wire: Wire, config: ClientConfig, *, draw: Callable[[], float] = random
    ) -> None:
        self._wire = wire
        self._config = config
        self._draw = draw
        self._base = urlsplit(config.url).path.rstrip("/")
        self._circuit = Circuit()
        self._pace = Pace()
        self._writes: dict[tuple[str, str, bytes | None], asyncio.Task[Answer]] = {}

    async def read(self, scope: CallScope, path: str, *, endpoint: str, subject: str) -> Answer:
        """GET a path below the base: a 2xx answer, else the error it means."""
        send = partial(self._send, scope, "GET", None, endpoint)
        return await self._settle(scope, path, endpoint, subject, send)

    @asynccontextmanager
    async def stream(
        self, scope: CallScope, path: str, *, endpoint: str, subject: str
    ) -> AsyncIterator[StreamedAnswer]:
        """GET a path and take a 2xx answer's body in pieces while the block is entered."""
        opened: list[StreamedAnswer] = []
        async with AsyncExitStack() as stack:
            send = partial(self._open, stack, opened, scope, endpoint)
            await self._settle(scope, path, endpoint, subject, send)
            try:
                yield opened[0]
            except WireError as error:
                raise self._failed(error, endpoint) from without_frames(error)

    async def write(
        self, scope: CallScope, path: str, body: bytes | None, *, endpoint: str, subject: str
    ) -> Answer:
        """POST once. A write that is on its way goes on when its caller leaves."""
        credential = scope.credential
        key = ("" if credential is None else credential.fingerprint, path, body)
        task = self._writes.get(key)
        if task is None:
            self._circuit.check(_now(), endpoint)
            sending = self._send(scope, "POST", body, endpoint, self._base + path)
            task = self._writes[key] = asyncio.ensure_future(sending)
            task.add_done_callback(partial(self._written, key))
        else:
            scope.tally.shared += 1
        try:
            answer = await asyncio.shield(task)
        finally:
            # Its failure holds this frame.
            del task
        if 200 <= answer.status < 300:
            return answer
        raise error_of(answer, endpoint=endpoint, subject=subject, credential=credential)

    def _written(self, key: tuple[str, str, bytes | None], task: asyncio.Task[Answer]) -> None:
        del self._writes[key]
        if not task.cancelled():
            # Looked at, should nobody wait any more.
            task.exception()

    async def _settle(
        self,
        scope: CallScope,
        path: str,
        endpoint: str,
        subject: str,
        send: Callable[[str], Awaitable[Answer]],
    ) -> Answer:
        """Send a read until its answer is one to go by."""
        credential = scope.credential
        target = self._base + path
        retries = redirects = 0
        while True:
            now = _now()
            self._circuit.check(now, endpoint)
            wait_s = self._pace.wait_s(credential, now)
            if wait_s:
                await self._wait_turn(scope, wait_s, endpoint, subject)
            error: UpstreamError
            try:
                answer = await send(target)
            except (UpstreamUnavailable, UpstreamTimeout) as failure:
                error = failure
            else:
                if 200 <= answer.status < 300:
                    return answer
                if answer.status in REDIRECTS and redirects < MAX_REDIRECTS:
                    target = self._redirected(target, answer, endpoint)
                    redirects += 1
                    # Beyond what the operation was estimated to need, like a retry.
                    scope.tally.retried += 1
                    continue
                error = error_of(answer, endpoint=endpoint, subject=subject, credential=credential)
                del answer
            pause_s = self._pause_s(error, retries, scope)
            if pause_s is None:
                try:
                    raise without_frames(error)
                finally:
                    # It holds this frame.
                    del error
            retries += 1
            scope.tally.retried += 1
            await asyncio.sleep(pause_s)

    async def _send(
        self, scope: CallScope, method: str, body: bytes | None, endpoint: str, target: str
    ) -> Answer:
        async with scope.limiter:
            timeout_s = _time_left(scope, endpoint)
            scope.tally.calls += 1
            try:
                answer = await self._wire.send(
                    method, target, self._headers(scope, body), body=body, timeout_s=timeout_s
                )
            except WireError as error:
                if method != "GET" and error.was_sent:
                    raise OutcomeUnknown(
                        f"{error}, so the write may or may not have happened; read the job before"
                        " trying again",
                        endpoint=endpoint,
                    ) from without_frames(error)
                raise self._failed(error, endpoint) from without_frames(error)
        self._answered(scope, answer)
        return answer

    async def _open(
        self,
        stack: AsyncExitStack,
        opened: list[StreamedAnswer],
        scope: CallScope,
        endpoint: str,
        target: str,
    ) -> Answer:
        """Open a stream in the stack; one that is refused is read and closed."""
        body = b""
        async with AsyncExitStack() as attempt:
            await attempt.enter_async_context(scope.limiter)
            timeout_s = _time_left(scope, endpoint)
            scope.tally.calls += 1
            try:
                streamed = await attempt.enter_async_context(
                    self._wire.stream(
                        "GET", target, self._headers(scope, None), timeout_s=timeout_s
                    )
                )
                if 200 <= streamed.status < 300:
                    opened.append(streamed)
                    stack.push_async_exit(attempt.pop_all())
                else:
                    body = await streamed.read(MAX_REFUSAL_BYTES)
            except WireError as error:
                raise self._failed(error, endpoint) from without_frames(error)
        answer = Answer(streamed.status, streamed.header, body)
        self._answered(scope, answer)
        return answer

    def _headers(self, scope: CallScope, body: bytes | None) -> dict[str, str]:
        headers = scope.headers
        if headers is None:
            headers = scope.headers = {"User-Agent": self._config.user_agent}
            if scope.credential is not None:
                headers[scope.credential.header] = scope.credential.value
            if scope.request_id:
                headers["X-Request-Id"] = scope.request_id
        return headers if body is None else {**headers, "Content-Type": "application/json"}

    def _answered(self, scope: CallScope, answer: Answer) -> None:
        now = _now()
        if answer.status in UNREACHABLE:
            self._circuit.failed(now)
        else:
            self._circuit.worked()
        self._pace.heed(scope.credential, answer, now)

    def _failed(self, error: WireError, endpoint: str) -> UpstreamError:
        """A read's error, or that of a write that was never sent."""
        if isinstance(error, AnswerTooLong):
            return UpstreamInvalid(f"{error}; ask for less at once", endpoint=endpoint)
        if isinstance(error, TimedOut):
            return UpstreamTimeout(f"{error}", endpoint=endpoint)
        self._circuit.failed(_now())
        return UpstreamUnavailable(f"{error}; try again", endpoint=endpoint)

    def _redirected(self, target: str, answer: Answer, endpoint: str) -> str:
        """The target of a redirect that stays within the origin and below the base."""
        asked = urljoin(self._config.url, target)
        with suppress(ValueError):
            location = answer.header("location")
            address = urljoin(asked, location) if location else ""
            _, _, path, query, _ = urlsplit(address)
            stays = origin_of(address) == origin_of(asked) and path.startswith(f"{self._base}/")
            if stays and not has_dots(path):
                return f"{path}?{query}" if query else path
        raise UpstreamInvalid(
            "the upstream redirects away from its API; set the gateway's upstream URL to the"
            " address it redirects to",
            endpoint=endpoint,
            status=answer.status,
            upstream_request_id=answer.header("x-request-id"),
        )

    async def _wait_turn(
        self, scope: CallScope, wait_s: float, endpoint: str, subject: str
    ) -> None:
        if wait_s >= scope.deadline - _now():
            raise RateLimited(
                f"{subject}: this credential has used up what the upstream allows; try again in"
                f" {wait_s:.0f} s",
                endpoint=endpoint,
                retry_after_s=wait_s,
            )
        await asyncio.sleep(wait_s)

    def _pause_s(self, error: UpstreamError, retries: int, scope: CallScope) -> float | None:
        """How long to wait before a read is sent again; None where it is not."""
        if retries >= self._config.max_retries:
            return None
        longest = min(self._config.retry_pause_s * 2**retries, self._config.max_pause_s)
        pause_s = self._draw() * longest
        if isinstance(error, RateLimited):
            # Without a word from the upstream its limits are by the minute: no use in asking again.
            if error.retry_after_s is None:
                return None
            pause_s += error.retry_after_s
        elif not isinstance(error, UpstreamUnavailable | UpstreamTimeout):
            return None
        return pause_s if pause_s < scope.deadline - _now() else None


def _now() -> float:
    return asyncio.get_running_loop().time()


def _time_left(scope: CallScope, endpoint: str) -> float:
    left_s = scope.deadline - _now()
    if left_s <= 0:
        raise UpstreamTimeout(
            "the operation's time was over before this call; ask for less at once",
            endpoint=endpoint,
        )
    return left_s
