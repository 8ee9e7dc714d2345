"""Executes compiled plans, and the seam by which graphql-core's executor does so.

`execute_plan` runs a query as a plan from the root. What its compiled functions do not take goes
the reference way: to a `PlannedExecutor`, which is made only then. That is Strawberry's executor,
with compiled projections where a plan has them. It runs the root fields of a mutation one after
another, and the plan below each.

`strawberry.Schema(execution_context_class=PlannedExecutor)` is all the set-up there is. Two methods
of graphql-core's `Executor` are the seam: `execute_operation`, and `complete_object_value`, which
list completion calls for each item; a third is in `long_lists`. They are marked private there, so
the dependency is pinned and `tests/execution/test_seam.py` watches them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from graphql import ExecutionResult, GraphQLError, OperationType, get_nullable_type
from graphql.execution import default_field_resolver, default_type_resolver
from graphql.execution.collect_fields import CollectedFields
from strawberry.execution import optimized_is_awaitable

from gateway.eager import own_task
from gateway.errors import DeadlineExceeded
from gateway.execution.introspector import Introspector
from gateway.execution.long_lists import ListExecutor
from gateway.execution.planner import make_plan
from gateway.execution.slot_filler import SlotFiller
from gateway.upstream.pruning import WHOLE
from gateway.upstream.salvage import is_salvaged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from graphql import GraphQLObjectType, GraphQLResolveInfo
    from graphql.execution.collect_fields import FieldDetails
    from graphql.execution.values import VariableValues
    from graphql.pyutils import AwaitableOrValue, Path

    from gateway.execution.operation import Operation
    from gateway.execution.plan import Plan, Selection, Slot
    from gateway.turns import Turns

__all__ = ["PlanExecution", "PlannedExecutor", "execute_plan"]

Arguments: TypeAlias = "Mapping[int, dict[str, Any]]"
_NONE_KNOWN: Final[Arguments] = {}

# Fields of an introspection from which it is answered in turns: each takes some 10 µs.
LARGE_INTROSPECTION: Final = 500
NOT_INTROSPECTED: Final = (
    "the schema could not be told in time, the gateway is busy with others; send the operation"
    " again"
)


def execute_plan(execution: PlanExecution | PlannedExecutor) -> AwaitableOrValue[ExecutionResult]:
    """The result of an operation, or an awaitable of it where something has to be waited for."""
    plan = execution.plan
    root = plan.root
    if root.project is None:
        return execution.reference.execute_reference()
    if plan.operation.operation is OperationType.MUTATION:
        return execution.reference.execute_mutation()
    try:
        if not root.has_slots:
            return ExecutionResult(root.project(execution.root_value), None)
        filler = SlotFiller(execution, plan, is_whole=True)
        data = root.project(execution.root_value, None, filler.queues)
        if filler.begin():
            return _finish(execution, filler, data)
    except GraphQLError as error:
        return execution.reference.fail_whole(error)
    return ExecutionResult(data, execution.errors or None)


async def _finish(
    execution: PlanExecution | PlannedExecutor, filler: SlotFiller, data: dict[str, Any]
) -> ExecutionResult:
    try:
        await filler.finish(data)
    except GraphQLError as error:
        return execution.reference.fail_whole(error)
    if execution.errors is not None:
        execution.reference.gather_errors()
    return ExecutionResult(data, execution.errors or None)


class PlanExecution:
    """One execution of an operation's plan. `arguments` are those that are known already, by slot;
    `errors` are those of the reference executor, as they come. What may be long takes its `turns`,
    and ends at the `deadline`, a time of the loop's clock.
    """

    __slots__ = (
        "_arguments",
        "_deadline",
        "_executor",
        "_operation",
        "_turns",
        "context_value",
        "errors",
        "plan",
        "root_value",
        "variable_values",
    )

    def __init__(
        self,
        operation: Operation,
        plan: Plan,
        variable_values: VariableValues,
        context_value: Any,
        *,
        arguments: Arguments = _NONE_KNOWN,
        root_value: Any = None,
        turns: Turns | None = None,
        deadline: float | None = None,
    ) -> None:
        self.root_value = root_value
        self.context_value = context_value
        self.errors: list[GraphQLError] | None = None
        self.plan = plan
        self.variable_values = variable_values
        self._arguments = arguments
        self._deadline = deadline
        self._turns = turns
        self._operation = operation
        self._executor: PlannedExecutor | None = None

    @property
    def reference(self) -> PlannedExecutor:
        """The executor for what the compiled functions do not take."""
        if self._executor is None:
            self._executor = PlannedExecutor(
                self.plan.schema,
                self._operation.fragment_definitions,
                self._operation.fragments,
                self.root_value,
                self.context_value,
                self._operation.node,
                self.variable_values,
                default_field_resolver,
                default_type_resolver,
                default_field_resolver,
                is_awaitable=optimized_is_awaitable,
                plan=self.plan,
                arguments=self._arguments,
                turns=self._turns,
            )
            self.errors = self._executor.errors
        return self._executor

    def arguments(self, slot: Slot) -> dict[str, Any]:
        known = self._arguments.get(slot.number)
        return slot.arguments.values(self.variable_values) if known is None else known

    def execute_at(self, slot: Slot, path: Path, source: Any) -> AwaitableOrValue[Any]:
        if self._operation.introspected < LARGE_INTROSPECTION or self._turns is None:
            return self.reference.execute_at(slot, path, source)
        return self._introspect(slot, path, self._turns)

    async def _introspect(self, slot: Slot, path: Path, turns: Turns) -> Any:
        """Answer a large introspection in turns with others, within the operation's time."""
        await own_task()
        introspector = Introspector(
            self.plan.schema, self._operation.node, self._operation.fragments, self.variable_values
        )
        try:
            async with asyncio.timeout_at(self._deadline):
                return await turns.run(introspector.answer(slot))
        except TimeoutError:
            error: Exception = DeadlineExceeded(NOT_INTROSPECTED)
        except GraphQLError as found:
            error = found
        self.reference.handle_field_error(error, slot.type, slot.details, path)
        return None

    def complete_at(self, slot: Slot, path: Path, value: Any) -> AwaitableOrValue[Any]:
        return self.reference.complete_at(slot, path, value)


