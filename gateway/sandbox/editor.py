"""Changes to a world that a test makes by hand, without the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox.world.artifacts import artifact, artifact_columns
from gateway.sandbox.world.builder import Builder, status_columns
from gateway.sandbox.world.clock import seconds, timestamp
from gateway.sandbox.world.jsontext import compact, parse
from gateway.sandbox.world.rows import JobRow, PipelineRow, ProjectRow, UserRow

if TYPE_CHECKING:
    from gateway.sandbox.http.instance import Instance
    from gateway.sandbox.world.clock import Clock
    from gateway.sandbox.world.store import Store

__all__ = ["Editor"]

_ENDS = {"success", "failed", "canceled"}


class Editor:
    """Edits the rows of one sandbox. Each method is one transaction, also while the app serves."""

    store: Store
    """The rows, for edits that no method makes. Hold `store.lock` meanwhile."""
    _clock: Clock
    _instance: Instance
    _seed: int

    def create_pipeline(self, project: int = 1, **columns: Any) -> int:
        """Add a pipeline with its commit, and return its id. Its status follows its jobs.

        `columns` are PipelineRow's, and `user` (a username or None).
        """
        with self.store.lock:
            if "user" in columns:
                columns["user_id"] = self._user_id(columns.pop("user"))
            given: dict[str, Any] = {"id": self.store.next_id(PipelineRow), "status": "created"}
            world = self._builder()
            row = world.pipeline(project, created=self._clock.now(), **(given | columns))
            world.close_pipeline(row._replace(iid=self.store.next_iid(project)))
            world.flush()
            self.store.commit()
        return row.id

    def create_job(
        self,
        project: int = 1,
        pipeline: int = 6,
        *,
        name: str = "job",
        log: bytes | None = None,
        moves: bool = False,
        **columns: Any,
    ) -> int:
        """Add a build, or a bridge (`bridge=True`), and return its id.

        It is a success unless a `status` is given, and has the times, log and artifacts that jobs
        of its status have. `columns` are JobRow's, and `user` (a username or None), `artifacts`
        (file types), `tags`, `when`, `started` (whether it had), `created` (epoch seconds),
        `waited` and `worked` (seconds). A `log` is kept as given. Runner 1 cancels gracefully,
        runner 2 does not (`runner_id`). The simulated runner leaves the job alone unless it
        `moves`. The pipeline's status stays.
        """
        with self.store.lock:
            of = self.store.require(PipelineRow, pipeline)
            if of.project_id != project:
                raise ValueError(
                    f"pipeline {pipeline} is project {of.project_id}'s, not {project}'s"
                )
            now = self._clock.now()
            given: dict[str, Any] = {"created": now, "waited": 0.0, "worked": 0.0}
            given |= {"id": self.store.next_id(JobRow)} | self._translated(columns)
            given["status"] = self._instance.profile.shown(given.get("status", "success"))
            world = self._builder()
            row = world.job(of, name, moves=moves, **given)
            world.flush()
            if log is not None:
                self.store.set_log(row.id, log)
                if row.finished_at:
                    self.store.update(JobRow, row.id, _with_log(row, log))
            self.store.commit()
        return row.id

    def set_status(self, job: int, status: str, **columns: Any) -> JobRow:
        """Put a job into a status, with the times that such jobs have. Its pipeline follows."""
        with self.store.lock:
            row = self.store.require(JobRow, job)
            status = self._instance.profile.shown(status)
            changes = self._times(row, status) | {"status": status} | self._translated(columns)
            changed = self._instance.transitions.change(row, **changes)
            log = self.store.log(job)
            if log is not None and changed.finished_at:
                self.store.update(JobRow, job, _with_log(changed, log))
            self.store.commit()
            return self.store.require(JobRow, job)

    def _times(self, row: JobRow, status: str) -> dict[str, Any]:
        now = self._clock.now()
        reason = "script_failure" if status == "failed" else None
        if status in _ENDS and row.started_at is not None:
            worked = round(max(now - seconds(row.started_at), 0.0), 6)
            ended = {"finished_at": timestamp(now), "duration": worked}
            return ended | {"next_at": None, "failure_reason": reason}
        blank: dict[str, Any] = dict.fromkeys(
            ("queued_at", "started_at", "finished_at", "duration", "queued_duration", "next_at")
        )
        times = status_columns(status, created=now, waited=0.0, worked=0.0)
        return blank | times | {"failure_reason": reason}

    def update_job(self, job: int, **columns: Any) -> None:
        """Write columns of JobRow as they are. The pipeline does not follow."""
        with self.store.lock:
            self.store.update(JobRow, job, columns)
            self.store.commit()

    def update_project(self, project: int, **columns: Any) -> None:
        """Write columns of ProjectRow, such as `refreshing=1` or `public_pipelines=0`."""
        with self.store.lock:
            self.store.update(ProjectRow, project, columns)
            self._instance.reload()
            self.store.commit()

    def set_log(self, job: int, log: bytes | None) -> None:
        """Replace a job's log. None brings back the one that it writes by itself."""
        with self.store.lock:
            self.store.set_log(job, log)
            self.store.commit()

    def retry(self, job: int, *, user: str = "developer") -> int:
        """Retry a job as the API does, and return the new job's id."""
        with self.store.lock:
            by = self.store.require(UserRow, self._user_id(user) or 0)
            row = self.store.require(JobRow, job)
            made = self._instance.actions.retry(row, by, inputs={})
            self.store.commit()
        return made.id

    def delete_job(self, job: int) -> None:
        """Remove a job. Lists close the gap, and its id is unknown."""
        with self.store.lock:
            self.store.delete_job(job)
            self.store.commit()

    def jobs(
        self, project: int | None = None, pipeline: int | None = None, **columns: Any
    ) -> list[JobRow]:
        """The stored builds and bridges whose columns have these values, id descending."""
        wanted = {"project_id": project, "pipeline_id": pipeline}
        wanted = {name: value for name, value in wanted.items() if value is not None} | columns
        with self.store.lock:
            return self.store.find_jobs(wanted)

    def _builder(self) -> Builder:
        return Builder(self.store, now=self._clock.now(), seed=self._seed)

    def _translated(self, given: dict[str, Any]) -> dict[str, Any]:
        """The columns that the short names of `create_job` stand for."""
        columns = dict(given)
        if "user" in columns:
            columns["user_id"] = self._user_id(columns.pop("user"))
        if "when" in columns:
            columns["run_when"] = columns.pop("when")
        if "tags" in columns:
            columns["tag_list_json"] = compact(sorted(columns.pop("tags")))
        return columns

    def _user_id(self, name: str | None) -> int | None:
        if name is None:
            return None
        if (user := self.store.user_named(name)) is None:
            raise LookupError(f"no such user: {name}")
        return user.id


def _with_log(row: JobRow, log: bytes) -> dict[str, str | None]:
    entries = [entry for entry in parse(row.artifacts_json) if entry["file_type"] != "trace"]
    return artifact_columns([*entries, artifact("trace", len(log))])
