"""Rows to JSON bodies as §5 has them, in the key order of the recorded answers.

Keys that an answer leaves out are absent here too: null and absent are different things. What many
jobs share (users, commits, runners, pipelines) is encoded once and embedded as it is.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

from gateway.sandbox import artifacts
from gateway.sandbox.clock import seconds, timestamp
from gateway.sandbox.jsontext import Raw, compact, parse
from gateway.sandbox.rows import (
    CommitRow,
    JobRow,
    ManagerRow,
    PipelineRow,
    ProjectRow,
    RunnerRow,
    UserRow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from gateway.sandbox.clock import Clock
    from gateway.sandbox.profile import Profile
    from gateway.sandbox.store import Store

__all__ = ["Bodies"]

Body = dict[str, Any]

_NULL = Raw(b"null")
_MAX_SHARED = 20_000
_LABELS = {
    "success": ("passed", "passed"),
    "waiting_for_resource": ("waiting", "waiting for resource"),
    "manual": ("blocked", "waiting for manual action"),
    "canceled": ("canceled", "canceled"),
    "scheduled": ("scheduled", "waiting for delayed job"),
}


class Bodies:
    """Bodies of one world in one profile. Not for use without the store's lock."""

    def __init__(self, store: Store, clock: Clock, profile: Profile, external_url: str) -> None:
        self._store = store
        self._clock = clock
        self._profile = profile
        self._root = external_url.rstrip("/")
        self._shared: dict[Hashable, Raw] = {}
        self._pipelines: dict[int, Raw] = {}
        self._paths: dict[int, tuple[str, Raw]] = {}
        self._minute = -1
        self._now = 0.0
        self._now_text = ""

    def refresh(self) -> Self:
        """Look at the clock and at what was written since, once for a whole answer."""
        self._now = self._clock.now()
        self._now_text = timestamp(self._now)
        minute = int(self._now // 60)
        if minute != self._minute or len(self._shared) >= _MAX_SHARED:
            # Users' local times move on.
            self._shared.clear()
            self._minute = minute
        if self._store.changed:
            for changed in self._store.changed:
                self._pipelines.pop(changed, None)
            self._store.changed.clear()
        return self

    @property
    def now(self) -> str:
        """The moment of this answer."""
        return self._now_text

    # Jobs

    def job(self, row: JobRow) -> Body:
        """A job (§5.1). A bridge is given the same shape, as retry of a bridge answers it."""
        profile = self._profile
        body = self._job_basic(row)
        expires = row.artifacts_expire_at
        is_expired = expires is not None and expires <= self._now_text
        if row.archive_json is not None and not is_expired:
            body["artifacts_file"] = Raw(row.archive_json)
        body["artifacts"] = Raw(
            artifacts.without_expired(row.artifacts_json) if is_expired else row.artifacts_json
        )
        body["runner"] = self._runner(row.runner_id)
        if profile.job_manager and not row.bridge:
            body["runner_manager"] = self._manager(row.manager_id)
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
        """A bridge (§5.2)."""
        body = self._job_basic(row)
        body["downstream_pipeline"] = self._embedded_pipeline(row.downstream_id)
        return body

    def _job_basic(self, row: JobRow) -> Body:
        path, settings = self._project_of(row.project_id)
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
            "user": self._job_user(row.user_id),
            "commit": self._commit(row.project_id, row.sha),
            "pipeline": self._embedded_pipeline(row.pipeline_id),
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
        """Time in the queue. It grows while the job waits, and for ever if it never started."""
        if row.queued_duration is not None or row.queued_at is None:
            return row.queued_duration
        return self._since(row.queued_at)

    def _since(self, text: str) -> float:
        return round(max(self._now - seconds(text), 0.0), 9)

    # Pipelines

    def pipeline_basic(self, row: PipelineRow) -> Body:
        path, _ = self._project_of(row.project_id)
        return {
            "id": row.id,
            "iid": row.iid,
            "project_id": row.project_id,
            "sha": row.sha,
            "ref": row.ref,
            "status": row.status,
            "source": row.source,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "web_url": f"{path}/-/pipelines/{row.id}",
        }

    def pipeline_row(self, row: PipelineRow) -> Body:
        """A row of the pipelines list."""
        return self.pipeline_basic(row) | {"name": row.name}

    def pipeline(self, row: PipelineRow) -> Body:
        """A single pipeline (§5.4)."""
        user = self._store.get(UserRow, row.user_id)
        body = self.pipeline_basic(row) | {
            "before_sha": row.before_sha,
            "tag": bool(row.tag),
            "yaml_errors": row.yaml_errors,
            "user": user and self._user(user),
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
        body["name"] = row.name
        return body

    def _coverage(self, row: PipelineRow) -> str | None:
        """Text here, though a number in jobs: the mean of the latest jobs'."""
        jobs = self._store.latest_jobs(row.id)
        found = [job.coverage for job in jobs if job.coverage is not None]
        return f"{sum(found) / len(found):.2f}" if found else None

    def _detailed_status(self, row: PipelineRow) -> Body:
        text, label = _LABELS.get(row.status, (row.status, row.status))
        path, _ = self._project_of(row.project_id)
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

    def _embedded_pipeline(self, pipeline_id: int | None) -> Raw:
        if pipeline_id is None:
            return _NULL
        if (known := self._pipelines.get(pipeline_id)) is not None:
            return known
        row = self._store.get(PipelineRow, pipeline_id)
        made = _NULL if row is None else _raw(self.pipeline_basic(row))
        if len(self._pipelines) >= _MAX_SHARED:
            self._pipelines.clear()
        self._pipelines[pipeline_id] = made
        return made

    # What jobs share

    def _share(self, key: Hashable, make: Callable[[], Body | None]) -> Raw:
        if (known := self._shared.get(key)) is None:
            body = make()
            known = self._shared[key] = _NULL if body is None else _raw(body)
        return known

    def _project_of(self, project_id: int) -> tuple[str, Raw]:
        if (known := self._paths.get(project_id)) is None:
            row = self._store.require(ProjectRow, project_id)
            settings = _raw({"ci_job_token_scope_enabled": bool(row.token_scope)})
            known = self._paths[project_id] = (f"{self._root}/{row.path}", settings)
        return known

    def _job_user(self, user_id: int | None) -> Raw:
        if user_id is None:
            return _NULL
        return self._share(("user", user_id), lambda: self._long_user(user_id))

    def _long_user(self, user_id: int) -> Body | None:
        row = self._store.get(UserRow, user_id)
        if row is None:
            return None
        profile = self._profile
        more: Mapping[str, Any] = parse(row.profile_json)
        body: Body = {
            "id": row.id,
            "username": row.username,
            "public_email": more.get("public_email", ""),
            **self._user(row),
            "created_at": row.created_at,
            "bio": more.get("bio", ""),
            "location": more.get("location", ""),
        }
        if not profile.user_github:
            body["skype"] = ""
        body |= {"linkedin": more.get("linkedin", ""), "twitter": more.get("twitter", "")}
        if profile.user_locked:
            body["discord"] = more.get("discord", "")
        body["website_url"] = more.get("website_url", "")
        if profile.user_github:
            body["github"] = more.get("github", "")
        return body | {
            "job_title": more.get("job_title", ""),
            "pronouns": more.get("pronouns", ""),
            "organization": more.get("organization", ""),
            "bot": bool(more.get("bot")),
            "work_information": more.get("work_information"),
            "followers": more.get("followers", 0),
            "following": more.get("following", 0),
            "local_time": self._local_time(row.utc_offset_h),
        }

    def _local_time(self, utc_offset_h: int | None) -> str | None:
        if utc_offset_h is None:
            return None
        minutes = self._minute + 60 * utc_offset_h
        hour, minute = divmod(minutes % 1440, 60)
        return f"{hour % 12 or 12}:{minute:02} {'AM' if hour < 12 else 'PM'}"

    def _user(self, row: UserRow) -> Body:
        """The short form: pipelines, runner creators."""
        profile = self._profile
        body: Body = {"id": row.id, "username": row.username}
        if profile.user_github:
            body["public_email"] = parse(row.profile_json).get("public_email", "")
        body |= {"name": row.name, "state": row.state}
        if profile.user_locked:
            body["locked"] = False
        digest = sha256(row.username.encode()).hexdigest()
        return body | {
            "avatar_url": f"https://secure.gravatar.com/avatar/{digest}?s=80&d=identicon",
            "web_url": f"{self._root}/{row.username}",
        }

    def _commit(self, project_id: int, sha: str) -> Raw:
        def make() -> Body | None:
            row = self._store.commit_of(project_id, sha)
            return row and self.commit(row)

        return self._share(("commit", project_id, sha), make)

    def commit(self, row: CommitRow) -> Body:
        """A commit (§5.5); its times keep the author's own offset."""
        path, _ = self._project_of(row.project_id)
        body: Body = {
            "id": row.sha,
            "short_id": row.sha[:8],
            "created_at": row.committed_date,
            "parent_ids": Raw(row.parents_json),
            "title": row.title,
            "message": row.message,
            "author_name": row.author_name,
            "author_email": row.author_email,
            "authored_date": row.authored_date,
            "committer_name": row.committer_name,
            "committer_email": row.committer_email,
            "committed_date": row.committed_date,
            "trailers": {},
        }
        if self._profile.commit_extended_trailers:
            body["extended_trailers"] = {}
        return body | {"web_url": f"{path}/-/commit/{row.sha}"}

    def commit_detail(self, row: CommitRow, last: PipelineRow | None) -> Body:
        """A commit read by itself (§3.8)."""
        additions, deletions = int(row.sha[:2], 16), int(row.sha[2:4], 16)
        return self.commit(row) | {
            "stats": {
                "additions": additions,
                "deletions": deletions,
                "total": additions + deletions,
            },
            "status": last and last.status,
            "project_id": row.project_id,
            "last_pipeline": last and self.pipeline_basic(last),
        }

    def _runner(self, runner_id: int | None) -> Raw:
        if runner_id is None:
            return _NULL
        return self._share(("runner", runner_id), lambda: self._runner_body(runner_id))

    def _runner_body(self, runner_id: int) -> Body | None:
        row = self._store.get(RunnerRow, runner_id)
        if row is None:
            return None
        profile = self._profile
        body: Body = {
            "id": row.id,
            "description": row.description,
            "ip_address": row.ip_address if profile.runner_address else None,
            "active": not row.paused,
            "paused": bool(row.paused),
            "is_shared": row.runner_type == "instance_type",
            "runner_type": row.runner_type,
            "name": None if profile.runner_details else "gitlab-runner",
            "online": bool(row.online),
        }
        if not profile.runner_details:
            return body | {"status": row.status}
        creator = self._store.get(UserRow, row.created_by)
        if creator is not None:
            body["created_by"] = self._user(creator)
        return body | {
            "created_at": row.created_at,
            "status": row.status,
            "job_execution_status": "active" if row.online and not row.paused else "idle",
        }

    def _manager(self, manager_id: int | None) -> Raw:
        if manager_id is None:
            return _NULL
        return self._share(("manager", manager_id), lambda: self._manager_body(manager_id))

    def _manager_body(self, manager_id: int) -> Body | None:
        row = self._store.get(ManagerRow, manager_id)
        if row is None:
            return None
        body = {name: value for name, value in row._asdict().items() if name != "runner_id"}
        if self._profile.runner_details:
            body["job_execution_status"] = "active" if row.status == "online" else "idle"
        return body

    # Neighbours

    def project(self, row: ProjectRow) -> Body:
        path, _ = self._project_of(row.id)
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


def _raw(body: Body) -> Raw:
    return Raw(compact(body))
