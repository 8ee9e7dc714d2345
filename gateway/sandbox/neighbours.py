"""What a client of the Jobs API needs beside it (§3.8): projects, pipelines, commits, versions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.sandbox.answers import Answer, forbidden, not_found
from gateway.sandbox.clock import timestamp
from gateway.sandbox.paging import offset_page
from gateway.sandbox.params import Param, boolean, one_of, page_params, text, time
from gateway.sandbox.profile import STATUSES
from gateway.sandbox.reads import PIPELINE_ID, PROJECT_ID
from gateway.sandbox.rows import CommitRow, PipelineRow

if TYPE_CHECKING:
    from gateway.sandbox.access import Access
    from gateway.sandbox.call import Call
    from gateway.sandbox.rows import UserRow

__all__ = [
    "cancel_pipeline",
    "commit",
    "latest_pipeline",
    "metadata",
    "pipeline",
    "pipelines",
    "project",
    "retry_pipeline",
    "version",
]

SOURCES = (
    "push",
    "web",
    "trigger",
    "schedule",
    "api",
    "external",
    "pipeline",
    "chat",
    "webide",
    "merge_request_event",
    "external_pull_request_event",
    "parent_pipeline",
    "ondemand_dast_scan",
    "ondemand_dast_validation",
    "security_orchestration_policy",
)
_SCOPES = {
    "running": "status = 'running'",
    "pending": "status = 'pending'",
    "finished": "status IN ('success', 'failed', 'canceled')",
    # The newest pipeline of each branch or tag.
    "branches": "id IN (SELECT max(id) FROM pipelines WHERE project_id = ? AND tag = 0 GROUP BY ref)",
    "tags": "id IN (SELECT max(id) FROM pipelines WHERE project_id = ? AND tag = 1 GROUP BY ref)",
}
_LIST = (
    PROJECT_ID,
    Param("scope", one_of(*_SCOPES)),
    Param("status", one_of(*STATUSES)),
    Param("ref", text),
    Param("sha", text),
    Param("yaml_errors", boolean),
    Param("username", text),
    Param("updated_before", time),
    Param("updated_after", time),
    Param("created_before", time),
    Param("created_after", time),
    Param("order_by", one_of("id", "status", "ref", "updated_at", "user_id"), default="id"),
    Param("sort", one_of("asc", "desc"), default="desc"),
    Param("source", one_of(*SOURCES)),
    Param("name", text),
    *page_params(),
)


def project(call: Call) -> Answer:
    """`GET /projects/:id`; anonymous callers see public ones."""
    call.check(PROJECT_ID)
    user = call.identify(job_tokens=False).user
    call.instance.limits.check("project", user.id if user is not None else None)
    return Answer.json(call.bodies.project(call.project().project))


def pipelines(call: Call) -> Answer:
    """`GET /projects/:id/pipelines`: child pipelines only with `source=parent_pipeline`."""
    call.check(*_LIST)
    access = _readable(call)
    where, values = _pipeline_filter(call, access.project.id)
    order = f"{call.params['order_by']} {call.params['sort']}, id DESC"
    return offset_page(
        call,
        lambda limit, offset: call.store.pipelines(
            where, values, order, limit=limit, offset=offset
        ),
        call.bodies.pipeline_row,
        count=lambda limit: call.store.count("pipelines", where, values, limit=limit),
    )


def _pipeline_filter(call: Call, project_id: int) -> tuple[str, list[Any]]:
    clauses, values = ["project_id = ?"], [project_id]
    params = call.params

    def also(clause: str, *more: Any) -> None:
        clauses.append(clause)
        values.extend(more)

    if (scope := params.get("scope")) is not None:
        also(_SCOPES[scope], *([project_id] if scope in {"branches", "tags"} else []))
    for name in ("status", "ref", "sha", "source", "name"):
        if (value := params.get(name)) is not None:
            also(f"{name} = ?", value)
    if params.get("source") is None:
        also("source <> 'parent_pipeline'")
    if (errors := params.get("yaml_errors")) is not None:
        also(f"yaml_errors IS {'NOT' if errors else ''} NULL")
    if (username := params.get("username")) is not None:
        user = call.store.user_named(username)
        also("user_id IS ?", user.id if user is not None else -1)
    for column in ("updated", "created"):
        for word, sign in (("before", "<"), ("after", ">")):
            if (moment := params.get(f"{column}_{word}")) is not None:
                also(f"{column}_at {sign} ?", timestamp(moment.timestamp()))
                params[f"{column}_{word}"] = moment.isoformat()
    return " AND ".join(clauses), values


def pipeline(call: Call) -> Answer:
    call.check(PROJECT_ID, PIPELINE_ID)
    return Answer.json(call.bodies.pipeline(call.pipeline(_readable(call).project)))


def latest_pipeline(call: Call) -> Answer:
    """`GET …/pipelines/latest`: of the ref's head commit. None is 403, since there is nothing to read."""
    call.check(PROJECT_ID, Param("ref", text))
    access = _readable(call)
    project = access.project
    ref = call.params.get("ref") or project.default_branch
    where = "project_id = ? AND ref = ? AND source <> 'parent_pipeline'"
    found = call.store.pipelines(where, [project.id, ref], "id DESC", limit=1)
    if not found:
        raise forbidden()
    return Answer.json(call.bodies.pipeline(found[0]))


