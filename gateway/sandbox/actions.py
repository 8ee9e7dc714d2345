"""The state machine (§7): cancel, retry, erase, play, and how a pipeline follows its jobs.

Permissions and HTTP are elsewhere; these functions say what is possible and do it. What is refused
raises `NotPossible`; every function returns the row as it is afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox.statuses import CANCELABLE, COMPLETE, RETRYABLE, composite_status
from gateway.sandbox.world.artifacts import artifact, columns
from gateway.sandbox.world.builder import QUEUE_S
from gateway.sandbox.world.clock import seconds, timestamp
from gateway.sandbox.world.jsontext import compact, parse
from gateway.sandbox.world.logs import size_of
from gateway.sandbox.world.rows import JobRow, PipelineRow, RunnerRow, UserRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.sandbox.profile import Profile
    from gateway.sandbox.world.clock import Clock
    from gateway.sandbox.world.store import Store

__all__ = ["CANCELING_S", "Actions", "BadInput", "NotPossible"]

_ACTIONS = {"manual", "delayed"}
_HOPELESS = {
    "deployment_rejected",
    "pipeline_loop_detected",
    "reached_max_descendant_pipelines_depth",
    "reached_max_pipeline_hierarchy_size",
}
CANCELING_S = 5.0
"""How long a runner needs to cancel gracefully."""
DELAY_S = 300.0
"""`start_in` of delayed jobs."""


class NotPossible(Exception):
    """The job's state (or input) does not allow the action; the message is GitLab's reason."""


class Actions:
    """Changes to jobs and pipelines of one world."""

    def __init__(self, store: Store, clock: Clock, profile: Profile) -> None:
        self._store = store
        self._clock = clock
        self._profile = profile

    # The four actions

    def cancel(self, job: JobRow, *, force: bool) -> JobRow:
        """Never refused: a state that cannot be canceled stays as it is."""
        if force:
            return self.finish(job, "canceled") if job.status == "canceling" else job
        if job.status not in CANCELABLE:
            return job
        if job.status == "running" and self._is_graceful(job):
            return self.change(job, status="canceling", next_at=self._clock.now() + CANCELING_S)
        return self.finish(job, "canceled")

    def is_retryable(self, job: JobRow) -> bool:
        if job.retried or job.archived:
            return False
        if job.failure_reason in _HOPELESS:
            return False
        return job.status in RETRYABLE or (
            self._profile.retry_canceling and job.status == "canceling"
        )

    def retry(self, job: JobRow, user: UserRow, *, inputs: Mapping[str, Any]) -> JobRow:
        """A new job in place of this one, which stays as it was but counts as retried."""
        if not self.is_retryable(job):
            raise NotPossible("Job is not retryable")
        self._check_inputs(job, inputs)
        return self._clone(job, user)

    def is_erasable(self, job: JobRow) -> bool:
        has_something = job.artifacts_json != "[]" or self._has_log(job)
        return job.status in COMPLETE and has_something

    def erase(self, job: JobRow) -> JobRow:
        """All artifacts and the log go; the status stays."""
        if not self.is_erasable(job):
            raise NotPossible("Job is not erasable!")
        self._store.set_log(job.id, None)
        return self.change(
            job,
            **columns([]),
            artifacts_expire_at=None,
            erased_at=self._clock.text(),
            log_lines=0,
        )

    def is_playable(self, job: JobRow) -> bool:
        if job.bridge:
            return job.run_when == "manual" and job.status == "manual" and not job.archived
        if job.run_when not in _ACTIONS or job.archived:
            return False
        return job.status in {"manual", "scheduled"} or self.is_retryable(job)

    def play(
        self,
        job: JobRow,
        user: UserRow,
        *,
        variables: Sequence[Mapping[str, str]],
        inputs: Mapping[str, Any],
    ) -> JobRow:
        """A waiting job starts itself; a finished one is cloned, and its variables are not
        applied.
        """
        if not self.is_playable(job):
            raise NotPossible("Unplayable Job")
        self._check_inputs(job, inputs)
        if job.status not in {"manual", "scheduled"}:
            clone = self._clone(job, user)
            if self._profile.play_answers_clone:
                return clone
            return self._store.require(JobRow, job.id)
        changes: dict[str, Any] = {"user_id": user.id}
        if not job.bridge:
            changes["variables_json"] = compact(variables)
        return self.change(job, **changes, **self._enqueued())

    # Pipelines

    def retry_pipeline(self, pipeline: PipelineRow, user: UserRow) -> PipelineRow:
        """Retry what failed or was canceled."""
        for job in self._store.latest_jobs(pipeline.id):
            if job.status in {"failed", "canceled"} and self.is_retryable(job):
                self._clone(job, user)
        return self._store.require(PipelineRow, pipeline.id)

    def cancel_pipeline(self, pipeline: PipelineRow) -> PipelineRow:
        for job in self._store.latest_jobs(pipeline.id):
            self.cancel(self._store.require(JobRow, job.id), force=False)
        return self._store.require(PipelineRow, pipeline.id)

    def change(self, job: JobRow, **changes: Any) -> JobRow:
        """Write these columns; if the status changes, the pipeline follows."""
        self._store.update(JobRow, job.id, changes)
        changed = job._replace(**changes)
        if changed.status != job.status:
            self.follow(changed)
        return self._store.require(JobRow, job.id)

    def finish(
        self,
        job: JobRow,
        status: str,
        *,
        reason: str | None = None,
        leaving: Sequence[Mapping[str, Any]] = (),
    ) -> JobRow:
        """End a job now, with these artifacts and its log.

        A job that never started gets no duration, and its time in the queue keeps growing.
        """
        now = self._clock.now()
        changes: dict[str, Any] = {
            "status": status,
            "finished_at": timestamp(now),
            "next_at": None,
            "failure_reason": reason,
        }
        if job.started_at is not None:
            worked = max(now - seconds(job.started_at), 0.0)
            changes["duration"] = round(worked, 6)
            if status == "canceled" and job.log_lines:
                # It keeps the lines it had written.
                part = min(worked / max(job.planned_s, 1.0), 1.0)
                changes["log_lines"] = max(1, int(job.log_lines * part))
        if not job.bridge:
            changes |= columns([*leaving, *self._archived_log(job._replace(**changes))])
        return self.change(job, **changes)

    def follow(self, job: JobRow) -> None:
        """After a job changed: later stages start or are skipped, the pipeline takes its status."""
        self._move_stages(job)
        jobs = self._store.latest_jobs(job.pipeline_id)
        pipeline = self._store.require(PipelineRow, job.pipeline_id)
        status = composite_status([(item.status, bool(item.allow_failure)) for item in jobs])
        now = self._clock.text()
        changes: dict[str, Any] = {"status": status, "updated_at": now}
        if pipeline.started_at is None and any(item.started_at for item in jobs):
            changes["started_at"] = now
            changes["queued_duration"] = int(seconds(now) - seconds(pipeline.created_at))
        is_over = status in COMPLETE
        changes["finished_at"] = now if is_over else None
        started = changes.get("started_at", pipeline.started_at)
        changes["duration"] = int(seconds(now) - seconds(started)) if is_over and started else None
        self._store.update(PipelineRow, pipeline.id, changes)
        bridge = self._store.bridge_to(pipeline.id) if is_over else None
        if bridge is not None:
            reason = None if status != "failed" else "unknown_failure"
            self.finish(bridge, status, reason=reason)

    def enqueue(self, job: JobRow) -> JobRow:
        return self.change(job, **self._enqueued())

    # Steps

    def _enqueued(self) -> dict[str, Any]:
        now = self._clock.now()
        return {"status": "pending", "queued_at": timestamp(now), "next_at": now + QUEUE_S}

    def _move_stages(self, changed: JobRow) -> None:
        """Start or skip what waits in the stages behind the changed job's."""
        jobs = self._store.latest_jobs(changed.pipeline_id)
        for stage in sorted(
            {job.stage_index for job in jobs if job.stage_index > changed.stage_index}
        ):
            before = [job for job in jobs if job.stage_index < stage]
            if any(_blocks(job) for job in before):
                return
            has_failed = any(
                job.status in {"failed", "canceled"} and not job.allow_failure for job in before
            )
            waiting = [job for job in jobs if job.stage_index == stage and job.status == "created"]
            for job in waiting:
                self._start(job, after_failure=has_failed)
            if waiting:
                jobs = self._store.latest_jobs(changed.pipeline_id)

    def _start(self, job: JobRow, *, after_failure: bool) -> None:
        wanted = {"on_failure": after_failure, "always": True}.get(job.run_when, not after_failure)
        changes: dict[str, Any]
        if not wanted:
            changes = {"status": "skipped"}
        elif job.run_when == "manual":
            changes = {"status": "manual"}
        elif job.run_when == "delayed":
            changes = {"status": "scheduled", "next_at": self._clock.now() + DELAY_S}
        else:
            changes = self._enqueued()
        self._store.update(JobRow, job.id, changes)

    def _clone(self, job: JobRow, user: UserRow) -> JobRow:
        clone = job._replace(
            id=self._store.next_id(JobRow),
            retried=0,
            created_at=self._clock.text(),
            user_id=user.id,
            status="created",
            coverage=None,
            queued_at=None,
            started_at=None,
            finished_at=None,
            erased_at=None,
            duration=None,
            queued_duration=None,
            failure_reason=None,
            runner_id=None,
            manager_id=None,
            artifacts_json="[]",
            archive_json=None,
            artifacts_expire_at=None,
            outcome="success",
            planned_s=min(job.planned_s, 60.0),
            log_lines=min(job.log_lines or 30, 200),
            next_at=None,
            downstream_id=None,
        )
        self._store.insert(JobRow, [clone])
        self._store.update(JobRow, job.id, {"retried": 1})
        for follower in self._store.latest_jobs(job.pipeline_id):
            if follower.status == "skipped" and follower.stage_index > job.stage_index:
                self._store.update(JobRow, follower.id, {"status": "created"})
        return self.change(clone, **self._enqueued())

    def _check_inputs(self, job: JobRow, inputs: Mapping[str, Any]) -> None:
        if not self._profile.inputs:
            return
        known: Mapping[str, Any] = parse(job.inputs_json or "{}")
        for name, value in inputs.items():
            if name not in known:
                raise BadInput(f"Unknown input: {name}")
            options = known[name].get("options")
            if options is not None and value not in options:
                raise BadInput(
                    f"`{name}` input: `{value}` cannot be used because it is not in the list of "
                    "allowed options"
                )

    def _is_graceful(self, job: JobRow) -> bool:
        runner = self._store.get(RunnerRow, job.runner_id)
        return self._profile.canceling and runner is not None and bool(runner.graceful)

    def _has_log(self, job: JobRow) -> bool:
        writes = job.log_lines > 0 and job.started_at is not None
        return writes or self._store.log(job.id) is not None

    def _archived_log(self, job: JobRow) -> list[dict[str, Any]]:
        """The log's artifact, once a job is over."""
        if not self._has_log(job):
            return []
        if (stored := self._store.log(job.id)) is not None:
            return [artifact("trace", len(stored))]
        path = self._store.path_of(job.project_id)
        return [artifact("trace", size_of(job.name, path, job.log_lines, job.status))]


class BadInput(NotPossible):
    """A job input that does not exist or may not have this value."""


def _blocks(job: JobRow) -> bool:
    """Whether later stages must wait for this job."""
    if job.status == "manual":
        return not job.allow_failure
    return job.status not in COMPLETE
