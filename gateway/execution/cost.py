"""Cost: the upstream calls an operation can need at worst, known before the first one is made.

The plan is walked with the variables. An edge costs its own calls for each parent; what is
selected below it runs on at most its rows. A hydration costs one call for each object. What
several parts share is counted for each of them, so the figure is a bound, never an average;
retries are counted apart (design, decision 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.schema.fields import SHORT

if TYPE_CHECKING:
    from graphql.execution.values import VariableValues

    from gateway.execution.plan import Field, Plan, Selection

__all__ = ["Estimate", "estimate_cost"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """`calls` at worst, and the path of response keys, joined by dots, on which most of them
    lie.
    """

    calls: int
    dearest: str


def estimate_cost(plan: Plan, variables: VariableValues) -> Estimate:
    """The bound for one execution; raises `GraphQLError` where an argument's variable does not
    fit.
    """
    calls, path = _cost_of(plan.root, variables, SHORT)
    return Estimate(calls, ".".join(path))


def _cost_of(
    selection: Selection, variables: VariableValues, known: int
) -> tuple[int, tuple[str, ...]]:
    """Calls for one object of which so much is known, and the path to its dearest field."""
    total, dearest = 0, -1
    dearest_path: tuple[str, ...] = ()
    for part in selection.fields:
        if part.slot is None and not part.has_slots_below:
            continue
        calls, path = _cost_of_field(part, variables, known)
        total += calls
        if calls > dearest:
            dearest, dearest_path = calls, (part.key, *path)
    return total, dearest_path


def _cost_of_field(
    part: Field, variables: VariableValues, known: int
) -> tuple[int, tuple[str, ...]]:
    calls, rows = 0, 1
    # What an entity holds is known in its short form at best, and no better than the entity.
    known = min(known, SHORT)
    if part.slot is not None and part.slot.edge is not None:
        calls, rows = part.slot.edge.cost.of(part.slot.arguments.values(variables))
        known = part.slot.edge.cost.known
    below = 0
    path: tuple[str, ...] = ()
    for selection in part.below.values():
        calls_below, path_below = _cost_of(selection, variables, known)
        calls_below += selection.needs > known
        if calls_below > below:
            below, path = calls_below, path_below
    return calls + rows * below, path
