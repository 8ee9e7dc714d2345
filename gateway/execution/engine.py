"""The engine: from a request to its response.

    text or hash ── documents ──► operation ── variables ──► plan ── cost ──► executor ──► response

A document seen before costs one look-up up to its plan. What is wrong with a request is found
before execution begins, and before any upstream call is made. Whatever carries an operation asks
here, and hooks are told here, once when an operation begins and once when it ends.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from graphql import ExecutionResult, GraphQLError

from gateway.errors import ResponseTooLarge
from gateway.execution.admission import Admission
from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.flights import key_of
from gateway.execution.limits import Limits
from gateway.execution.operation import Prepared
from gateway.execution.persisted import PersistedDocuments
from gateway.execution.preparing import Preparation
from gateway.execution.response import RequestError, cut_off, failed, too_large
from gateway.execution.running import Budget, Running
from gateway.execution.schema import make_schema
from gateway.execution.subscribing import NO_STREAM, Listener, listener_of, responses
from gateway.execution.telling import (
    tell_began,
    tell_ended,
    tell_shared,
    tell_subscribed,
    tell_unbegun,
)
from gateway.hooks import WRITES, Hooks, WriteEvent
from gateway.upstream.calls.telling import hears_calls
from gateway.upstream.scope import CallScope

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from gateway.execution.flights import Flight, Flights, Key
    from gateway.execution.operation import Operation
    from gateway.execution.preparing import Steps
    from gateway.execution.request import Caller, GraphQLRequest
    from gateway.execution.response import GraphQLResponse
    from gateway.hooks import OperationEvent
    from gateway.upstream.client import Client
    from gateway.upstream.web_urls import WebUrls
    from gateway.watch import Live

__all__ = ["Engine"]


class Engine:
    """Runs operations over one client. Of what it is not given it makes its own. Equal operations
    are executed together where there are `flights`, which are told of the client's writes.
    """

    def __init__(  # noqa: PLR0913 - one application makes it, and names each
        self,
        client: Client,
        urls: WebUrls,
        *,
        budget: Budget | None = None,
        documents: Documents | None = None,
        persisted: PersistedDocuments | None = None,
        hooks: Hooks | None = None,
        live: Live | None = None,
        admission: Admission | None = None,
        flights: Flights | None = None,
    ) -> None:
        self._budget = Budget() if budget is None else budget
        self._admission = Admission() if admission is None else admission
        self._flights = flights
        self._preparation = Preparation(
            Documents(make_schema(PlannedExecutor), Limits()) if documents is None else documents,
            PersistedDocuments(0) if persisted is None else persisted,
            max_calls=self._budget.calls,
            max_nodes=self._budget.response_nodes,
            max_list_rows=self._budget.list_rows,
            measured=self._budget.measured,
            hooks=hooks,
            reads_only=not self._budget.mutations,
        )
        self._hooks = Hooks() if hooks is None else hooks
        self._collects_calls = flights is not None and hears_calls(self._hooks) is not None
        self._is_heard = bool(self._hooks.operation_began or self._hooks.operation_ended)
        self._running = Running(client, urls, self._budget, self._hooks, live)

    async def execute(  # noqa: C901, PLR0912, PLR0915 - whole: each step of its own would be paid for by all
        self, request: GraphQLRequest, caller: Caller
    ) -> GraphQLResponse:
        """Run one operation. Whatever comes of it is a response, and a bug is recorded as well.

        Upstream calls are made with the caller's credential and within their deadline. Raises only
        when it is cancelled, and the caller was not cut off.
        """
        budget, hooks = self._budget, self._hooks
        # By position: names cost as much as the rest.
        scope = CallScope(
            caller.credential,
            caller.deadline,
            caller.request_id,
            budget.calls_in_flight,
            caller.fresh,
            budget.response_bytes,
            budget.read_bytes,
        )
        scope.origin = caller.origin
        if self._collects_calls:
            scope.heard = []
        # Its own, whoever the calls are made for when it has left.
        tally = scope.tally
        began = tell_began(hooks, request, caller, scope) if hooks.operation_began else None
        response = prepared = account = flight = key = None
        flights = self._flights
        writes: list[WriteEvent] | None = None
        try:
            account = self._admission.enter(caller)
            if flights is not None and (flights.open or request.query is None):
                # As it was asked: preparing puts in its text where an id stands for it.
                key = key_of(request, caller)
                # Who wants it fresh shares with nobody.
                if key in flights.open and not caller.fresh:
                    flight = await flights.look(key)
            if flight is not None:
                prepared = flight.prepared
                self._preparation.admit(prepared, request, caller)
            else:
                found = self._preparation.find(request, caller)
                if isinstance(found, Prepared):
                    prepared = found
                else:
                    prepared, flight = await self._taken(found, request, caller, account, key)
            if flight is not None:
                response = await self._joined(flight, request, caller, scope, began)
            else:
                if prepared.operation.type != "query":
                    flights, writes = None, self._begin_writes(prepared.operation)
                running = self._running.start(prepared, scope)
                if flights is None or caller.fresh or isinstance(running, ExecutionResult):
                    response = await self._running.response(running, prepared, request, scope)
                else:
                    key = key or key_of(request, caller)
                    response = await self._shared(
                        flights, key, running, prepared, request, caller, scope
                    )
        except RequestError as error:
            response = error.response(tally, caller.request_id)
        except ResponseTooLarge as error:
            response = too_large(error, prepared, tally, caller.request_id)
        except asyncio.CancelledError:
            if not caller.is_cut_off:
                raise
            response = cut_off(prepared, tally, caller.request_id)
        except Exception:  # noqa: BLE001 - the edge of an operation: recorded, told by its id only
            response = failed(tally, caller.request_id)
        finally:
            self._admission.leave(account)
            if self._is_heard:
                tell_ended(hooks, began, request, caller, tally, response, writes)
        return response

    async def type_of(self, request: GraphQLRequest, caller: Caller) -> str | None:
        """The type of the operation that a request asks for; None where it is refused anyway."""
        account = None
        try:
            account = self._admission.enter(caller)
            operation = await self._preparation.operation(request, caller, account)
        except RequestError:
            return None
        else:
            return operation.type
        finally:
            self._admission.leave(account)

    async def subscribe(
        self, request: GraphQLRequest, caller: Caller
    ) -> AsyncGenerator[GraphQLResponse]:
        """Run any operation, and give its responses as they come: one for a query or a mutation, as
        `execute`; one for each event of a subscription. A refused one has one that says so.

        The calls of an event are made with the caller's credential, and within a time of their own.
        Who stops before the end closes it (`aclose`).
        """
        try:
            found = await self._listener_for(request, caller)
        except RequestError as error:
            scope = self._running.scope_of_event(caller)
            response = error.response(scope.tally, caller.request_id)
            tell_unbegun(self._hooks, request, caller, scope, response)
            yield response
            return
        except asyncio.CancelledError:
            tell_unbegun(self._hooks, request, caller, self._running.scope_of_event(caller), None)
            raise
        if found is None:
            yield await self.execute(request, caller)
            return
        prepared, listener = found

        async def answer(event: Any, scope: CallScope) -> GraphQLResponse:
            return await self._running.response_to(event, prepared, request, scope)

        hooks = self._hooks
        told = tell_subscribed(hooks, request, caller, prepared)
        make_scope = partial(
            self._running.scope_of_event, caller, told if hooks.subscription_began else None
        )
        stream = responses(listener, caller, told, hooks, scope=make_scope, answer=answer)
        try:
            async for response in stream:
                yield response
        finally:
            await stream.aclose()

    async def _listener_for(
        self, request: GraphQLRequest, caller: Caller
    ) -> tuple[Prepared, Listener] | None:
        """What listens for a subscription; None for another operation. Raises `RequestError`."""
        if await self.type_of(request, caller) != "subscription":
            return None
        prepared = await self._prepare_events(request, caller)
        return prepared, listener_of(
            prepared, self._running.context(prepared, self._running.scope_of_event(caller))
        )

    async def _prepare_events(self, request: GraphQLRequest, caller: Caller) -> Prepared:
        """A subscription, ready to be watched for; what it prepares is counted meanwhile."""
        ceiling, account = self._budget.event_calls, self._admission.enter(caller)
        try:
            found = self._preparation.find(request, caller, ceiling=ceiling)
            if isinstance(found, Prepared):
                return found
            return await self._preparation.take(found, request, caller, account, ceiling=ceiling)
        finally:
            self._admission.leave(account)

    def _begin_writes(self, operation: Operation) -> list[WriteEvent] | None:
        """What is told of a mutation's writes; raises `RequestError` for what is none."""
        if operation.type == "subscription":
            refusal = [GraphQLError(NO_STREAM)]
            raise RequestError("BAD_REQUEST", errors=refusal, operation=operation)
        if not self._is_heard:
            return None
        writes: list[WriteEvent] = []
        WRITES.set(writes)
        return writes

    # Equal questions at once (`gateway.execution.flights`)

    async def _taken(
        self,
        steps: Steps,
        request: GraphQLRequest,
        caller: Caller,
        account: str,
        key: Key | None,
    ) -> tuple[Prepared, Flight | None]:
        """What the steps prepare; and a flight to join, since others waited for the same."""
        prepared = await self._preparation.take(steps, request, caller, account)
        flights = self._flights
        if flights is None or not flights.open or caller.fresh:
            return prepared, None
        return prepared, await flights.look(key or key_of(request, caller))

    async def _shared(
        self,
        flights: Flights,
        key: Key,
        running: Awaitable[ExecutionResult],
        prepared: Prepared,
        request: GraphQLRequest,
        caller: Caller,
        scope: CallScope,
    ) -> GraphQLResponse:
        """The response to what has to be waited for; a flight, if others will join it."""
        number, alone = hash(key), flights.alone
        responding = self._running.response(running, prepared, request, scope)
        if (number in alone or flights.expected) and flights.expects(number):
            tally = scope.tally
            flight = flights.begin(key, scope, prepared, request.query, responding)
            response = await flight.wait(scope, caller.deadline)
            if response is None:
                # The scope is that of those who have more time.
                own = self._running.scope_at_end(caller, tally)
                response = await self._late(flight, request, own)
            return response
        alone.add(number)
        try:
            return await responding
        finally:
            alone.discard(number)

    async def _joined(
        self,
        flight: Flight,
        request: GraphQLRequest,
        caller: Caller,
        scope: CallScope,
        began: OperationEvent | None,
    ) -> GraphQLResponse:
        """The response of a flight to one of the others."""
        if request.query is None:
            request.query = flight.text
        try:
            response = await flight.wait(scope, caller.deadline)
        finally:
            if scope.heard:
                tell_shared(self._hooks, scope.heard, caller, began)
                scope.heard = []
        if response is None:
            return await self._late(flight, request, scope)
        return response.for_another(scope.tally, caller.request_id)

    async def _late(
        self, flight: Flight, request: GraphQLRequest, scope: CallScope
    ) -> GraphQLResponse:
        """What can still be told when the time is over: what is kept, and errors in the place of
        calls.
        """
        prepared = flight.prepared
        running = self._running.start(prepared, scope)
        return await self._running.response(running, prepared, request, scope)
