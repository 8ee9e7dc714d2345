"""Plans take of the entities what their fields read, and no more."""

import msgspec
import pytest

from gateway.execution.decoding import attributes_read
from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.plan import Plan
from gateway.execution.schema import make_schema
from gateway.schema import ENTITY_TYPES
from gateway.schema.fields import Edge, Read, kind_of
from gateway.turns import finished
from gateway.upstream import entities
from gateway.upstream.pruning import KEPT
from tests.execution.comparison import failures_of
from tests.execution.test_equality import SCHEMAS, execute
from tests.harness.over import DrivenOver

# Of those that began with variables, and whose jobs reported tests.
OF_STARTED = (
    'project(id: 1) {{ pipelines(source: "schedule") {{ nodes {{ variables {{ {} }} }} }} }}'
)
OF_REPORTED = (
    'project(id: 1) {{ pipelines(source: "merge_request_event")'
    " {{ nodes {{ testReportSummary {{ {} }} }} }} }}"
)
DOCUMENTS = Documents(make_schema(PlannedExecutor), Limits())
PRUNABLE = {name for entity, name in ENTITY_TYPES.items() if entity in KEPT} | {"Artifact"}


def plan(text: str, variables: dict[str, object] | None = None) -> Plan:
    operation = DOCUMENTS.get(text).operation(None)
    coerced = operation.variables(variables)
    assert not isinstance(coerced, list), coerced
    return operation.plan(coerced)


def read(text: str, variables: dict[str, object] | None = None) -> dict[str, set[str]]:
    found = finished(attributes_read(plan(text, variables)))
    return {entity.__name__: set(attributes - KEPT[entity]) for entity, attributes in found}


def of_jobs(selection: str) -> str:
    return f"{{ project(id: 1) {{ jobs {{ nodes {{ {selection} }} }} }} }}"


def test_plain_and_derived_fields_take_what_they_read() -> None:
    assert read(of_jobs("label: name status retryable user { username } commit { sha }")) == {
        "Job": {"name", "status", "archived", "user", "commit"},
        "User": {"username"},
        "Commit": {"id"},
        # It is always there, for its number.
        "Pipeline": set(),
    }


def test_selections_of_one_class_at_several_places_count_together() -> None:
    text = of_jobs("user { name } pipeline { status user { state } }")

    assert read(text)["User"] == {"name", "state"}


def test_paths_are_followed_into_embedded_entities() -> None:
    found = read(of_jobs("artifactsArchive { size downloadUrl }"))

    assert found == {
        "Job": {"artifacts", "artifacts_file"},
        "Artifact": {"file_type", "size", "job"},
        "Pipeline": set(),
    }


def test_fields_of_either_item_count_for_both_classes() -> None:
    found = read('{ node(id: "Sm9iOjE6NjoxMA") { ... on PipelineItem { stage } } }')

    assert found["Job"] == found["Bridge"] == {"stage"}


def test_commits_of_pipelines_are_looked_for_in_jobs() -> None:
    found = read(
        "{ project(id: 1) { pipelines { nodes { commit { title } jobs { nodes { id } } } } } }"
    )

    assert found["Job"] == {"commit"}
    assert found["Commit"] == {"id", "title"}
    assert found["Pipeline"] == {"sha"}


def test_what_a_log_reads_of_its_job_is_taken_beside_its_pieces() -> None:
    """Of the pieces none reads the job, in whichever order they are selected."""
    found = read(of_jobs("log { byteCount sections { name } complete }"))

    assert found["Job"] == {"status"}


def test_directives_decide() -> None:
    text = f"query($no: Boolean!) {of_jobs('name stage @skip(if: $no)')}"

    assert read(text, {"no": True})["Job"] == {"name"}
    assert read(text, {"no": False})["Job"] == {"name", "stage"}


def test_mutations_take_entities_whole() -> None:
    text = "mutation { jobErase(input: {job: {path: {project: 1, job: 8}}}) { job { name } } }"

    assert read(text) == {}
    assert plan(text).readers.jobs.one.__self__._shape is entities.Job  # type: ignore[attr-defined]  # a method


