"""The endpoints of projects, commits, the caller and the server's version (upstream.md, 3.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.http.answers import Answer, forbidden, not_found
from gateway.sandbox.http.params import PROJECT_ID, Param, text

if TYPE_CHECKING:
    from gateway.sandbox.http.call import Call
    from gateway.sandbox.world.rows import CommitRow

__all__ = ["commit", "current_user", "metadata", "project", "version"]

_REVISION = "5a4d8c2f9e1"


def project(call: Call) -> Answer:
    """`GET /projects/:id`; anonymous callers see public ones."""
    call.check(PROJECT_ID)
    user = call.identify().user
    call.instance.limits.check("project", user.id if user is not None else None)
    return Answer.json(call.bodies.project(call.project().project))


def commit(call: Call) -> Answer:
    """`GET /projects/:id/repository/commits/:sha`: a sha, its beginning, a branch or a tag."""
    call.check(PROJECT_ID, Param("sha", text, required=True))
    access = call.project()
    if not access.reads_code():
        raise forbidden()
    project_id = access.project.id
    row = _commit_named(call, project_id, call.params["sha"])
    if row is None:
        raise not_found("Commit Not Found")
    where = "project_id = ? AND sha = ?"
    last = call.store.pipelines(where, [project_id, row.sha], "id DESC", limit=1)
    return Answer.json(call.bodies.commit_detail(row, last[0] if last else None))


def _commit_named(call: Call, project_id: int, name: str) -> CommitRow | None:
    found = call.store.commit_like(project_id, name) if 7 <= len(name) <= 40 else None
    if found is not None:
        return found
    where = "project_id = ? AND ref = ?"
    head = call.store.pipelines(where, [project_id, name], "id DESC", limit=1)
    return call.store.commit_of(project_id, head[0].sha) if head else None


def current_user(call: Call) -> Answer:
    """`GET /user`: the caller; 401 for nobody, and for job tokens."""
    return Answer.json(call.bodies.user(call.user()))


def version(call: Call) -> Answer:
    """`GET /version`."""
    call.authenticate()
    return Answer.json({"version": call.profile.version, "revision": _REVISION})


def metadata(call: Call) -> Answer:
    """`GET /metadata`."""
    call.authenticate()
    nothing = dict.fromkeys(("externalUrl", "externalK8sProxyUrl", "version"))
    return Answer.json(
        {
            "version": call.profile.version,
            "revision": _REVISION,
            "kas": {"enabled": False, **nothing},
            "enterprise": call.profile.version.endswith("-ee"),
        }
    )
