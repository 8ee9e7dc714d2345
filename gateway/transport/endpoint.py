"""GraphQL over HTTP: the ASGI endpoint at `/graphql`.

    headers ── negotiate ── body or query string ── document ── engine ── response, record

Follows the draft of 2025 (https://graphql.github.io/graphql-over-http/draft/). Written on ASGI
itself: a framework's request and response objects cost more than a small operation.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.errors import BadInput, ResponseTooLarge
from gateway.transport.cors import CrossOrigin
from gateway.transport.negotiation import (
    GRAPHQL_RESPONSE,
    HTML,
    content_type_fault,
    negotiate,
)
from gateway.transport.parameters import read_body, read_query
from gateway.transport.persisted import PersistedDocuments
from gateway.transport.refusal import Headers, Refusal, error_body
from gateway.transport.visit import CallerLeft, Ending, Visit, Watch
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.execution.engine import Engine, GraphQLRequest, Outcome
    from gateway.settings import Settings
    from gateway.transport.explorer import Explorer
    from gateway.transport.records import Records

__all__ = ["Endpoint"]

record = logging.getLogger("gateway.transport")

METHODS: Final = (b"allow", b"GET, HEAD, OPTIONS, POST")
CLOSE: Final = (b"connection", b"close")
CALLER_LEFT: Final = 499  # as nginx counts it; nobody receives it


class Response(msgspec.Struct, frozen=True, gc=False):
    """What goes out: `codes` are the distinct `extensions.code`s in it."""

    status: int
    body: bytes
    headers: Headers = ()
    codes: tuple[str, ...] = ()


class Endpoint:
    """Answers GraphQL requests with an engine; `explorer` is what browsers get, if anything."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        records: Records,
        explorer: Explorer | None = None,
    ) -> None:
        self._engine = engine
        self._records = records
        self._explorer = explorer
        self._operation_timeout_s = settings.request_timeout_s
        self._max_body_bytes = settings.max_body_bytes
        self._max_response_bytes = settings.max_response_bytes
        self._max_batch = settings.max_batch
        self._max_values = settings.max_values
        self._max_calls_in_flight = settings.max_calls_in_flight
        self._persisted = PersistedDocuments(settings.persisted_documents)
        self._cross_origin = CrossOrigin(settings.cors_origins)
        self._watch = Watch(settings.receive_timeout_s)
        vary = b"accept, origin" if settings.cors_origins else b"accept"
        # Answers depend on the credential, so no cache between here and the caller may keep them.
        # For POST that goes without saying (RFC 9110, 9.3.3).
        self._not_by_post: Headers = ((b"vary", vary), (b"cache-control", b"no-store"))

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        visit = Visit(scope, receive, send)
        self._watch.enter(visit, asyncio.get_running_loop())
        try:
            response = await self._answer(visit)
        except Refusal as refusal:
            response = _refused(visit, refusal)
        except (asyncio.CancelledError, CallerLeft):
            if not visit.was_ended():
                raise
            response = _ended(visit)
        except Exception:  # noqa: BLE001 - the edge of a request: recorded, told by its id only
            record.exception("request %s failed unexpectedly", visit.request_id)
            response = _failed(visit)
        finally:
            self._watch.leave(visit)
        if response.status != CALLER_LEFT:
            headers = response.headers
            if visit.method != "POST":
                headers += self._not_by_post
            if b"origin" in visit.found:
                headers += self._cross_origin.headers(visit.found[b"origin"])
            await visit.respond(response.status, response.body, headers)
        if self._records.tells_requests:
            self._records.tell_request(
                visit,
                status=response.status,
                size_bytes=len(response.body),
                codes=response.codes,
            )

    async def _answer(self, visit: Visit) -> Response:
        method, accept = visit.method, visit.found.get(b"accept", b"")
        if method == "POST":
            visit.media_type = _negotiated(negotiate(accept))
            body = await self._body(visit)
            request = read_body(body, max_batch=self._max_batch, max_values=self._max_values)
            if isinstance(request, list):
                return await self._run_batch(visit, request)
        elif method in {"GET", "HEAD"}:
            explorer = self._explorer
            visit.media_type = _negotiated(negotiate(accept, offers_html=explorer is not None))
            if explorer is not None and visit.media_type is HTML:
                return Response(200, *explorer.page())
            request = read_query(visit.scope["query_string"])
        elif method == "OPTIONS":
            origin = visit.found.get(b"origin")
            return Response(200, b"", (METHODS, *self._cross_origin.preflight(origin)))
        else:
            raise Refusal(405, "METHOD_NOT_ALLOWED", "send operations by POST or GET", (METHODS,))
        visit.upstream = self._call_scope(visit)
        return await self._run(visit, request, visit.upstream)

    async def _body(self, visit: Visit) -> bytes:
        """The body of a POST, once its headers promise one we can read."""
        found = visit.found
        fault = content_type_fault(found.get(b"content-type", b""))
        if fault is not None or found.get(b"content-encoding", b"identity") != b"identity":
            raise Refusal(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                fault or "send the body without a content-encoding",
                ((b"accept", b"application/json"),),
            )
        visit.is_receiving = True
        body = await visit.receive_body(self._max_body_bytes)
        visit.is_receiving = False
        return body

    def _call_scope(self, visit: Visit) -> CallScope:
        try:
            credential = Credential.from_headers(visit.scope["headers"])
        except BadInput as error:
            raise Refusal(400, error.code, error.message) from None
        return CallScope(
            credential,
            visit.started + self._operation_timeout_s,
            visit.request_id,
            max_at_once=self._max_calls_in_flight,
            max_bytes=self._max_response_bytes,
        )

    async def _run(self, visit: Visit, request: GraphQLRequest, scope: CallScope) -> Response:
        """Run one operation. It is recorded with the visit's outcome."""
        persisted = request.extensions and request.extensions.get("persistedQuery")
        if persisted:
            request.query = self._persisted.find(request.query, persisted)
        if request.query is None:
            raise Refusal(400, "BAD_REQUEST", "the parameter query is missing")
        visit.document = request.query
        try:
            return await self._ran(visit, request, scope, persisted=persisted)
        except ResponseTooLarge as error:
            body = error_body(error.message, error.code, visit.request_id, data=True)
            return Response(200, body, codes=(error.code,))

    async def _ran(
        self, visit: Visit, request: GraphQLRequest, scope: CallScope, *, persisted: Any
    ) -> Response:
        outcome = visit.outcome = await self._engine.run(
            request, scope, allow_mutations=visit.method == "POST"
        )
        if persisted and outcome.operation_type is not None:
            self._persisted.keep(request.query or "")
        if not outcome.is_large:
            return self._response(visit, outcome, outcome.body())
        steps = outcome.body_steps(self._max_response_bytes)
        return self._response(visit, outcome, await self._engine.turns.run(steps))

    async def _run_batch(self, visit: Visit, requests: list[GraphQLRequest]) -> Response:
        """Run operations side by side; one array of responses, in order."""
        scopes = [self._call_scope(visit) for _ in requests]

        async def run(request: GraphQLRequest, scope: CallScope) -> Response:
            try:
                return await self._run(visit, request, scope)
            except Refusal as refusal:
                return _refused(visit, refusal)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(*pair)) for pair in zip(requests, scopes, strict=True)]
        responses = [task.result() for task in tasks]
        visit.upstream, visit.outcome, visit.document = _summed(visit, scopes), None, None
        return Response(
            200,
            b"[%b]" % b",".join(response.body for response in responses),
            codes=tuple({code: None for response in responses for code in response.codes}),
        )

    def _response(self, visit: Visit, outcome: Outcome, body: bytes) -> Response:
        if len(body) > self._max_response_bytes:
            raise ResponseTooLarge.by_bytes(self._max_response_bytes)
        errors = outcome.errors
        codes = tuple({error["extensions"]["code"]: None for error in errors}) if errors else ()
        if outcome.began:
            return Response(200, body, codes=codes)
        if outcome.is_refused_mutation:
            return Response(405, body, ((b"allow", b"POST"),), codes)
        return Response(_request_error_status(visit), body, codes=codes)


