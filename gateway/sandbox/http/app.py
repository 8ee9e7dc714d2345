"""The ASGI application: reads a request, calls its endpoint, sends the answer.

Starlette has the lifespan and the mounts. Everything that is not mounted goes to `Api`. It matches
the encoded path itself, and it keeps the raw `send` so that faults can reach the connection.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.sandbox.http.answers import Answer, EarlyAnswer, error
from gateway.sandbox.http.call import Call
from gateway.sandbox.http.faults import choose, deliver, replacement
from gateway.sandbox.http.pages import Pages
from gateway.sandbox.http.params import merge_body, nested
from gateway.sandbox.http.routes import Match, match
from gateway.sandbox.world.jsontext import compact

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, MutableSequence
    from random import Random

    from starlette.types import ASGIApp, Receive, Scope, Send

    from gateway.sandbox.http.faults import Fault
    from gateway.sandbox.http.instance import Instance

__all__ = ["Api", "Received", "make_app"]

_log = logging.getLogger("gateway.sandbox")
_MAX_TARGET = 8 * 1024
_TICK_S = 0.25
_READING = ("GET", "HEAD")
_CREDENTIALS = ("private-token", "authorization", "job-token")


@dataclass(slots=True)
class Received:
    """One request as it arrived: what a test counts as an upstream call."""

    method: str
    raw_path: str
    """Encoded path and query, as sent."""
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes
    status: int | None = None
    """The status answered; None until then, and also if a fault sends no answer."""


class Api:
    """Everything below /api of one instance."""

    def __init__(
        self,
        instance: Instance,
        *,
        faults: Callable[[], list[Fault]],
        chance: Random,
        received: MutableSequence[Received] | None,
        after_write: Callable[[], None] = lambda: None,
    ) -> None:
        self.instance = instance
        self._after_write = after_write
        self._received = received
        self._faults = faults
        self._chance = chance
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # A WebSocket is refused before it is accepted.
            await send({"type": "websocket.close", "code": 1000})
            return
        started = perf_counter()
        body = await _read(receive)
        method, path = scope["method"], scope["raw_path"].decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        target = f"{path}?{query}" if query else path
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        seen = Received(method, target, headers, body)
        if self._received is not None:
            self._received.append(seen)
        found = match(method, path)
        fault: Fault | None = None
        if faults := self._faults():
            for struck in choose(
                faults, self._chance, endpoint=found.name, method=method, target=target
            ):
                if struck.kind == "latency":
                    await asyncio.sleep(struck.seconds)
                else:
                    fault = struck
        credential = next((headers[name] for name in _CREDENTIALS if name in headers), "")
        limits, refused = self.instance.limits.admit(credential, self.instance.profile)
        answer = refused or self._answer(scope["scheme"], found, seen, path, query, fault)
        answer.headers |= limits
        if fault is None or fault.kind not in {"reset", "hang"}:
            seen.status = answer.status
        if method == "HEAD":
            answer.headers["Content-Length"] = str(len(answer.body))
            answer.body = b""
        self._requests += 1
        await deliver(
            answer, self._headers(answer, started), fault=fault, receive=receive, send=send
        )

    def _answer(
        self, scheme: str, found: Match, seen: Received, path: str, query: str, fault: Fault | None
    ) -> Answer:
        """The endpoint's answer, or a fault's in its place; a fault may skip the endpoint."""
        instance = self.instance
        instead: Answer | None = None
        if fault is not None:
            instead = replacement(
                fault, target=seen.raw_path, profile=instance.profile, now=instance.clock.now()
            )
            if not fault.executes:
                return instead or Answer(200)
        try:
            with instance.store.lock:
                answer = self._call(scheme, found, seen, path, query)
                if seen.method not in _READING:
                    self._after_write()
                    instance.store.commit()
        except EarlyAnswer as early:
            answer = early.answer
        except Exception:  # noqa: BLE001 - the edge: a bug here is GitLab's 500 to the client
            _log.exception("a bug in the sandbox: %s %s", seen.method, path)
            instance.store.rollback()
            answer = Answer.json({"message": "500 Internal Server Error"}, status=500)
        if instead is not None:
            return instead
        if seen.method not in _READING:
            # What a write answers is nobody's copy to keep.
            answer.headers.pop("Etag", None)
            return answer
        return answer.if_changed(seen.headers.get("if-none-match"))

    def _call(self, scheme: str, found: Match, seen: Received, path: str, query: str) -> Answer:
        if path == "/api/v3" or path.startswith("/api/v3/"):
            gone = "API V3 is no longer supported. Use API V4 instead."
            raise error(410, {"error": gone})
        if len(seen.raw_path) > _MAX_TARGET:
            return Answer.text("414 Request-URI Too Large\n", status=414)
        if found.endpoint is None:
            is_page = seen.method in _READING and not path.startswith("/api/")
            shown = Pages(self.instance).find(path) if is_page else None
            if shown is None:
                raise _unrouted(seen.method, found)
            return shown
        params: dict[str, Any] = nested(query) if query else {}
        if seen.body:
            merge_body(params, seen.headers.get("content-type", ""), seen.body)
        params |= found.params
        call = Call(
            self.instance,
            method=seen.method,
            scheme=scheme,
            path=path,
            query=query,
            headers=seen.headers,
            params=params,
        )
        return found.endpoint(call)

    def _headers(self, answer: Answer, started: float) -> list[tuple[bytes, bytes]]:
        request_id = f"01SANDBOX{self._requests:017}"
        headers = answer.headers | {
            "Vary": "Origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "SAMEORIGIN",
            "X-Request-Id": request_id,
            "X-Runtime": f"{perf_counter() - started:.6f}",
        }
        if self.instance.profile.meta_header:
            headers["X-Gitlab-Meta"] = compact({"correlation_id": request_id, "version": "1"})
        return [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
        ]


def _unrouted(method: str, found: Match) -> EarlyAnswer:
    if not found.allowed:
        return error(404, {"error": "404 Not Found"})
    allow = {"Allow": ", ".join(found.allowed)}
    if method == "OPTIONS":
        return EarlyAnswer(Answer(204, allow))
    return error(405, {"error": "405 Not Allowed"}, allow)


async def _read(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body


class _Application(Starlette):
    """Starlette without its own middlewares, which wrap `send`. `Api` answers its errors itself."""

    def build_middleware_stack(self) -> ASGIApp:
        return self.router


def make_app(api: Api, *, tick: Callable[[], None] | None, admin: ASGIApp | None) -> Starlette:
    """The application. While it is served, it calls `tick` four times a second (a live world)."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        ticking = asyncio.create_task(_keep_ticking(tick)) if tick is not None else None
        try:
            yield
        finally:
            if ticking is not None:
                ticking.cancel()
                with suppress(asyncio.CancelledError):
                    await ticking

    mounts = [Mount("/sandbox", admin)] if admin is not None else []
    return _Application(routes=[*mounts, Mount("/", api)], lifespan=lifespan)


async def _keep_ticking(tick: Callable[[], None]) -> None:
    while True:
        tick()
        await asyncio.sleep(_TICK_S)
