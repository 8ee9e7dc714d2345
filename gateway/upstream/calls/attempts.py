"""The layers that make the attempts at a call.

Retry        as many as it takes, within the deadline
  ...          the pace and the circuit, which each attempt passes
    Observe    tells hooks of each
      Exchange   carries each over the wire, and says what came of it
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from random import random
from time import perf_counter
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from msgspec.structs import replace

from gateway.errors import (
    OutcomeUnknown,
    RateLimited,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.frames import without_frames
from gateway.hooks import CallEvent, tell
from gateway.upstream.answers import error_of, place_in, unreadable_write
from gateway.upstream.calls.call import NotModified, OpenAnswer
from gateway.upstream.calls.retry_budget import RetryBudget
from gateway.upstream.calls.telling import waiting
from gateway.upstream.causes import Cause, Troubles, misdirected
from gateway.upstream.paths import has_dots
from gateway.upstream.web_urls import origin_of
from gateway.upstream.wire import Answer, AnswerTooLong, TimedOut, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gateway.errors import UpstreamError
    from gateway.hooks import Hooks
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.calls.standing import Standings
    from gateway.upstream.credential import Credential
    from gateway.upstream.wire import Wire

__all__ = ["ClientConfig", "Exchange", "Observe", "Retry"]

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS: Final = 3
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


class Retry:
    """Gives 2xx answers, and raises the error that any other one means.

    A read is sent again after connection failures, 5xx and 429, with growing pauses drawn at
    random, as long as its deadline and its credential's part of the retries allow (`retry_budget`);
    redirects are followed within the API. Writes are sent once. `draw` gives numbers from 0 to 1.
    """

    def __init__(
        self,
        below: Layer,
        config: ClientConfig,
        standings: Standings,
        *,
        draw: Callable[[], float] = random,
        hooks: Hooks | None = None,
    ) -> None:
        self._below = below
        self._standings = standings
        self._hooks = hooks
        self._config = config
        self._draw = draw
        self._base = f"{urlsplit(config.url).path.rstrip('/')}/"
        self._budget = RetryBudget()

    async def send(self, call: Call) -> Answer:
        retries = redirects = 0
        standing = self._standings.of(call.scope)
        if call.route.is_read:
            self._budget.note_read(standing)
        while True:
            error: UpstreamError
            try:
                answer = await self._below.send(call)
            except (UpstreamUnavailable, UpstreamTimeout) as failure:
                error = without_frames(failure)
            else:
                if 200 <= answer.status < 300:
                    return answer
                if answer.status == 304 and call.scope.tags is not None:
                    raise NotModified
                is_moved = answer.status in REDIRECTS and call.route.is_read
                if is_moved and redirects < MAX_REDIRECTS:
                    call = call.again(self._moved_to(call, answer))
                    redirects += 1
                    # Beyond what the operation was estimated to need, like a retry.
                    call.scope.tally.retried += 1
                    continue
                error = error_of(
                    answer,
                    endpoint=call.route.endpoint,
                    subject=call.subject,
                    credential=call.scope.credential,
                    is_read=call.route.is_read,
                    asked=self._address_of(call),
                )
                del answer
            pause_s = self._pause_s(error, retries, call)
            if pause_s is None or not self._budget.allows(standing):
                try:
                    raise error
                finally:
                    # It holds this frame.
                    del error
            retries += 1
            self._budget.spend(standing)
            call.scope.tally.retried += 1
            call = call.again()
            with waiting(self._hooks, "retry", call):
                await asyncio.sleep(pause_s)

    def _moved_to(self, call: Call, answer: Answer) -> str:
        """The target of a redirect that stays within the origin and below the base."""
        asked = self._address_of(call)
        with suppress(ValueError):
            location = answer.header("location")
            address = urljoin(asked, location) if location else ""
            _, _, path, query, _ = urlsplit(address)
            stays = origin_of(address) == origin_of(asked) and path.startswith(self._base)
            if stays and not has_dots(path):
                below = path[len(self._base) - 1 :]
                return f"{below}?{query}" if query else below
        place = place_in(answer, asked, call.scope.credential)
        raise UpstreamInvalid(
            f"the upstream redirects away from its API{f', to {place}' if place else ''}; set the"
            " gateway's upstream URL to the address that answers",
            endpoint=call.route.endpoint,
            status=answer.status,
            upstream_request_id=answer.header("x-request-id"),
        )

    def _address_of(self, call: Call) -> str:
        return urljoin(self._config.url, self._base + call.target[1:])

    def _pause_s(self, error: UpstreamError, retries: int, call: Call) -> float | None:
        """How long to wait before a call is sent again; None where it is not."""
        if retries >= self._config.max_retries or not call.route.is_read:
            return None
        longest = min(self._config.retry_pause_s * 2**retries, self._config.max_pause_s)
        pause_s = self._draw() * longest
        if isinstance(error, RateLimited):
            if error.retry_after_s is None:
                # The pace knows how long to wait, but where that was no use no more will be.
                return 0.0 if error.status == 429 and not retries else None
        elif not isinstance(error, UpstreamTimeout) and (
            not isinstance(error, UpstreamUnavailable) or error.is_circuit_open or error.is_lasting
        ):
            return None
        pause_s += error.retry_after_s or 0.0
        left_s = call.scope.deadline - asyncio.get_running_loop().time()
        if pause_s >= left_s:
            return None
        # The pace waits for a time that it was told.
        return 0.0 if error.status == 429 else pause_s


class Observe:
    """Tells when a request goes out, and when its answer has come or none will. A stream's answer
    has come with its head.
    """

    def __init__(self, below: Layer, hooks: Hooks) -> None:
        self._below = below
        self._hooks = hooks

    async def send(self, call: Call) -> Answer:
        route, scope = call.route, call.scope
        event = scope.made = CallEvent(
            route.name, route.method, scope.request_id, perf_counter(), call.attempt, scope.told
        )
        if self._hooks.call_began:
            tell(self._hooks.call_began, event)
            if event.headers is not None:
                call = replace(call, headers=event.headers)
        try:
            answer = await self._below.send(call)
        except BaseException as error:
            # A call that was called off has no code of its own.
            event.error = getattr(error, "code", "CANCELLED")
            event.cause = getattr(error, "cause", None)
            raise
        else:
            event.status = answer.status
            event.size_bytes = len(answer.body)
            return answer
        finally:
            event.duration_s = perf_counter() - event.began
            tell(self._hooks.call_ended, event)


class Exchange:
    """Sends a call over the wire with its operation's credential and request id, counts it, and
    tells the wire's errors by cause. Any answer is an answer here, whatever its status; one that
    says no stands also where its body could not be read.
    """

    def __init__(self, wire: Wire, config: ClientConfig) -> None:
        self._wire = wire
        self._user_agent = config.user_agent
        self._base = urlsplit(config.url).path.rstrip("/")
        self._troubles = Troubles(config.url)

    async def send(self, call: Call) -> Answer:
        scope = call.scope
        scope.tally.calls += 1
        try:
            if call.stack is not None:
                answer = await self._open(call, call.stack)
            else:
                answer = await self._wire.send(
                    call.route.method,
                    self._base + call.target,
                    self._headers(call),
                    body=call.body,
                    timeout_s=scope.exchange_timeout_s(asyncio.get_running_loop().time()),
                )
        except WireError as error:
            head = error.answered
            if head is not None:
                _hide_echoes(head, scope.credential)
            if head is None or 200 <= head.status < 300:
                raise _meaning(error, call) from without_frames(error)
            answer = head
        _hide_echoes(answer, scope.credential)
        if scope.tags is not None and answer.status == 200:
            tag = answer.header("etag")
            if tag:
                scope.tags[call.target] = tag
            else:
                scope.tags.pop(call.target, None)
        if (
            answer.status in {400, 407}
            and (cause := misdirected(answer.status, answer.body)) is not None
        ):
            self._troubles.tell(cause)
            raise _unavailable(cause, call, status=answer.status)
        return answer

    async def _open(self, call: Call, stack: AsyncExitStack) -> Answer:
        """Leave a stream open in the stack; an answer that is refused is read and closed."""
        async with AsyncExitStack() as attempt:
            attempt.enter_context(_translated(call))
            streamed = await attempt.enter_async_context(
                self._wire.stream(
                    call.route.method,
                    self._base + call.target,
                    self._headers(call),
                    timeout_s=call.scope.exchange_timeout_s(asyncio.get_running_loop().time()),
                )
            )
            if 200 <= streamed.status < 300:
                stack.push_async_exit(attempt.pop_all())
                return OpenAnswer.of(streamed)
            try:
                body = await streamed.read(MAX_REFUSAL_BYTES)
            except WireError:
                body = b""
        return Answer(streamed.status, streamed.header, body)

    def _headers(self, call: Call) -> Mapping[str, str]:
        scope = call.scope
        headers, credential = scope.headers, scope.credential
        if not headers:
            headers["User-Agent"] = self._user_agent
            if credential is not None:
                if not credential.is_anonymous:
                    headers[credential.header] = credential.value
                if credential.address:
                    headers["X-Forwarded-For"] = credential.address
                if credential.sudo is not None:
                    headers["Sudo"] = credential.sudo
            if scope.request_id:
                headers["X-Request-Id"] = scope.request_id
            if scope.origin is not None and scope.origin.passed is not None:
                headers.update(scope.origin.passed)
        if call.headers is not None:
            headers = {**headers, **call.headers}
        if scope.tags is not None and call.target in scope.tags:
            return {**headers, "If-None-Match": scope.tags[call.target]}
        return headers if call.body is None else {**headers, "Content-Type": "application/json"}


# Headers of answers that errors tell of, beside those that are read with care (`answers`).
_TOLD: Final = ("x-request-id", "content-type")
_USUAL_TYPE: Final = "application/json"


def _hide_echoes(answer: Answer, credential: Credential | None) -> None:
    """Take the credential out of the headers that are told: some servers repeat what they got."""
    if credential is None:
        return
    header = answer.header
    for name in _TOLD:
        value = header(name)
        if value and value != _USUAL_TYPE and credential.hidden_in(value) is not value:
            break
    else:
        return

    def look_up(name: str) -> str | None:
        value = header(name)
        return credential.hidden_in(value) if value and name.lower() in _TOLD else value

    answer.header = look_up


@contextmanager
def _translated(call: Call) -> Iterator[None]:
    """Errors of a stream, while it is opened and while it is read."""
    try:
        yield
    except WireError as error:
        raise _meaning(error, call) from without_frames(error)


def _meaning(error: WireError, call: Call) -> UpstreamError:
    """What an error of the wire means for this call."""
    endpoint = call.route.endpoint
    if not call.route.is_read and error.answered is not None:
        return unreadable_write(error.answered, endpoint)
    if not call.route.is_read and error.was_sent:
        came = f"{error}"
        if isinstance(error, TimedOut) or error.cause in {Cause.CONNECTION_LOST, Cause.HUNG_UP}:
            came = f"no answer to it came: {came}"
        return OutcomeUnknown.after(came, endpoint=endpoint, cause=error.cause)
    if isinstance(error, AnswerTooLong):
        return UpstreamInvalid(f"{error}; ask for less at once", endpoint=endpoint)
    if isinstance(error, TimedOut):
        return UpstreamTimeout(f"{error}", endpoint=endpoint, cause=error.cause)
    if error.cause is not None:
        return _unavailable(error.cause, call)
    return UpstreamUnavailable(f"{error}; try again", endpoint=endpoint)


def _unavailable(cause: Cause, call: Call, *, status: int | None = None) -> UpstreamUnavailable:
    again = "; try again" if cause.may_pass else ""
    error = UpstreamUnavailable(
        f"{cause.sentence}{again}", endpoint=call.route.endpoint, status=status, cause=cause
    )
    error.is_lasting = not cause.may_pass
    return error
