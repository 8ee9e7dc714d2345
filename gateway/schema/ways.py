"""The right way beside what people type: whoever knows the REST API, or GitLab's own GraphQL, and
guesses, is told by the error how it is asked for here.

    Unknown argument 'id' on field 'Query.job'.
        Name it so: job(by: {path: {project: "group/app", job: 8}})

It stands before the similar names that graphql-core suggests, and is told where there are none as
well. A gateway without introspection tells neither (`execution.documents`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import GraphQLError

__all__ = ["tell_way"]

_JOB_PATH: Final = '{path: {project: "group/app", job: 8}}'
_JOB: Final = f"job(by: {_JOB_PATH})"
_PIPELINE: Final = 'pipeline(by: {path: {project: "group/app", pipeline: 6}})'
_PROJECT: Final = 'project(id: "group/app")'
_TAIL: Final = "log { tail(lines: 100) { text } }"
_PAGES: Final = 'page by (first: 20, after: "…") with pageInfo { hasNextPage endCursor }'

# By root field, where its argument is missing, or another one is given.
_ROOTS: Final = {
    "job": f"name it so: {_JOB}; by takes {{id: …}} (a global id) and {{webUrl: …}} as well",
    "pipeline": f"name it so: {_PIPELINE}; by takes {{id: …}} and {{webUrl: …}} as well",
    "project": f"name it so: {_PROJECT}; id takes the full path, and the number",
    "projects": 'name them so: projects(ids: ["group/app", "7"]), by full path or number',
    "node": 'name it so: node(id: "…"), by a global id as an id field gave it',
    "nodes": 'name them so: nodes(ids: ["…"]), by global ids as id fields gave them',
    **{
        f"job{action}": f"name it so: job{action}(input: {{job: {_JOB_PATH}}})"
        for action in ("Cancel", "Retry", "Erase", "Play")
    },
}
_BELOW_PROJECT: Final = {
    "job": "name it by its number: job(databaseId: 8)",
    "pipeline": "name it by its number: pipeline(databaseId: 6)",
}
_FILTERS: Final = {
    "jobs": "filter by (statuses: [FAILED, CANCELED])",
    "bridges": "filter by (statuses: [FAILED, CANCELED])",
    "pipelines": "filter by (status: FAILED)",
}
_FILTER_NAMES: Final = frozenset({"status", "statuses", "scope", "scopes", "state", "states"})
_PAGE_NAMES: Final = frozenset(
    {"limit", "page", "pageSize", "perPage", "per_page", "offset", "skip"}
)

_INPUTS: Final = {
    "JobRef": f"name a job so: {_JOB_PATH}, {{id: …}} or {{webUrl: …}}",
    "JobPath": f"name a job so: {_JOB_PATH}",
    "PipelineRef": (
        'name a pipeline so: {path: {project: "group/app", pipeline: 6}}, {id: …} or {webUrl: …}'
    ),
    "PipelinePath": 'name a pipeline so: {path: {project: "group/app", pipeline: 6}}',
    **{
        f"Job{action}Input": f"name the job so: input: {{job: {_JOB_PATH}}}"
        for action in ("Cancel", "Retry", "Erase", "Play")
    },
}

_BUILDS: Final = "ask for jobs(first: 20) { nodes { id } }"
_LOG_NAMES: Final = ("trace", "traces", "logs", "logText", "rawLog", "jobLog", "output")
_NUMBER_NAMES: Final = ("iid", "number", "jobId", "pipelineId", "projectId")
_URL_NAMES: Final = ("url", "web_url", "webPath", "path", "href")
_IN_ITEM: Final = {
    **dict.fromkeys(_NUMBER_NAMES[:3], "its number is databaseId"),
    **dict.fromkeys(_URL_NAMES, "its page is webUrl"),
    "pipelineId": "ask for pipeline { databaseId }",
    "projectId": "ask for project { id }",
    "detailedStatus": "ask for status, or statusText",
    **dict.fromkeys(("sha", "shortSha", "commitPath"), "ask for commit { sha shortSha }"),
}
_IN_JOB: Final = {
    **_IN_ITEM,
    **dict.fromkeys(_LOG_NAMES, f"ask for {_TAIL}"),
    "tags": "a runner's tags are tagList",
    "artifactsFile": "ask for artifactsArchive { filename size }",
    "downstreamPipeline": "bridges have one: ask for ... on Bridge { downstreamPipeline { id } }",
}
_ONLY_JOBS: Final = {
    **dict.fromkeys((*_LOG_NAMES, "log"), f"jobs have one: ask for ... on Job {{ {_TAIL} }}")
}
_FIELDS: Final[dict[str, dict[str, str]]] = {
    "Query": {
        **dict.fromkeys(_LOG_NAMES, f"ask for {_JOB} {{ {_TAIL} }}"),
        "log": f"ask for {_JOB} {{ {_TAIL} }}",
        **dict.fromkeys(
            ("jobs", "builds"), f"ask for {_PROJECT} {{ jobs(first: 20) {{ nodes {{ id }} }} }}"
        ),
        **dict.fromkeys(("build", "ciJob", "getJob"), f"ask for {_JOB}"),
        "pipelines": f"ask for {_PROJECT} {{ pipelines(first: 20) {{ nodes {{ id }} }} }}",
        **dict.fromkeys(
            ("bridge", "bridges"),
            f"ask for {_PIPELINE} {{ bridges {{ nodes {{ id }} }} }}, or node(id: …)",
        ),
        **dict.fromkeys(
            ("artifact", "artifacts"), f"ask for {_JOB} {{ artifacts {{ filename }} }}"
        ),
        **dict.fromkeys(("commit", "commits"), f"ask for {_JOB} {{ commit {{ sha }} }}"),
    },
    "Mutation": {
        spoken: _ROOTS[f"job{action}"]
        for action, verbs in {
            "Cancel": ("cancel", "stop"),
            "Retry": ("retry", "rerun"),
            "Erase": ("erase", "delete"),
            "Play": ("play", "run", "start", "trigger"),
        }.items()
        for verb in verbs
        for spoken in (verb, f"{verb}Job", f"{verb}_job", f"job{verb.title()}")
        if spoken != f"job{action}"
    },
    "Job": _IN_JOB,
    "Bridge": _IN_ITEM | _ONLY_JOBS,
    "PipelineItem": _IN_ITEM | _ONLY_JOBS,
    "Project": {
        "bridges": f"ask beside the project: {_PIPELINE} {{ bridges {{ nodes {{ id }} }} }}",
        **dict.fromkeys(("path", "pathWithNamespace"), "ask for fullPath"),
        "builds": _BUILDS,
        "build": _BELOW_PROJECT["job"],
        **dict.fromkeys((*_LOG_NAMES, "log"), f"ask for job(databaseId: 8) {{ {_TAIL} }}"),
    },
    "Pipeline": {
        **dict.fromkeys(_URL_NAMES, "its page is webUrl"),
        **dict.fromkeys(("number", "pipelineId"), "its number is databaseId"),
        "projectId": "ask for project { id }",
        **dict.fromkeys(("job", "build"), f"ask beside the pipeline: {_JOB}"),
        "builds": _BUILDS,
        **dict.fromkeys((*_LOG_NAMES, "log"), f"jobs have one: jobs {{ nodes {{ {_TAIL} }} }}"),
        "stage": "ask for stages { nodes { name items { id name } } }",
        **dict.fromkeys(
            ("downstream", "children"), "ask for descendants { nodes { pipeline { id status } } }"
        ),
    },
    "JobLog": dict.fromkeys(
        ("text", "content", "raw", "lines", "trace", "body"), "ask for tail(lines: 100) { text }"
    ),
    **{
        f"Job{action}Payload": {
            **dict.fromkeys(
                ("id", "databaseId", "name", "status"), f"ask for {shown} {{ id status }}"
            ),
            **dict.fromkeys(("error", "errors"), "ask for userErrors { code message }"),
            **dict.fromkeys(
                {"job", "item", "build", "bridge"} - {shown}, f"ask for {shown} {{ id status }}"
            ),
        }
        for action, shown in {
            "Cancel": "job",
            "Erase": "job",
            "Retry": "item",
            "Play": "item",
        }.items()
    },
}
_ENUMS: Final = {"PipelineScope": _FILTERS["pipelines"]}
_ROWS: Final = "its rows are in nodes { … }"


def tell_way(error: GraphQLError) -> None:
    """Add to an error of a document or a variable how to ask for what it is about, if that is one
    of the things that people type.
    """
    for pattern, way_of in _WAYS:
        if found := pattern.search(error.message):
            if way := way_of(*found.groups()):
                # Names that only look alike come after it.
                told, alike, names = error.message.partition(" Did you mean ")
                error.message = f"{told} {way[0].upper()}{way[1:]}{alike}{names}"
            return


def _of_field(name: str, owner: str) -> str | None:
    return _ROWS if owner.endswith("Connection") else _FIELDS.get(owner, {}).get(name)


def _of_argument(argument: str, owner: str, field: str) -> str | None:
    if way := _without_argument(owner, field):
        return way
    if argument in _FILTER_NAMES:
        return _FILTERS.get(field)
    return _PAGES if argument in _PAGE_NAMES and field in _FILTERS else None


def _without_argument(owner: str, field: str) -> str | None:
    if owner == "Project":
        return _BELOW_PROJECT.get(field)
    return _ROOTS.get(field) if owner in {"Query", "Mutation"} else None


def _without_fields(type_name: str) -> str | None:
    if type_name == "JobLog":
        return f"ask for {_TAIL}"
    return _ROWS if type_name.endswith("Connection") else None


# What graphql-core says of a document or a variable that does not fit the schema.
_WAYS: Final[tuple[tuple[re.Pattern[str], Callable[..., str | None]], ...]] = (
    (re.compile(r"^Cannot query field '(\w+)' on type '(\w+)'"), _of_field),
    (re.compile(r"^Unknown argument '(\w+)' on field '(\w+)\.(\w+)'"), _of_argument),
    (re.compile(r"^Value '\w+' does not exist in '(PipelineScope)' enum"), _ENUMS.get),
    (re.compile(r"^Argument '(\w+)\.(\w+)\(\w+:\)' of type"), _without_argument),
    (re.compile(r"^Field '\w+' of type '(\w+)!?' must have a selection"), _without_fields),
    (re.compile(r"Expected value of (?:non-null )?type '(\w+)!?'"), _INPUTS.get),
    (re.compile(r"OneOf Input Object '(\w+)' must"), _INPUTS.get),
)
