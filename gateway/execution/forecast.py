"""What an operation will come to at most, worked out before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import GraphQLError

from gateway.errors import CostExceeded, ResponseTooLarge
from gateway.execution.cost import estimate_cost
from gateway.execution.largest import most_fields
from gateway.execution.response import RequestError
from gateway.execution.size import size_of

if TYPE_CHECKING:
    from graphql.execution.values import VariableValues

    from gateway.execution.operation import Operation
    from gateway.execution.plan import Estimate, Plan, Size

__all__ = ["forecast", "too_dear", "too_full"]


def too_dear(estimate: Estimate, ceiling: int, others: int = 0) -> GraphQLError:
    """The refusal of what may need more calls than are allowed; `others` are those of operations of
    the same batch.
    """
    batch = f", those before it in its batch {others}" if others else ""
    refusal = CostExceeded(
        f"the operation may need {estimate.calls} upstream calls{batch}; {ceiling} are allowed"
        f" (GATEWAY_MAX_CALLS); most of them for {estimate.dearest}: ask for fewer rows there, or"
        " in several operations",
        estimated=estimate.calls,
        ceiling=ceiling,
        dearest=estimate.dearest,
    )
    return GraphQLError(refusal.message, original_error=refusal)


def too_full(plan: Plan, estimate: Estimate, nodes: int, max_nodes: int) -> GraphQLError:
    """The refusal of what may answer with more fields than are allowed, those of operations before
    it in its batch included.
    """
    _, most = most_fields(plan, estimate.rows)
    refusal = ResponseTooLarge.by_nodes(nodes, max_nodes, most)
    return GraphQLError(refusal.message, original_error=refusal)


def forecast(
    operation: Operation, plan: Plan, variables: VariableValues, max_list_rows: int
) -> tuple[Estimate, Size]:
    """Cost and size, kept where they hang on no variables; raises `RequestError`."""
    try:
        estimate = estimate_cost(plan, variables, max_list_rows=max_list_rows)
    except GraphQLError as error:
        raise RequestError("BAD_USER_INPUT", errors=[error], operation=operation) from None
    size = plan.size or size_of(plan, estimate.rows)
    if plan.fixed_estimate is not None:
        plan.size = size
    if not operation.node.variable_definitions:
        operation.forecast = estimate, size
    return estimate, size
