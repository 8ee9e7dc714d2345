"""Runs what was prepared: from a plan to a response.

    plan, scope ── executor ──► result ── written ──► response

What an operation may take of the client, and of the loop, comes from its budget.
"""

from __future__ import annotations

from asyncio import get_running_loop
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import ExecutionResult

from gateway.context import Context
from gateway.errors import ResponseTooLarge
from gateway.execution.executor import PlanExecution, execute_plan
from gateway.execution.response import GraphQLResponse, encode, executed, failed, too_large
from gateway.execution.writing import ENCODED_AT_ONCE, MANY_INTROSPECTED, write
from gateway.loaders.whole import MAX_LIST_ROWS
from gateway.turns import Turns
from gateway.upstream.scope import CallScope

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gateway.execution.operation import Prepared
    from gateway.execution.preparing import Measured
    from gateway.execution.request import Caller, GraphQLRequest
    from gateway.hooks import Hooks, SubscriptionEvent
    from gateway.upstream.client import Client
    from gateway.upstream.scope import Tally
    from gateway.upstream.web_urls import WebUrls
    from gateway.watch import Live

__all__ = ["Budget", "Running"]


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


class Running:
    """Runs operations over one client, each within its budget."""

    def __init__(
        self, client: Client, urls: WebUrls, budget: Budget, hooks: Hooks, live: Live | None
    ) -> None:
        self._client = client
        self._urls = urls
        self._budget = budget
        self._hooks = hooks
        self._live = live
        # Of all that may be long.
        self._turns = Turns()

    def start(
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
                self.context(prepared, scope),
                arguments=prepared.estimate.arguments,
                root_value=root,
                turns=self._turns,
                deadline=scope.deadline,
            )
        )

    async def response(
        self,
        running: ExecutionResult | Awaitable[ExecutionResult],
        prepared: Prepared,
        request: GraphQLRequest,
        scope: CallScope,
    ) -> GraphQLResponse:
        """The response to what was started; raises `ResponseTooLarge`."""
        result = running if isinstance(running, ExecutionResult) else await running
        if self._budget.measured is not None:
            self._budget.measured.tell_read(scope.read_bytes, self._hooks)
        operation, size = prepared.operation, prepared.size
        if not (
            result.errors
            or request.extensions
            or operation.introspected > MANY_INTROSPECTED
            or size.fixed_bytes + (size.own + size.beyond) * scope.tally.read_bytes
            > ENCODED_AT_ONCE
        ):
            # Nothing but data, which is known to be small.
            data, estimated = result.data, prepared.estimate.calls
            body = encode({"data": data})
            if len(body) <= self._budget.response_bytes:
                return GraphQLResponse(
                    "executed", scope.tally, data, None, None, operation, estimated, body
                )
            # Told by who writes it, with what is largest.
        return await self._written(result, prepared, request, scope)

    async def response_to(
        self, event: Any, prepared: Prepared, request: GraphQLRequest, scope: CallScope
    ) -> GraphQLResponse:
        """The response to an event of a subscription; a bug is recorded."""
        try:
            running = self.start(prepared, scope, event)
            return await self.response(running, prepared, request, scope)
        except ResponseTooLarge as error:
            return too_large(error, prepared, scope.tally, scope.request_id)
        except Exception:  # noqa: BLE001 - the edge of an event: recorded, told by its id only
            return failed(scope.tally, scope.request_id)

    def scope_of_event(self, caller: Caller, told: SubscriptionEvent | None = None) -> CallScope:
        """The scope of an event that begins now."""
        deadline = get_running_loop().time() + self._budget.event_timeout_s
        scope = self._scope(caller, deadline)
        scope.told = told
        return scope

    def scope_at_end(self, caller: Caller, tally: Tally) -> CallScope:
        """The scope of an operation whose time is over: nothing is called in it."""
        scope = self._scope(caller, caller.deadline)
        scope.tally = tally
        return scope

    def _scope(self, caller: Caller, deadline: float) -> CallScope:
        return CallScope(
            caller.credential,
            deadline,
            caller.request_id,
            max_at_once=self._budget.calls_in_flight,
            max_bytes=self._budget.response_bytes,
            max_read_bytes=self._budget.read_bytes,
            origin=caller.origin,
        )

    def context(self, prepared: Prepared, scope: CallScope) -> Context:
        """What the resolvers of an operation share."""
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
