"""Callers: made of what carries their operations, and watched while these run.

    headers of a request, or a message ── Callers ──► caller
    request under way ────── Watch ───► ended when its caller leaves, or the gateway stops

The watch looks at all requests that are under way ten times a second, so that neither a timer nor a
task has to be made for each: requests whose body does not arrive in time are ended, and operations
that still run are ended when their caller leaves, or when the gateway stops. Requests that are
answered between two looks cost it an entry in a set.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from ipaddress import ip_address, ip_network
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from gateway.errors import BadInput
from gateway.execution.request import Caller
from gateway.transport.origins import ORIGIN_HEADERS, origin_in
from gateway.transport.request import HttpError, new_request_id
from gateway.upstream.credential import PRESENTED_IN, Credential

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from gateway.execution.request import Carrier
    from gateway.hooks import Origin
    from gateway.transport.cycle import Cycle
    from gateway.transport.request import HttpRequest

__all__ = ["Callers", "Ending", "Watch", "Watched"]

LOOK_EVERY_S: Final = 0.1

_FRESH: Final = {b"no-cache", b"no-store", b"max-age=0"}


class Callers:
    """Makes callers. Where there are `trusted_proxies` (networks) they have addresses, and where it
    `forwards_address` their calls are made in the name of these.
    `fingerprint_key` is the key of their credentials' fingerprints,
    `operation_timeout_s` how long the upstream calls of an operation may take together.
    """

    def __init__(
        self,
        fingerprint_key: bytes,
        operation_timeout_s: float,
        trusted_proxies: Collection[str] = (),
        *,
        forwards_address: bool = False,
    ) -> None:
        self._trusted_proxies = [ip_network(proxy) for proxy in trusted_proxies]
        self._tells_address = bool(trusted_proxies) or forwards_address
        self._forwards_address = forwards_address
        self._fingerprint_key = fingerprint_key
        self._operation_timeout_s = operation_timeout_s

    def of_request(self, request: HttpRequest, carrier: Carrier, started: float) -> Caller:
        """The caller that an HTTP request's headers tell; `started` is when it began to arrive, by
        the loop's clock. Raises `HttpError` (400) for a credential that no header can carry.
        """
        address = self._address(request.scope) if self._tells_address else ""
        return Caller(
            carrier,
            self._credential_of(request, address),
            request.request_id,
            request.arrived,
            started + self._operation_timeout_s,
            b"cache-control" in request.headers and _wants_fresh(request.headers),
            False,  # noqa: FBT003 - by position: names cost as much as the rest
            False,  # noqa: FBT003 - as above
            address,
            # As `origin_in`, without calling it.
            None
            if not address and ORIGIN_HEADERS.isdisjoint(request.headers)
            else origin_in(request.headers, address),
        )

    def _credential_of(self, request: HttpRequest, address: str) -> Credential | None:
        """What a request presents. A connection remembers its last one: most present no other."""
        presented = (*map(request.headers.get, PRESENTED_IN), address)
        connection = None if request.cycle is None else request.cycle.connection
        if connection is not None and connection.remembered is not None:
            before: tuple[object, Credential | None] = connection.remembered
            if before[0] == presented:
                return before[1]
        try:
            credential = self.credential_among(request.headers, address)
        except BadInput as error:
            raise HttpError(400, error.code, error.message) from None
        if connection is not None:
            connection.remembered = presented, credential
        return credential

    def credential_among(
        self, headers: Mapping[bytes, bytes], address: str = ""
    ) -> Credential | None:
        """What these headers present, from an address if that is forwarded; raises `BadInput` for
        what no header can carry.
        """
        found = Credential.from_headers(headers, self._fingerprint_key)
        if not self._forwards_address:
            return found
        return Credential.seen_from(address, found, self._fingerprint_key)

    def address_of(self, scope: Any) -> str:
        """Where a connection with this ASGI scope comes from, if that is told."""
        return self._address(scope) if self._tells_address else ""

    def of_message(
        self, address: str, carrier: Carrier, credential: Credential | None, origin: Origin | None
    ) -> Caller:
        """The caller of an operation that arrives now, on a connection from this address whose
        caller has presented this credential.
        """
        return Caller(
            carrier,
            credential,
            new_request_id(),
            perf_counter(),
            asyncio.get_running_loop().time() + self._operation_timeout_s,
            address=address,
            origin=origin,
        )

    def _address(self, scope: Any) -> str:
        """Where a request comes from: the last address on its way that is no trusted proxy's."""
        client = scope.get("client")
        way = [client[0] if client else ""]
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                way[:0] = [part.strip() for part in value.decode("latin-1").split(",")]
        for address in reversed(way):
            try:
                told = ip_address(address)
            except ValueError:
                return ""
            if not any(told in proxies for proxies in self._trusted_proxies):
                return str(told)
        return way[0]


