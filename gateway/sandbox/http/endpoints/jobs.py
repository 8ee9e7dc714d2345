"""The endpoints that read jobs and bridges (upstream.md, 3): lists, one job, its log."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gateway.sandbox.http.answers import Answer, forbidden
from gateway.sandbox.http.paging import check_offset, keyset_page, offset_page
from gateway.sandbox.http.params import (
    JOB_ID,
    PIPELINE_ID,
    PROJECT_ID,
    Param,
    Wrong,
    boolean,
    integer,
    one_or_more_of,
    page_params,
)
from gateway.sandbox.world.logs import log_so_far
from gateway.sandbox.world.store import JobFilter

if TYPE_CHECKING:
    from gateway.sandbox.http.call import Call
    from gateway.sandbox.profile import Profile

__all__ = ["bridges", "job", "pipeline_jobs", "project_jobs", "trace"]

_MAX_SLICE = 500 * 1024


@lru_cache(maxsize=16)
def _list_params(profile: Profile, *, hashes: bool) -> tuple[Param, ...]:
    return (Param("scope", one_or_more_of(profile.statuses, hashes=hashes)), *page_params())


def project_jobs(call: Call) -> Answer:
    """`GET /projects/:id/jobs`: builds, retried ones too. The only list with keyset pages."""
    profile = call.profile
    caller = call.authenticate(job_tokens=profile.job_token_lists)
    call.check(PROJECT_ID, *_list_params(profile, hashes=True))
    if caller.user is not None:
        call.instance.limits.check("project_jobs", caller.user.id)
    access = call.project()
    if not access.reads_builds():
        raise forbidden()
    kept = JobFilter(bridge=False, project=access.project.id).in_statuses(call.listed("scope"))
    ref = call.params.get("ref")
    if profile.ref_filter and isinstance(ref, str) and ref.strip():
        kept.also("ref = ?", ref)
    if call.params.get("pagination") == "keyset":
        return keyset_page(call, kept, call.bodies.job)
    check_offset(call)
    return offset_page(
        call,
        lambda limit, offset: call.store.jobs(kept, limit=limit, offset=offset),
        call.bodies.job,
        count=(lambda limit: call.store.count_jobs(kept, limit=limit))
        if profile.counts_project_jobs
        else None,
    )


def pipeline_jobs(call: Call) -> Answer:
    """`GET /projects/:id/pipelines/:pipeline_id/jobs`: builds, retried ones on demand."""
    call.check(
        PROJECT_ID,
        PIPELINE_ID,
        Param("include_retried", boolean, default=False),
        *_list_params(call.profile, hashes=False),
    )
    call.identify(job_tokens=call.profile.job_token_lists)
    return _jobs_of_pipeline(call, bridge=False, retried=call.params["include_retried"])


def bridges(call: Call) -> Answer:
    """`GET /projects/:id/pipelines/:pipeline_id/bridges` (newer also `/trigger_jobs`).

    `include_retried` is not declared but takes effect: with any value at all, it is on.
    """
    call.check(PROJECT_ID, PIPELINE_ID, *_list_params(call.profile, hashes=False))
    return _jobs_of_pipeline(call, bridge=True, retried="include_retried" in call.params)


def _jobs_of_pipeline(call: Call, *, bridge: bool, retried: bool) -> Answer:
    access = call.project()
    if not access.reads_builds():
        raise forbidden()
    pipeline = call.pipeline(access.project)
    kept = JobFilter(bridge=bridge, pipeline=pipeline.id).in_statuses(call.listed("scope"))
    if not retried:
        kept.also("retried = 0")
    return offset_page(
        call,
        lambda limit, offset: call.store.jobs(kept, limit=limit, offset=offset),
        call.bodies.bridge if bridge else call.bodies.job,
        count=lambda limit: call.store.count_jobs(kept, limit=limit),
    )


def job(call: Call) -> Answer:
    """`GET /projects/:id/jobs/:job_id`; a bridge is not found here."""
    call.authenticate()
    call.check(PROJECT_ID, JOB_ID)
    access = call.project()
    if not access.reads_builds():
        raise forbidden()
    return Answer.json(call.bodies.job(call.job(access.project)))


def trace(call: Call) -> Answer:
    """`GET /projects/:id/jobs/:job_id/trace`: the raw log; 200 with no body if there is none."""
    call.authenticate()
    slicing = call.profile.trace_slice
    call.check(
        PROJECT_ID,
        JOB_ID,
        *(
            (Param("byte_offset", _between(0, None)), Param("byte_limit", _between(1, _MAX_SLICE)))
            if slicing
            else ()
        ),
    )
    access = call.project()
    if not access.reads_builds():
        raise forbidden()
    row = call.job(access.project)
    if not access.reads_log(row):
        raise forbidden()
    body = log_so_far(call.store, row, call.instance.clock.now())
    if slicing:
        start = call.params.get("byte_offset") or 0
        limit = call.params.get("byte_limit")
        body = body[start:] if limit is None else body[start : start + limit]
    return Answer.text(body, Content_Disposition=f'infile; filename="{row.id}.log"')


def _between(low: int, high: int | None) -> Any:
    def read(sent: Any) -> int | None:
        number = integer(sent)
        if number is not None and (number < low or (high is not None and number > high)):
            raise Wrong("does not have a valid value")
        return number

    return read
