"""One operation run by the reference executor and as a compiled plan, and what must be equal.

Data must be equal as bytes, the order of keys included. Errors must be equal as a multiset of path,
code, message and locations, but for one freedom of the specification: where errors lie below a
place that they made null, both must report some of those that can happen there, not the same ones.
"""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from graphql import ExecutionResult, GraphQLError, GraphQLNonNull, execute, parse
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.execution import documents, executor, preparing
from gateway.execution.limits import Limits
from gateway.execution.masking import format_error
from gateway.execution.schema import make_schema
from tests.execution.fake import FakeContext
from tests.execution.fake_world import World

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from gateway.turns import Turns
    from tests.execution.settling import SettlingLoop

__all__ = ["Answer", "Comparison", "Failure", "Stack", "failures_of"]


class Failure(NamedTuple):
    """What a caller sees of an error."""

    path: tuple[str | int, ...]
    code: str
    message: str
    locations: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run came to.

    `asked` are the keys of its loads, in order; `is_compiled` tells that graphql-core's executor
    was not even made.
    """

    data: Any
    failures: Counter[Failure]
    asked: list[Any]
    is_compiled: bool

    @property
    def bytes(self) -> bytes:
        return msgspec.json.encode(self.data)


class Stack(NamedTuple):
    """The modules that make and run plans: the gateway's, or a mutant's."""

    documents: ModuleType = documents
    executor: ModuleType = executor
    preparing: ModuleType = preparing


class _Unpropagated(StrawberryGraphQLCoreExecutionContext):
    """The reference without the propagation of nulls: finds every error there is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.error_propagation = False


class Comparison:
    """Runs documents both ways; what is compiled is kept, as in the gateway."""

    def __init__(
        self, loop: SettlingLoop, stack: Stack | None = None, turns: Turns | None = None
    ) -> None:
        self.stack = stack or Stack()
        self._turns = turns
        self.documents = self.stack.documents.Documents(_schema(), Limits(), kept=100)
        self._loop = loop

    def check(
        self, text: str, variables: Mapping[str, Any] | None = None, world: World | None = None
    ) -> Answer:
        """Run both ways; raises `AssertionError` where they differ. Gives the planned answer."""
        world = world or World()
        expected = self.run_reference(text, variables, world)
        planned = self.run_planned(text, variables, world)
        self.compare(expected, planned, text, variables, world)
        return planned

    def compare(
        self,
        expected: Answer,
        planned: Answer,
        text: str,
        variables: Mapping[str, Any] | None,
        world: World,
    ) -> None:
        assert planned.bytes == expected.bytes
        if planned.failures == expected.failures:
            # What is asked for is the same as well; where nulls propagate, it is a matter of order.
            assert planned.failures or set(planned.asked) == set(expected.asked)
            return
        own, below = _by_null(planned)
        expected_own, expected_below = _by_null(expected)
        assert own == expected_own
        assert below.keys() == expected_below.keys()
        possible = self.run_reference(text, variables, world, _Unpropagated).failures
        assert sum(below.values(), Counter()) <= possible

    def run_reference(
        self,
        text: str,
        variables: Mapping[str, Any] | None,
        world: World,
        executor_class: type[Any] = StrawberryGraphQLCoreExecutionContext,
    ) -> Answer:
        document = parse(text)
        context = FakeContext(world, self._loop)

        async def run() -> ExecutionResult:
            result = execute(
                _schema()._schema,
                document,
                context_value=context,
                variable_values=dict(variables or {}),
                executor_class=executor_class,
                is_awaitable=optimized_is_awaitable,
            )
            return await result if isawaitable(result) else result

        return self._answer(self._loop.run_until_complete(run()), context)

    def run_planned(self, text: str, variables: Mapping[str, Any] | None, world: World) -> Answer:
        document = self.documents.get(text)
        assert not document.errors, document.errors
        operation = document.operation(None)
        coerced = operation.variables(variables)
        assert not isinstance(coerced, list), coerced
        context = FakeContext(world, self._loop)

        plan = operation.plan(coerced)
        context.readers = plan.readers
        execution = self.stack.executor.PlanExecution(
            operation, plan, coerced, context, turns=self._turns
        )

        async def run() -> ExecutionResult:
            result = self.stack.executor.execute_plan(execution)
            return await result if isawaitable(result) else result

        result = self._loop.run_until_complete(run())
        operation.locate(result.errors or [])
        return self._answer(result, context, is_compiled=execution._executor is None)

    def _answer(
        self, result: ExecutionResult, context: FakeContext, *, is_compiled: bool = False
    ) -> Answer:
        self._loop.drain()
        assert not asyncio.all_tasks(self._loop)
        return Answer(result.data, failures_of(result), context.asked, is_compiled)


@functools.cache
def _schema() -> Any:
    """The gateway's schema with one promise more, `AllowedAgent.configProject`: of the objects that
    plans write in place none is promised, but the compiler must know how to go about one.
    """
    schema = make_schema()
    agent: Any = schema._schema.type_map["AllowedAgent"]
    promised = agent.fields["configProject"]
    promised.type = GraphQLNonNull(promised.type)
    return schema


def failures_of(result: Any) -> Counter[Failure]:
    """The errors of an `ExecutionResult`, graphql-core's or Strawberry's."""
    return Counter(map(_failure, result.errors or ()))


def _failure(error: GraphQLError) -> Failure:
    formatted = format_error(error, "the-request")
    return Failure(
        tuple(error.path or ()),
        formatted["extensions"]["code"],
        error.message,
        tuple((place.line, place.column) for place in error.locations or ()),
    )


def _by_null(answer: Answer) -> tuple[Counter[Failure], dict[tuple[Any, ...], Counter[Failure]]]:
    """Failures at the null they explain; and those below a null, by its place."""
    own: Counter[Failure] = Counter()
    below: dict[tuple[Any, ...], Counter[Failure]] = {}
    for failure, count in answer.failures.items():
        value, depth = answer.data, 0
        while value is not None and depth < len(failure.path):
            value = value[failure.path[depth]]
            depth += 1
        assert value is None, f"{failure} left no null"
        if depth == len(failure.path):
            own[failure] += count
        else:
            below.setdefault(failure.path[:depth], Counter())[failure] += count
    return own, below
