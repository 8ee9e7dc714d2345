"""The endpoints that a job asks about itself, with its job token (upstream.md, 3.6 and 3.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox.http.answers import Answer, not_found
from gateway.sandbox.world.access import role_names
from gateway.sandbox.world.agents import agents_for
from gateway.sandbox.world.jsontext import parse
from gateway.sandbox.world.rows import JobRow, ProjectRow

if TYPE_CHECKING:
    from gateway.sandbox.http.call import Call

__all__ = ["allowed_agents", "current_job"]


def current_job(call: Call) -> Answer:
    """`GET /job`: the job of the presented job token."""
    return Answer.json(call.bodies.job(_token_job(call)))


def allowed_agents(call: Call) -> Answer:
    """`GET /job/allowed_agents`."""
    row = _token_job(call)
    project = call.store.require(ProjectRow, row.project_id)
    user = call.authenticate().user
    access = call.access(project)
    body: dict[str, Any] = {
        "allowed_agents": agents_for(project, row),
        "job": {"id": row.id},
        "pipeline": {"id": row.pipeline_id},
        "project": {
            "id": project.id,
            "groups": [{"id": group} for group in parse(project.groups_json)],
        },
        "user": {
            "id": user and user.id,
            "username": user and user.username,
            "roles_in_project": role_names(access.level),
        },
    }
    if row.environment_json is not None:
        environment = parse(row.environment_json)
        body["environment"] = {key: environment[key] for key in ("slug", "tier")}
    headers = {}
    if call.profile.agents_header:
        headers["Gitlab-Feature-Flag"] = "agent_kas_proxy=true, kubernetes_agent_protected=false"
    return Answer.json(body, headers=headers)


def _token_job(call: Call) -> JobRow:
    """The caller's job: 401 without a valid credential, 404 with one that is no job token."""
    caller = call.authenticate(job_tokens=True)
    if caller.job is None:
        raise not_found("Job Not Found")
    return caller.job
