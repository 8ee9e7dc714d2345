"""An upstream that limits its callers, and callers of one credential: time is driven.

it = Chain(Limited(limit=60))
await Caller().ask_for(it, seconds=180)
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from gateway.errors import GatewayError, RateLimited, UpstreamTimeout
from gateway.upstream import routes
from gateway.upstream.calls import Call, ClientConfig, Standings, standard_chain
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from tests.harness.driven import EPOCH, Upstream, answer_of

__all__ = ["ENDPOINTS", "Caller", "Chain", "Limited", "now", "outcome", "take"]

CONFIG = ClientConfig("https://gitlab.test/api/v4", retry_pause_s=0)
ENDPOINTS = (
    b'{"message":{"error":"This endpoint has been requested too many times. Try again later."}}'
)


@dataclass
class Limited:
    """Serves so many calls of a credential in each window of its clock, and tells what is left."""

    limit: int = 60
    tells: bool = True
    name: str | None = "throttle_authenticated_api"
    routes: tuple[str, ...] = ()
    """What it counts, by the end of the path; all where none is named."""
    refusal: bytes = b"Retry later\n"
    kind: str = "text/plain"
    window_s: int = 60
    served: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)

    def __call__(self, asked):
        now = asyncio.get_running_loop().time()
        path = asked.target.partition("?")[0]
        if self.routes and not path.endswith(self.routes):
            return answer_of({"id": 1}, now=now)
        key = (asked.token, int(now // self.window_s))
        is_refused = self.served[key] >= self.limit
        (self.refused if is_refused else self.served)[key] += 1
        headers: dict[str, object] = {}
        if self.tells:
            headers = {
                "RateLimit_Limit": self.limit,
                "RateLimit_Remaining": self.limit - self.served[key],
                "RateLimit_Reset": EPOCH + int(now // self.window_s + 1) * self.window_s,
            }
            if self.name:
                headers["RateLimit_Name"] = self.name
        if is_refused:
            body = self.refusal
            return answer_of(body, 429, now=now, content_type=self.kind, **headers)
        return answer_of({"id": 1, "status": "running", "name": "x"}, now=now, **headers)

    def of_all(self, counted):
        return [sum(n for (_, at), n in counted.items() if at == minute) for minute in range(4)]

    def of(self, token, counted):
        return [counted[token, minute] for minute in range(4)]


class Chain:
    def __init__(self, limited, *, sharers=1, pace=None, **options):
        self.limited = limited
        self.upstream = Upstream(limited, **options)
        self.standings = Standings(sharers, pace)
        self.chain = standard_chain(self.upstream, CONFIG, standings=self.standings)
        self._numbers = iter(range(1, 10**9))

    async def ask(self, token="a", *, route=routes.JOB, seconds=30.0, patient=False):
        """One call, of a target that nobody else asks for, to join none."""
        # A poll has tags, so it joins no other call.
        tags = {} if patient else None
        its_scope = CallScope(
            Credential("PRIVATE-TOKEN", token), now() + seconds, patient=patient, tags=tags
        )
        arguments = (1, next(self._numbers)) if len(route.of) > 1 else (next(self._numbers),)
        await self.chain.send(Call.of(its_scope, route, *arguments))
        return its_scope


def now():
    return asyncio.get_running_loop().time()


async def take(limiter, call):
    """As the layer does."""
    if not limiter.take_at_once(call):
        await limiter.take(call)


async def outcome(asking):
    """When it was answered, or the error."""
    try:
        await asking
    except GatewayError as error:
        return error
    return now()


@dataclass
class Caller:
    """Asks again as soon as it is answered; where it is told to wait, it does."""

    waits: list[float] = field(default_factory=list)
    answers: int = 0
    errors: list[GatewayError] = field(default_factory=list)
    too_late: int = 0
    """Turns that came too late for a slow upstream."""

    async def ask_for(self, it, seconds, token="a"):
        while (began := now()) < seconds:
            try:
                await it.ask(token)
                self.answers += 1
            except RateLimited as error:
                self.errors.append(error)
                await asyncio.sleep(max(error.retry_after_s or 0, 0.5))
            except UpstreamTimeout:
                self.too_late += 1
            finally:
                self.waits.append(now() - began)
