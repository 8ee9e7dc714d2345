"""What changes when a job changes: its times and artifacts, the stages behind it, its pipeline.

Callers' actions and the simulated runner both change jobs through here, so that a pipeline always
follows its jobs. Every method returns the row as it is afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox.statuses import COMPLETE, composite_status
from gateway.sandbox.world.artifacts import artifact, artifact_columns
from gateway.sandbox.world.builder import QUEUE_S
from gateway.sandbox.world.clock import seconds, timestamp
from gateway.sandbox.world.logs import log_size
from gateway.sandbox.world.rows import JobRow, PipelineRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.sandbox.world.clock import Clock
    from gateway.sandbox.world.store import Store

__all__ = ["Transitions"]

_DELAY_S = 300.0
"""`start_in` of delayed jobs."""


class Transitions:
    """Changes to the jobs of one world, with what follows from them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

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
            changes |= artifact_columns([*leaving, *self._log_artifact(job._replace(**changes))])
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

    def enqueue(self, job: JobRow, **changes: Any) -> JobRow:
        """Let the job wait for a runner, with these changes."""
        return self.change(job, **changes, **self._enqueued())

    # Steps

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
            changes = {"status": "scheduled", "next_at": self._clock.now() + _DELAY_S}
        else:
            changes = self._enqueued()
        self._store.update(JobRow, job.id, changes)

    def _enqueued(self) -> dict[str, Any]:
        now = self._clock.now()
        return {"status": "pending", "queued_at": timestamp(now), "next_at": now + QUEUE_S}

    def _log_artifact(self, job: JobRow) -> list[dict[str, Any]]:
        """The log's artifact, once a job is over; none if it wrote nothing."""
        size = log_size(self._store, job)
        return [] if size is None else [artifact("trace", size)]


def _blocks(job: JobRow) -> bool:
    """Whether later stages must wait for this job."""
    if job.status == "manual":
        return not job.allow_failure
    return job.status not in COMPLETE