class Ending(Enum):
    """Why a request was ended from outside."""

    TOO_SLOW = "it did not arrive in time"
    LEFT = "the caller left"
    CUT_OFF = "the gateway stopped before it was done"


class Watched(Struct, eq=False):
    """One request under way, and the task that answers it.

    `started` is by the loop's clock, which stands still between two turns of the loop. Whoever
    answers the request sets `is_receiving` while its body arrives, and `caller` once its operations
    run.
    """

    receive: Callable[[], Awaitable[Any]]
    started: float
    _task: asyncio.Task[Any] | None
    # Knows the task where the request is answered by an eager start.
    _cycle: Cycle | None
    is_receiving: bool = False
    caller: Caller | None = None
    listener: asyncio.Task[None] | None = None
    ending: Ending | None = None

    @property
    def task(self) -> asyncio.Task[Any] | None:
        """What answers the request; None in the first step of an eager start."""
        if self._task is None and self._cycle is not None:
            return self._cycle.task
        return self._task

    def end(self, ending: Ending) -> None:
        """Stop what is being done for this request."""
        if self.ending is None and self.task is not None:
            self.ending = ending
            if self.caller is not None:
                self.caller.has_left = ending is Ending.LEFT
                self.caller.is_cut_off = ending is Ending.CUT_OFF
            self.task.cancel()

    def was_ended(self) -> bool:
        """Did the request end by its `ending`, and was its task cancelled for nothing else?"""
        return self.ending is not None and (self.task is None or self.task.uncancel() == 0)

    async def listen(self) -> None:
        """Wait for the caller to leave."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
        self.end(Ending.LEFT)


class Watch:
    """The requests under way."""

    def __init__(self, receive_timeout_s: float) -> None:
        self._receive_timeout_s = receive_timeout_s
        self._all: set[Watched] = set()
        self._held: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_hung_up = False

    def __len__(self) -> int:
        return len(self._all) + len(self._held)

    def enter(
        self,
        receive: Callable[[], Awaitable[Any]],
        loop: asyncio.AbstractEventLoop,
        cycle: Cycle | None,
    ) -> Watched:
        """Watch over a request; call it where that is answered."""
        watched = Watched(receive, loop.time(), asyncio.current_task(loop), cycle)
        self._all.add(watched)
        if self._timer is None:
            self._timer = loop.call_later(LOOK_EVERY_S, self._look, loop)
        return watched

    def hold(self, watched: Watched) -> None:
        """Watch over a response that goes on for long: its caller is listened for from now on, and
        it ends when the gateway begins to stop; at once, if it has.
        """
        self._all.discard(watched)
        self._held.add(watched)
        if watched.listener is None:
            watched.listener = asyncio.get_running_loop().create_task(watched.listen())
        if self._is_hung_up:
            watched.end(Ending.CUT_OFF)

    def leave(self, watched: Watched) -> None:
        self._all.discard(watched)
        self._held.discard(watched)
        listener, watched.listener = watched.listener, None
        if listener is not None:
            # It holds the request, and with it the whole answer: hold on to it no longer, or both
            # wait for the collector.
            listener.cancel()

    def cut_off(self) -> None:
        """End all that is under way: the gateway stops."""
        for watched in self._all:
            watched.end(Ending.CUT_OFF)
        self.hang_up()

    def hang_up(self) -> None:
        """End what would go on for long, and what begins to from now on."""
        self._is_hung_up = True
        for watched in self._held:
            watched.end(Ending.CUT_OFF)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        too_early = loop.time() - self._receive_timeout_s
        for watched in self._all:
            if not watched.is_receiving:
                if watched.listener is None:
                    watched.listener = loop.create_task(watched.listen())
            elif watched.started <= too_early:
                watched.end(Ending.TOO_SLOW)
        self._timer = loop.call_later(LOOK_EVERY_S, self._look, loop) if self._all else None


def _wants_fresh(headers: Mapping[bytes, bytes]) -> bool:
    """Do they ask for an answer that nobody kept (RFC 9111, 5.2.1)?"""
    words = headers[b"cache-control"].lower().replace(b" ", b"").split(b",")
    return not _FRESH.isdisjoint(words)
