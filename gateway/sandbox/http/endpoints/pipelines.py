"""The endpoints of pipelines (upstream.md, 3.8): list, one, the latest, its variables and tests,
retry, cancel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox.http.answers import Answer, forbidden
from gateway.sandbox.http.paging import offset_page
from gateway.sandbox.http.params import (
    PIPELINE_ID,
    PROJECT_ID,
    Param,
    boolean,
    one_of,
    page_params,
    text,
    time,
)
from gateway.sandbox.statuses import STATUSES
from gateway.sandbox.world.clock import timestamp

if TYPE_CHECKING:
    from gateway.sandbox.http.call import Call
    from gateway.sandbox.profile import Profile
    from gateway.sandbox.world.access import Access
    from gateway.sandbox.world.rows import PipelineRow, UserRow

__all__ = [
    "cancel_pipeline",
    "latest_pipeline",
    "pipeline",
    "pipelines",
    "retry_pipeline",
    "test_report_summary",
    "variables",
]

_SOURCES = (
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
_NEWEST_OF_REF = (
    "id IN (SELECT max(id) FROM pipelines WHERE project_id = ? AND tag = {} GROUP BY ref)"
)
_SCOPES = {
    "running": "status = 'running'",
    "pending": "status = 'pending'",
    "finished": "status IN ('success', 'failed', 'canceled')",
    "branches": _NEWEST_OF_REF.format(0),
    "tags": _NEWEST_OF_REF.format(1),
}
_EQUAL = ("status", "ref", "sha", "source", "name")
_BOUNDS = {
    "updated_before": "updated_at < ?",
    "updated_after": "updated_at > ?",
    "created_before": "created_at < ?",
    "created_after": "created_at > ?",
}
_LIST = (
    PROJECT_ID,
    Param("scope", one_of(*_SCOPES)),
    Param("status", one_of(*STATUSES)),
    Param("ref", text),
    Param("sha", text),
    Param("yaml_errors", boolean),
    Param("username", text),
    *(Param(name, time) for name in _BOUNDS),
    Param("order_by", one_of("id", "status", "ref", "updated_at", "user_id"), default="id"),
    Param("sort", one_of("asc", "desc"), default="desc"),
    Param("source", one_of(*_SOURCES)),
    Param("name", text),
    *page_params(),
)


def pipelines(call: Call) -> Answer:
    """`GET /projects/:id/pipelines`: child pipelines only with `source=parent_pipeline`."""
    call.check(*_LIST)
    access = _readable(call)
    where, values = _filter(call, access.project.id)
    order = f"{call.params['order_by']} {call.params['sort']}, id DESC"
    for name in _BOUNDS:
        if (moment := call.params.get(name)) is not None:
            # As they stand in links.
            call.params[name] = moment.isoformat()
    return offset_page(
        call,
        lambda limit, offset: call.store.pipelines(
            where, values, order, limit=limit, offset=offset
        ),
        call.bodies.pipeline_row,
        count=lambda limit: call.store.count("pipelines", where, values, limit=limit),
    )


def _filter(call: Call, project_id: int) -> tuple[str, list[Any]]:
    """The list's WHERE clause and its values."""
    params = {name: value for name, value in call.params.items() if _is_known(name, call.profile)}
    clauses: list[str] = ["project_id = ?"]
    values: list[Any] = [project_id]
    if (scope := params.get("scope")) is not None:
        clauses.append(_SCOPES[scope])
        values += [project_id] * _SCOPES[scope].count("?")
    for name in _EQUAL:
        if params.get(name) is not None:
            clauses.append(f"{name} = ?")
            values.append(params[name])
    if params.get("source") is None or not call.profile.pipeline_children:
        clauses.append("source <> 'parent_pipeline'")
    if (has_errors := params.get("yaml_errors")) is not None:
        clauses.append(f"yaml_errors IS {'NOT' if has_errors else ''} NULL")
    if (username := params.get("username")) is not None:
        user = call.store.user_named(username)
        clauses.append("user_id = ?")
        values.append(user.id if user is not None else -1)
    for name, bound in _BOUNDS.items():
        if (moment := params.get(name)) is not None:
            clauses.append(bound)
            values.append(timestamp(moment.timestamp()))
    return " AND ".join(clauses), values


def _is_known(name: str, profile: Profile) -> bool:
    """Does this version heed a parameter of the list?"""
    if name == "name":
        return profile.pipeline_name_filter
    return profile.pipeline_created_filter or not name.startswith("created_")


def pipeline(call: Call) -> Answer:
    """`GET /projects/:id/pipelines/:pipeline_id`."""
    call.check(PROJECT_ID, PIPELINE_ID)
    return Answer.json(call.bodies.pipeline(call.pipeline(_readable(call).project)))


def latest_pipeline(call: Call) -> Answer:
    """`GET …/pipelines/latest?ref=`: the newest of the ref, by default of the default branch.

    403 if there is none: GitLab then checks the right to read nothing.
    """
    call.check(PROJECT_ID, Param("ref", text))
    project = _readable(call).project
    ref = call.params.get("ref") or project.default_branch
    where = "project_id = ? AND ref = ? AND source <> 'parent_pipeline'"
    found = call.store.pipelines(where, [project.id, ref], "id DESC", limit=1)
    if not found:
        raise forbidden()
    return Answer.json(call.bodies.pipeline(found[0]))


def variables(call: Call) -> Answer:
    """`GET …/pipelines/:pipeline_id/variables`: not for all who may read the pipeline."""
    call.check(PROJECT_ID, PIPELINE_ID)
    access = call.project()
    row = call.pipeline(access.project)
    if not access.reads_variables(row):
        raise forbidden()
    return Answer.json(call.bodies.variables(row))


def test_report_summary(call: Call) -> Answer:
    """`GET …/pipelines/:pipeline_id/test_report_summary`."""
    call.check(PROJECT_ID, PIPELINE_ID)
    return Answer.json(call.bodies.tests(call.pipeline(_readable(call).project)))


def retry_pipeline(call: Call) -> Answer:
    """`POST …/pipelines/:pipeline_id/retry`: what failed or was canceled runs again."""
    user, row = _written(call)
    return Answer.json(call.bodies.pipeline(call.actions.retry_pipeline(row, user)), status=201)


def cancel_pipeline(call: Call) -> Answer:
    """`POST …/pipelines/:pipeline_id/cancel`; one that cannot be canceled is answered as it is."""
    _, row = _written(call)
    return Answer.json(call.bodies.pipeline(call.actions.cancel_pipeline(row)))


def _readable(call: Call) -> Access:
    access = call.project()
    if not access.reads_builds():
        raise forbidden()
    return access


def _written(call: Call) -> tuple[UserRow, PipelineRow]:
    user = call.user()
    call.check(PROJECT_ID, PIPELINE_ID)
    access = call.project()
    row = call.pipeline(access.project)
    if not access.updates_builds():
        raise forbidden()
    return user, row
