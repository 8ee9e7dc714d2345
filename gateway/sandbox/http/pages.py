"""The pages that `web_url`s lead to: plain HTML of a job, pipeline, commit, project and user.

They are for a person who follows a link in a browser, which has no credential; so everybody may
read them. They are no part of GitLab's API, and GitLab's own pages look different.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from gateway.sandbox.http.answers import Answer
from gateway.sandbox.http.html import Html, facts, join, link, page, preformatted, table
from gateway.sandbox.world.access import role_names
from gateway.sandbox.world.jsontext import parse
from gateway.sandbox.world.logs import log_so_far
from gateway.sandbox.world.rows import JobRow, MemberRow, PipelineRow, ProjectRow, UserRow
from gateway.sandbox.world.store import JobFilter

if TYPE_CHECKING:
    from gateway.sandbox.http.instance import Instance
    from gateway.sandbox.world.rows import CommitRow

__all__ = ["Pages"]

_SUBJECT = re.compile(r"(.+?)(?P<rest>/-/(?P<kind>jobs|pipelines|commit)/(?P<key>[^/]+))?")
"""A project's path, or a username; behind a project's path what of it is meant."""
_JOB_COLUMNS = ("Name", "Status", "Stage", "Ref", "Kind")
_LISTED = 20
"""How many pipelines and jobs a page lists at most."""
_JOBS_OF_PIPELINE = 1_000
_LOG_BYTES = 64 * 1024
_LOG_LINES = 100
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
"""What a terminal does not print: escape sequences and control characters."""


class Pages:
    """The pages of one instance. Hold the store's lock."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._store = instance.store
        self._root = urlsplit(instance.external_url).path.rstrip("/")

    def find(self, raw_path: str) -> Answer | None:
        """The page at an encoded path; None if nothing has its page there.

        A path that a project had before leads to its new one, as a redirect.
        """
        path = unquote(raw_path.removeprefix(self._root)).strip("/")
        if (subject := _SUBJECT.fullmatch(path)) is None:
            return None
        if (found := self._store.project_by_path(subject[1])) is not None:
            project, has_moved = found
            if has_moved:
                target = self._path(project, quote(subject["rest"] or ""))
                return Answer.text("", status=301, Location=target)
            return self._of_project(project, subject["kind"], subject["key"])
        user = self._store.user_named(path)
        return None if user is None else self._user(user)

    def _of_project(self, project: ProjectRow, kind: str | None, key: str) -> Answer | None:
        if kind is None:
            return self._project(project)
        if kind == "commit":
            commit = self._store.commit_of(project.id, key)
            return None if commit is None else self._commit(project, commit)
        number = int(key) if key.isascii() and key.isdigit() and len(key) < 20 else None
        if kind == "jobs":
            job = self._store.get(JobRow, number)
            return self._job(project, job) if job and job.project_id == project.id else None
        row = self._store.get(PipelineRow, number)
        return self._pipeline(project, row) if row and row.project_id == project.id else None

    # Pages

    def _job(self, project: ProjectRow, job: JobRow) -> Answer:
        kind = "Bridge" if job.bridge else "Job"
        artifacts = [entry["filename"] for entry in parse(job.artifacts_json)]
        log = "" if job.bridge else self._end_of_log(job)
        return page(
            f"{job.name} ({job.status}) · {kind} {job.id}",
            self._heading(project, f"{kind} {job.id}: {job.name}"),
            facts(
                {
                    "Status": job.status,
                    "Failure": job.failure_reason if job.status == "failed" else None,
                    "Stage": job.stage,
                    "Ref": job.ref,
                    "Commit": self._to_commit(project, job.sha),
                    "Pipeline": self._to_pipeline(job.pipeline_id),
                    "Downstream": self._to_pipeline(job.downstream_id),
                    "User": self._to_user(job.user_id),
                    "Created": job.created_at,
                    "Started": job.started_at,
                    "Finished": job.finished_at,
                    "Erased": job.erased_at,
                    "Retried": "yes" if job.retried else None,
                    "Artifacts": ", ".join(artifacts) or None,
                }
            ),
            Html(f"<h2>End of the log</h2>{preformatted(log)}") if log else Html(),
        )

    def _end_of_log(self, job: JobRow) -> str:
        """The last lines as text, each from its last carriage return on."""
        if job.debug:
            return "This log may show secrets. The API gives it to developers."
        tail = log_so_far(self._store, job, self._instance.clock.now())[-_LOG_BYTES:]
        lines = tail.decode("utf-8", "replace").split("\n")[-_LOG_LINES - 1 :]
        shown = (line.rstrip("\r").rpartition("\r")[2] for line in lines)
        return "\n".join(_CONTROLS.sub("", line) for line in shown).strip("\n")

    def _pipeline(self, project: ProjectRow, row: PipelineRow) -> Answer:
        jobs = self._store.find_jobs({"pipeline_id": row.id}, limit=_JOBS_OF_PIPELINE)
        jobs.sort(key=lambda job: (job.stage_index, job.id))
        return page(
            f"Pipeline {row.id} ({row.status})",
            self._heading(project, f"Pipeline {row.id}"),
            facts(
                {
                    "Status": row.status,
                    "Name": row.name,
                    "Error": row.yaml_errors,
                    "Source": row.source,
                    "Ref": row.ref,
                    "Commit": self._to_commit(project, row.sha),
                    "User": self._to_user(row.user_id),
                    "Created": row.created_at,
                    "Started": row.started_at,
                    "Finished": row.finished_at,
                }
            ),
            table("Jobs", _JOB_COLUMNS, (self._job_cells(project, job) for job in jobs)),
        )

    def _commit(self, project: ProjectRow, commit: CommitRow) -> Answer:
        where = "project_id = ? AND sha = ?"
        values = [project.id, commit.sha]
        pipelines = self._store.pipelines(where, values, "id DESC", limit=_LISTED)
        return page(
            f"{commit.title} · {commit.sha[:8]}",
            self._heading(project, f"Commit {commit.sha[:8]}"),
            facts(
                {
                    "Sha": commit.sha,
                    "Author": f"{commit.author_name} <{commit.author_email}>",
                    "Date": commit.committed_date,
                }
            ),
            preformatted(commit.message),
            self._pipelines(pipelines),
        )

    def _project(self, project: ProjectRow) -> Answer:
        kept = JobFilter(bridge=False, project=project.id)
        jobs = self._store.jobs(kept, limit=_LISTED)
        pipelines = self._store.pipelines("project_id = ?", [project.id], "id DESC", limit=_LISTED)
        return page(
            f"{project.name} · {project.path}",
            self._heading(project, project.name),
            facts(
                {
                    "Id": project.id,
                    "Description": project.description,
                    "Visibility": project.visibility,
                    "Default branch": project.default_branch,
                }
            ),
            self._pipelines(pipelines, "Newest pipelines"),
            table("Newest jobs", _JOB_COLUMNS, (self._job_cells(project, job) for job in jobs)),
        )

    def _user(self, user: UserRow) -> Answer:
        roles = [row for row in self._store.all(MemberRow) if row.user_id == user.id]
        return page(
            f"{user.name} · {user.username}",
            Html(f"<h1>{join([user.name])}</h1>"),
            facts({"Username": user.username, "Id": user.id, "State": user.state}),
            table(
                "Projects",
                ("Project", "Role"),
                ((self._to_project(row.project_id), role_names(row.level)[-1]) for row in roles),
            ),
        )

    # Parts

    def _heading(self, project: ProjectRow, title: str) -> Html:
        return Html(f"<p>{self._to_project(project.id)}</p><h1>{join([title])}</h1>")

    def _pipelines(self, rows: list[PipelineRow], title: str = "Pipelines") -> Html:
        cells = [(self._to_pipeline(row.id), row.status, row.ref, row.created_at) for row in rows]
        return table(title, ("Pipeline", "Status", "Ref", "Created"), cells)

    def _job_cells(self, project: ProjectRow, job: JobRow) -> tuple[object, ...]:
        kind = "bridge" if job.bridge else "job"
        kind = f"{kind}, retried" if job.retried else kind
        target = self._path(project, f"/-/jobs/{job.id}")
        return link(target, job.name), job.status, job.stage, job.ref, kind

    def _path(self, project: ProjectRow, rest: str = "") -> str:
        return f"{self._root}/{quote(project.path)}{rest}"

    def _to_project(self, project_id: int) -> Html:
        project = self._store.require(ProjectRow, project_id)
        return link(self._path(project), project.path)

    def _to_pipeline(self, pipeline_id: int | None) -> Html | None:
        row = self._store.get(PipelineRow, pipeline_id)
        if row is None:
            return None
        project = self._store.require(ProjectRow, row.project_id)
        return link(self._path(project, f"/-/pipelines/{row.id}"), f"Pipeline {row.id}")

    def _to_commit(self, project: ProjectRow, sha: str) -> object:
        commit = self._store.commit_of(project.id, sha)
        if commit is None:
            return sha[:8]
        target = self._path(project, f"/-/commit/{sha}")
        return join([link(target, sha[:8]), " ", commit.title])

    def _to_user(self, user_id: int | None) -> Html | None:
        user = self._store.get(UserRow, user_id)
        return None if user is None else link(f"{self._root}/{quote(user.username)}", user.name)
