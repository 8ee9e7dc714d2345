"""GraphQL over HTTP: the ASGI endpoint at `/graphql`.

    headers ── negotiate ── body or query string ── caller ── engine ── response

Follows the draft of 2025 (https://graphql.github.io/graphql-over-http/draft/). Written on ASGI
itself: a framework's request and response objects cost more than a small operation.
"""

from __future__ import annotations

import asyncio
import logging
import re
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from gateway.eager import own_task
from gateway.errors import TooManyOperations
from gateway.execution.request import Carrier, GraphQLRequest
from gateway.execution.response import RESPONSE_KINDS
from gateway.hooks import RequestEvent, tell
from gateway.transport.callers import Ending, Watch
from gateway.transport.compression import LEAST_BYTES
from gateway.transport.cors import CrossOrigin
from gateway.transport.http_response import LEFT, STREAMED, HttpResponse, ended, failed
from gateway.transport.negotiation import (
    GRAPHQL_RESPONSE,
    HTML,
    JSON,
    content_type_fault,
    names_stream,
    negotiate,
)
from gateway.transport.request import (
    CallerLeft,
    Headers,
    HttpError,
    HttpRequest,
    error_body,
    read_body,
    read_query,
)
from gateway.transport.streams import negotiate_stream, stream
from gateway.transport.subscription_quota import SubscriptionQuota, TooManySubscriptions
from gateway.transport.validators import is_current, validator_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.execution.engine import Engine
    from gateway.execution.response import GraphQLResponse, ResponseKind
    from gateway.hooks import Hooks
    from gateway.settings import Settings
    from gateway.transport.callers import Callers, Watched
    from gateway.transport.compression import Compressor
    from gateway.transport.explorer import Explorer
    from gateway.transport.streams import StreamFormat

__all__ = ["Endpoint"]

_log: Final = logging.getLogger("gateway.transport")

METHODS: Final = (b"allow", b"GET, HEAD, OPTIONS, POST")
_GZIP: Final = (b"content-encoding", b"gzip")
# What answers hang on, as requests name it.
CREDENTIALS: Final = ("authorization", "private-token", "job-token", "sudo")
PREFLIGHT_VARIES: Final = (
    b"origin, access-control-request-headers, access-control-request-private-network"
)
_HEADERS: Final[dict[ResponseKind, Headers]] = {
    "read only": ((b"allow", b"POST"),),
    "busy": ((b"retry-after", b"%d" % TooManyOperations.retry_after_s),),
}
# An administrator whose operation ran as himself would not notice.
SUDO_IN_ADDRESS: Final = (
    "sudo is not read from the address; send the header Sudo with the user's name or number"
)
_names_sudo: Final = re.compile(rb"(?:^|&)sudo(?:=|&|$)", re.IGNORECASE).search

# By which status each kind of response is told (GraphQL over HTTP, 6.4).
_IN_JSON: Final[dict[ResponseKind, int]] = {
    "executed": 200,
    "refused": 200,
    "malformed": 400,
    "read only": 405,
    "failed": 500,
    "stopped": 200,
    "busy": 429,
}
_IN_GRAPHQL_RESPONSE: Final[dict[ResponseKind, int]] = {**_IN_JSON, "refused": 400, "stopped": 503}
_CARRIERS: Final = {
    (method, media_type): Carrier("http", method, method != "POST", statuses)
    for method in ("POST", "GET", "HEAD")
    for media_type, statuses in ((JSON, _IN_JSON), (GRAPHQL_RESPONSE, _IN_GRAPHQL_RESPONSE))
}
# What becomes of each operation of a batch is told in its own response.
_BATCH: Final = Carrier("http", "POST", statuses=dict.fromkeys(RESPONSE_KINDS, 200))


