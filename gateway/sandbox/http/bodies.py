"""JSON bodies made of rows (upstream.md, 5), their keys in the order of recorded answers.

A key that GitLab leaves out is left out here too, and is not null.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Self

from gateway.sandbox.http.embedded import Body, EmbeddedParts
from gateway.sandbox.world import artifacts, reports
from gateway.sandbox.world.clock import seconds, timestamp
from gateway.sandbox.world.jsontext import Raw, parse
from gateway.sandbox.world.rows import UserRow

if TYPE_CHECKING:
    from gateway.sandbox.profile import Profile
    from gateway.sandbox.world.clock import Clock
    from gateway.sandbox.world.rows import CommitRow, JobRow, PipelineRow, ProjectRow
    from gateway.sandbox.world.store import Store

__all__ = ["Bodies"]

_LABELS = {
    "success": ("passed", "passed"),
    "waiting_for_resource": ("waiting", "waiting for resource"),
    "manual": ("blocked", "waiting for manual action"),
    "canceled": ("canceled", "canceled"),
    "scheduled": ("scheduled", "waiting for delayed job"),
}


class Bodies:
    """Bodies of one world in one profile. Hold the store's lock, and `refresh` before an answer."""

    def __init__(self, store: Store, clock: Clock, profile: Profile, external_url: str) -> None:
        self._store = store
        self._clock = clock
        self._profile = profile
        self._root = external_url.rstrip("/")
        self._parts = EmbeddedParts(store, profile, self._root)
        self._now = 0.0
        self.now = ""
        """The time of this answer; durations in it count up to here."""

    def refresh(self) -> Self:
        """Read the clock, and drop the parts that have changed since."""
        self._now = self._clock.now()
        self.now = timestamp(self._now)
        self._parts.refresh(int(self._now // 60))
        return self

    # Jobs

    def job(self, row: JobRow) -> Body:
        """A job (upstream.md, 5.1), or the bridge that a retry has made (upstream.md, 4.2).

        Nothing in the body says which of the two it is: a bridge has no `runner_manager`, but older
        versions send none of jobs either.
        """
        profile = self._profile
        body = self._job_basic(row)
        expires = row.artifacts_expire_at
        is_expired = expires is not None and expires <= self.now
        if row.archive_json is not None and not is_expired:
            body["artifacts_file"] = Raw(row.archive_json)
        body["artifacts"] = Raw(
            artifacts.without_expired(row.artifacts_json) if is_expired else row.artifacts_json
        )
        body["runner"] = self._parts.runner(row.runner_id)
        if profile.job_manager and not row.bridge:
            body["runner_manager"] = self._parts.manager(row.manager_id)
        body["artifacts_expire_at"] = expires
        if profile.job_archived:
            body["archived"] = bool(row.archived)
        body["tag_list"] = Raw(row.tag_list_json)
        if profile.job_source:
            body["source"] = row.source
        if row.extra_json is not None:
            body |= parse(row.extra_json)
        return body

    def bridge(self, row: JobRow) -> Body:
        """A bridge (upstream.md, 5.2)."""
        body = self._job_basic(row)
        body["downstream_pipeline"] = self._parts.pipeline(row.downstream_id)
        return body

    def _job_basic(self, row: JobRow) -> Body:
        path, settings = self._parts.project(row.project_id)
        body: Body = {
            "id": row.id,
            "status": row.status,
            "stage": row.stage,
            "name": row.name,
            "ref": row.ref,
            "tag": bool(row.tag),
            "coverage": row.coverage,
            "allow_failure": bool(row.allow_failure),
            "created_at": row.created_at,
            "started_at": row.started_at,
            "finished_at": row.finished_at,
            "erased_at": row.erased_at,
            "duration": self._duration(row),
            "queued_duration": self._queued(row),
            "user": self._parts.user(row.user_id),
            "commit": self._parts.commit(row.project_id, row.sha),
            "pipeline": self._parts.pipeline(row.pipeline_id),
        }
        if row.status == "failed":
            body["failure_reason"] = row.failure_reason
        body["web_url"] = f"{path}/-/jobs/{row.id}"
        body["project"] = settings
        return body

    def _duration(self, row: JobRow) -> float | None:
        if row.duration is not None or row.started_at is None:
            return row.duration
        return self._since(row.started_at)

    def _queued(self, row: JobRow) -> float | None:
        """The time in the queue. It grows until the job starts, so for ever if it never does."""
        if row.queued_duration is not None or row.queued_at is None:
            return row.queued_duration
        return self._since(row.queued_at)

    def _since(self, text: str) -> float:
        return round(max(self._now - seconds(text), 0.0), 9)

    # Pipelines

    def pipeline_row(self, row: PipelineRow) -> Body:
        """A row of the pipelines list (upstream.md, 5.3)."""
        return self._parts.pipeline_body(row) | self._name(row)

    def _name(self, row: PipelineRow) -> Body:
        return {"name": row.name} if self._profile.pipeline_names else {}

    def pipeline(self, row: PipelineRow) -> Body:
        """A single pipeline (upstream.md, 5.4)."""
        user = self._store.get(UserRow, row.user_id)
        body = self._parts.pipeline_body(row) | {
            "before_sha": row.before_sha,
            "tag": bool(row.tag),
            "yaml_errors": row.yaml_errors,
            "user": user and self._parts.user_body(user),
            "started_at": row.started_at,
            "finished_at": row.finished_at,
            "committed_at": None,
            "duration": row.duration,
            "queued_duration": row.queued_duration,
            "coverage": self._coverage(row),
            "detailed_status": self._detailed_status(row),
        }
        if self._profile.pipeline_archived:
            body["archived"] = bool(row.archived)
        return body | self._name(row)

    def variables(self, row: PipelineRow) -> list[Body]:
        """What a pipeline was started with (upstream.md, 3.8)."""
        found: list[Body] = parse(row.variables_json)
        return found

    def tests(self, row: PipelineRow) -> Body:
        """A pipeline's tests, counted (upstream.md, 3.8)."""
        return reports.summary_of(self._store.latest_jobs(row.id))

    def _coverage(self, row: PipelineRow) -> str | None:
        """The mean of the latest jobs' coverage: a text here, though a number in jobs."""
        mean = self._store.mean_coverage(row.id)
        return None if mean is None else f"{mean:.2f}"

    def _detailed_status(self, row: PipelineRow) -> Body:
        text, label = _LABELS.get(row.status, (row.status, row.status))
        path, _ = self._parts.project(row.project_id)
        digest = sha256(row.status.encode()).hexdigest()
        return {
            "icon": f"status_{row.status}",
            "text": text.replace("_", " ").capitalize(),
            "label": label.replace("_", " "),
            "group": row.status.replace("_", "-"),
            "tooltip": label.replace("_", " "),
            "has_details": True,
            "details_path": f"{path.removeprefix(self._root)}/-/pipelines/{row.id}",
            "illustration": None,
            "favicon": f"/assets/ci_favicons/favicon_status_{row.status}-{digest}.png",
        }

    # Commits and projects

    def commit_detail(self, row: CommitRow, last: PipelineRow | None) -> Body:
        """A single commit (upstream.md, 3.8)."""
        additions, deletions = int(row.sha[:2], 16), int(row.sha[2:4], 16)
        return self._parts.commit_body(row) | {
            "stats": {
                "additions": additions,
                "deletions": deletions,
                "total": additions + deletions,
            },
            "status": last and last.status,
            "project_id": row.project_id,
            "last_pipeline": last and self._parts.pipeline_body(last),
        }

    def user(self, row: UserRow) -> Body:
        """The caller's own user (upstream.md, 3.8)."""
        body: Body = parse(self._parts.user(row.id))
        return body

    def project(self, row: ProjectRow) -> Body:
        path, _ = self._parts.project(row.id)
        namespace, _, slug = row.path.rpartition("/")
        return {
            "id": row.id,
            "description": row.description,
            "name": row.name,
            "name_with_namespace": f"{namespace.replace('/', ' / ')} / {row.name}",
            "path": slug,
            "path_with_namespace": row.path,
            "created_at": row.created_at,
            "default_branch": row.default_branch,
            "visibility": row.visibility,
            "ssh_url_to_repo": f"git@{self._root.partition('://')[2]}:{row.path}.git",
            "http_url_to_repo": f"{path}.git",
            "web_url": path,
            "empty_repo": row.default_branch is None,
            "archived": False,
            "public_jobs": bool(row.public_pipelines),
            "ci_job_token_scope_enabled": bool(row.token_scope),
        }
