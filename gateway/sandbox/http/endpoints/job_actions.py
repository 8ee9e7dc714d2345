"""The endpoints that change jobs (upstream.md, 4): cancel, retry, erase, play."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.http.answers import (
    Answer,
    bad_request,
    forbidden,
    statistics_refreshing,
)
from gateway.sandbox.http.params import JOB_ID, PROJECT_ID, Param, boolean, mapping, variables
from gateway.sandbox.simulation.actions import BadInput, NotPossible
from gateway.sandbox.world.access import MAINTAINER, Access

if TYPE_CHECKING:
    from gateway.sandbox.http.call import Call

__all__ = ["cancel", "erase", "play", "retry"]

_VARIABLES = Param("job_variables_attributes", variables)


def cancel(call: Call) -> Answer:
    """`POST …/cancel`. The permission is checked before the job is looked up."""
    call.authenticate()
    can_force = call.profile.force_cancel
    call.check(PROJECT_ID, JOB_ID, *((Param("force", boolean),) if can_force else ()))
    force = can_force and bool(call.params.get("force"))
    access = call.project()
    if not access.cancels_builds():
        raise forbidden()
    job = call.job(access.project)
    if force and access.level < MAINTAINER:
        raise forbidden()
    return Answer.json(call.bodies.job(call.actions.cancel(job, force=force)), status=201)


def retry(call: Call) -> Answer:
    """`POST …/retry`: the new job, in a job's shape also for a bridge."""
    user = call.user()
    takes_inputs = call.profile.inputs
    call.check(PROJECT_ID, JOB_ID, *((Param("inputs", mapping),) if takes_inputs else ()))
    access = _project_of_update(call)
    job = call.job(access.project, bridges=True)
    if not access.runs_job(job):
        raise forbidden()
    inputs = call.params.get("inputs") if takes_inputs else None
    try:
        made = call.actions.retry(job, user, inputs=inputs or {})
    except BadInput as wrong:
        raise bad_request(str(wrong)) from None
    except NotPossible as refused:
        raise forbidden(str(refused)) from None
    return Answer.json(call.bodies.job(made), status=201)


def erase(call: Call) -> Answer:
    """`POST …/erase`: the job without its log and artifacts."""
    call.authenticate()
    call.check(PROJECT_ID, JOB_ID)
    access = _project_of_update(call)
    job = call.job(access.project)
    if not access.erases_job(job):
        raise forbidden()
    if not call.actions.is_erasable(job):
        raise forbidden("Job is not erasable!")
    if access.project.refreshing:
        raise statistics_refreshing()
    return Answer.json(call.bodies.job(call.actions.erase(job)), status=201)


def play(call: Call) -> Answer:
    """`POST …/play`. Read access is checked first, then the job, then the right to play."""
    user = call.user()
    takes_inputs = call.profile.inputs
    call.check(
        PROJECT_ID, JOB_ID, _VARIABLES, *((Param("job_inputs", mapping),) if takes_inputs else ())
    )
    access = call.project()
    if not access.reads_builds():
        raise forbidden()
    job = call.job(access.project, bridges=True)
    given = call.params.get("job_variables_attributes") or []
    if not access.runs_job(job) or (given and not job.bridge and not access.sets_variables()):
        raise forbidden()
    inputs = call.params.get("job_inputs") if takes_inputs else None
    try:
        made = call.actions.play(job, user, variables=given, inputs=inputs or {})
    except NotPossible as refused:
        raise bad_request(str(refused)) from None
    body = call.bodies.bridge(made) if made.bridge else call.bodies.job(made)
    return Answer.json(body, status=200)


def _project_of_update(call: Call) -> Access:
    """Older versions check the permission here, before they look the job up."""
    access = call.project()
    if call.profile.permission_before_job and not access.updates_builds():
        raise forbidden()
    return access
