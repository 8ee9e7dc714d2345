"""Calls: one request to the upstream and all that may happen to it.

    read   sent again after connection failures, 5xx and 429, with growing pauses drawn at random,
           as long as the scope's deadline allows; redirects followed within the origin
    write  sent once; equal ones in flight are one; a lost answer is `OutcomeUnknown`
    stream a read whose body is taken in pieces; sent again only before the first piece

Bounded in number for the upstream and for the operation. After failures in a row the circuit opens:
for a moment every call fails at once instead of waiting for its deadline.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.errors import (
    OutcomeUnknown,
    RateLimited,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.upstream.answers import raise_for
from gateway.upstream.circuit import Circuit
from gateway.upstream.wire import AnswerTooLong, ConnectionBroken, NotConnected, TimedOut

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.errors import UpstreamError
    from gateway.upstream.scope import CallScope
    from gateway.upstream.wire import Answer, StreamedAnswer, Wire, WireError

__all__ = ["Calls", "ClientConfig"]

# Statuses after which the same read may succeed a moment later.
PASSING = frozenset({500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 3
MAX_REFUSAL_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """How the client behaves. `url` is the API's base address, `/api/v4` included."""

    url: str
    max_connections: int = 64
    max_retries: int = 3
    # The first pause is drawn from 0 to this; each further one from twice as much.
    retry_pause_s: float = 0.1
    max_pause_s: float = 2.0
    user_agent: str = "jobs-gateway"


