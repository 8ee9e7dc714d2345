"""One operation of a valid document, and its plans: one for each choice of the variables that its
`@skip` and `@include` hang on.

Plans are kept by weight, which tells what they hold in memory in tokens of a document; the oldest
leaves first.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from graphql.execution.values import VariableValues
from msgspec import Struct

from gateway.execution.introspection import introspected_nodes
from gateway.execution.planner import plan_steps
from gateway.execution.selections import deciding_below, spreads_below
from gateway.execution.variables import NO_VARIABLES, Variables
from gateway.turns import finished

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from graphql import GraphQLError, OperationDefinitionNode, SelectionSetNode
    from graphql.execution.collect_fields import FragmentDetails

    from gateway.execution.plan import Estimate, Plan, Size
    from gateway.execution.shapes import Pieces, Shape

__all__ = [
    "LEAST_WEIGHT",
    "MAX_INTROSPECTED",
    "PLANS_WEIGHT",
    "FilledOperation",
    "Operation",
    "Prepared",
]

# Fields of the schema that an operation may ask for: the standard introspection has some 6,000.
MAX_INTROSPECTED: Final = 50_000
# Of an operation's plans together: one for each choice of its @skip/@include variables. All
# choices of five variables fit for up to 100 fields.
PLANS_WEIGHT: Final = 15_000
# What parts of a plan hold in memory, in tokens of a document: a token's nodes some 300 bytes.
FIELD_WEIGHT: Final = 3
SELECTION_WEIGHT: Final = 3
# And what a document, or a plan, holds whatever is in it.
LEAST_WEIGHT: Final = 20
SLOT_WEIGHT: Final = 6


class Operation:
    """An operation, with its plans. `fragments` are those of its document; it keeps those that it
    reaches. It tells `grown` how much heavier it got by a plan, or lighter. `trusted` is its
    document's id among the trusted ones.
    """

    def __init__(
        self,
        strawberry: Any,
        node: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDetails],
        max_plan_fields: int,
        grown: Callable[[int], None],
        *,
        hides_names: bool,
        trusted: str | None = None,
    ) -> None:
        self.node = node
        self.trusted = trusted
        self.name = node.name.value if node.name else None
        self.type = node.operation.value
        self.fragments = _reached(node.selection_set, fragments)
        self.fragment_definitions = {
            name: fragment.definition for name, fragment in self.fragments.items()
        }
        self._strawberry = strawberry
        self._max_plan_fields = max_plan_fields
        # The variables as the schema types them, of a request's values; or what is wrong with them.
        self.variables = Variables(strawberry._schema, node, hides_names=hides_names).values
        self.constants = NO_VARIABLES
        """The values of one that declares no variables."""
        self.forecast: tuple[Estimate, Size] | None = None
        """What such a one can take, once it is known."""
        self.deciding = tuple(dict.fromkeys(variable for _, variable in self.decisions()))
        """The variables that its `@skip` and `@include` hang on."""
        # Fields of introspection in its answer at most.
        self.introspected = introspected_nodes(
            strawberry._schema,
            node,
            self.fragment_definitions,
            MAX_INTROSPECTED,
        )
        self._grown = grown
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self.only_plan: Plan | None = None
        """That of an operation without such variables, once it is known."""
        self._weight = 0

    def decisions(self) -> Iterator[tuple[str, str]]:
        """Each `skip` and `include` of it that hangs on a variable, with the variable's name."""
        yield from deciding_below(self.node.selection_set)
        for fragment in self.fragment_definitions.values():
            yield from deciding_below(fragment.selection_set)

    def find_plan(self, variables: VariableValues) -> Plan | None:
        """The plan for these values of the variables that decide on fields, where it is known."""
        if not self.deciding:
            return self.only_plan
        return self._plans.get(self._choice(variables))

    def planning(self, variables: VariableValues) -> Generator[None, None, Plan]:
        """Make that plan, and keep it. Raises `GraphQLError` where it would be too large."""
        plan = yield from plan_steps(
            self._strawberry, self.node, self.fragments, variables, self._max_plan_fields
        )
        self._keep(plan, variables)
        return plan

    def plan(self, variables: VariableValues) -> Plan:
        """The same, made at once if need be."""
        return self.find_plan(variables) or finished(self.planning(variables))

    def locate(self, errors: list[GraphQLError]) -> None:
        """Put errors where they are in the text that was sent, which is this operation's own."""

    def _choice(self, variables: VariableValues) -> tuple[Any, ...]:
        return tuple(variables.coerced.get(name) for name in self.deciding)

    def _keep(self, plan: Plan, variables: VariableValues) -> None:
        before = self._weight
        # Two texts of a shape may make a plan side by side.
        if not self.deciding:
            known, self.only_plan = self.only_plan, plan
            self._weight -= 0 if known is None else _weight_of(known)
        else:
            choice = self._choice(variables)
            known = self._plans.pop(choice, None)
            self._weight -= 0 if known is None else _weight_of(known)
            while self._plans and self._weight + _weight_of(plan) > PLANS_WEIGHT:
                # The oldest.
                self._weight -= _weight_of(self._plans.pop(next(iter(self._plans))))
            self._plans[choice] = plan
        self._weight += _weight_of(plan)
        self._grown(self._weight - before)


class FilledOperation(Operation):
    """The operation of a shape, with the values of one text. Plans are the shape's."""

    def __init__(
        self, operation: Operation, shape: Shape, pieces: Pieces, values: dict[str, Any]
    ) -> None:
        # All that it is made of is there, and cost more than all the rest of the way.
        vars(self).update(vars(operation))
        self._operation = operation
        self._shape = shape
        self._pieces = pieces
        self.constants = VariableValues({}, values)
        self.variables = partial(_filled, operation, values)

    def find_plan(self, variables: VariableValues) -> Plan | None:
        return self._operation.find_plan(variables)

    def planning(self, variables: VariableValues) -> Generator[None, None, Plan]:
        return self._operation.planning(variables)

    def locate(self, errors: list[GraphQLError]) -> None:
        self._shape.locate(errors, self._pieces)


def _filled(
    operation: Operation, values: dict[str, Any], given: Mapping[str, Any] | None
) -> VariableValues | list[GraphQLError]:
    """The variables' values, beside those of literals."""
    variables = operation.variables(given)
    if isinstance(variables, list):
        return variables
    return VariableValues(variables.sources, variables.coerced | values)


class Prepared(Struct, eq=False):
    """An operation that may be executed: with its plan for these variables, and what that can
    take.
    """

    operation: Operation
    plan: Plan
    variables: VariableValues
    estimate: Estimate
    size: Size


def _weight_of(plan: Plan) -> int:
    return (
        LEAST_WEIGHT
        + FIELD_WEIGHT * plan.fields
        + SELECTION_WEIGHT * len(plan.selections)
        + SLOT_WEIGHT * len(plan.slots)
    )


def _reached(
    selected: SelectionSetNode, fragments: Mapping[str, FragmentDetails]
) -> dict[str, FragmentDetails]:
    """The fragments that an operation spreads, and those that these do."""
    reached: dict[str, FragmentDetails] = {}
    todo = [selected]
    for selection_set in todo:
        for spread in spreads_below(selection_set):
            name = spread.name.value
            if name not in reached:
                reached[name] = fragments[name]
                todo.append(fragments[name].definition.selection_set)
    return reached
