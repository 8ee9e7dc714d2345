"""Cost: the upstream calls that an operation can need at worst, known before the first one is made.

The plan is walked with the variables. An edge costs its own calls for each parent, and what is
selected below it runs on at most its rows. A hydration costs one call for each object. A call that
several parents share is counted for each of them, so the figure is a bound, never an average. Lists
that are read whole of a pipeline are the exception: they are counted once for each pipeline,
whatever of it wants them. Retries are counted apart (architecture.md, cost before the first call).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gateway.execution.plan import Estimate
from gateway.loaders.whole import MAX_BRIDGES, MAX_LIST_ROWS, pages_of
from gateway.upstream.entities import Known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql.execution.values import VariableValues

    from gateway.execution.plan import Field, Plan, Selection
    from gateway.loaders.whole import ListName

__all__ = ["estimate_cost"]

# An embedded entity is known in its short form at best, and no better than the entity that holds
# it. (A name of its own: looking a member up in its enum runs Python code until 3.12.)
_EMBEDDED: Final = Known.SHORT


Path: TypeAlias = tuple[str, ...]
# Lists that are read whole of one pipeline, each with the path of a field that wants it.
Lists: TypeAlias = "dict[ListName, Path]"


def estimate_cost(
    plan: Plan, variables: VariableValues, *, max_list_rows: int = MAX_LIST_ROWS
) -> Estimate:
    """The bound for one execution, where whole lists of jobs hold so many rows at most; raises
    `GraphQLError` where an argument's variable does not fit.
    """
    kept = plan.fixed_estimate
    if kept is not None:
        return Estimate(kept.calls, kept.dearest, _arguments(plan, kept, variables), kept.rows)
    arguments: dict[int, dict[str, Any]] = {}
    if plan.last_estimate is not None:
        at_most, prices, last = plan.last_estimate
        arguments = _arguments(plan, last, variables)
        if at_most == max_list_rows and _prices(plan, arguments, max_list_rows) == prices:
            return Estimate(last.calls, last.dearest, arguments, last.rows)
    walk = _Walk(variables, arguments, max_list_rows)
    calls, path, _ = walk.cost_of(plan.root, _EMBEDDED)
    estimate = Estimate(calls, ".".join(path), walk.arguments, walk.rows)
    if plan.has_fixed_cost:
        plan.fixed_estimate = estimate
    else:
        # It is held longer than its variables are to be.
        known = Estimate(calls, estimate.dearest, {}, walk.rows)
        plan.last_estimate = (max_list_rows, walk.prices, known)
    return estimate


def _arguments(
    plan: Plan, estimate: Estimate, variables: VariableValues
) -> dict[int, dict[str, Any]]:
    """What the walk looks at, by slot."""
    arguments = {}
    for number in estimate.rows:
        arguments[number] = plan.slots[number].arguments.values(variables)
    return arguments


def _prices(
    plan: Plan, arguments: Mapping[int, dict[str, Any]], max_list_rows: int
) -> dict[int, tuple[int, int]]:
    """The calls and rows of each slot that was looked at."""
    prices = {}
    for number, given in arguments.items():
        edge = plan.slots[number].edge
        assert edge is not None  # noqa: S101 - what has arguments and a cost is an edge
        prices[number] = edge.cost.of(given, max_list_rows + MAX_BRIDGES)
    return prices


class _Walk:
    """The walk through a plan. `arguments` are those that are known already, by slot."""

    def __init__(
        self,
        variables: VariableValues,
        arguments: dict[int, dict[str, Any]],
        max_list_rows: int,
    ) -> None:
        self.arguments = arguments
        self.rows: dict[int, int] = {}
        self.prices: dict[int, tuple[int, int]] = {}
        self._variables = variables
        self._max_list_rows = max_list_rows

    def cost_of(self, selection: Selection, known: Known) -> tuple[int, Path, Lists | None]:
        """Calls for one object of which so much is known, the path to its dearest field, and the
        lists that are wanted besides of the pipeline it belongs to.
        """
        total, dearest = 0, -1
        dearest_path: Path = ()
        wanted: Lists | None = None
        for field in selection.fields:
            if field.slot is None and not field.has_slots_below:
                continue
            calls, path, lists = self._cost_of_field(field, known)
            total += calls
            if calls > dearest:
                dearest, dearest_path = calls, (field.key, *path)
            if lists:
                wanted = {name: (field.key, *path) for name, path in lists.items()} | (wanted or {})
        return total, dearest_path, wanted

    def _cost_of_field(self, field: Field, known: Known) -> tuple[int, Path, Lists | None]:
        calls, rows = 0, 1
        known = min(known, _EMBEDDED)
        slot = field.slot
        cost = None if slot is None or slot.edge is None else slot.edge.cost
        if slot is not None and cost is not None:
            number = slot.number
            arguments = self.arguments.get(number)
            if arguments is None:
                arguments = self.arguments[number] = slot.arguments.values(self._variables)
            price = cost.of(arguments, self._max_list_rows + MAX_BRIDGES)
            calls, rows = self.prices[number] = price
            self.rows[number] = rows
            known = cost.known
        below = 0
        path: Path = ()
        wanted: Lists | None = None
        for selection in field.below.values():
            # An object without slots makes no calls.
            calls_below, path_below, lists = (
                self.cost_of(selection, known) if selection.has_slots else _NO
            )
            calls_below += selection.needs_in_all > known
            if calls_below > below:
                below, path = calls_below, path_below
            if lists:
                wanted = lists | (wanted or {})
        if wanted and (field.read.is_elsewhere if field.read else not (cost and cost.stays)):
            # What is below is of other pipelines, each with lists of its own.
            pages = {name: pages_of(name, self._max_list_rows) for name in wanted}
            if sum(pages.values()) > below:
                path = wanted[max(pages, key=pages.__getitem__)]
            below += sum(pages.values())
            wanted = None
        if cost is not None and cost.lists:
            wanted = dict.fromkeys(cost.lists, ()) | (wanted or {})
        return calls + rows * below, path, wanted


_NO: tuple[int, Path, None] = (0, (), None)
