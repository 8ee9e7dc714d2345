"""No document that the limits let in holds the loop for long, however often it is new."""

from __future__ import annotations

from time import thread_time
from typing import TYPE_CHECKING

import pytest
from graphql import get_introspection_query

from gateway.execution.documents import Documents
from gateway.execution.engine import Engine
from gateway.execution.executor import PlannedExecutor
from gateway.execution.forecast import forecast
from gateway.execution.limits import Limits
from gateway.execution.request import GraphQLRequest
from gateway.execution.schema import make_schema
from gateway.loaders.whole import MAX_LIST_ROWS
from gateway.turns import finished
from gateway.upstream.web_urls import WebUrls
from tests.execution.test_engine import NoClient
from tests.harness.over import make_caller
from tests.harness.stretches import TRIES, reference_s, shortest_stretch

if TYPE_CHECKING:
    from gateway.execution.response import GraphQLResponse

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

STRETCH_S = 0.05
# What a plan's arguments and sizes take to find is not part of it.
FORECAST_S = 0.005
JOB = 'job(by: {path: {project: "1", job: "2"}})'
ITEM_FIELDS = "name ref tag stage status statusText coverage duration"

NODES = (
    f"nodes(ids: 1) {{ ... on PipelineItem {{ {ITEM_FIELDS}"
    f" pipeline {{ jobs {{ nodes {{ {ITEM_FIELDS} }} }} }} }} }}"
)


def every(count: int, selected: str, start: str = "a") -> str:
    return " ".join(f"{start}{number}: {selected}" for number in range(count))


def with_fragments(operations: int, fragments: int) -> str:
    """Operations that each reach all fragments."""
    return (
        " ".join(f"query Q{number} {{ ...F0 }}" for number in range(operations))
        + f" fragment F0 on Query {{ {' '.join(f'...F{n}' for n in range(1, fragments))} }}"
        + " ".join(f" fragment F{n} on Query {{ __typename }}" for n in range(1, fragments))
    )


# As near to the limits as they let in, each in its way; refused ones may be.
DOCUMENTS = {
    "leaves": f"{{ {JOB} {{ {every(1_990, 'name')} }} }}",
    "a leaf of an interface": f"{{ {every(249, 'node(id: 1) { id }')} }}",
    "arguments": f"{{ {every(290, JOB + ' { id }')} }}",
    "one key": f"{{ {JOB} {{ {'pipeline { id ref sha status source iid webUrl } ' * 240} }} }}",
    "one key with arguments": (
        f"{{ {JOB} {{ {'log { tail(lines: 10, format: RAW) { text } } ' * 350} }} }}"
    ),
    "operations and fragments": with_fragments(40, 40),
    "too many operations and fragments": with_fragments(700, 450),
    "variables": (
        f"query({' '.join(f'$v{n}: Boolean!' for n in range(600))})"
        f" {{ {' '.join(f'a{n}: __typename @skip(if: $v{n})' for n in range(300))} }}"
    ),
    "interfaces": (
        f"{{ {every(30, f'node(id: 1) {{ ... on PipelineItem {{ {ITEM_FIELDS} }} }}')} }}"
    ),
    "interfaces in interfaces": f"{{ {every(7, NODES)} }}",
    "tokens": f"{{ {'__typename ' * 5_700} }}",
    "a long string": f'{{ node(id: "{"x" * 63_000}") {{ id }} }}',
    "a string of escapes": f'{{ node(id: "{chr(92)}u0041{(chr(92) + "n") * 31_000}") {{ id }} }}',
    "a block string": f'{{ node(id: """{chr(10) + " a"}{(chr(10) + " a") * 20_000}""") {{ id }} }}',
    "comments": "#\n" * 31_000 + "{ __typename }",
    "a literal": f"{{ nodes(ids: [{'1 ' * 5_900}]) {{ id }} }}",
    "unknown fields": f"{{ {every(1_900, 'jobs')} }}",
    "introspection": get_introspection_query(
        specified_by_url=True, input_value_deprecation=True, directive_is_repeatable=True
    ),
    "much introspection": (
        f"{{ __schema {{ types {{ fields {{ {every(30, 'name')} type {{ name }} }} }} }} }}"
    ),
}


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_a_new_document_is_prepared_in_short_stretches(text: str) -> None:
    async def sent() -> GraphQLResponse:
        engine = Engine(NoClient(), WebUrls("https://gitlab.example.com/api/v4"))
        caller = make_caller(seconds=60)
        return await engine.execute(GraphQLRequest(text, variables={}), caller)

    stretch, response = await shortest_stretch(sent, limit_s=STRETCH_S)

    assert response.body
    assert len(text) <= 64_000
    assert stretch < STRETCH_S


async def test_what_a_planned_operation_may_take_is_found_at_once() -> None:
    documents = Documents(make_schema(PlannedExecutor), Limits())
    operation = documents.get(f"{{ {every(200, JOB + ' { id }')} }}").operation(None)

    taken, calls = [], set()
    for _ in range(TRIES):
        plan = finished(operation.planning(operation.constants))
        began = thread_time()
        estimate, _ = forecast(operation, plan, operation.constants, MAX_LIST_ROWS)
        taken.append(reference_s(thread_time() - began))
        calls.add(estimate.calls)

    assert calls == {200}
    assert min(taken) < FORECAST_S
