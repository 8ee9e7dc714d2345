"""What callers do to jobs (upstream.md, 7): cancel, retry, erase, play.

What the state of a job does not allow raises `NotPossible`. Permissions are checked elsewhere.
Every method returns the row as it is afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox.statuses import CANCELABLE, COMPLETE, RETRYABLE
from gateway.sandbox.world.artifacts import artifact_columns
from gateway.sandbox.world.jsontext import compact, parse
from gateway.sandbox.world.logs import has_log
from gateway.sandbox.world.rows import JobRow, PipelineRow, RunnerRow, UserRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.sandbox.profile import Profile
    from gateway.sandbox.simulation.transitions import Transitions
    from gateway.sandbox.world.clock import Clock
    from gateway.sandbox.world.store import Store

__all__ = ["Actions", "BadInput", "NotPossible"]

_ACTIONS = {"manual", "delayed"}
_HOPELESS = {
    "deployment_rejected",
    "pipeline_loop_detected",
    "reached_max_descendant_pipelines_depth",
    "reached_max_pipeline_hierarchy_size",
}
_CANCELING_S = 5.0
"""How long a runner needs to cancel gracefully."""


class NotPossible(Exception):
    """The job's state (or input) does not allow the action; the message is GitLab's reason."""


class BadInput(NotPossible):
    """A job input that does not exist or may not have this value."""


class Actions:
    """What callers may do to the jobs and pipelines of one world."""

    def __init__(
        self, store: Store, clock: Clock, profile: Profile, transitions: Transitions
    ) -> None:
        self._store = store
        self._clock = clock
        self._profile = profile
        self._transitions = transitions

    # The four actions

    def cancel(self, job: JobRow, *, force: bool) -> JobRow:
        """Cancel what can be canceled; any other state stays as it is and is no error."""
        if force:
            return self._transitions.finish(job, "canceled") if job.status == "canceling" else job
        if job.status not in CANCELABLE:
            return job
        if job.status == "running" and self._is_graceful(job):
            return self._transitions.change(
                job, status="canceling", next_at=self._clock.now() + _CANCELING_S
            )
        return self._transitions.finish(job, "canceled")

    def is_retryable(self, job: JobRow) -> bool:
        if job.retried or job.archived:
            return False
        if job.failure_reason in _HOPELESS:
            return False
        return job.status in RETRYABLE or (
            self._profile.retry_canceling and job.status == "canceling"
        )

    def retry(self, job: JobRow, user: UserRow, *, inputs: Mapping[str, Any]) -> JobRow:
        """Make a new job in place of this one, which keeps its state and counts as retried."""
        if not self.is_retryable(job):
            raise NotPossible("Job is not retryable")
        self._check_inputs(job, inputs)
        return self._clone(job, user)

    def is_erasable(self, job: JobRow) -> bool:
        has_something = job.artifacts_json != "[]" or has_log(self._store, job)
        return job.status in COMPLETE and has_something

    def erase(self, job: JobRow) -> JobRow:
        """All artifacts and the log go; the status stays."""
        if not self.is_erasable(job):
            raise NotPossible("Job is not erasable!")
        self._store.set_log(job.id, None)
        return self._transitions.change(
            job,
            **artifact_columns([]),
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
        """Start a waiting job with these variables, or clone a finished one without them."""
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
        return self._transitions.enqueue(job, **changes)

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

    # Steps

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
        return self._transitions.enqueue(clone)

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
