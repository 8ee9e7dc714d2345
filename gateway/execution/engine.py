"""The engine: from a request to its response.

    text or hash ── documents ──► operation ── variables ──► plan ── cost ──► executor ──► response

A document seen before costs one look-up up to its plan. What is wrong with a request is found
before execution begins, and before any upstream call is made. Whatever carries an operation asks
here, and hooks are told here, once when an operation begins and once when it ends.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Final

from graphql import ExecutionResult, GraphQLError

from gateway.context import Context
from gateway.errors import CostExceeded, ResponseTooLarge
from gateway.execution.cost import estimate_cost
from gateway.execution.documents import Documents, Prepared
from gateway.execution.executor import PlanExecution, PlannedExecutor, execute_plan
from gateway.execution.inputs import check_variables
from gateway.execution.limits import Limits
from gateway.execution.persisted import PersistedDocuments
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
from gateway.execution.size import size_of
from gateway.execution.variables import NO_VARIABLES
from gateway.execution.writing import ENCODED_AT_ONCE, MANY_INTROSPECTED, write
from gateway.hooks import WRITES, Hooks, OperationEvent, WriteEvent, tell
from gateway.schema.ways import tell_way
from gateway.turns import Turns
from gateway.upstream.scope import CallScope

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from graphql.execution.values import VariableValues

    from gateway.execution.documents import Operation
    from gateway.execution.plan import Estimate, Plan, Size
    from gateway.execution.request import Caller, GraphQLRequest
    from gateway.upstream.client import Client
    from gateway.upstream.scope import Tally
    from gateway.upstream.web_urls import WebUrls

__all__ = ["Budget", "Engine"]

MUTATION_BY_GET: Final = "mutations are not run by GET; send this operation by POST"
# The status of an operation whose caller left, as nginx counts it; nobody receives it.
CALLER_LEFT: Final = 499


@dataclass(frozen=True, slots=True)
class Budget:
    """What one operation may take: upstream calls at worst and at once, rows of a page (1 to 100),
    fields of its response (nodes) and bytes of it.
    """

    calls: int = 250
    calls_in_flight: int = 16
    page_size: int = 100
    response_nodes: int = 250_000
    response_bytes: int = 50_000_000


class Engine:
    """Runs operations over one client. Of what it is not given it makes its own."""

    def __init__(
        self,
        client: Client,
        urls: WebUrls,
        *,
        budget: Budget | None = None,
        documents: Documents | None = None,
        persisted: PersistedDocuments | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        self._client = client
        self._urls = urls
        if documents is None:
            documents = Documents(make_schema(PlannedExecutor), Limits())
        self._documents = documents
        self._persisted = PersistedDocuments(0) if persisted is None else persisted
        self._budget = Budget() if budget is None else budget
        self._hooks = Hooks() if hooks is None else hooks
        self._is_heard = bool(self._hooks.operation_began or self._hooks.operation_ended)
        # Of all that may be long.
        self._turns = Turns()

    async def execute(self, request: GraphQLRequest, caller: Caller) -> GraphQLResponse:
        """Run one operation. Whatever comes of it is a response, and a bug is recorded as well.

        Upstream calls are made with the caller's credential and within their deadline. Raises only
        when it is cancelled, and the caller was not cut off.
        """
        scope = CallScope(
            caller.credential,
            caller.deadline,
            caller.request_id,
            max_at_once=self._budget.calls_in_flight,
            max_bytes=self._budget.response_bytes,
        )
        began = self._begin(request, caller) if self._hooks.operation_began else None
        response = prepared = None
        writes: list[WriteEvent] | None = None
        try:
            prepared = self._prepare(request, caller)
            if prepared.operation.type == "mutation" and self._is_heard:
                writes = []
                WRITES.set(writes)
            result = self._start(prepared, scope)
            if not isinstance(result, ExecutionResult):
                result = await result
            response = self._ordinary(result, prepared, request, scope)
            if response is None:
                response = await self._written(result, prepared, request, scope)
        except RequestError as error:
            response = error.response(scope.tally, caller.request_id)
        except ResponseTooLarge as error:
            response = too_large(error, prepared, scope)
        except asyncio.CancelledError:
            if not caller.is_cut_off:
                raise
            response = cut_off(prepared, scope)
        except Exception:  # noqa: BLE001 - the edge of an operation: recorded, told by its id only
            response = failed(scope)
        finally:
            if self._is_heard:
                self._end(began, request, caller, scope.tally, response, writes)
        return response

    def _prepare(self, request: GraphQLRequest, caller: Caller) -> Prepared:
        """All that can be known without an upstream call; raises `RequestError`."""
        operation = self._operation(request, caller)
        limits = self._documents.limits
        if request.variables and (excess := check_variables(request.variables, limits)):
            raise RequestError("BAD_USER_INPUT", errors=[GraphQLError(excess)], operation=operation)
        variables = NO_VARIABLES
        if operation.node.variable_definitions:
            converted = operation.variables(request.variables)
            if isinstance(converted, list):
                for error in converted:
                    tell_way(error)
                raise RequestError("BAD_USER_INPUT", errors=converted, operation=operation)
            variables = converted
        plan = operation.plan(variables)
        estimate, size = plan.estimate, plan.size
        if estimate is None or size is None:
            estimate, size = _worked_out(operation, plan, variables)
        if estimate.calls > self._budget.calls:
            too_dear = self._too_dear(estimate)
            raise RequestError("COST_EXCEEDED", errors=[too_dear], operation=operation)
        if size.nodes > self._budget.response_nodes:
            refusal = ResponseTooLarge.by_nodes(size.nodes, self._budget.response_nodes)
            too_large = GraphQLError(refusal.message, original_error=refusal)
            raise RequestError(refusal.code, errors=[too_large], operation=operation)
        return Prepared(operation, plan, variables, estimate, size)

    def _operation(self, request: GraphQLRequest, caller: Caller) -> Operation:
        """The operation that a request asks for, by text or by hash; raises `RequestError`."""
        persisted = request.extensions and request.extensions.get("persistedQuery")
        if persisted:
            request.query = self._persisted.find(request.query, persisted)
        if request.query is None:
            raise RequestError("BAD_REQUEST", "the parameter query is missing", kind="malformed")
        document = self._documents.get(request.query)
        if document.errors:
            raise RequestError("GRAPHQL_VALIDATION_FAILED", errors=document.errors)
        try:
            operation = document.operation(request.operation_name)
        except GraphQLError as error:
            raise RequestError("OPERATION_RESOLUTION_FAILURE", errors=[error]) from None
        if persisted:
            self._persisted.keep(request.query)
        if operation.type == "mutation" and caller.carrier.is_read_only:
            raise RequestError(
                "BAD_REQUEST",
                errors=[GraphQLError(MUTATION_BY_GET)],
                kind="read only",
                operation=operation,
            )
        return operation

    def _too_dear(self, estimate: Estimate) -> GraphQLError:
        ceiling = self._budget.calls
        refusal = CostExceeded(
            f"the operation may need {estimate.calls} upstream calls,"
            f" {ceiling} are allowed; most of them for {estimate.dearest}:"
            " ask for fewer rows there, or in several operations",
            estimated=estimate.calls,
            ceiling=ceiling,
            dearest=estimate.dearest,
        )
        return GraphQLError(refusal.message, original_error=refusal)

    def _start(
        self, prepared: Prepared, scope: CallScope
    ) -> ExecutionResult | Awaitable[ExecutionResult]:
        """Execute as far as it goes without waiting."""
        operation, plan = prepared.operation, prepared.plan
        if not plan.slots and plan.root.project is not None:
            # Nothing but `__typename`: there is nobody to ask.
            return ExecutionResult(plan.root.project(None), None)
        # What a write hangs on must not have been asked for by somebody else, before.
        scope.alone = operation.type == "mutation"
        context = Context(
            self._client,
            scope,
            self._urls,
            max_page_size=self._budget.page_size,
            readers=plan.readers,
            turns=self._turns,
        )
        return execute_plan(
            PlanExecution(
                operation,
                plan,
                prepared.variables,
                context,
                arguments=prepared.estimate.arguments,
            )
        )

    def _ordinary(
        self, result: ExecutionResult, prepared: Prepared, request: GraphQLRequest, scope: CallScope
    ) -> GraphQLResponse | None:
        """The response of nothing but data, which is known to be small; None for any other."""
        operation, size = prepared.operation, prepared.size
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
            raise ResponseTooLarge.by_bytes(self._budget.response_bytes)
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

    def _begin(self, request: GraphQLRequest, caller: Caller) -> OperationEvent:
        """Tell of an operation before anything is known of it."""
        event = OperationEvent(
            caller.request_id,
            caller.carrier.name,
            caller.arrived,
            caller.carrier.method,
            request.query,
            None if caller.credential is None else caller.credential.fingerprint,
        )
        tell(self._hooks.operation_began, event)
        return event

    def _end(
        self,
        began: OperationEvent | None,
        request: GraphQLRequest,
        caller: Caller,
        tally: Tally,
        response: GraphQLResponse | None,
        writes: list[WriteEvent] | None,
    ) -> None:
        """Tell what an operation came to; without a response it was cancelled."""
        carrier, operation = caller.carrier, None
        if response is None:
            status = CALLER_LEFT if caller.has_left else 0
        else:
            status, operation = carrier.statuses.get(response.kind, 0), response.operation
        # By position: names cost as much as the rest.
        event = OperationEvent(
            caller.request_id,
            carrier.name,
            caller.arrived,
            carrier.method,
            request.query,
            None if caller.credential is None else caller.credential.fingerprint,
            None if operation is None else operation.name,
            None if operation is None else operation.type,
            status,
            response.codes if response is not None and response.errors else (),
            perf_counter() - caller.arrived,
            0 if response is None else len(response.body),
            0 if response is None else response.estimated_calls,
            tally.calls,
            tally.shared,
            tally.cached,
            tally.retried,
            tuple(writes) if writes else (),
        )
        if began is not None:
            event = began.ended_as(event)
        tell(self._hooks.operation_ended, event)


def _worked_out(
    operation: Operation, plan: Plan, variables: VariableValues
) -> tuple[Estimate, Size]:
    """Cost and size, kept where they hang on no variables; raises `RequestError`."""
    try:
        estimate = estimate_cost(plan, variables)
    except GraphQLError as error:
        raise RequestError("BAD_USER_INPUT", errors=[error], operation=operation) from None
    size = plan.size or size_of(plan, estimate.rows)
    if not operation.node.variable_definitions:
        plan.estimate = estimate
    if plan.estimate is not None or plan.fixed_estimate is not None:
        plan.size = size
    return estimate, size
