"""Long lists that go the reference way, completed in turns with others.

A page of which no row can be read is a hundred errors of 100 µs each. Where its rows have nothing
to wait for, they are completed in steps of one row; the list is there when all of them are. What is
wrong with them is told in the place where the list began, as if it had been completed at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from graphql import GraphQLError, get_named_type, is_abstract_type
from graphql.execution.executor import CollectedErrors
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from graphql import GraphQLOutputType, GraphQLResolveInfo
    from graphql.execution.collect_fields import FieldDetails
    from graphql.pyutils import AwaitableOrValue, Path

    from gateway.execution.plan import Plan
    from gateway.turns import Turns

__all__ = ["ListExecutor"]

# Items of a list from which it takes turns.
LONG_LIST: Final = 10


class ListExecutor(StrawberryGraphQLCoreExecutionContext):
    """Completes long lists in turns, where it was given some."""

    plan: Plan
    turns: Turns | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Of each long list: how many errors there were when it began, and its own.
        self._of_lists: list[tuple[int, list[GraphQLError]]] = []

    def complete_iterable_value(
        self,
        item_type: GraphQLOutputType,
        field_details_list: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        items: Iterable[Any],
        position_context: Any,
    ) -> AwaitableOrValue[list[Any]]:
        turns = self.turns
        if (
            turns is None
            or not isinstance(items, list)
            or len(items) < LONG_LIST
            or self._may_wait(item_type, field_details_list)
        ):
            return super().complete_iterable_value(
                item_type, field_details_list, info, path, items, position_context
            )
        completed: list[Any] = []

        def steps() -> Generator[None, None, list[Any]]:
            for index, item in enumerate(items):
                at = path.add_key(index, None)
                self.complete_list_item_value(
                    item, completed, item_type, field_details_list, info, at, position_context
                )
                yield
            return completed

        errors = CollectedErrors()
        self._of_lists.append((len(self.collected_errors.errors), errors.errors))
        return turns.run(self._collecting(steps(), errors))

    def _may_wait(self, item_type: GraphQLOutputType, details: list[FieldDetails]) -> bool:
        """Is there, or may there be, anything to wait for in an item?"""
        type_: Any = get_named_type(item_type)
        types = self.schema.get_possible_types(type_) if is_abstract_type(type_) else (type_,)
        selections = [self.plan.selection(possible.name, details) for possible in types]
        return any(selection is None or selection.has_slots for selection in selections)

    def _collecting(
        self, steps: Generator[None, None, list[Any]], errors: CollectedErrors
    ) -> Generator[None, None, list[Any]]:
        """The same steps, whose errors are collected apart. Lists within do not wait."""
        while True:
            others, turns = self.collected_errors, self.turns
            self.collected_errors, self.turns = errors, None
            try:
                next(steps)
            except StopIteration as stop:
                completed: list[Any] = stop.value
                return completed
            finally:
                self.collected_errors, self.turns = others, turns
            yield

    def gather_errors(self) -> None:
        """Put the errors of long lists in their places among all others."""
        errors = self.collected_errors.errors
        for place, of_list in reversed(self._of_lists):
            errors[place:place] = of_list
        self._of_lists.clear()
