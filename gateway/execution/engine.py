"""The engine: from a request to its outcome.

    text ── documents ──► operation ── variables ──► plan ── cost ──► executor ──► data, errors

A document seen before costs one look-up up to its plan. What is wrong with a request is found
before execution begins, and before any upstream call is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from graphql import ExecutionResult, GraphQLError

from gateway.context import Context
from gateway.errors import CostExceeded, ResponseTooLarge
from gateway.execution.budget import ENCODED_AT_ONCE, is_small, size_of, write_steps
from gateway.execution.cost import estimate_cost
from gateway.execution.documents import Documents, Operation
from gateway.execution.executor import PlanExecution, PlannedExecutor, execute_plan
from gateway.execution.inputs import check_variables, first_errors
from gateway.execution.limits import Limits
from gateway.execution.masking import format_error, format_request_error
from gateway.execution.schema import make_schema
from gateway.frames import without_frames
from gateway.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Generator

    from graphql.execution.values import VariableValues

    from gateway.execution.plan import Estimate, Plan, Size
    from gateway.upstream.client import Client
    from gateway.upstream.scope import CallScope
    from gateway.upstream.web_urls import WebUrls

__all__ = ["Engine", "GraphQLRequest", "Outcome"]


class GraphQLRequest(msgspec.Struct, rename={"operation_name": "operationName"}):
    """The parameters of a GraphQL-over-HTTP request."""

    query: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


class Outcome:
    """What a request came to.

    `data` is UNSET where execution never began (`began` is false then): the document, the
    variables or the cost were refused. `is_refused_mutation` tells a mutation where only queries
    may run, `is_large` a response to be written in steps.
    """

    __slots__ = (
        "data",
        "errors",
        "estimated_calls",
        "extensions",
        "is_large",
        "is_refused_mutation",
        "operation_name",
        "operation_type",
    )

    def __init__(
        self,
        data: dict[str, Any] | msgspec.UnsetType | None,
        errors: list[dict[str, Any]] | None,
        operation: Operation | None = None,
        *,
        estimated_calls: int = 0,
    ) -> None:
        self.data = data
        self.errors = errors
        self.extensions: dict[str, Any] | None = None
        self.operation_name = operation.name if operation else None
        self.operation_type = operation.type if operation else None
        self.estimated_calls = estimated_calls
        self.is_refused_mutation = False
        self.is_large = False

    @property
    def began(self) -> bool:
        """Did execution begin?"""
        return self.data is not msgspec.UNSET

    def body(self) -> bytes:
        """The response as JSON."""
        return encode(self.response())

    def body_steps(self, max_bytes: int) -> Generator[None, None, bytes]:
        """The same in steps; raises `ResponseTooLarge` once it has more bytes."""
        return write_steps(self.response(), max_bytes)

    def response(self) -> dict[str, Any]:
        """The response (GraphQL specification, 7.1: errors first)."""
        response: dict[str, Any] = {}
        if self.errors:
            response["errors"] = self.errors
        if self.data is not msgspec.UNSET:
            response["data"] = self.data
        if self.extensions is not None:
            response["extensions"] = self.extensions
        return response


MUTATION_BY_GET = "mutations are not run by GET; send this operation by POST"

# Told in full they may be more than a part.
MANY_ERRORS = 200
MANY_INTROSPECTED = 10_000

encode = msgspec.json.Encoder().encode


class Engine:
    """Runs requests over one client. `max_calls` is the ceiling for the estimated cost of one
    operation, `max_page_size` (1 to 100) that for the rows of a page, `max_nodes` that for the
    fields of an answer.
    """

    def __init__(
        self,
        client: Client,
        urls: WebUrls,
        *,
        limits: Limits | None = None,
        max_calls: int = 250,
        max_page_size: int = 100,
        max_nodes: int = 250_000,
        introspection: bool = True,
        documents_kept: int = 1000,
    ) -> None:
        self.schema = make_schema(PlannedExecutor)
        self._limits = limits or Limits()
        self.documents = Documents(
            self.schema, self._limits, introspection=introspection, kept=documents_kept
        )
        self._client = client
        self._urls = urls
        self._max_calls = max_calls
        self._max_page_size = max_page_size
        self._max_nodes = max_nodes
        # Of all that may be long.
        self.turns = Turns()

    async def run(
        self, request: GraphQLRequest, scope: CallScope, *, allow_mutations: bool = True
    ) -> Outcome:
        """Run one request. Upstream calls are made with the scope's credential and within its
        deadline.
        """
        try:
            prepared = self._prepare(request, allow_mutations=allow_mutations)
        except _Refused as refused:
            return refused.outcome
        operation, plan, variables, estimate, size = prepared
        if plan.slots or plan.root.project is None:
            # What a write hangs on must not have been asked for by somebody else, before.
            scope.alone = operation.type == "mutation"
            context = Context(
                self._client,
                scope,
                self._urls,
                max_page_size=self._max_page_size,
                readers=plan.readers,
                turns=self.turns,
            )
            running = execute_plan(
                PlanExecution(operation, plan, variables, context, arguments=estimate.arguments)
            )
            result = running if isinstance(running, ExecutionResult) else await running
        else:
            # Nothing but `__typename`: there is nobody to ask.
            result = ExecutionResult(plan.root.project(None), None)
        outcome = Outcome(result.data, None, operation, estimated_calls=estimate.calls)
        may_be_large = (
            size.bound(scope.tally.read_bytes) > ENCODED_AT_ONCE
            or operation.introspected > MANY_INTROSPECTED
        )
        if result.errors:
            may_be_large = may_be_large or len(result.errors) > MANY_ERRORS
            outcome.errors = [format_error(error, scope.request_id) for error in result.errors]
            for error in result.errors:
                # Their frames hold the execution, which holds them: entities, pages and all.
                without_frames(error)
                if isinstance(error.original_error, ResponseTooLarge):
                    raise error.original_error
        if may_be_large:
            outcome.is_large = not is_small(outcome.response())
        if request.extensions and request.extensions.get("cost"):
            outcome.extensions = {"cost": _told_cost(estimate, scope)}
        return outcome

    def _prepare(
        self, request: GraphQLRequest, *, allow_mutations: bool
    ) -> tuple[Operation, Plan, VariableValues, Estimate, Size]:
        """All that can be known without an upstream call; raises `_Refused`."""
        document = self.documents.get(request.query or "")
        if document.errors:
            raise _Refused(document.errors, "GRAPHQL_VALIDATION_FAILED")
        try:
            operation = document.operation(request.operation_name)
        except GraphQLError as error:
            raise _Refused([error], "OPERATION_RESOLUTION_FAILURE") from None
        if operation.type == "mutation" and not allow_mutations:
            refused = _Refused([GraphQLError(MUTATION_BY_GET)], "BAD_REQUEST", operation)
            refused.outcome.is_refused_mutation = True
            raise refused
        if request.variables and (excess := check_variables(request.variables, self._limits)):
            raise _Refused([GraphQLError(excess)], "BAD_USER_INPUT", operation)
        variables = operation.variables(request.variables)
        if isinstance(variables, list):
            raise _Refused(variables, "BAD_USER_INPUT", operation)
        plan = operation.plan(variables)
        try:
            estimate = self._estimate(operation, plan, variables)
        except GraphQLError as error:
            raise _Refused([error], "BAD_USER_INPUT", operation) from None
        if estimate.calls > self._max_calls:
            raise _Refused([self._too_dear(estimate)], "COST_EXCEEDED", operation)
        size = self._size(operation, plan, estimate)
        if size.nodes > self._max_nodes:
            refusal = ResponseTooLarge.by_nodes(size.nodes, self._max_nodes)
            too_large = GraphQLError(refusal.message, original_error=refusal)
            raise _Refused([too_large], refusal.code, operation)
        return operation, plan, variables, estimate, size

    def _size(self, operation: Operation, plan: Plan, estimate: Estimate) -> Size:
        if not operation.node.variable_definitions:
            if plan.size is None:
                plan.size = size_of(plan, estimate.arguments)
            return plan.size
        return size_of(plan, estimate.arguments)

    def _estimate(self, operation: Operation, plan: Plan, variables: VariableValues) -> Estimate:
        if not operation.node.variable_definitions:
            if plan.estimate is None:
                plan.estimate = estimate_cost(plan, variables)
            return plan.estimate
        return estimate_cost(plan, variables)

    def _too_dear(self, estimate: Estimate) -> GraphQLError:
        refusal = CostExceeded(
            f"the operation may need {estimate.calls} upstream calls,"
            f" {self._max_calls} are allowed; most of them for {estimate.dearest}:"
            " ask for fewer rows there, or in several operations",
            estimated=estimate.calls,
            ceiling=self._max_calls,
            dearest=estimate.dearest,
        )
        return GraphQLError(refusal.message, original_error=refusal)


class _Refused(Exception):
    """A request that is not executed."""

    def __init__(
        self, errors: list[GraphQLError], code: str, operation: Operation | None = None
    ) -> None:
        formatted = [format_request_error(error, code=code) for error in first_errors(errors)]
        self.outcome = Outcome(msgspec.UNSET, formatted, operation)


def _told_cost(estimate: Estimate, scope: CallScope) -> dict[str, int]:
    tally = scope.tally
    return {
        "estimated": estimate.calls,
        "calls": tally.calls,
        "shared": tally.shared,
        "cached": tally.cached,
        "retried": tally.retried,
    }
