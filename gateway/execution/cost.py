"""Cost: the upstream calls that an operation can need at worst, known before the first one is made.

The plan is walked with the variables. An edge costs its own calls for each parent, and what is
selected below it runs on at most its rows. A hydration costs one call for each object. A call that
several parents share is counted for each of them, so the figure is a bound, never an average.
Retries are counted apart (architecture.md, cost before the first call).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.execution.plan import Estimate
from gateway.upstream.entities import Known

if TYPE_CHECKING:
    from graphql.execution.values import VariableValues

    from gateway.execution.plan import Field, Plan, Selection

__all__ = ["estimate_cost"]

# An embedded entity is known in its short form at best, and no better than the entity that holds
# it. (A name of its own: looking a member up in its enum runs Python code until 3.12.)
_EMBEDDED: Final = Known.SHORT


def estimate_cost(plan: Plan, variables: VariableValues) -> Estimate:
    """The bound for one execution; raises `GraphQLError` where an argument's variable does not
    fit.
    """
    kept = plan.fixed_estimate
    if kept is not None:
        return Estimate(kept.calls, kept.dearest, _arguments(plan, kept, variables), kept.rows)
    walk = _Walk(variables)
    calls, path = walk.cost_of(plan.root, _EMBEDDED)
    estimate = Estimate(calls, ".".join(path), walk.arguments, walk.rows)
    if plan.has_fixed_cost:
        plan.fixed_estimate = estimate
    return estimate


def _arguments(
    plan: Plan, estimate: Estimate, variables: VariableValues
) -> dict[int, dict[str, Any]]:
    """What the walk looks at, by slot."""
    arguments = {}
    for number in estimate.rows:
        arguments[number] = plan.slots[number].arguments.values(variables)
    return arguments


class _Walk:
    def __init__(self, variables: VariableValues) -> None:
        self.arguments: dict[int, dict[str, Any]] = {}
        self.rows: dict[int, int] = {}
        self._variables = variables

    def cost_of(self, selection: Selection, known: Known) -> tuple[int, tuple[str, ...]]:
        """Calls for one object of which so much is known, and the path to its dearest field."""
        total, dearest = 0, -1
        dearest_path: tuple[str, ...] = ()
        for field in selection.fields:
            if field.slot is None and not field.has_slots_below:
                continue
            calls, path = self._cost_of_field(field, known)
            total += calls
            if calls > dearest:
                dearest, dearest_path = calls, (field.key, *path)
        return total, dearest_path

    def _cost_of_field(self, field: Field, known: Known) -> tuple[int, tuple[str, ...]]:
        calls, rows = 0, 1
        known = min(known, _EMBEDDED)
        slot = field.slot
        if slot is not None and slot.edge is not None:
            arguments = self.arguments[slot.number] = slot.arguments.values(self._variables)
            calls, rows = slot.edge.cost.of(arguments)
            self.rows[slot.number] = rows
            known = slot.edge.cost.known
        below = 0
        path: tuple[str, ...] = ()
        for selection in field.below.values():
            # An object without slots makes no calls.
            calls_below, path_below = self.cost_of(selection, known) if selection.has_slots else _NO
            calls_below += selection.needs_in_all > known
            if calls_below > below:
                below, path = calls_below, path_below
        return calls + rows * below, path


_NO: tuple[int, tuple[str, ...]] = (0, ())
