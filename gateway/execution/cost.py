"""Cost: the upstream calls an operation can need at worst, known before the first one is made.

The plan is walked with the variables. An edge costs its own calls for each parent; what is
selected below it runs on at most its rows. A hydration costs one call for each object. What
several parts share is counted for each of them, so the figure is a bound, never an average;
retries are counted apart (design, decision 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.upstream.entities import Known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql.execution.values import VariableValues

    from gateway.execution.plan import Field, Plan, Selection

__all__ = ["Estimate", "estimate_cost"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """`calls` at worst, and the path of response keys, joined by dots, on which most of them
    lie. `arguments` are those that were looked at, by slot: the resolvers get the same.
    """

    calls: int
    dearest: str
    arguments: Mapping[int, dict[str, Any]]


def estimate_cost(plan: Plan, variables: VariableValues) -> Estimate:
    """The bound for one execution; raises `GraphQLError` where an argument's variable does not
    fit.
    """
    walk = _Walk(variables)
    calls, path = walk.cost_of(plan.root, Known.SHORT)
    return Estimate(calls, ".".join(path), walk.arguments)


class _Walk:
    def __init__(self, variables: VariableValues) -> None:
        self.arguments: dict[int, dict[str, Any]] = {}
        self._variables = variables

    def cost_of(self, selection: Selection, known: Known) -> tuple[int, tuple[str, ...]]:
        """Calls for one object of which so much is known, and the path to its dearest field."""
        total, dearest = 0, -1
        dearest_path: tuple[str, ...] = ()
        for part in selection.fields:
            if part.slot is None and not part.has_slots_below:
                continue
            calls, path = self._cost_of_field(part, known)
            total += calls
            if calls > dearest:
                dearest, dearest_path = calls, (part.key, *path)
        return total, dearest_path

    def _cost_of_field(self, part: Field, known: Known) -> tuple[int, tuple[str, ...]]:
        calls, rows = 0, 1
        # What an entity holds is known in its short form at best, and no better than the entity.
        known = min(known, Known.SHORT)
        slot = part.slot
        if slot is not None and slot.edge is not None:
            arguments = self.arguments[slot.number] = slot.arguments.values(self._variables)
            calls, rows = slot.edge.cost.of(arguments)
            known = slot.edge.cost.known
        below = 0
        path: tuple[str, ...] = ()
        for selection in part.below.values():
            # Nothing of an object that holds no slots can call.
            calls_below, path_below = self.cost_of(selection, known) if selection.has_slots else _NO
            calls_below += selection.needs > known
            if calls_below > below:
                below, path = calls_below, path_below
        return calls + rows * below, path


_NO: tuple[int, tuple[str, ...]] = (0, ())
