"""The parts that many jobs embed: users, commits, runners, pipelines (upstream.md, 5).

A part is encoded once, and its bytes are put into every body that embeds it. A key that a version
does not have is left out.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.sandbox.world.jsontext import Raw, compact, parse
from gateway.sandbox.world.rows import (
    CommitRow,
    ManagerRow,
    PipelineRow,
    ProjectRow,
    RunnerRow,
    UserRow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from gateway.sandbox.profile import Profile
    from gateway.sandbox.world.store import Store

__all__ = ["NULL", "Body", "EmbeddedParts"]

Body = dict[str, Any]
Row = TypeVar("Row", UserRow, RunnerRow, ManagerRow)

NULL = Raw(b"null")
_MAX_KEPT = 20_000


class EmbeddedParts:
    """The encoded parts of one world in one profile. Bounded; a change drops them."""

    def __init__(self, store: Store, profile: Profile, root: str) -> None:
        self._store = store
        self._profile = profile
        self._root = root
        self._minute = -1
        self._kept: dict[Hashable, Raw] = {}
        self._pipelines: dict[int, Raw] = {}
        self._projects: dict[int, tuple[str, Raw]] = {}

    def refresh(self, minute: int) -> None:
        """Drop what has changed: users' local times in a new minute, pipelines when written."""
        if minute != self._minute:
            self._minute = minute
            self._kept.clear()
        for changed in self._store.take_changed():
            self._pipelines.pop(changed, None)

    # Encoded, null where there is none

    def user(self, user_id: int | None) -> Raw:
        """A user as jobs show them."""
        return self._part(UserRow, user_id, self._long_user)

    def runner(self, runner_id: int | None) -> Raw:
        return self._part(RunnerRow, runner_id, self._runner)

    def manager(self, manager_id: int | None) -> Raw:
        return self._part(ManagerRow, manager_id, self._manager)

    def commit(self, project_id: int, sha: str) -> Raw:
        key = (project_id, sha)
        if (known := self._kept.get(key)) is None:
            row = self._store.commit_of(project_id, sha)
            known = self._keep(key, NULL if row is None else _raw(self.commit_body(row)))
        return known

    def pipeline(self, pipeline_id: int | None) -> Raw:
        if pipeline_id is None:
            return NULL
        if (known := self._pipelines.get(pipeline_id)) is None:
            row = self._store.get(PipelineRow, pipeline_id)
            known = NULL if row is None else _raw(self.pipeline_body(row))
            if len(self._pipelines) >= _MAX_KEPT:
                self._pipelines.clear()
            self._pipelines[pipeline_id] = known
        return known

    def project(self, project_id: int) -> tuple[str, Raw]:
        """A project's address, and the settings that jobs show of it."""
        if (known := self._projects.get(project_id)) is None:
            row = self._store.require(ProjectRow, project_id)
            settings = _raw({"ci_job_token_scope_enabled": bool(row.token_scope)})
            known = self._projects[project_id] = (f"{self._root}/{row.path}", settings)
        return known

    def _part(
        self,
        kind: type[Row],
        row_id: int | None,
        body: Callable[[Row], Body],
    ) -> Raw:
        if row_id is None:
            return NULL
        key = (kind, row_id)
        if (known := self._kept.get(key)) is None:
            row = self._store.get(kind, row_id)
            known = self._keep(key, NULL if row is None else _raw(body(row)))
        return known

    def _keep(self, key: Hashable, part: Raw) -> Raw:
        if len(self._kept) >= _MAX_KEPT:
            self._kept.clear()
        self._kept[key] = part
        return part

    # Shapes

    def user_body(self, row: UserRow) -> Body:
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

    def _long_user(self, row: UserRow) -> Body:
        profile = self._profile
        more: Mapping[str, Any] = parse(row.profile_json)
        body: Body = {
            "id": row.id,
            "username": row.username,
            "public_email": more.get("public_email", ""),
            **self.user_body(row),
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
        hour, minute = divmod((self._minute + 60 * utc_offset_h) % 1440, 60)
        return f"{hour % 12 or 12}:{minute:02} {'AM' if hour < 12 else 'PM'}"

    def commit_body(self, row: CommitRow) -> Body:
        """A commit; its times keep the author's own offset."""
        path, _ = self.project(row.project_id)
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

    def pipeline_body(self, row: PipelineRow) -> Body:
        """What is embedded and listed of a pipeline."""
        path, _ = self.project(row.project_id)
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

    def _runner(self, row: RunnerRow) -> Body:
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
            body["created_by"] = self.user_body(creator)
        return body | {
            "created_at": row.created_at,
            "status": row.status,
            "job_execution_status": "active" if row.online and not row.paused else "idle",
        }

    def _manager(self, row: ManagerRow) -> Body:
        body = {name: value for name, value in row._asdict().items() if name != "runner_id"}
        if self._profile.runner_details:
            body["job_execution_status"] = "active" if row.status == "online" else "idle"
        return body


def _raw(body: Body) -> Raw:
    return Raw(compact(body))
