"""The application: makes what lives long, in order, and closes it in reverse.

    records ─► hooks ──────────────────────────────┐
    sandbox (where no upstream is set) ─► wire ─► client ─► engine ─► endpoint
                     documents, persisted documents ───────┘            │
                                       fingerprint key ─► callers ──────┘

`Gateway` is an ASGI application. `jobs-gateway serve` enters `running()` itself; other servers do
it by the lifespan protocol: `uvicorn --factory gateway.app:create_app`. Mounted in another
application, that one's lifespan should; where it does not, the first request starts the gateway,
and it runs as long as the event loop.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import structs
from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import Route

from gateway.eager import own_task
from gateway.embedded_sandbox import embedded_sandbox
from gateway.execution.engine import Engine
from gateway.execution.persisted import PersistedDocuments
from gateway.hooks import Hooks
from gateway.parts import (
    admission_of,
    budget_of,
    callers_of,
    client_of,
    documents_of,
    explorer_of,
    exporting_of,
    free_documents_of,
    live_of,
    measuring_of,
    trusted_documents_of,
    wire_options_of,
)
from gateway.readings import readings_of_engine, readings_of_store, readings_of_upstream
from gateway.settings import Settings, SettingsError
from gateway.sharing import check_store, kept_of, pace_of, shared_of, watched_of
from gateway.team import Team
from gateway.transport.addressing import (
    GRAPHQL_PATH,
    SANDBOX_IS_PRIVATE,
    is_beyond_loopback,
    not_found,
    not_running,
    place_of,
    sandbox_is_private,
    to_explorer,
)
from gateway.transport.compression import Compressor
from gateway.transport.cors import CrossOrigin, crossing_origins
from gateway.transport.endpoint import Endpoint
from gateway.transport.explorer import Bundle, Explorer
from gateway.transport.health import PROBE_TIMEOUT_S, Health
from gateway.transport.lingering import lingering
from gateway.transport.records import (
    CallRecords,
    OperationRecords,
    Records,
    standard_records,
)
from gateway.transport.scraping import metrics_route
from gateway.transport.subscription_quota import SubscriptionQuota
from gateway.transport.subscription_records import SubscriptionRecords
from gateway.transport.webhooks import webhooks_route
from gateway.transport.websocket import WebSockets
from gateway.transport.websocket_messages import refuse
from gateway.unattended import Unattended
from gateway.upstream.readiness import NotReady, why_not_ready
from gateway.upstream.web_urls import WebUrls
from gateway.upstream.wires import open_wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from gateway.embedded_sandbox import EmbeddedSandbox
    from gateway.execution.trusted import TrustedDocuments
    from gateway.hooks import Hook
    from gateway.upstream.kept import KeptReads
    from gateway.upstream.shared_reads import SharedReads
    from gateway.upstream.wire import Wire
    from gateway.watch import Live

__all__ = ["Gateway", "create_app"]


class Gateway:
    """The ASGI application. It answers while `running()` is entered, 503 before and after.

    `hooks` are told of requests, operations and upstream calls; `records` take a line for each
    operation where the settings' `log_level` asks for it. Without a `team` it is one of as many
    equal ones as the settings say. `sandbox` is one that runs already; else it starts its own where
    no upstream is set. Raises `SettingsError` where there is no upstream, and the sandbox must not
    stand in for it.
    """

    begins_at_once = True
    """The first step of an HTTP request needs no task (`gateway.eager`)."""

    def __init__(
        self,
        settings: Settings,
        records: Records,
        *hooks: Hook,
        team: Team | None = None,
        sandbox: EmbeddedSandbox | None = None,
    ) -> None:
        settings.check_upstream()
        check_store(settings)
        self.settings = settings
        # Which of them it is nobody has told: the last one, whose part is never too large.
        self._team = team or Team(size=settings.workers, number=settings.workers - 1)
        self._given_sandbox = sandbox
        if self._team.size > 1 and settings.upstream_url is None and sandbox is None:
            each_its_own = (
                f"GATEWAY_WORKERS={self._team.size}: each process would have a sandbox of its own;"
                " start them by `jobs-gateway serve --workers`, or set GATEWAY_UPSTREAM_URL"
            )
            raise SettingsError([each_its_own])
        self.sandbox: EmbeddedSandbox | None = None
        """Where the upstream is the sandbox, while this runs."""
        self.live: Live | None = None
        """What is watched, while this runs."""
        self._records = records
        if settings.log_level in {"debug", "info"}:
            hooks = (OperationRecords(records), SubscriptionRecords(records), *hooks)
        if settings.log_level == "debug":
            hooks = (CallRecords(records), *hooks)
        self._measuring = measuring_of(settings)
        self._exporting = exporting_of(settings)
        if self._measuring is not None:
            hooks = (*hooks, self._measuring.hook)
        if self._exporting is not None:
            hooks = (*hooks, self._exporting.hook)
        self._hooks = Hooks(*hooks)
        self._endpoint: Endpoint | None = None
        self._explorer: Explorer | None = None
        self._web_sockets: WebSockets | None = None
        self._health = Health(self._why_not_ready, self._team.workers)
        self._wire: Wire | None = None
        self._kept: KeptReads | SharedReads | None = None
        self._trusted: TrustedDocuments | None = None
        self._api_url = ""
        self._bundle = Bundle() if settings.explorer else None
        self._cross_origin = CrossOrigin(settings.cors_origins)
        self._unattended = Unattended(self.running)
        prefix = settings.path_prefix
        self._graphql_paths = {
            path + slash for path in (GRAPHQL_PATH, prefix + GRAPHQL_PATH) for slash in ("", "/")
        }
        self._answers_all = settings.sandbox is True or settings.upstream_url is not None
        self._rest = Starlette(
            lifespan=self._lifespan,
            routes=[
                *self._health.routes,
                Route("/", self._first_page),
                *([self._bundle.route(f"{GRAPHQL_PATH}/explorer")] if self._bundle else []),
                *self._webhooks(),
                *([metrics_route(self._measuring.scrape)] if self._measuring else []),
                Route(GRAPHQL_PATH, not_running, methods=["GET", "HEAD", "OPTIONS", "POST"]),
            ],
            exception_handlers={404: not_found},
        )
        # It would lead to an absolute address, over plain HTTP where a proxy ends TLS.
        self._rest.router.redirect_slashes = False

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if (
            self._endpoint is not None
            and self._answers_all
            and scope["type"] == "http"
            and scope["path"] in self._graphql_paths
        ):
            await self._endpoint(scope, receive, send)
        elif scope["type"] == "http":
            await own_task()
            await self._serve_elsewhere(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._serve_web_socket(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    async def _serve_web_socket(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if self._endpoint is None and scope.get("root_path"):
            await self._unattended.start()
        if not self._answers_all and is_beyond_loopback(scope):
            await refuse(send, 403, SANDBOX_IS_PRIVATE)
        elif self._web_sockets is None:
            await refuse(send, 503, "the gateway is not running")
        elif place_of(scope, self.settings.path_prefix).path != GRAPHQL_PATH:
            await refuse(send, 404, f"GraphQL is at {GRAPHQL_PATH}")
        else:
            await self._web_sockets(scope, receive, send)

    async def _serve_elsewhere(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Serve what is not addressed to `/graphql` as it stands there, or not yet."""
        place = place_of(scope, self.settings.path_prefix)
        if self._endpoint is None and scope.get("root_path"):
            await self._unattended.start()
        if not self._answers_all and is_beyond_loopback(scope):
            await sandbox_is_private(scope, *lingering(scope, receive, send))
        elif self._endpoint is not None and place.path == GRAPHQL_PATH:
            await self._endpoint(scope, receive, send)
        else:
            # As the explorer's page at `/graphql/` names its files.
            path = place.path.replace(f"{GRAPHQL_PATH}{GRAPHQL_PATH}/", f"{GRAPHQL_PATH}/")
            inner = {
                **scope,
                "path": path,
                "root_path": "",
                "gateway.base": place.base,
                "gateway.asked": scope["path"],
            }
            await crossing_origins(self._rest, self._cross_origin)(
                inner, *lingering(scope, receive, send)
            )

    @property
    def trusted_documents(self) -> int:
        """How many documents are trusted, while this runs."""
        return 0 if self._trusted is None else len(self._trusted)

    async def reload_documents(self) -> bool:
        """Read the trusted documents anew, and trust those instead; with a mistake among them those
        from before stay trusted, and a record tells of it. Gives whether they were read.
        """
        return self._trusted is not None and await self._trusted.reload()

    def drain(self) -> None:
        """Tell who asks for readiness that this is about to stop; all else goes on."""
        self._health.drain()

    def hang_up(self) -> None:
        """End what would go on for long, with the word to come again: this is about to stop."""
        if self._endpoint is not None:
            self._endpoint.hang_up()
        if self._web_sockets is not None:
            self._web_sockets.hang_up()

    def cut_off(self) -> None:
        """Answer all operations that run, at once, with an error that says so."""
        if self._endpoint is not None:
            self._endpoint.cut_off()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Make everything; close it when the block is left."""
        settings, team = self.settings, self._team
        async with AsyncExitStack() as stack:
            stack.callback(self._records.flush)
            if self._exporting is not None:
                stack.push_async_callback(self._exporting.close)
            documents = documents_of(settings, self._hooks)
            self._trusted = trusted = trusted_documents_of(settings, documents)
            stack.callback(setattr, self, "_trusted", None)
            await trusted.load()
            if settings.upstream_url is None:
                self.sandbox = await stack.enter_async_context(self._sandbox())
                settings = replace(settings, upstream_url=self.sandbox.url, sandbox=None)
            self._api_url = f"{settings.upstream_url}/api/v4"
            self._wire = await stack.enter_async_context(
                open_wire(settings.wire, wire_options_of(settings, self._api_url, team))
            )
            stack.push_async_callback(self._health.close)
            shared = await stack.enter_async_context(shared_of(settings, self._api_url))
            if shared is not None:
                # Fingerprints are the same at all that share it.
                team = structs.replace(team, fingerprint_key=shared.sealing.fingerprint_key)
            self._kept = await stack.enter_async_context(kept_of(settings, team, shared))
            pace = await stack.enter_async_context(pace_of(team, shared))
            reached = client_of(
                settings, self._wire, self._api_url, team, self._hooks, self._kept, pace
            )
            stack.callback(setattr, self, "_kept", None)
            watched = await stack.enter_async_context(watched_of(settings, shared))
            self.live = live_of(settings, reached.client, team, watched)
            stack.push_async_callback(self.live.aclose)
            team.on_news(self.live.hear)
            persisted = PersistedDocuments(
                settings.persisted_documents,
                trusted=trusted,
                free=free_documents_of(settings),
                shared=None if shared is None else shared.documents,
            )
            admission = admission_of(settings, reached.standings)
            engine = Engine(
                reached.client,
                WebUrls(self._api_url, settings.upstream_web_url),
                budget=budget_of(settings),
                documents=documents,
                admission=admission,
                persisted=persisted,
                hooks=self._hooks,
                live=self.live,
                flights=reached.flights,
            )
            callers = callers_of(settings, team)
            quota = SubscriptionQuota(settings.max_subscriptions)
            self._web_sockets = WebSockets(engine, callers, settings, quota)
            stack.callback(setattr, self, "_web_sockets", None)
            compressor = Compressor() if settings.compression else None
            if compressor is not None:
                stack.callback(compressor.close)
            self._explorer = explorer_of(self._bundle, self.sandbox)
            self._endpoint = Endpoint(
                engine, callers, settings, self._hooks, self._explorer, compressor, quota
            )
            stack.callback(setattr, self, "_endpoint", None)
            stack.callback(setattr, self, "_explorer", None)
            if self._measuring is not None:
                sockets, live = self._web_sockets, self.live
                of_engine = partial(
                    readings_of_engine, admission, documents, persisted, trusted, live, sockets
                )
                of_upstream = partial(
                    readings_of_upstream,
                    reached.standings,
                    reached.circuit,
                    reached.connections,
                    reached.kept,
                )
                of_store = partial(
                    readings_of_store, None if shared is None else shared.store, pace
                )
                self._measuring.start(lambda: [*of_engine(), *of_upstream(), *of_store()])
                stack.push_async_callback(self._measuring.close)
            yield

    @asynccontextmanager
    async def _sandbox(self) -> AsyncIterator[EmbeddedSandbox]:
        """The one that was given, or one of its own."""
        if self._given_sandbox is not None:
            yield self._given_sandbox
            return
        async with embedded_sandbox(self.settings) as sandbox:
            yield sandbox

    def _webhooks(self) -> list[Route]:
        secret = self.settings.webhook_secret
        if secret is None:
            return []
        return [webhooks_route(secret, lambda: self.live, self._forget_jobs)]

    async def _forget_jobs(self, job_ids: Sequence[int]) -> None:
        """Drop what is kept of jobs, whoever's it is."""
        if self._kept is not None:
            await self._kept.drop(*job_ids, at=asyncio.get_running_loop().time())

    async def _first_page(self, request: Request) -> Response:
        """The page of pipelines; where there is none, the way to `/graphql`."""
        page = None if self._explorer is None else self._explorer.pipelines()
        if page is None:
            return await to_explorer(request)
        if request.scope["gateway.asked"].endswith("/"):
            return page
        # What the page names is relative to a path that ends so.
        return RedirectResponse(request.scope["gateway.base"] + "/")

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self.running():
            yield

    async def _why_not_ready(self) -> NotReady | None:
        if self._wire is None:
            return NotReady("the gateway is not running")
        base_path = urlsplit(self._api_url).path
        return await why_not_ready(self._wire, base_path, timeout_s=PROBE_TIMEOUT_S)


def create_app(settings: Settings | None = None, *hooks: Hook) -> Gateway:
    """The application for any ASGI server; settings are read from the environment if not given.

    `hooks` are told of all that happens (`gateway.hooks`).
    """
    return Gateway(settings or Settings.read(os.environ), standard_records(), *hooks)
