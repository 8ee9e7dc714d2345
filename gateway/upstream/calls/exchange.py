"""The layer that carries an attempt over the wire, and says what came of it."""

from __future__ import annotations

import asyncio
import math
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.errors import OutcomeUnknown, UpstreamInvalid, UpstreamTimeout, UpstreamUnavailable
from gateway.frames import without_frames
from gateway.upstream.answers import unreadable_write
from gateway.upstream.calls.call import OpenAnswer
from gateway.upstream.causes import Cause, Troubles, misdirected
from gateway.upstream.wire import Answer, AnswerTooLong, TimedOut, WireError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.errors import UpstreamError
    from gateway.upstream.calls.call import Call
    from gateway.upstream.calls.config import ClientConfig
    from gateway.upstream.credential import Credential
    from gateway.upstream.scope import CallScope
    from gateway.upstream.wire import Wire

__all__ = ["Exchange"]

MAX_REFUSAL_BYTES: Final = 64 * 1024


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
                    timeout_s=_timeout_s(scope) if scope.is_timed else math.inf,
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
                    timeout_s=_timeout_s(call.scope),
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
                # Else it is nothing but an address.
                if credential.header:
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


def _timeout_s(scope: CallScope) -> float:
    """How long an exchange may take that begins now."""
    return scope.deadline - asyncio.get_running_loop().time()


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