def test_selections_that_cannot_be_told_take_entities_whole() -> None:
    text = f"query($no: Boolean = true) {of_jobs('name stage @skip(if: $no)')}"

    assert read(text, {"no": None}) == {}


def test_every_field_of_what_can_be_pruned_tells_what_it_reads() -> None:
    """One that does not is right, but makes every page that shows it dear."""
    silent = [
        f"{type_name}.{name}"
        for type_name in (*sorted(PRUNABLE), "JobLog")
        for name, field in DOCUMENTS._strawberry._schema.type_map[type_name].fields.items()
        if isinstance(kind := kind_of(field), Read | Edge) and kind.reads is None
    ]

    assert silent == []


def places() -> list[str]:
    """A selection for each field of jobs, bridges, pipelines and what is embedded in them."""
    types = DOCUMENTS._strawberry._schema.type_map
    leaves = {
        "Job": "name",
        "Pipeline": "id",
        "Project": "databaseId",
        "Commit": "sha",
        "User": "name",
        "Runner": "description",
        "RunnerManager": "version",
        "Artifact": "fileType downloadUrl",
        "JobLog": "complete",
        "JobConnection": "nodes { name }",
        "BridgeConnection": "nodes { name }",
        "PipelineItemConnection": "nodes { name }",
        "AttemptList": "nodes { name }",
        "StageList": "nodes { name }",
        "PipelineSummary": "total",
        "PipelineDescendantList": "partial",
        "DetailedStatus": "text",
        "PipelineVariable": "key",
        "TestReportSummary": "total { count }",
        "TestCounts": "count",
        "TestSuite": "name",
    }
    around = {
        "Job": "project(id: 1) {{ jobs {{ nodes {{ {} }} }} }}",
        "Bridge": "project(id: 1) {{ pipelines {{ nodes {{ bridges {{ nodes {{ {} }} }} }} }} }}",
        "Pipeline": "project(id: 1) {{ pipelines {{ nodes {{ {} }} }} }}",
        "Commit": "project(id: 1) {{ jobs {{ nodes {{ commit {{ {} }} }} }} }}",
        "User": "project(id: 1) {{ jobs {{ nodes {{ user {{ {} }} }} }} }}",
        "Runner": "project(id: 1) {{ jobs {{ nodes {{ runner {{ {} }} }} }} }}",
        "RunnerManager": "project(id: 1) {{ jobs {{ nodes {{ runnerManager {{ {} }} }} }} }}",
        "DetailedStatus": (
            "project(id: 1) {{ pipelines {{ nodes {{ detailedStatus {{ {} }} }} }} }}"
        ),
        "PipelineVariable": OF_STARTED,
        "TestReportSummary": OF_REPORTED,
        "TestSuite": OF_REPORTED.replace("{{ {} }}", "{{ suites {{ {} }} }}"),
        "Artifact": "project(id: 1) {{ jobs {{ nodes {{ artifacts {{ {} }} }} }} }}",
    }
    assert around.keys() == PRUNABLE
    found = [
        # The commit is found in the jobs, which do not show theirs.
        "{ project(id: 1) { pipelines { nodes { jobs { nodes { name } } commit { title } } } } }"
    ]
    for type_name, place in around.items():
        for name, field in types[type_name].fields.items():
            named = str(field.type).strip("[]!")
            below = f" {{ {leaves[named]} }}" if named in leaves else ""
            found.append(f"{{ {place.format(name + below)} }}")
    return found


@pytest.mark.parametrize("text", places())
def test_each_field_alone_reads_no_more_than_it_tells(upstream: DrivenOver, text: str) -> None:
    """With nothing else selected nothing else is decoded: a field that read more would fail."""
    reference, planned = (
        upstream.runner.run(execute(schema, text, {}, upstream)) for schema in SCHEMAS
    )

    assert msgspec.json.encode(planned.data) == msgspec.json.encode(reference.data)
    assert failures_of(planned) == failures_of(reference)
    assert planned.data is not None
