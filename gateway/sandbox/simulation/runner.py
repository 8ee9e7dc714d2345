"""The simulated runner: it takes queued jobs, reports their results and starts child pipelines.

It knows the world's clock only and takes its steps in order of time, so the same `advance` always
leads to the same world.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox.world.artifacts import archive_size, artifact
from gateway.sandbox.world.builder import QUEUE_S
from gateway.sandbox.world.clock import seconds, timestamp
from gateway.sandbox.world.jsontext import parse
from gateway.sandbox.world.rows import JobRow, ManagerRow, PipelineRow, ProjectRow, RunnerRow

if TYPE_CHECKING:
    from gateway.sandbox.simulation.transitions import Transitions
    from gateway.sandbox.world.clock import Clock
    from gateway.sandbox.world.store import Store

__all__ = ["Runner"]

_KEPT_S = 30 * 86_400


class Runner:
    """Moves the jobs of one world on."""

    def __init__(self, store: Store, clock: Clock, transitions: Transitions) -> None:
        self._store = store
        self._clock = clock
        self._transitions = transitions

    def work_until(self, until: float) -> int:
        """Take every step that is due by then, and return how many there were."""
        steps = 0
        try:
            while (job := self._store.due_job(until)) is not None:
                self._clock.held_at = job.next_at
                self._step(job)
                steps += 1
        finally:
            self._clock.held_at = None
        return steps

    def _step(self, job: JobRow) -> None:
        now = self._clock.now()
        match job.status:
            case "scheduled":
                self._transitions.enqueue(job)
            case "waiting_for_resource":
                self._transitions.change(job, status="preparing", next_at=now + QUEUE_S)
            case "preparing" | "waiting_for_callback":
                self._transitions.enqueue(job)
            case "pending" if job.bridge:
                self._trigger(job)
            case "pending":
                self._take(job)
            case "running":
                self._report(job)
            case "canceling":
                self._transitions.finish(job, "canceled")
            case _:
                self._store.update(JobRow, job.id, {"next_at": None})

    def _take(self, job: JobRow) -> None:
        now = self._clock.now()
        runner = self._runner_for(job)
        if runner is None:
            self._store.update(JobRow, job.id, {"next_at": None})
            return
        managers = [row for row in self._store.all(ManagerRow) if row.runner_id == runner.id]
        self._transitions.change(
            job,
            status="running",
            started_at=timestamp(now),
            queued_duration=self._waited(job, now),
            runner_id=runner.id,
            manager_id=managers[job.id % len(managers)].id if managers else None,
            next_at=now + job.planned_s,
        )

    def _runner_for(self, job: JobRow) -> RunnerRow | None:
        """A runner that is online and has all of the job's tags; None if there is none."""
        tags = set(parse(job.tag_list_json))
        able = [
            row
            for row in self._store.all(RunnerRow)
            if row.online and not row.paused and tags <= set(parse(row.tags_json))
        ]
        return able[job.id % len(able)] if able else None

    @staticmethod
    def _waited(job: JobRow, now: float) -> float:
        return round(max(now - seconds(job.queued_at or timestamp(now)), 0.0), 6)

    def _report(self, job: JobRow) -> None:
        """End a job's work. A success in stage test leaves an archive for a month."""
        if job.outcome != "success":
            self._transitions.finish(job, "failed", reason=job.outcome)
            return
        left = []
        if job.stage == "test":
            left = [artifact("archive", archive_size(job.name)), artifact("metadata", 186)]
            expires = timestamp(self._clock.now() + _KEPT_S)
            self._store.update(JobRow, job.id, {"artifacts_expire_at": expires})
        self._transitions.finish(job, "success", leaving=left)

    def _trigger(self, bridge: JobRow) -> None:
        """Create the downstream pipeline; the bridge runs until that is over."""
        now = self._clock.now()
        project_id = bridge.downstream_project_id or bridge.project_id
        if self._store.get(ProjectRow, project_id) is None:
            self._transitions.finish(bridge, "failed", reason="downstream_bridge_project_not_found")
            return
        upstream = self._store.require(PipelineRow, bridge.pipeline_id)
        is_child = project_id == bridge.project_id
        pipeline_id = self._store.next_id(PipelineRow)
        child = upstream._replace(
            id=pipeline_id,
            project_id=project_id,
            iid=self._store.next_iid(project_id),
            status="pending",
            source="parent_pipeline" if is_child else "pipeline",
            name=None,
            created_at=timestamp(now),
            updated_at=timestamp(now),
            started_at=None,
            finished_at=None,
            duration=None,
            queued_duration=None,
        )
        self._store.insert(PipelineRow, [child])
        first = self._downstream_job(bridge, child, "package", 0)
        second = self._downstream_job(bridge, child, "publish", 1)
        self._store.insert(JobRow, [first, second])
        self._transitions.enqueue(first)
        self._transitions.change(
            bridge,
            status="running",
            started_at=timestamp(now),
            queued_duration=self._waited(bridge, now),
            downstream_id=pipeline_id,
            next_at=None,
        )

    def _downstream_job(
        self, bridge: JobRow, pipeline: PipelineRow, name: str, stage_index: int
    ) -> JobRow:
        fresh: dict[str, Any] = dict.fromkeys(
            ("queued_at", "started_at", "failure_reason", "downstream_id", "next_at")
        )
        return bridge._replace(
            **fresh,
            id=self._store.next_id(JobRow) + stage_index,
            project_id=pipeline.project_id,
            pipeline_id=pipeline.id,
            bridge=0,
            status="created",
            name=name,
            stage=("build", "deploy")[stage_index],
            stage_index=stage_index,
            allow_failure=0,
            run_when="on_success",
            created_at=pipeline.created_at,
            source=pipeline.source,
            tag_list_json="[]",
            downstream_project_id=None,
            planned_s=20.0,
            log_lines=30,
            outcome="success",
        )