class PlannedExecutor(ListExecutor):
    """An executor that runs a compiled plan; without one (`schema.execute`) it makes its own."""

    def __init__(
        self,
        *args: Any,
        plan: Plan | None = None,
        arguments: Arguments = _NONE_KNOWN,
        turns: Turns | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.turns = turns
        if plan is None:
            plan = make_plan(
                self.schema._strawberry_schema,  # type: ignore[attr-defined]  # noqa: SLF001 - where Strawberry keeps itself
                self.operation,
                self.fragments,
                self.variable_values,
            )
            if plan.readers is not WHOLE:
                self.context_value.readers = plan.readers
        self.plan = plan
        self.errors = self.collected_errors.errors
        self._arguments = arguments

    def execute_operation(
        self,
        serially: bool | None = None,  # noqa: FBT001 - the overridden signature
    ) -> AwaitableOrValue[ExecutionResult]:
        if self.operation.operation is OperationType.SUBSCRIPTION:
            return cast("AwaitableOrValue[ExecutionResult]", super().execute_operation(serially))
        return execute_plan(self)

    @property
    def reference(self) -> PlannedExecutor:
        return self

    def arguments(self, slot: Slot) -> dict[str, Any]:
        known = self._arguments.get(slot.number)
        return slot.arguments.values(self.variable_values) if known is None else known

    def execute_reference(self) -> AwaitableOrValue[ExecutionResult]:
        """Run the whole operation the reference way."""
        return cast("AwaitableOrValue[ExecutionResult]", super().execute_operation())

    def execute_mutation(self) -> AwaitableOrValue[ExecutionResult]:
        """Run the root fields one after another, the plan below each."""
        try:
            data = self.execute_fields_serially(
                self.plan.root.type, self.root_value, None, dict(self.plan.root.grouped or {}), None
            )
        except GraphQLError as error:
            return self.fail_whole(error)
        return self._response(data) if isinstance(data, dict) else self._respond(data)

    async def _respond(self, completing: Awaitable[dict[str, Any]]) -> ExecutionResult:
        try:
            return self._response(await completing)
        except GraphQLError as error:
            return self.fail_whole(error)

    def fail_whole(self, error: GraphQLError) -> ExecutionResult:
        """The result of an operation that an error has made null as a whole."""
        self.collected_errors.add(error, None)
        return self._response(None)

    def build_response(self, data: dict[str, Any] | None) -> Any:
        self.gather_errors()
        return super().build_response(data)

    def _response(self, data: dict[str, Any] | None) -> ExecutionResult:
        # Incremental delivery, the other thing it could give, is off.
        return cast("ExecutionResult", self.build_response(data))

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Complete an object by its compiled projection, where there is one that fits."""
        selection = self.plan.selection(return_type.name, field_details_list)
        if (
            selection is not None
            and selection.project is not None
            and _fits(self.plan.entity_types, selection, result)
        ):
            filler = SlotFiller(self, self.plan)
            try:
                if not selection.has_slots:
                    projected = selection.project(result)
                else:
                    projected = selection.project(result, path, filler.queues)
            except Exception:  # noqa: BLE001, S110 - field by field, below, the error finds its place
                pass
            else:
                return filler.finish(projected) if filler.begin() else projected
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: list[FieldDetails]
    ) -> CollectedFields:
        """The plan's own lists of fields: by their identity `selection` finds them again."""
        selection = self.plan.selection(return_type.name, field_details_list)
        if selection is None or selection.grouped is None:
            return super().collect_subfields(return_type, field_details_list)
        return CollectedFields(dict(selection.grouped), [], [])

    def execute_at(self, slot: Slot, path: Path, source: Any) -> AwaitableOrValue[Any]:
        return self.execute_field(slot.parent_type, source, slot.details, path, None)

    def complete_at(self, slot: Slot, path: Path, value: Any) -> AwaitableOrValue[Any]:
        type_ = slot.type
        step: Path | None = path
        while step is not None and isinstance(step.key, int):
            # A hydration inside a list stands for one item.
            type_ = get_nullable_type(type_).of_type  # type: ignore[union-attr]  # a list, by its index
            step = step.prev
        nodes = [detail.node for detail in slot.details]
        info = self.build_resolve_info(slot.definition, nodes, slot.parent_type, path)
        try:
            completed = self.complete_value(type_, slot.details, info, path, value, None)
        except Exception as error:  # noqa: BLE001 - located and collected, as in `execute_field`
            self.handle_field_error(error, type_, slot.details, path)
            return None
        if not self.is_awaitable(completed):
            return completed
        return self._complete_later(type_, slot, path, completed)

    async def _complete_later(
        self, type_: Any, slot: Slot, path: Path, completing: Awaitable[Any]
    ) -> Any:
        try:
            return await completing
        except Exception as error:  # noqa: BLE001 - as above
            self.handle_field_error(error, type_, slot.details, path)
            return None


def _fits(entity_types: Mapping[type, str], selection: Selection, source: Any) -> bool:
    """Is this an entity of the selection's type of which enough is known, and could be read?"""
    if is_salvaged(source):
        return False
    return entity_types.get(source.__class__, selection.type.name) == selection.type.name and (
        not selection.needs or source.known >= selection.needs
    )
