"""A call, and what a layer is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from gateway.upstream.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AsyncExitStack

    from gateway.upstream.entities import ProjectKey
    from gateway.upstream.routes import Arguments, Route
    from gateway.upstream.scope import CallScope
    from gateway.upstream.wire import StreamedAnswer

__all__ = ["Call", "Layer", "NotModified", "OpenAnswer"]


class Call(Struct, frozen=True, eq=False):
    """One request to the upstream.

    `target` is its path below the API's base, query included. A call whose body is taken in pieces
    has a `stack`: it holds the answer open, and whoever made the call closes it. `attempt` counts
    from 1; `headers` are sent with it as well. A kept answer is good enough where its read began no
    longer than `max_age_s` ago. `rows` are how many it asks for.
    """

    route: Route
    arguments: Arguments
    scope: CallScope
    target: str
    body: bytes | None = None
    stack: AsyncExitStack | None = None
    attempt: int = 1
    max_age_s: float = math.inf
    rows: int = 1
    headers: Mapping[str, str] | None = None

    @classmethod
    def of(
        cls,
        scope: CallScope,
        route: Route,
        *arguments: ProjectKey,
        query: str = "",
        body: bytes | None = None,
        stack: AsyncExitStack | None = None,
        max_age_s: float = math.inf,
        rows: int = 1,
    ) -> Call:
        """A call of a route; `query` begins with its "?". Raises `BadInput`, as `Route.path`."""
        target = route.path(arguments) + query
        return cls(route, arguments, scope, target, body, stack, 1, max_age_s, rows)

    @property
    def subject(self) -> str:
        """What it asks for, as it reads in a message."""
        return self.route.subject(self.arguments)

    @property
    def project(self) -> ProjectKey | None:
        """The project that it asks, as the caller named it."""
        return self.route.project(self.arguments)

    def again(self, target: str | None = None) -> Call:
        """The same call once more, at the place that it was moved to, if it was."""
        return replace(self, attempt=self.attempt + 1, target=target or self.target)


class OpenAnswer(Answer, eq=False, kw_only=True):
    """The answer to a call with a stack: the body is read from `stream`, piece by piece."""

    stream: StreamedAnswer

    @classmethod
    def of(cls, stream: StreamedAnswer) -> OpenAnswer:
        """The answer that this stream has begun."""
        return cls(stream.status, stream.header, b"", stream=stream)


class NotModified(Exception):
    """The upstream has nothing newer than what it answered before (304), to a scope with tags."""


class Layer(Protocol):
    """What happens to a call on its way to the upstream, or its answer on the way back. Each layer
    but the last knows the one below it.
    """

    async def send(self, call: Call) -> Answer:
        """The answer to a call; raises the `UpstreamError`s of `gateway.errors`.

        Above `Retry` it is a 2xx answer. A call with a stack has an `OpenAnswer` where that is so.
        """
