"""What dashboards, front ends and tools really send passes the defaults with room to spare."""

from __future__ import annotations

import pytest
from graphql import get_introspection_query

from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.schema import make_schema
from gateway.execution.variables import NO_VARIABLES

SCHEMA = make_schema(PlannedExecutor)

JOB_ROW = """
fragment JobRow on Job {
  __typename id databaseId name stage status statusText ref tag allowFailure createdAt startedAt
  finishedAt duration queuedDuration coverage failureReason webUrl retryable cancelable playable
  user { __typename username name avatarUrl webUrl } commit { __typename shortSha title authorName }
  runner { __typename description } artifacts { __typename filename }
}
"""
PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
# As GitLab's own pages ask: the list of pipelines, with the jobs and bridges of each.
PIPELINE_GRAPH = f"""
query PipelineGraph($project: ID!, $after: String) {{
  project(id: $project) {{
    id fullPath
    pipelines(first: 20, after: $after) {{
      {PAGE_INFO}
      nodes {{
        id iid ref sha status source createdAt webUrl
        user {{ username name avatarUrl }}
        jobs(first: 100) {{ {PAGE_INFO} nodes {{ ...JobRow }} }}
        bridges {{ nodes {{ id name status downstreamPipeline {{ id status webUrl }} }} }}
      }}
    }}
  }}
}}
{JOB_ROW}
"""
# As Relay compiles a page of components: a fragment in each, spread again and again.
RELAY = (
    "query Page($id: ID!) { node(id: $id) { __typename id ...Page_job } }"
    " fragment Page_job on Job { id ...Header_job ...Log_job ...Side_job }"
    " fragment Header_job on Job { name status ...Status_job pipeline { id ref ...Ref_pipeline } }"
    " fragment Log_job on Job { id log { id tail(lines: 500) { text } } }"
    " fragment Side_job on Job { ...Status_job ...JobRow pipeline { ...Ref_pipeline } }"
    " fragment Status_job on Job { id status statusText startedAt finishedAt }"
    " fragment Ref_pipeline on Pipeline { id ref sha webUrl }" + JOB_ROW
)
WALL = (
    "query Wall { "
    + " ".join(
        f'j{n}: job(by: {{path: {{project: "group/project-{n}", job: "{n}"}}}}) {{ ...Tile }}'
        for n in range(100)
    )
    + " } fragment Tile on Job { __typename id name status ref webUrl duration user { name } }"
)
NODES = (
    "query Nodes { "
    + " ".join(f'n{n}: node(id: "Sm9iOjE6Mjoz{n}") {{ __typename id ...Tile }}' for n in range(100))
    + " } fragment Tile on Job { name status ref webUrl duration finishedAt user { name } }"
)
DOCUMENTS = {
    "a pipeline graph": PIPELINE_GRAPH,
    "a page of Relay": RELAY,
    "a wall of 100 jobs": WALL,
    "a wall of 100 nodes": NODES,
    "an Apollo list with __typename everywhere": PIPELINE_GRAPH.replace("{ ", "{ __typename "),
    "the introspection of GraphiQL": get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    ),
    "the introspection of code generators": get_introspection_query(),
}
# Each of these has at most two thirds of what the limits let in.
ROOM = 3


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
def test_passes_two_thirds_of_every_limit(text: str) -> None:
    usual = Limits()
    smaller = Limits(
        characters=usual.characters * 2 // ROOM,
        tokens=usual.tokens * 2 // ROOM,
        fields=usual.fields * 2 // ROOM,
        plan_fields=usual.plan_fields * 2 // ROOM,
        key_characters=usual.key_characters * 2 // ROOM,
        values=usual.values * 2 // ROOM,
    )

    document = Documents(SCHEMA, smaller).get(text)

    assert document.errors == []
    operation = document.operation(None)
    variables = operation.variables({"project": "1", "id": "1"})
    assert not isinstance(variables, list)
    assert operation.plan(variables or NO_VARIABLES).fields > 0