class Endpoint:
    """Answers GraphQL requests with an engine; `explorer` is what browsers get, if anything.
    Without a `compressor` nothing is compressed.
    """

    def __init__(
        self,
        engine: Engine,
        callers: Callers,
        settings: Settings,
        hooks: Hooks,
        explorer: Explorer | None = None,
        compressor: Compressor | None = None,
        quota: SubscriptionQuota | None = None,
    ) -> None:
        self._engine = engine
        self._callers = callers
        self._hooks = hooks
        self._explorer = explorer
        self._max_body_bytes = settings.max_body_bytes
        self._max_batch = settings.max_batch
        self._max_values = settings.max_values
        self._cross_origin = CrossOrigin(settings.cors_origins)
        self._watch = Watch(settings.receive_timeout_s)
        self._compressor = compressor
        self._heartbeat_s = settings.heartbeat_s
        self._quota = quota or SubscriptionQuota(settings.max_subscriptions)
        varies = ["accept", *(["accept-encoding"] if compressor else ())]
        if settings.cors_origins:
            varies.append("origin")
        self._vary: Headers = ((b"vary", ", ".join(varies).encode()),)
        self._vary_of_preflight = ((b"vary", PREFLIGHT_VARIES),) if settings.cors_origins else ()
        # Answers depend on the credential, so no cache between here and the caller may keep them.
        # For POST that goes without saying (RFC 9110, 9.3.3).
        self._not_by_post: Headers = (*self._vary, (b"cache-control", b"no-store"))
        # Of trusted documents their callers may keep them, and ask each time whether they changed.
        of_credential = ", ".join([*varies, *CREDENTIALS]).encode()
        self._by_validator: Headers = (
            (b"vary", of_credential),
            (b"cache-control", b"private, no-cache"),
        )

    def hang_up(self) -> None:
        """End responses that would go on for long: the gateway begins to stop."""
        self._watch.hang_up()

    def cut_off(self) -> None:
        """Answer all that is under way, at once: with an error that says that the gateway stops."""
        self._watch.cut_off()

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        request = HttpRequest(scope, receive, send)
        watched = self._watch.enter(receive, asyncio.get_running_loop(), request.cycle)
        try:
            response = await self._answer(request, watched)
        except HttpError as error:
            body = error_body(error.message, error.code, request.request_id)
            response = HttpResponse(
                error.status, body, error.headers, (error.code,), reads_on=not request.is_read
            )
        except CallerLeft:
            response = LEFT
        except asyncio.CancelledError:
            if not watched.was_ended():
                raise
            response = ended(watched.ending, request)
        except Exception:  # noqa: BLE001 - the edge of a request: recorded, told by its id only
            response = failed(request)
        finally:
            self._watch.leave(watched)
        if response is not LEFT and response is not STREAMED:
            body, told = response.body, request.headers
            if (
                len(body) < LEAST_BYTES
                and request.method == "POST"
                and b"origin" not in told
                and not response.reads_on
                # Not by `in`: with bytes that raises an error inside, and catches it.
                and told.get(b"accept-encoding", b"").find(b"q=0") < 0
            ):
                await request.respond(response.status, body, response.headers)
            else:
                await self._respond(request, response)
        if watched.caller is None and self._hooks.request_ended:
            self._tell(request, response)

    async def _respond(self, request: HttpRequest, response: HttpResponse) -> None:
        """Answer what has more to be said of than a small answer to a POST."""
        body, headers, has_origin = response.body, response.headers, b"origin" in request.headers
        accept_encoding = request.headers.get(b"accept-encoding")
        is_large = len(body) >= LEAST_BYTES
        if request.method == "OPTIONS":
            headers += self._vary_of_preflight
        elif response.validator:
            headers += (*self._by_validator, (b"etag", response.validator))
        elif request.method != "POST":
            headers += self._not_by_post
        elif has_origin or is_large:
            headers += self._vary
        if has_origin:
            headers += self._cross_origin.headers(request.headers[b"origin"])
        if response.status == 304:
            await request.respond_unchanged(headers)
            return
        if (
            accept_encoding is not None
            and body
            and self._compressor is not None
            and (is_large or b"q=0" in accept_encoding)
            and self._compressor.takes(len(body), accept_encoding)
        ):
            body = await self._compressor.compress(body)
            headers += (_GZIP,)
        await request.respond(response.status, body, headers, reads_on=response.reads_on)

    async def _answer(self, request: HttpRequest, watched: Watched) -> HttpResponse:
        query_string = request.scope["query_string"]
        if query_string and _names_sudo(query_string):
            raise HttpError(400, "BAD_REQUEST", SUDO_IN_ADDRESS)
        method, accept = request.method, request.headers.get(b"accept", b"")
        asked: GraphQLRequest | list[GraphQLRequest] | HttpResponse
        if method == "POST":
            media_type = negotiate(accept)
            if media_type is None or names_stream(accept):
                asked = await self._in_stream(request, watched, accept, media_type)
            else:
                request.media_type = media_type
                body = await self._body(request, watched)
                asked = read_body(body, max_batch=self._max_batch, max_values=self._max_values)
        elif method in {"GET", "HEAD"}:
            explorer = self._explorer
            media_type = negotiate(accept, offers_html=explorer is not None)
            if explorer is not None and media_type is HTML:
                request.media_type = HTML
                return HttpResponse(200, *explorer.page())
            asked = await self._in_stream(request, watched, accept, media_type)
        elif method == "OPTIONS":
            return HttpResponse(200, b"", (METHODS, *self._preflight(request)))
        else:
            raise HttpError(405, "METHOD_NOT_ALLOWED", "send operations by POST or GET", (METHODS,))
        if not isinstance(asked, GraphQLRequest):
            if isinstance(asked, HttpResponse):
                return asked
            return await self._execute_batch(asked, request, watched)
        carrier = _CARRIERS[method, request.media_type]
        caller = watched.caller = self._callers.of_request(request, carrier, watched.started)
        response = await self._engine.execute(asked, caller)
        if carrier.is_read_only and _may_be_kept(response):
            return await self._revalidated(response.body, request)
        headers = _HEADERS.get(response.kind, ())
        return HttpResponse(carrier.statuses[response.kind], response.body, headers)

    async def _revalidated(self, body: bytes, request: HttpRequest) -> HttpResponse:
        """A response that its caller may keep; without its body where they have it."""
        validator = await validator_of(body, request.media_type)
        if is_current(request.headers.get(b"if-none-match", b""), validator):
            return HttpResponse(304, b"", validator=validator)
        return HttpResponse(200, body, validator=validator)

    async def _in_stream(
        self, request: HttpRequest, watched: Watched, accept: bytes, media_type: bytes | None
    ) -> GraphQLRequest | list[GraphQLRequest] | HttpResponse:
        """What is asked for by a request that may want a stream, or the sign that it was answered
        in one. `media_type` is what its caller takes beside streams.
        """
        form = negotiate_stream(accept)
        if media_type is None and form is None:
            raise _not_acceptable()
        request.media_type = media_type or JSON
        asked: GraphQLRequest | list[GraphQLRequest]
        if request.method == "POST":
            body = await self._body(request, watched)
            asked = read_body(body, max_batch=self._max_batch, max_values=self._max_values)
        else:
            asked = read_query(request.scope["query_string"])
        # Not before the body is here: who looks for callers that left would read it.
        await own_task()
        if (
            form is not None
            and not isinstance(asked, list)
            and await self._goes_on(asked, form, media_type, request, watched)
        ):
            return await self._stream(asked, request, watched, form)
        if media_type is None:
            raise _not_acceptable("only a subscription is answered by multipart/mixed; ")
        return asked

    async def _goes_on(
        self,
        asked: GraphQLRequest,
        form: StreamFormat,
        media_type: bytes | None,
        request: HttpRequest,
        watched: Watched,
    ) -> bool:
        """Is this answered in a stream? A subscription is, and what its caller takes no other way,
        such as what is wrong with an operation: some clients name a stream in every request.
        """
        if media_type is None and not form.for_subscriptions_only:
            return True
        carrier = form.carrier(request.method)
        caller = self._callers.of_request(request, carrier, watched.started)
        type_ = await self._engine.type_of(asked, caller)
        # What is wrong with an operation is told in whatever its caller takes.
        return type_ == "subscription" or (type_ is None and media_type is None)

    async def _stream(
        self, asked: GraphQLRequest, request: HttpRequest, watched: Watched, form: StreamFormat
    ) -> HttpResponse:
        """Answer with responses as they come."""
        carrier = form.carrier(request.method)
        caller = self._callers.of_request(request, carrier, watched.started)
        try:
            with self._quota.held(caller.credential):
                watched.caller = caller
                self._watch.hold(watched)
                headers = self._vary + self._cross_origin.headers(request.headers.get(b"origin"))
                responses = self._engine.subscribe(asked, caller)
                await stream(request, responses, form, headers, heartbeat_s=self._heartbeat_s)
        except TooManySubscriptions as error:
            raise HttpError(429, error.code, str(error)) from None
        except OSError:
            # The caller is gone.
            pass
        except asyncio.CancelledError:
            if not watched.was_ended():
                raise
            if watched.ending is Ending.CUT_OFF:
                await request.send_part(form.broken)
                await request.end()
        return STREAMED

    async def _execute_batch(
        self, asked: list[GraphQLRequest], request: HttpRequest, watched: Watched
    ) -> HttpResponse:
        """Run operations side by side; one array of responses, in order."""
        await own_task()
        caller = watched.caller = self._callers.of_request(request, _BATCH, watched.started)
        tasks = []
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._engine.execute(one, caller)) for one in asked]
        except asyncio.CancelledError:
            # Cut off: each of them has its answer.
            if not (caller.is_cut_off and watched.was_ended()):
                raise
        return HttpResponse(200, b"[%b]" % b",".join(task.result().body for task in tasks))

    def _preflight(self, request: HttpRequest) -> Headers:
        headers = request.headers
        return self._cross_origin.preflight(
            headers.get(b"origin"),
            headers.get(b"access-control-request-headers"),
            asks_for_private_network=b"access-control-request-private-network" in headers,
        )

    async def _body(self, request: HttpRequest, watched: Watched) -> bytes:
        """The body of a POST, once its headers promise one we can read."""
        headers = request.headers
        fault = content_type_fault(headers.get(b"content-type", b""))
        if fault is not None or headers.get(b"content-encoding", b"identity") != b"identity":
            raise HttpError(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                fault or "send the body without a content-encoding",
                ((b"accept", b"application/json"),),
            )
        watched.is_receiving = True
        body = await request.body(self._max_body_bytes)
        watched.is_receiving = False
        return body

    def _tell(self, request: HttpRequest, response: HttpResponse) -> None:
        """Tell of a request that never became an operation."""
        event = RequestEvent(request.request_id, "http", request.arrived)
        event.method = request.method
        event.status = response.status
        event.codes = response.codes
        event.size_bytes = len(response.body)
        event.duration_s = perf_counter() - request.arrived
        tell(self._hooks.request_ended, event)


def _may_be_kept(response: GraphQLResponse) -> bool:
    """Is it all that a trusted document asked for? Errors hold the id of their request."""
    operation = response.operation
    return (
        operation is not None
        and operation.trusted is not None
        and response.kind == "executed"
        and not response.errors
    )


def _not_acceptable(why: str = "") -> HttpError:
    return HttpError(
        406, "NOT_ACCEPTABLE", f"{why}accept application/graphql-response+json or application/json"
    )
