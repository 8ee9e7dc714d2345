"""Rows with sensible columns, made from little information.

The demo world, a world read from a file and tests that add a job make their rows here. All columns
follow from the arguments and the seed, so the same arguments make the same world.
"""

from __future__ import annotations

from hashlib import sha1
from typing import TYPE_CHECKING, Any

from gateway.sandbox.statuses import composite_status
from gateway.sandbox.world.artifacts import archive_size, artifact, artifact_columns
from gateway.sandbox.world.clock import seconds, timestamp
from gateway.sandbox.world.jsontext import compact
from gateway.sandbox.world.logs import size_of
from gateway.sandbox.world.people import DEVELOPER_ID
from gateway.sandbox.world.rows import CommitRow, JobRow, MemberRow, PipelineRow, ProjectRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.sandbox.world.store import Store

__all__ = ["QUEUE_S", "STARTED", "Builder", "sha_of", "status_columns"]

QUEUE_S = 3.0
"""How long a job waits for the simulated runner."""
STARTED = {"running", "canceling", "success", "failed"}
"""Statuses of jobs that have started, unless said otherwise."""
_WAITING = {"waiting_for_resource", "preparing", "waiting_for_callback", "pending"}
_FINISHED = {"success", "failed", "canceled"}
_STAGES = {"build": 0, "test": 1, "deploy": 2}
_RUNNERS = ((1, 11), (1, 12), (2, 21))
"""Runners and managers (see `people`) that take the jobs in turn."""
_HELD = 5_000
"""So many jobs are held in memory before they are written."""
_ZONES = ("+01:00", "+02:00", "-05:00", "+00:00", "+09:00")


