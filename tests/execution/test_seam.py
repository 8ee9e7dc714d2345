"""The seam in graphql-core and Strawberry that the executor hangs on. Much of it is marked private
there: an upgrade that moves it must fail here, loudly, and not in production.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from graphql import GraphQLError, GraphQLSchema
from graphql.execution import Executor, collect_fields
from graphql.execution.collect_fields import CollectedFields, FieldDetails, FragmentDetails
from graphql.execution.executor import CollectedErrors
from graphql.execution.values import VariableValues
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.execution.executor import PlannedExecutor
from gateway.execution.long_lists import ListExecutor
from gateway.execution.schema import make_schema
from tests.execution.corpus import global_id
from tests.execution.fake import FakeContext
from tests.execution.fake_world import World

if TYPE_CHECKING:
    import strawberry

    from tests.execution.settling import SettlingLoop

COMPLETION = ["field_details_list", "info", "path", "result", "position_context"]
# Methods of the executor that we override, or call.
METHODS = {
    "execute_operation": ["serially"],
    "complete_object_value": ["return_type", *COMPLETION],
    "collect_subfields": ["return_type", "field_details_list"],
    "complete_value": ["return_type", *COMPLETION],
    "complete_iterable_value": [
        "item_type",
        "field_details_list",
        "info",
        "path",
        "items",
        "position_context",
    ],
    "complete_list_item_value": [
        "item",
        "complete_results",
        "item_type",
        "field_details_list",
        "info",
        "item_path",
        "position_context",
    ],
    "execute_field": [
        "parent_type",
        "source",
        "field_details_list",
        "path",
        "position_context",
    ],
    "execute_fields_serially": [
        "parent_type",
        "source_value",
        "path",
        "grouped_field_set",
        "position_context",
    ],
    "handle_field_error": ["raw_error", "return_type", "field_details_list", "path"],
    "build_resolve_info": ["field_def", "field_nodes", "parent_type", "path"],
    "build_response": ["data"],
}


@pytest.mark.parametrize("name", METHODS)
def test_executor_method_takes_what_it_took(name: str) -> None:
    assert parameters(getattr(Executor, name)) == ["self", *METHODS[name]]


@pytest.mark.parametrize(
    "name",
    sorted(METHODS.keys() & (vars(PlannedExecutor).keys() | vars(ListExecutor).keys())),
)
def test_override_takes_what_it_overrides(name: str) -> None:
    assert parameters(getattr(PlannedExecutor, name)) == parameters(getattr(Executor, name))


def test_the_executor_is_made_with_these_arguments() -> None:
    assert parameters(Executor.__init__)[1:11] == [
        "schema",
        "fragment_definitions",
        "fragments",
        "root_value",
        "context_value",
        "operation",
        "variable_values",
        "field_resolver",
        "type_resolver",
        "subscribe_field_resolver",
    ]
    assert issubclass(PlannedExecutor, StrawberryGraphQLCoreExecutionContext)
    assert issubclass(StrawberryGraphQLCoreExecutionContext, Executor)


def test_lists_and_interfaces_complete_their_objects_by_the_overridden_method() -> None:
    for method in (Executor.complete_abstract_value, Executor.complete_value):
        assert "self.complete_object_value(" in inspect.getsource(method)
    assert "self.complete_iterable_value(" in inspect.getsource(Executor.complete_list_value)
    assert "self.collect_subfields(" in inspect.getsource(Executor.collect_and_execute_subfields)


def test_field_collection_has_its_shape() -> None:
    assert CollectedFields._fields == (
        "grouped_field_set",
        "new_defer_usages",
        "forbidden_directive_instances",
    )
    assert FieldDetails._fields[:2] == ("node", "defer_usage")
    assert FragmentDetails._fields[:1] == ("definition",)
    assert VariableValues._fields == ("sources", "coerced")
    assert parameters(collect_fields.collect_fields)[:5] == [
        "schema",
        "fragments",
        "variable_values",
        "runtime_type",
        "operation",
    ]
    assert parameters(collect_fields.collect_subfields)[:6] == [
        "schema",
        "fragments",
        "variable_values",
        "operation",
        "return_type",
        "field_details_list",
    ]


def test_errors_and_paths_have_their_shape() -> None:
    collected = CollectedErrors()
    errors = collected.errors
    collected.add(GraphQLError("an error"), None)

    assert len(errors) == 1
    assert parameters(CollectedErrors.add) == ["self", "error", "path"]
    assert Path._fields == ("prev", "key", "typename")


def test_strawberry_keeps_the_two_schemas_by_these_names() -> None:
    schema = make_schema()

    assert isinstance(schema._schema, GraphQLSchema)
    core: Any = schema._schema
    assert core._strawberry_schema is schema
    field = schema._schema.type_map["Job"].fields["name"]
    assert field.extensions["strawberry-definition"].metadata["kind"].attribute == "name"


class TestTheSetUp:
    """`strawberry.Schema(execution_context_class=PlannedExecutor)` is all there is to it."""

    def test_no_field_is_executed_by_graphql_core(self, loop: SettlingLoop) -> None:
        class Watched(PlannedExecutor):
            executed: ClassVar[list[str]] = []

            def execute_field(self, *args: Any) -> Any:
                self.executed.append(args[2][0].node.name.value)
                return super().execute_field(*args)

        result = run(loop, make_schema(Watched), QUERY + INTROSPECTION)

        assert result.errors is None
        assert result.data["job"] == {"name": "job 6", "log": {"lineCount": 7}}
        # Introspection goes the reference way.
        assert set(Watched.executed) == {"__schema", "queryType", "fields", "args", "type", "kind"}

    def test_a_schema_without_it_answers_the_same(self, loop: SettlingLoop) -> None:
        planned = run(loop, make_schema(PlannedExecutor), QUERY + INTROSPECTION)
        reference = run(loop, make_schema(), QUERY + INTROSPECTION)

        assert planned.data == reference.data
        assert planned.errors is reference.errors is None


QUERY = f"""query ($yes: Boolean!) {{ job(by: {{id: "{global_id("Job:1:3:6")}"}}) {{ name
            log @include(if: $yes) {{ lineCount }} }} """
INTROSPECTION = "__schema { queryType { fields { args { type { kind } } } } } }"


def run(loop: SettlingLoop, schema: strawberry.Schema, query: str) -> Any:
    async def execute() -> Any:
        context = FakeContext(World(), loop)
        return await schema.execute(query, {"yes": True}, context_value=context)

    return loop.run_until_complete(execute())


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)
