"""The engine: from a request to its response.

    text or hash ── documents ──► operation ── variables ──► plan ── cost ──► executor ──► response

A document seen before costs one look-up up to its plan. What is wrong with a request is found
before execution begins, and before any upstream call is made. Whatever carries an operation asks
here, and hooks are told here, once when an operation begins and once when it ends.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from graphql import ExecutionResult, GraphQLError

from gateway.context import Context
from gateway.errors import ResponseTooLarge
from gateway.execution.admission import Admission
from gateway.execution.documents import Documents
from gateway.execution.executor import PlanExecution, PlannedExecutor, execute_plan
from gateway.execution.flights import key_of
from gateway.execution.limits import Limits
from gateway.execution.operation import Prepared
from gateway.execution.persisted import PersistedDocuments
from gateway.execution.preparing import Measured, Preparation
from gateway.execution.response import (
    GraphQLResponse,
    RequestError,
    cut_off,
    encode,
    executed,
    failed,
    too_large,
)
from gateway.execution.schema import make_schema
from gateway.execution.subscribing import NO_STREAM, Listener, listener_of, responses
from gateway.execution.telling import (
    tell_began,
    tell_ended,
    tell_shared,
    tell_subscribed,
    tell_unbegun,
)
from gateway.execution.writing import ENCODED_AT_ONCE, MANY_INTROSPECTED, write
from gateway.hooks import WRITES, Hooks, WriteEvent
from gateway.loaders.whole import MAX_LIST_ROWS
from gateway.turns import Turns
from gateway.upstream.calls.telling import hears_calls
from gateway.upstream.scope import CallScope

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from gateway.execution.flights import Flight, Flights
    from gateway.execution.operation import Operation
    from gateway.execution.request import Caller, GraphQLRequest
    from gateway.hooks import OperationEvent, SubscriptionEvent
    from gateway.upstream.client import Client
    from gateway.upstream.scope import Tally
    from gateway.upstream.web_urls import WebUrls
    from gateway.watch import Live

__all__ = ["Budget", "Engine"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What one operation may take: upstream calls at worst and at once, rows of a page (1 to 100)
    and of a list that is read whole, bytes that are read of the upstream, fields of its response
    (nodes) and bytes of it. An event of a subscription may need fewer calls, and has so long for
    them.
    """

    calls: int = 250
    event_calls: int = 10
    event_timeout_s: float = 30.0
    calls_in_flight: int = 16
    page_size: int = 100
    list_rows: int = MAX_LIST_ROWS
    read_bytes: int = 100_000_000
    response_nodes: int = 250_000
    response_bytes: int = 50_000_000
    mutations: bool = True
    measured: Measured | None = None


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
        self._client = client
        self._urls = urls
        self._live = live
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
        # Of all that may be long.
        self._turns = Turns()

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
                    flight = flights.find(key) if flights.is_near else await flights.look(key)
            if flight is not None:
                prepared = flight.prepared
                self._preparation.admit(prepared, request, caller)
            else:
                found = self._preparation.find(request, caller)
                if isinstance(found, Prepared):
                    prepared = found
                else:
                    prepared = await self._preparation.take(found, request, caller, account)
                    if flights is not None and flights.open and not caller.fresh:
                        # Others waited for the same document.
                        flight = await flights.look(key := key or key_of(request, caller))
            if flight is not None:
                response = await self._joined(flight, request, caller, scope, began)
            else:
                if prepared.operation.type != "query":
                    flights, writes = None, self._begin_writes(prepared.operation)
                result: Any = self._start(prepared, scope)
                if not isinstance(result, ExecutionResult):
                    if flights is None or caller.fresh:
                        result = await result
                    else:
                        key = key or key_of(request, caller)
                        number, alone = hash(key), flights.alone
                        if (number in alone or flights.expected) and flights.expects(number):
                            flying = self._landed(result, prepared, request, scope)
                            flight = flights.begin(key, scope, prepared, request.query, flying)
                            response = await self._led(flight, request, caller, scope)
                        else:
                            alone.add(number)
                            try:
                                result = await result
                            finally:
                                alone.discard(number)
                if response is None:
                    response = self._ordinary(result, prepared, request, scope)
                if response is None:
                    response = await self._written(result, prepared, request, scope)
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
            scope = self._scope(caller)
            response = error.response(scope.tally, caller.request_id)
            tell_unbegun(self._hooks, request, caller, scope, response)
            yield response
            return
        except asyncio.CancelledError:
            tell_unbegun(self._hooks, request, caller, self._scope(caller), None)
            raise
        if found is None:
            yield await self.execute(request, caller)
            return
        prepared, listener = found

        async def answer(event: Any, scope: CallScope) -> GraphQLResponse:
            return await self._answer_event(event, prepared, request, scope)

        hooks = self._hooks
        told = tell_subscribed(hooks, request, caller, prepared)
        make_scope = partial(self._scope, caller, told if hooks.subscription_began else None)
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
        return prepared, listener_of(prepared, self._context(prepared, self._scope(caller)))

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

    async def _answer_event(
        self, event: Any, prepared: Prepared, request: GraphQLRequest, scope: CallScope
    ) -> GraphQLResponse:
        try:
            result = self._start(prepared, scope, event)
            if not isinstance(result, ExecutionResult):
                result = await result
            response = self._ordinary(result, prepared, request, scope)
            return response or await self._written(result, prepared, request, scope)
        except ResponseTooLarge as error:
            return too_large(error, prepared, scope.tally, scope.request_id)
        except Exception:  # noqa: BLE001 - the edge of an event: recorded, told by its id only
            return failed(scope.tally, scope.request_id)

    def _scope_at_end(self, caller: Caller, tally: Tally) -> CallScope:
        """The scope of an operation whose time is over: nothing is called in it."""
        return CallScope(
            caller.credential,
            caller.deadline,
            caller.request_id,
            max_bytes=self._budget.response_bytes,
            max_read_bytes=self._budget.read_bytes,
            tally=tally,
            origin=caller.origin,
        )

    def _scope(self, caller: Caller, told: SubscriptionEvent | None = None) -> CallScope:
        """The scope of an event that begins now."""
        return CallScope(
            caller.credential,
            asyncio.get_running_loop().time() + self._budget.event_timeout_s,
            caller.request_id,
            max_at_once=self._budget.calls_in_flight,
            max_bytes=self._budget.response_bytes,
            max_read_bytes=self._budget.read_bytes,
            origin=caller.origin,
            told=told,
        )

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

    def _start(
        self, prepared: Prepared, scope: CallScope, root: Any = None
    ) -> ExecutionResult | Awaitable[ExecutionResult]:
        """Execute as far as it goes without waiting."""
        operation, plan = prepared.operation, prepared.plan
        if not plan.slots and plan.root.project is not None:
            # Nothing but `__typename`: there is nobody to ask.
            return ExecutionResult(plan.root.project(None), None)
        # What a write hangs on must not have been asked for by somebody else, before.
        scope.alone = operation.type == "mutation"
        return execute_plan(
            PlanExecution(
                operation,
                plan,
                prepared.variables,
                self._context(prepared, scope),
                arguments=prepared.estimate.arguments,
                root_value=root,
                turns=self._turns,
                deadline=scope.deadline,
            )
        )

    async def _landed(
        self,
        running: ExecutionResult | Awaitable[ExecutionResult],
        prepared: Prepared,
        request: GraphQLRequest,
        scope: CallScope,
    ) -> GraphQLResponse:
        """The response to what runs; raises `ResponseTooLarge`."""
        result = running if isinstance(running, ExecutionResult) else await running
        response = self._ordinary(result, prepared, request, scope)
        return response or await self._written(result, prepared, request, scope)

    async def _led(
        self, flight: Flight, request: GraphQLRequest, caller: Caller, scope: CallScope
    ) -> GraphQLResponse:
        """The response of a flight to who has begun it."""
        tally = scope.tally
        response = await flight.wait(scope, caller.deadline)
        if response is None:
            # The scope is that of those who have more time.
            own = self._scope_at_end(caller, tally)
            response = await self._late(flight, request, own)
        return response

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
        return await self._landed(self._start(prepared, scope), prepared, request, scope)

    def _context(self, prepared: Prepared, scope: CallScope) -> Context:
        return Context(
            self._client,
            scope,
            self._urls,
            costs=(prepared.estimate.calls, self._budget.calls),
            max_page_size=self._budget.page_size,
            max_list_rows=self._budget.list_rows,
            readers=prepared.plan.readers,
            turns=self._turns,
            live=self._live,
        )

    def _ordinary(
        self, result: ExecutionResult, prepared: Prepared, request: GraphQLRequest, scope: CallScope
    ) -> GraphQLResponse | None:
        """The response of nothing but data, which is known to be small; None for any other."""
        operation, size = prepared.operation, prepared.size
        if self._budget.measured is not None:
            self._budget.measured.tell_read(scope.read_bytes, self._hooks)
        if (
            result.errors
            or request.extensions
            or operation.introspected > MANY_INTROSPECTED
            or size.fixed_bytes + (size.own + size.beyond) * scope.tally.read_bytes
            > ENCODED_AT_ONCE
        ):
            return None
        data = result.data
        body = encode({"data": data})
        if len(body) > self._budget.response_bytes:
            # Told by who writes it, with what is largest.
            return None
        return GraphQLResponse(
            "executed", scope.tally, data, None, None, operation, prepared.estimate.calls, body
        )

    async def _written(
        self, result: ExecutionResult, prepared: Prepared, request: GraphQLRequest, scope: CallScope
    ) -> GraphQLResponse:
        """The response of whatever was executed; raises `ResponseTooLarge`."""
        tells_cost = bool(request.extensions and request.extensions.get("cost"))
        response = executed(result, prepared, scope, tells_cost=tells_cost)
        await write(
            response,
            result,
            prepared,
            max_bytes=self._budget.response_bytes,
            turns=self._turns,
        )
        return response
