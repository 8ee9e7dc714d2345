"""The layers that make the attempts at a call.

Retry        as many as it takes, within the deadline
  ...          the pace and the circuit, which each attempt passes
    Observe    tells hooks of each
      Exchange   carries each over the wire (`exchange`)
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import random
from time import perf_counter
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from msgspec.structs import replace

from gateway.errors import RateLimited, UpstreamInvalid, UpstreamTimeout, UpstreamUnavailable
from gateway.frames import without_frames
from gateway.hooks import CallEvent, tell
from gateway.upstream.answers import error_of, place_in
from gateway.upstream.calls.call import NotModified
from gateway.upstream.calls.retry_budget import RetryBudget
from gateway.upstream.calls.telling import waiting
from gateway.upstream.paths import has_dots
from gateway.upstream.web_urls import origin_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.errors import UpstreamError
    from gateway.hooks import Hooks
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.calls.config import ClientConfig
    from gateway.upstream.calls.standing import Standings
    from gateway.upstream.wire import Answer

__all__ = ["Observe", "Retry"]

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS: Final = 3


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
        if scope.heard is not None:
            scope.heard.append(event)
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
