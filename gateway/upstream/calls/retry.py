"""The layer that sends a read again, until its answer is one to go by."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import random
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from gateway.errors import (
    RateLimited,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.frames import without_frames
from gateway.upstream.answers import error_of
from gateway.upstream.paths import has_dots
from gateway.upstream.web_urls import origin_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.errors import UpstreamError
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.calls.config import ClientConfig
    from gateway.upstream.wire import Answer

__all__ = ["Retry"]

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS: Final = 3


class Retry:
    """Gives 2xx answers, and raises the error that any other one means.

    A read is sent again after connection failures, 5xx and 429, with growing pauses drawn at
    random, as long as its deadline allows; redirects are followed within the API. Writes are sent
    once. `draw` gives numbers from 0 to 1.
    """

    def __init__(
        self, below: Layer, config: ClientConfig, *, draw: Callable[[], float] = random
    ) -> None:
        self._below = below
        self._config = config
        self._draw = draw
        self._base = f"{urlsplit(config.url).path.rstrip('/')}/"

    async def send(self, call: Call) -> Answer:
        retries = redirects = 0
        while True:
            error: UpstreamError
            try:
                answer = await self._below.send(call)
            except (UpstreamUnavailable, UpstreamTimeout) as failure:
                error = without_frames(failure)
            else:
                if 200 <= answer.status < 300:
                    return answer
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
                )
                del answer
            pause_s = self._pause_s(error, retries, call)
            if pause_s is None:
                try:
                    raise error
                finally:
                    # It holds this frame.
                    del error
            retries += 1
            call.scope.tally.retried += 1
            call = call.again()
            await asyncio.sleep(pause_s)

    def _moved_to(self, call: Call, answer: Answer) -> str:
        """The target of a redirect that stays within the origin and below the base."""
        asked = urljoin(self._config.url, self._base + call.target[1:])
        with suppress(ValueError):
            location = answer.header("location")
            address = urljoin(asked, location) if location else ""
            _, _, path, query, _ = urlsplit(address)
            stays = origin_of(address) == origin_of(asked) and path.startswith(self._base)
            if stays and not has_dots(path):
                below = path[len(self._base) - 1 :]
                return f"{below}?{query}" if query else below
        raise UpstreamInvalid(
            "the upstream redirects away from its API; set the gateway's upstream URL to the"
            " address it redirects to",
            endpoint=call.route.endpoint,
            status=answer.status,
            upstream_request_id=answer.header("x-request-id"),
        )

    def _pause_s(self, error: UpstreamError, retries: int, call: Call) -> float | None:
        """How long to wait before a call is sent again; None where it is not."""
        if retries >= self._config.max_retries or not call.route.is_read:
            return None
        longest = min(self._config.retry_pause_s * 2**retries, self._config.max_pause_s)
        pause_s = self._draw() * longest
        if isinstance(error, RateLimited):
            # Where the upstream tells no time its limits are by the minute: it is of no use to ask
            # again.
            if error.retry_after_s is None:
                return None
        elif not isinstance(error, UpstreamTimeout) and (
            not isinstance(error, UpstreamUnavailable) or error.is_circuit_open or error.is_lasting
        ):
            return None
        pause_s += error.retry_after_s or 0.0
        left_s = call.scope.deadline - asyncio.get_running_loop().time()
        return pause_s if pause_s < left_s else None
