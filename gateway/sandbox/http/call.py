"""A request as endpoints see it: its parameters, its caller, and the project and job it names.

Endpoints call these methods in GitLab's order of checks (upstream.md, 1). A method returns what was
asked for, or it raises the `EarlyAnswer` that ends the request.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.sandbox.http.answers import Answer, EarlyAnswer, error, forbidden, not_found
from gateway.sandbox.http.credentials import Caller, authenticate, unauthorized
from gateway.sandbox.http.params import Param, check, query_text
from gateway.sandbox.world.access import Access
from gateway.sandbox.world.jsontext import parse
from gateway.sandbox.world.rows import JobRow, PipelineRow, ProjectRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.sandbox.http.bodies import Bodies
    from gateway.sandbox.http.instance import Instance
    from gateway.sandbox.world.rows import UserRow

__all__ = ["Call"]

_NUMBER = re.compile(r"-?\d+")
_MOVED = "This resource has been moved permanently to "


class Call:
    """One request to one instance."""

    def __init__(
        self,
        instance: Instance,
        *,
        method: str,
        scheme: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        params: dict[str, Any],
    ) -> None:
        self.instance = instance
        self.store = instance.store
        self.profile = instance.profile
        self.actions = instance.actions
        self.transitions = instance.transitions
        self.method = method
        self.scheme = scheme
        self.path = path
        """As it was sent, still encoded."""
        self.query = query
        self.headers = headers
        self.params = params
        """Query, body and path parameters as one, as Grape has them."""
        self._caller: Caller | None = None

    # Who

    def authenticate(self, *, job_tokens: bool = False) -> Caller:
        """The caller; 401 for nobody."""
        caller = self.identify(job_tokens=job_tokens)
        if caller.user is None:
            raise unauthorized()
        return caller

    def user(self) -> UserRow:
        """The user who writes; 401 for nobody."""
        user = self.authenticate().user
        if user is None:
            raise unauthorized()
        return user

    def identify(self, *, job_tokens: bool = False) -> Caller:
        """The caller, who may be anonymous. A bad credential is 401 nevertheless."""
        if self._caller is None:
            self._caller = authenticate(
                self.store,
                self.instance.tokens,
                method=self.method,
                headers=self.headers,
                params=self.params,
                job_tokens=job_tokens,
            )
        return self._caller

    # What

    def check(self, *declared: Param) -> None:
        """Check the declared parameters; 400 with all faults."""
        check(self.params, declared)

    def listed(self, name: str) -> Sequence[str]:
        """The values of a checked parameter that may be one word or a list; empty if not sent."""
        value = self.params.get(name)
        if value is None:
            return ()
        return value if isinstance(value, list) else [value]

    # Where

    def project(self, *, permission: str = "read_jobs") -> Access:
        """What the caller may do in the project that the path names; 404 if they cannot see it.

        `permission` is what a job token of another project would need.
        """
        caller = self.identify()
        key = str(self.params["id"])
        project: ProjectRow | None
        has_moved = False
        if _NUMBER.fullmatch(key):
            project = self.store.get(ProjectRow, int(key)) if len(key) < 20 else None
        elif "/" in key and (found := self.store.project_by_path(key)):
            project, has_moved = found
        else:
            project = None
        if project is None:
            raise not_found("Project Not Found")
        access = self.access(project)
        if not access.sees_project():
            raise not_found("Project Not Found")
        if caller.job is not None and caller.job.project_id != project.id:
            self._check_job_token(caller.job, project, permission)
        if has_moved and self.profile.moved_redirects:
            raise self._moved(project)
        return access

    def access(self, project: ProjectRow) -> Access:
        user = self.identify().user
        level = self.store.level(project.id, user.id) if user is not None else 0
        return Access(project, user, level)

    def _check_job_token(self, job: JobRow, project: ProjectRow, permission: str) -> None:
        allowed: Mapping[str, list[str] | None] = parse(project.allowlist_json)
        source = str(job.project_id)
        if source not in allowed:
            if self.profile.job_token_refusal == 404:
                raise not_found("Project Not Found")
            origin = self.store.require(ProjectRow, job.project_id)
            raise forbidden(
                "Authentication by CI/CD job token not allowed from "
                f"{origin.path} to {project.path}."
            )
        permissions = allowed[source]
        if permissions is not None and permission not in permissions:
            raise forbidden(
                "Insufficient permissions to access this resource in project "
                f"{project.path}. The following token permission is required: {permission}."
            )

    def _moved(self, project: ProjectRow) -> EarlyAnswer:
        """301 for GET; 405 for other methods, HEAD among them."""
        if self.method != "GET":
            return error(405, {"message": "Non GET methods are not allowed for moved projects"})
        segments = self.path.split("/")
        segments[4] = str(project.id)
        url = self.url("/".join(segments))
        if self.query:
            url += f"?{self.query}"
        return EarlyAnswer(Answer.text(f"{_MOVED}{url}", status=301, Location=url))

    def pipeline(self, project: ProjectRow) -> PipelineRow:
        row = self.store.get(PipelineRow, self.params["pipeline_id"])
        if row is None or row.project_id != project.id:
            raise not_found()
        return row

    def job(self, project: ProjectRow, *, bridges: bool = False) -> JobRow:
        """The job of the path; bridges are found only where the route takes them."""
        row = self.store.get(JobRow, self.params["job_id"])
        if row is None or row.project_id != project.id or (row.bridge and not bridges):
            raise not_found()
        return row

    # Answers

    @property
    def bodies(self) -> Bodies:
        """The maker of bodies, as of this moment."""
        return self.instance.bodies.refresh()

    def url(self, path: str) -> str:
        """A URL of ours: scheme of the request, host and port of the configured address."""
        return f"{self.scheme}://{urlsplit(self.instance.external_url).netloc}{path}"

    def link(self, changes: dict[str, Any], relation: str) -> str:
        """An entry of `Link`: this request with some parameters changed."""
        return f'<{self.url(self.path)}?{query_text(self.params | changes)}>; rel="{relation}"'