def retry_pipeline(call: Call) -> Answer:
    user, row = _written_pipeline(call)
    return Answer.json(call.bodies.pipeline(call.actions.retry_pipeline(row, user)), status=201)


def cancel_pipeline(call: Call) -> Answer:
    """An uncancelable pipeline is answered as it is."""
    _, row = _written_pipeline(call)
    return Answer.json(call.bodies.pipeline(call.actions.cancel_pipeline(row)))


def _written_pipeline(call: Call) -> tuple[UserRow, PipelineRow]:
    user = call.authenticate().user
    assert user is not None  # noqa: S101 - authenticate refuses anonymous callers
    call.check(PROJECT_ID, PIPELINE_ID)
    access = call.project()
    row = call.pipeline(access.project)
    if not access.updates_builds():
        raise forbidden()
    return user, row


def _readable(call: Call) -> Access:
    access = call.project()
    if not access.reads_builds():
        raise forbidden()
    return access


def commit(call: Call) -> Answer:
    """`GET /projects/:id/repository/commits/:sha`: a sha, its beginning, a branch or a tag."""
    call.check(PROJECT_ID, Param("sha", text, required=True))
    access = call.project()
    if not access.reads_code():
        raise forbidden()
    name = call.params["sha"]
    of_ref = partial(call.store.pipelines, order="id DESC", limit=1)
    row: CommitRow | None = None
    if 7 <= len(name) <= 40:
        row = call.store.commit_like(access.project.id, name)
    if row is None and (head := of_ref("project_id = ? AND ref = ?", [access.project.id, name])):
        row = call.store.commit_of(access.project.id, head[0].sha)
    if row is None:
        raise not_found("Commit Not Found")
    last = of_ref("project_id = ? AND sha = ?", [access.project.id, row.sha])
    return Answer.json(call.bodies.commit_detail(row, last[0] if last else None))


def version(call: Call) -> Answer:
    call.authenticate()
    return Answer.json({"version": call.profile.version, "revision": "5a4d8c2f9e1"})


def metadata(call: Call) -> Answer:
    call.authenticate()
    number = call.profile.version
    return Answer.json(
        {
            "version": number,
            "revision": "5a4d8c2f9e1",
            "kas": {
                "enabled": False,
                "externalUrl": None,
                "externalK8sProxyUrl": None,
                "version": None,
            },
            "enterprise": number.endswith("-ee"),
        }
    )
