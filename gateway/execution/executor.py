"""The seam: Strawberry's executor, with compiled projections where a plan has them.

`strawberry.Schema(execution_context_class=PlannedExecutor)` is all the set-up there is. Queries
run as a plan from the root; mutations run their root fields one after another the reference way,
and plans below them. Two methods of graphql-core's `Executor` are the places (`execute_operation`,
and `complete_object_value`, which list completion calls for each item); they are marked private
there, so the dependency is pinned and `tests/execution/test_seam.py` watches them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

from graphql import ExecutionResult, GraphQLError, OperationType, get_nullable_type
from graphql.execution import default_field_resolver, default_type_resolver
from graphql.execution.collect_fields import CollectedFields
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.execution.compiler import compile_plan
from gateway.execution.plan import Plan
from gateway.execution.run import Run
from gateway.upstream.pruning import WHOLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from graphql import GraphQLObjectType, GraphQLResolveInfo
    from graphql.execution.collect_fields import FieldDetails
    from graphql.execution.values import VariableValues
    from graphql.pyutils import AwaitableOrValue, Path

    from gateway.execution.documents import Operation
    from gateway.execution.plan import Selection, Slot

__all__ = ["Execution", "PlannedExecutor"]

LARGE_INTROSPECTION: Final = 500


class Execution:
    """One execution of a plan. graphql-core's executor is made only where something has to go the
    reference way. `arguments` are those that are known already, by slot.
    """

    __slots__ = (
        "_arguments",
        "_executor",
        "_operation",
        "_plan",
        "context_value",
        "variable_values",
    )

    def __init__(
        self,
        operation: Operation | None,
        plan: Plan,
        variable_values: VariableValues,
        context_value: Any,
        executor: PlannedExecutor | None = None,
        arguments: Mapping[int, dict[str, Any]] | None = None,
    ) -> None:
        self.context_value = context_value
        self._arguments = arguments or {}
        if plan.readers is not WHOLE:
            context_value.readers = plan.readers
        self.variable_values = variable_values
        self._operation = operation
        self._plan = plan
        self._executor = executor

    def arguments(self, slot: Slot) -> dict[str, Any]:
        """What an edge's resolver is given; raises `GraphQLError` where a value does not fit."""
        known = self._arguments.get(slot.number)
        return slot.arguments.values(self.variable_values) if known is None else known

    @property
    def executor(self) -> PlannedExecutor:
        """The reference for what the compiled functions do not take; collects the errors."""
        if self._executor is None:
            assert self._operation is not None  # noqa: S101 - one of the two is given
            self._executor = PlannedExecutor(
                self._plan.schema,
                self._operation.fragment_definitions,
                self._operation.fragments,
                None,
                self.context_value,
                self._operation.node,
                self.variable_values,
                default_field_resolver,
                default_type_resolver,
                default_field_resolver,
                is_awaitable=optimized_is_awaitable,
                plan=self._plan,
            )
        return self._executor

    def introspect(self, slot: Slot, source: Any, path: Path) -> AwaitableOrValue[Any]:
        """Answer a field of introspection the reference way; a large one in a thread, since each
        of its fields takes some 10 µs.
        """
        if self._operation is None or self._operation.introspected < LARGE_INTROSPECTION:
            return self.executor.execute_field(slot.parent_type, source, slot.details, path, None)
        return self._introspect_apart(self._operation, slot, source, path)

    async def _introspect_apart(
        self, operation: Operation, slot: Slot, source: Any, path: Path
    ) -> Any:
        apart = Execution(operation, self._plan, self.variable_values, self.context_value).executor
        introspected = await asyncio.to_thread(
            apart.execute_field, slot.parent_type, source, slot.details, path, None
        )
        for error in apart.collected_errors.errors:
            self.executor.collected_errors.add(error, path)
        return introspected

    def run(self) -> AwaitableOrValue[ExecutionResult]:
        """The result, or an awaitable of it where something has to be waited for."""
        root = self._plan.root
        if root.project is None:
            return self.executor.execute_reference()
        if self._plan.operation.operation is OperationType.MUTATION:
            return self.executor.execute_mutation()
        try:
            if not root.has_slots:
                return ExecutionResult(root.project(None), None)
            run = Run(self, self._plan, is_whole=True)
            data = root.project(None, None, run.queues)
            if run.begin():
                return self._finish(run, data)
        except GraphQLError as error:
            return self.executor.fail_whole(error)
        return self._result(data)

    async def _finish(self, run: Run, data: dict[str, Any]) -> ExecutionResult:
        try:
            return self._result(await run.finish(data))
        except GraphQLError as error:
            return self.executor.fail_whole(error)

    def _result(self, data: dict[str, Any]) -> ExecutionResult:
        errors = self._executor.collected_errors.errors if self._executor is not None else None
        return ExecutionResult(data, errors or None)


class PlannedExecutor(StrawberryGraphQLCoreExecutionContext):
    """An executor that runs a compiled plan; without one (`schema.execute`) it makes its own."""

    def __init__(self, *args: Any, plan: Plan | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if plan is None:
            plan = Plan(
                self.schema._strawberry_schema,  # type: ignore[attr-defined]  # noqa: SLF001 - where Strawberry keeps itself
                self.operation,
                self.fragments,
                self.variable_values,
            )
            compile_plan(plan)
        self.plan = plan
        self._execution = Execution(None, plan, self.variable_values, self.context_value, self)

    def execute_operation(
        self,
        serially: bool | None = None,  # noqa: FBT001 - the overridden signature
    ) -> AwaitableOrValue[ExecutionResult]:
        if self.operation.operation is OperationType.SUBSCRIPTION:
            return cast("AwaitableOrValue[ExecutionResult]", super().execute_operation(serially))
        return self._execution.run()

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
        """The result of an operation whose root may not be null and is."""
        self.collected_errors.add(error, None)
        return self._response(None)

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
        """Project an object that the reference way has come to, if its plan can."""
        selection = self.plan.selection(return_type.name, field_details_list)
        if (
            selection is not None
            and selection.project is not None
            and _fits(self.plan.entity_types, selection, result)
        ):
            run = Run(self._execution, self.plan)
            try:
                if not selection.has_slots:
                    projected = selection.project(result)
                else:
                    projected = selection.project(result, path, run.queues)
            except Exception:  # noqa: BLE001, S110 - field by field, below, the error finds its place
                pass
            else:
                return run.finish(projected) if run.begin() else projected
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: list[FieldDetails]
    ) -> CollectedFields:
        """The plan's own collection, so that its selections are found again by identity."""
        selection = self.plan.selection(return_type.name, field_details_list)
        if selection is None or selection.grouped is None:
            return super().collect_subfields(return_type, field_details_list)
        return CollectedFields(dict(selection.grouped), [], [])

    def complete_at(self, slot: Slot, path: Path, value: Any) -> AwaitableOrValue[Any]:
        """Complete a slot's value (an exception fails it) with the reference's rules for errors
        and nulls.

        Raises where the place may not be null.
        """
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
    """Is this an entity of the selection's type of which enough is known?"""
    return entity_types.get(source.__class__, selection.type.name) == selection.type.name and (
        not selection.needs or source.known >= selection.needs
    )
