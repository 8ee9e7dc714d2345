"""The endpoints of a job's artifacts (upstream.md, 3.8): archive, one file, keep, delete."""

from __future__ import annotations

import io
import zipfile
from mimetypes import guess_type
from typing import TYPE_CHECKING
from urllib.parse import quote

from gateway.sandbox.http.answers import (
    Answer,
    bad_request,
    forbidden,
    not_found,
    statistics_refreshing,
)
from gateway.sandbox.http.params import JOB_ID, PROJECT_ID, Param, text
from gateway.sandbox.world.access import MAINTAINER
from gateway.sandbox.world.artifacts import archive_of, artifact_columns
from gateway.sandbox.world.jsontext import parse

if TYPE_CHECKING:
    from gateway.sandbox.http.call import Call
    from gateway.sandbox.world.access import Access
    from gateway.sandbox.world.rows import JobRow

__all__ = [
    "archive",
    "archive_of_ref",
    "delete",
    "file",
    "file_of_ref",
    "keep",
]

_NO_FILE = "Not Found"


def archive(call: Call) -> Answer:
    """`GET …/jobs/:job_id/artifacts`: the zip, or 302 to the object storage."""
    call.identify(job_tokens=True)
    call.check(PROJECT_ID, JOB_ID)
    access = call.project()
    return _archive(call, _readable(call, access, call.job(access.project)))


def file(call: Call) -> Answer:
    """`GET …/jobs/:job_id/artifacts/*path`."""
    call.identify(job_tokens=True)
    call.check(PROJECT_ID, JOB_ID)
    access = call.project()
    return _file(_readable(call, access, call.job(access.project)), call.params["artifact_path"])


def archive_of_ref(call: Call) -> Answer:
    """`GET …/jobs/artifacts/:ref_name/download?job=name`, in the ref's newest green pipeline."""
    return _archive(call, _job_of_ref(call))


def file_of_ref(call: Call) -> Answer:
    """`GET …/jobs/artifacts/:ref_name/raw/*path?job=name`."""
    return _file(_job_of_ref(call), call.params["artifact_path"])


def keep(call: Call) -> Answer:
    """`POST …/artifacts/keep`: they do not expire any more."""
    call.authenticate()
    call.check(PROJECT_ID, JOB_ID)
    access = call.project()
    if not access.updates_builds():
        raise forbidden()
    job = call.job(access.project)
    if not _has_archive(call, job):
        raise not_found(_NO_FILE)
    kept = call.transitions.change(job, artifacts_expire_at=None)
    return Answer.json(call.bodies.job(kept))


def delete(call: Call) -> Answer:
    """`DELETE …/artifacts`: all but the log."""
    call.authenticate()
    call.check(PROJECT_ID, JOB_ID)
    access = call.project()
    if access.level < MAINTAINER:
        raise forbidden()
    job = call.job(access.project)
    if access.project.refreshing:
        raise statistics_refreshing()
    rest = [entry for entry in parse(job.artifacts_json) if entry["file_type"] == "trace"]
    call.transitions.change(job, **artifact_columns(rest), artifacts_expire_at=None)
    return Answer(204)


def _job_of_ref(call: Call) -> JobRow:
    call.identify(job_tokens=True)
    call.check(
        PROJECT_ID, Param("ref_name", text, required=True), Param("job", text, required=True)
    )
    access = call.project()
    found = call.store.pipelines(
        "project_id = ? AND ref = ? AND status = 'success'",
        [access.project.id, call.params["ref_name"]],
        "id DESC",
        limit=1,
    )
    jobs = call.store.latest_jobs(found[0].id) if found else []
    named = [job for job in jobs if job.name == call.params["job"] and not job.bridge]
    if not named:
        raise not_found(_NO_FILE)
    return _readable(call, access, named[-1])


def _readable(call: Call, access: Access, job: JobRow) -> JobRow:
    """The job, if it has an archive that this caller may read."""
    if not access.reads_artifacts(job):
        raise forbidden()
    if not _has_archive(call, job):
        raise not_found(_NO_FILE)
    return job


def _has_archive(call: Call, job: JobRow) -> bool:
    expires = job.artifacts_expire_at
    return job.archive_json is not None and (expires is None or expires > call.bodies.now)


def _archive(call: Call, job: JobRow) -> Answer:
    name = parse(job.archive_json or "{}")["filename"]
    if storage := call.instance.object_storage:
        url = f"{storage.rstrip('/')}/artifacts/{job.id}/{quote(name)}?X-Signature=sandbox"
        return Answer(302, {"Location": url, "Cache-Control": "no-cache"})
    return Answer(
        200,
        {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": (
                f"attachment; filename=\"{name}\"; filename*=UTF-8''{quote(name)}"
            ),
            "Content-Transfer-Encoding": "binary",
        },
        archive_of(job.name),
    )


def _file(job: JobRow, path: str) -> Answer:
    if not path or path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise bad_request()
    with zipfile.ZipFile(io.BytesIO(archive_of(job.name))) as content:
        try:
            body = content.read(path)
        except KeyError:
            raise not_found(_NO_FILE) from None
    kind = guess_type(path)[0] or "application/octet-stream"
    return Answer(200, {"Content-Type": kind, "Content-Disposition": "attachment"}, body)