def sha_of(*parts: object) -> str:
    """A made-up commit id."""
    return sha1(":".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def status_columns(
    status: str,
    *,
    created: float,
    waited: float,
    worked: float,
    started: bool | None = None,
) -> dict[str, Any]:
    """The time columns of a job in this status. `worked` is how long it has run so far."""
    ran = status in STARTED if started is None else started
    found: dict[str, Any] = {}
    if ran or status in _WAITING:
        found["queued_at"] = timestamp(created)
    if ran:
        found["started_at"] = timestamp(created + waited)
        found["queued_duration"] = round(waited, 6)
    if status in _FINISHED:
        found["finished_at"] = timestamp(created + waited + (worked if ran else 0.0))
        if ran:
            found["duration"] = round(worked, 6)
    return found


class Builder:
    """Collects the rows of a world and writes them in one go."""

    def __init__(self, store: Store, *, now: float, seed: int) -> None:
        self.store = store
        self.now = now
        self.seed = seed
        self.landmarks: dict[str, int] = {}
        self._paths: dict[int, str] = {}
        self._iids: dict[int, int] = {}
        self._commits: list[CommitRow] = []
        self._pipelines: list[PipelineRow] = []
        self._jobs: list[JobRow] = []
        self._last_pipeline = 0
        self._last_job = 0

    def project(
        self, row: ProjectRow, members: Mapping[int, int], moved_from: Sequence[str] = ()
    ) -> ProjectRow:
        """A project; `members` maps users to access levels."""
        self.store.insert(ProjectRow, [row])
        self.store.insert(
            MemberRow, [MemberRow(row.id, user, level) for user, level in members.items()]
        )
        self.store.add_moved(row.id, moved_from)
        self._paths[row.id] = row.path
        return row

    def commit(self, project_id: int, sha: str, at: float, **given: Any) -> CommitRow:
        """A commit, authored in one of several time zones."""
        number = int(sha[:4], 16)
        zone = _ZONES[number % len(_ZONES)]
        hours = int(zone[:3])
        moment = f"{timestamp(at + hours * 3600)[:-5]}.000{zone}"
        title = given.get("title", f"Tidy up part {number}")
        row = CommitRow(
            project_id,
            sha,
            parents_json=compact(given.get("parents", [sha_of(sha)])),
            title=title,
            message=given.get("message", f"{title}\n"),
            author_name=given.get("author_name", "Dev Ōkubo"),
            author_email=given.get("author_email", "developer@example.com"),
            authored_date=moment,
            committer_name=given.get("committer_name", "Dev Ōkubo"),
            committer_email=given.get("committer_email", "developer@example.com"),
            committed_date=moment,
        )
        self._commits.append(row)
        return row

    def pipeline(
        self,
        project_id: int,
        *,
        created: float,
        commit: Mapping[str, Any] | None = None,
        has_commit: bool = True,
        **given: Any,
    ) -> PipelineRow:
        """A pipeline with its commit. `close_pipeline` gives it its jobs' status and times."""
        number = given.pop("id", None) or self._last_pipeline + 1
        self._last_pipeline = max(self._last_pipeline, number)
        iid = self._iids[project_id] = self._iids.get(project_id, 0) + 1
        sha = given.pop("sha", None) or sha_of(self.seed, project_id, number)
        if has_commit:
            self.commit(project_id, sha, created - 60, **(commit or {}))
        columns: dict[str, Any] = {"ref": "main", "status": "", "user_id": DEVELOPER_ID} | given
        moment = timestamp(created)
        return PipelineRow(
            id=number,
            project_id=project_id,
            iid=iid,
            sha=sha,
            created_at=moment,
            updated_at=columns.pop("updated_at", moment),
            before_sha=columns.pop("before_sha", sha_of(sha)),
            **columns,
        )

    def job(
        self,
        pipeline: PipelineRow,
        name: str,
        *,
        status: str = "success",
        stage: str = "test",
        created: float | None = None,
        waited: float = 2.5,
        worked: float = 60.0,
        **given: Any,
    ) -> JobRow:
        """A job with the columns that jobs of this status have.

        `created` is in epoch seconds, an hour ago by default. `given` are JobRow's columns, and
        `artifacts` (file types beside the log, which every job leaves that ran to its end),
        `started` (whether it had, where the status does not say) and `moves` (the simulated runner
        takes it on).
        """
        number = given.pop("id", None) or self._last_job + 1
        moves = given.pop("moves", False)
        self._last_job = max(self._last_job, number)
        kinds = given.pop("artifacts", ())
        started = given.pop("started", None)
        begun = self.now - 3600 if created is None else created
        found: dict[str, Any] = {
            "ref": pipeline.ref,
            "sha": pipeline.sha,
            "tag": pipeline.tag,
            "source": pipeline.source,
            "user_id": pipeline.user_id,
            "stage_index": _STAGES.get(stage, 1),
            "planned_s": max(worked, 20.0),
        }
        found |= status_columns(
            status, created=begun, waited=waited, worked=worked, started=started
        )
        if status == "failed":
            found["failure_reason"] = "script_failure"
        if not given.get("bridge"):
            found["log_lines"] = 40
            if "started_at" in found:
                found["runner_id"], found["manager_id"] = _RUNNERS[number % len(_RUNNERS)]
        found |= given
        if moves:
            begins = self.now + QUEUE_S
            ends = begun + waited + found["planned_s"]
            found["next_at"] = ends if status == "running" else begins
        if kinds or ("finished_at" in found and "artifacts_json" not in found):
            found |= artifact_columns(self._artifacts(pipeline, name, status, found, kinds))
        row = JobRow(
            id=number,
            project_id=pipeline.project_id,
            pipeline_id=pipeline.id,
            status=status,
            name=name,
            stage=stage,
            created_at=timestamp(begun),
            **found,
        )
        self._jobs.append(row)
        return row

    def _artifacts(
        self,
        pipeline: PipelineRow,
        name: str,
        status: str,
        found: Mapping[str, Any],
        kinds: Sequence[str],
    ) -> list[dict[str, Any]]:
        entries = [
            artifact(kind, archive_size(name) if kind == "archive" else 186 + 17 * len(kind))
            for kind in kinds
        ]
        if found.get("log_lines") and found.get("started_at") and found.get("finished_at"):
            path = self._paths.get(pipeline.project_id) or self.store.path_of(pipeline.project_id)
            entries.append(artifact("trace", size_of(name, path, found["log_lines"], status)))
        return entries

    def replace_last(self, row: JobRow) -> None:
        """Change the job made last."""
        self._jobs[-1] = row

    def close_pipeline(self, pipeline: PipelineRow, *, first_job: int = 0) -> PipelineRow:
        """Give a pipeline the times of its jobs, and their status unless it has one."""
        jobs = [
            job
            for job in self._jobs[first_job:]
            if job.pipeline_id == pipeline.id and not job.retried
        ]
        started = [job.started_at for job in jobs if job.started_at]
        finished = [job.finished_at for job in jobs if job.finished_at]
        status = pipeline.status or composite_status(
            [(job.status, bool(job.allow_failure)) for job in jobs]
        )
        given = pipeline._asdict() | {"status": status}
        if started and pipeline.started_at is None:
            given["started_at"] = min(started)
            given["queued_duration"] = 2
        if finished and status in {"success", "failed", "canceled", "skipped"}:
            given["finished_at"] = max(finished)
            given["updated_at"] = max(finished)
            given["duration"] = int(sum(job.duration or 0 for job in jobs))
        row = PipelineRow(**given)
        self._pipelines.append(row)
        if len(self._jobs) > _HELD:
            self.flush()
        return row

    def begun(self, pipeline: PipelineRow) -> float:
        """When a pipeline was created, in epoch seconds."""
        return seconds(pipeline.created_at)

    @property
    def next_pipeline(self) -> int:
        """Id of the next pipeline."""
        return self._last_pipeline + 1

    @property
    def job_count(self) -> int:
        """How many jobs are held: the index of the next pipeline's first job."""
        return len(self._jobs)

    def skip_ids(self, *, pipelines: int, jobs: int) -> None:
        """Go on with higher ids."""
        self._last_pipeline = max(self._last_pipeline, pipelines)
        self._last_job = max(self._last_job, jobs)

    def flush(self) -> None:
        """Write what has been collected."""
        self.store.insert(CommitRow, self._commits)
        self.store.insert(PipelineRow, self._pipelines)
        self.store.insert(JobRow, self._jobs)
        self._commits, self._pipelines, self._jobs = [], [], []