class Calls:
    """Sends the calls of all operations to one upstream."""

    def __init__(self, wire: Wire, config: ClientConfig) -> None:
        self._wire = wire
        self._config = config
        address = urlsplit(config.url)
        self._origin = (address.scheme, address.netloc)
        self._base = address.path.rstrip("/")
        self._slots = asyncio.Semaphore(config.max_connections)
        self._circuit = Circuit()
        self._writes: dict[tuple[Any, ...], asyncio.Task[Answer]] = {}

    async def read(self, scope: CallScope, path: str, *, endpoint: str, subject: str) -> Answer:
        """GET a path below the base; a 2xx answer, else the error it means."""
        attempt = 0
        target = self._base + path
        headers = self._headers(scope)
        while True:
            try:
                answer = await self._get(scope, target, headers, endpoint)
                if 200 <= answer.status < 300:
                    return answer
                raise_for(
                    answer.status, answer.header, answer.body, endpoint=endpoint, subject=subject
                )
            except (UpstreamUnavailable, UpstreamTimeout, RateLimited) as error:
                pause = self._pause(error, attempt, scope)
                if pause is None:
                    raise
                attempt += 1
                scope.tally.retried += 1
                await asyncio.sleep(pause)

    async def write(
        self, scope: CallScope, path: str, body: bytes | None, *, endpoint: str, subject: str
    ) -> Answer:
        """POST once. A caller that leaves does not stop a write that is on its way."""
        key = (scope.credential and scope.credential.fingerprint, path, body)
        task = self._writes.get(key)
        if task is None:
            task = asyncio.ensure_future(self._post(scope, path, body, endpoint))
            self._writes[key] = task
            task.add_done_callback(lambda _: self._writes.pop(key, None))
        else:
            scope.tally.shared += 1
        answer = await asyncio.shield(task)
        if not 200 <= answer.status < 300:
            raise_for(answer.status, answer.header, answer.body, endpoint=endpoint, subject=subject)
        return answer

    @asynccontextmanager
    async def stream(
        self, scope: CallScope, path: str, *, endpoint: str, subject: str
    ) -> AsyncIterator[StreamedAnswer]:
        """GET a path and take the body in pieces while the block is entered."""
        timeout_s = self._time_left(scope, endpoint)
        scope.tally.calls += 1
        headers = self._headers(scope)
        async with scope.limiter, self._slots:
            try:
                async with self._wire.stream(
                    "GET", self._base + path, headers, timeout_s=timeout_s
                ) as streamed:
                    if not 200 <= streamed.status < 300:
                        body = await streamed.read(MAX_REFUSAL_BYTES)
                        raise_for(
                            streamed.status,
                            streamed.header,
                            body,
                            endpoint=endpoint,
                            subject=subject,
                        )
                    yield streamed
            except (NotConnected, ConnectionBroken, TimedOut, AnswerTooLong) as error:
                raise _failed_read(error, endpoint) from None

    async def _get(
        self, scope: CallScope, target: str, headers: dict[str, str], endpoint: str
    ) -> Answer:
        """One GET, redirects within the origin followed by hand."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._send(scope, "GET", target, headers, None, endpoint)
            if answer.status not in REDIRECTS:
                return answer
            target = self._redirected(answer, endpoint)
            # Beyond what the operation was estimated to need.
            scope.tally.retried += 1
        raise UpstreamInvalid("the upstream redirects in circles", endpoint=endpoint)

    async def _send(
        self,
        scope: CallScope,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes | None,
        endpoint: str,
    ) -> Answer:
        loop_time = asyncio.get_running_loop().time
        self._circuit.check(loop_time(), endpoint)
        async with scope.limiter, self._slots:
            timeout_s = self._time_left(scope, endpoint)
            scope.tally.calls += 1
            try:
                answer = await self._wire.send(
                    method, target, headers, body=body, timeout_s=timeout_s
                )
            except (NotConnected, ConnectionBroken, TimedOut, AnswerTooLong) as error:
                if not isinstance(error, AnswerTooLong):
                    self._circuit.failed(loop_time())
                if method == "GET" or isinstance(error, NotConnected):
                    raise _failed_read(error, endpoint) from None
                raise OutcomeUnknown(
                    "the answer to the write got lost: it may or may not have happened; read the"
                    " job before trying again",
                    endpoint=endpoint,
                ) from None
        if answer.status in PASSING:
            self._circuit.failed(loop_time())
        else:
            self._circuit.worked()
        return answer

    async def _post(self, scope: CallScope, path: str, body: bytes | None, endpoint: str) -> Answer:
        headers = self._headers(scope)
        if body is not None:
            headers = headers | {"Content-Type": "application/json"}
        return await self._send(scope, "POST", self._base + path, headers, body, endpoint)

    def _headers(self, scope: CallScope) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": self._config.user_agent}
        if scope.credential is not None:
            headers[scope.credential.header] = scope.credential.value
        if scope.request_id:
            headers["X-Request-Id"] = scope.request_id
        return headers

    def _redirected(self, answer: Answer, endpoint: str) -> str:
        """The target of a redirect that stays within the origin and the API's paths."""
        address = urlsplit(answer.header("location") or "")
        stays = address.scheme in ("", self._origin[0]) and address.netloc in ("", self._origin[1])
        if not stays or not address.path.startswith(f"{self._base}/") or ".." in address.path:
            raise UpstreamInvalid(
                "the upstream redirects to another address; set the gateway's upstream URL to"
                " the one it redirects to",
                endpoint=endpoint,
                status=answer.status,
                upstream_request_id=answer.header("x-request-id"),
            )
        return f"{address.path}?{address.query}" if address.query else address.path

    def _time_left(self, scope: CallScope, endpoint: str) -> float:
        left = scope.deadline - asyncio.get_running_loop().time()
        if left <= 0:
            raise UpstreamTimeout(
                "the operation's time was over before this call; ask for less at once",
                endpoint=endpoint,
            )
        return left

    def _pause(self, error: UpstreamError, attempt: int, scope: CallScope) -> float | None:
        """How long to wait before the next try; None where there is none."""
        if attempt >= self._config.max_retries:
            return None
        longest = min(self._config.retry_pause_s * 2**attempt, self._config.max_pause_s)
        pause = random.uniform(0, longest)  # noqa: S311 - jitter
        if isinstance(error, RateLimited):
            # Without a word from the upstream its limits are by the minute: no use in asking again.
            if error.retry_after_s is None:
                return None
            pause += error.retry_after_s
        left = scope.deadline - asyncio.get_running_loop().time()
        return pause if pause < left else None


def _failed_read(error: WireError, endpoint: str) -> UpstreamError:
    kinds: dict[type[WireError], Callable[..., UpstreamError]] = {
        NotConnected: UpstreamUnavailable,
        ConnectionBroken: UpstreamUnavailable,
        TimedOut: UpstreamTimeout,
        AnswerTooLong: UpstreamInvalid,
    }
    return kinds[type(error)](str(error), endpoint=endpoint)