def _request_error_status(visit: Visit) -> int:
    """For a request that is well formed and yet cannot be executed (GraphQL over HTTP, 6.4)."""
    return 400 if visit.media_type is GRAPHQL_RESPONSE else 200


def _negotiated(media_type: bytes | None) -> bytes:
    if media_type is None:
        raise Refusal(
            406,
            "NOT_ACCEPTABLE",
            "accept application/graphql-response+json or application/json",
        )
    return media_type


def _refused(visit: Visit, refusal: Refusal) -> Response:
    status = refusal.status or _request_error_status(visit)
    body = error_body(refusal.message, refusal.code, visit.request_id)
    return Response(status, body, refusal.headers, (refusal.code,))


def _ended(visit: Visit) -> Response:
    if visit.ending is Ending.LEFT:
        return Response(CALLER_LEFT, b"")
    message = "the request did not arrive in time"
    body = error_body(message, "REQUEST_TIMEOUT", visit.request_id)
    return Response(408, body, (CLOSE,), ("REQUEST_TIMEOUT",))


def _failed(visit: Visit) -> Response:
    code = "INTERNAL_SERVER_ERROR"
    message = "internal error; the gateway's records hold it under this request id"
    return Response(500, error_body(message, code, visit.request_id), (), (code,))


def _summed(visit: Visit, scopes: list[CallScope]) -> CallScope:
    """What the operations of a batch came to together."""
    total = CallScope(scopes[0].credential, scopes[0].deadline, visit.request_id)
    for scope in scopes:
        total.tally.calls += scope.tally.calls
        total.tally.shared += scope.tally.shared
        total.tally.cached += scope.tally.cached
        total.tally.retried += scope.tally.retried
    return total
