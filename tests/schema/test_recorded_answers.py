"""Every field of every recorded answer, from GitLab 12.10 to 19.5, reads as what was sent.

The answers are third-party material beside the checkout; without them these tests are skipped.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from graphql import get_named_type, is_object_type
from strawberry.utils.str_converters import to_camel_case

from gateway.errors import UpstreamInvalid
from gateway.schema.fields import Edge, kind_of
from gateway.upstream import entities
from tests.schema import selections

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"

pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded answers here")


UNTOLD_PROJECT = "the upstream does not tell which project it is of"


def recorded(*patterns):
    """The rows of each file."""
    return [
        pytest.param(rows_of(json.loads(path.read_text(encoding="utf-8"))), id=path.stem)
        for pattern in patterns
        for path in sorted(RECORDED.glob(pattern))
        if not path.name.endswith(".headers.json")
    ]


def rows_of(content):
    return content if isinstance(content, list) else [content]


def everything(type_name):
    """A selection of all that can be read without naming more, and costs no list."""
    return selections.everything(type_name, costs_no_list)


def costs_no_list(_, field):
    kind = kind_of(field)
    is_object = is_object_type(get_named_type(field.type))
    return not (isinstance(kind, Edge) and (is_object or kind.cost.lists))


def as_sent(row, names, **renamed):
    """The keys of an answer under their GraphQL names; an absent key is null."""
    if row is None:
        return None
    keys = {to_camel_case(name): name for name in names.split()} | renamed
    return {name: row.get(key) for name, key in keys.items()}


ITEM = (
    "name stage ref created_at started_at finished_at duration queued_duration coverage web_url"
    " erased_at"
)
COMMIT = "title message author_name author_email committer_name committer_email created_at web_url"
USER = (
    "username name state avatar_url web_url created_at bio location public_email linkedin twitter"
    " website_url organization"
)
RUNNER = "name description active paused is_shared runner_type online status ip_address"
MANAGER = (
    "system_id version revision platform architecture created_at contacted_at ip_address status"
)
FILE = "filename file_type file_format size"
LONG_FORM = (
    "name before_sha tag yaml_errors started_at finished_at committed_at duration queued_duration"
)
AGENT_USER = "username name state avatar_url web_url"


def read_item(row):
    """What a job or bridge shows of what was sent, key by key."""
    return as_sent(
        row, ITEM, databaseId="id", statusText="status", failureReasonText="failure_reason"
    ) | {
        "tag": row["tag"],
        "allowFailure": row.get("allow_failure", False),
        "commit": as_sent(
            row.get("commit"),
            COMMIT,
            sha="id",
            shortSha="short_id",
            authoredAt="authored_date",
            committedAt="committed_date",
            parentShas="parent_ids",
        ),
        "user": as_sent(row.get("user"), USER, databaseId="id"),
    }


def read_job(row):
    return read_item(row) | {
        **as_sent(row, "tag_list artifacts_expire_at archived source"),
        "runner": as_sent(row.get("runner"), RUNNER, databaseId="id"),
        "runnerManager": as_sent(row.get("runner_manager"), MANAGER, databaseId="id"),
    }


def read_pipeline(row):
    return as_sent(
        row,
        "iid ref sha source created_at updated_at web_url",
        databaseId="id",
        statusText="status",
    )


def decoded(row, type_):
    """As the client decodes it: what does not say where it belongs belongs where it was asked."""
    entity = msgspec.convert(row, type_)
    entity.asked_project = 1
    if isinstance(entity, entities.Pipeline):
        return entity
    if entity.pipeline is not None:
        entity.pipeline.asked_project = 1
    return entity


def shows(value, expected):
    """Compare what is expected; what was made of it besides is tested by itself."""
    assert {name: narrowed(value[name], part) for name, part in expected.items()} == expected


def narrowed(value, like):
    return {key: value[key] for key in like} if isinstance(value, dict) and like else value


@pytest.mark.parametrize(
    "rows", recorded("job__*", "job_[erp]*", "jobs_list__*", "pipeline_jobs__*")
)
def test_jobs_are_what_was_sent(rows, ask, context):
    items = [decoded(row, entities.Job) for row in rows]
    context.answers["project_jobs"] = SimpleNamespace(items=items, total=None)
    context.answers["hydrate"] = entities.PipelineDetail(6, asked_project=1)
    context.answers["pipeline"] = entities.PipelineDetail(6, asked_project=1)

    result = ask("{ project(id: 1) { jobs { nodes %s } } }" % everything("Job"))

    assert result.errors == []
    for shown, row in zip(result.data["project"]["jobs"]["nodes"], rows, strict=True):
        shows(shown, read_job(row))
        files = [as_sent(file, FILE) for file in row.get("artifacts") or []]
        assert [
            narrowed(*pair) for pair in zip(shown["artifacts"] or [], files, strict=True)
        ] == files


@pytest.mark.parametrize(
    "rows", recorded("job__*", "job_[rp]*", "jobs_list__*", "pipeline_jobs__*")
)
def test_their_pipelines_are_what_was_sent(rows, ask, context):
    items = [decoded(row, entities.Job) for row in rows if "pipeline" in row]
    context.answers["project_jobs"] = SimpleNamespace(items=items, total=None)

    result = ask(
        "{ project(id: 1) { jobs { nodes { pipeline { databaseId iid ref sha statusText source"
        " createdAt updatedAt webUrl id project { id } } } } } }"
    )

    assert result.errors == []
    assert [name for name, *_ in context.asked] == ["project_jobs"]
    sent = [row["pipeline"] for row in rows if "pipeline" in row]
    for shown, row in zip(result.data["project"]["jobs"]["nodes"], sent, strict=True):
        shows(shown["pipeline"], read_pipeline(row))


@pytest.mark.parametrize("rows", recorded("bridges__*"))
def test_bridges_are_what_was_sent(rows, ask, context):
    items = [decoded(row, entities.Bridge) for row in rows]
    context.answers["bridges"] = SimpleNamespace(items=items, total=len(rows))
    context.answers["hydrate"] = long_form_of
    context.answers["pipeline"] = entities.PipelineDetail(6, asked_project=1)

    result = ask(
        '{ pipeline(by: {path: {project: "1", pipeline: "6"}}) { bridges { nodes %s } } }'
        % everything("Bridge")
    )

    # The hand-made one names no project of its downstream pipeline: a promise that nothing keeps.
    assert {message for _, message in result.errors} <= {UNTOLD_PROJECT}
    assert len(result.errors) == 2 * sum(names_no_project(row) for row in rows)
    for shown, row in zip(result.data["pipeline"]["bridges"]["nodes"], rows, strict=True):
        shows(shown, read_item(row))
        is_lost = not row["downstream_pipeline"] or names_no_project(row)
        assert (shown["downstreamPipeline"] is None) == is_lost


def long_form_of(entity):
    if isinstance(entity, entities.ProjectHandle):
        return UpstreamInvalid(UNTOLD_PROJECT, endpoint=None)
    return entities.PipelineDetail(6, asked_project=1)


def names_no_project(row):
    return bool(row["downstream_pipeline"]) and "project_id" not in row["downstream_pipeline"]


@pytest.mark.parametrize("rows", recorded("pipeline__*", "pipelines_*"))
def test_pipelines_are_what_was_sent(rows, ask, context):
    items = [decoded(row, entities.PipelineDetail) for row in rows]
    context.answers["pipelines"] = SimpleNamespace(items=items, total=len(rows))

    result = ask("{ project(id: 1) { pipelines { nodes %s } } }" % everything("Pipeline"))

    assert result.errors == []
    for shown, row in zip(result.data["project"]["pipelines"]["nodes"], rows, strict=True):
        shows(shown, read_pipeline(row) | as_sent(row, LONG_FORM))
        assert shown["coverage"] == (float(row["coverage"]) if row.get("coverage") else None)


def test_allowed_agents_are_what_was_sent(ask, context):
    ((row,),) = (param.values[0] for param in recorded("job_allowed_agents__*"))
    context.answers["allowed_agents"] = msgspec.convert(row, entities.AllowedAgents)

    result = ask("{ allowedAgents %s }" % everything("AllowedAgents"))

    assert result.errors == []
    shown = result.data["allowedAgents"]
    shows(shown["user"], as_sent(row["user"], AGENT_USER, databaseId="id"))
    assert [agent["databaseId"] for agent in shown["agents"]] == [1]
    assert shown["groupIds"] == [1, 2, 3]
