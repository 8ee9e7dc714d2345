"""The questions that the API asks of a world's tables.

Lists are read newest id first straight from an index, so a page costs the same in a small and in a
large world. Nothing here knows HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox.world.rows import CommitRow, JobRow, MovedRow, PipelineRow, ProjectRow, UserRow
from gateway.sandbox.world.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["JobFilter", "Store"]


class JobFilter:
    """Which jobs are listed: a project's or a pipeline's, builds or bridges, and more clauses."""

    def __init__(
        self, *, bridge: bool, project: int | None = None, pipeline: int | None = None
    ) -> None:
        column, key = ("project_id", project) if pipeline is None else ("pipeline_id", pipeline)
        self.where = f"{column} = ? AND bridge = ?"
        self.values: list[Any] = [key, int(bridge)]
        self.statuses: Sequence[str] = ()

    def also(self, clause: str, *values: Any) -> JobFilter:
        self.where += f" AND {clause}"
        self.values += values
        return self

    def in_statuses(self, statuses: Sequence[str]) -> JobFilter:
        self.statuses = tuple(dict.fromkeys(statuses))
        return self


class Store(Tables):
    """The tables of one world, and what is looked up in them."""

    # Projects, users, commits

    def project_by_path(self, path: str) -> tuple[ProjectRow, bool] | None:
        """The project at this path in any letter case, and whether the path is one it had
        before.
        """
        found = self._one("SELECT * FROM projects WHERE path = ? COLLATE NOCASE", path)
        if found:
            return ProjectRow._make(found), False
        moved = self._one("SELECT project_id FROM moved WHERE path = ?", path.lower())
        project = self.get(ProjectRow, moved[0]) if moved else None
        return (project, True) if project else None

    def add_moved(self, project_id: int, paths: Iterable[str]) -> None:
        """Paths the project had before."""
        self.insert(MovedRow, [MovedRow(path.lower(), project_id) for path in paths])

    def path_of(self, project_id: int) -> str:
        return self.require(ProjectRow, project_id).path

    def level(self, project_id: int, user_id: int) -> int:
        """Access level of a member, 0 for everybody else."""
        found = self._one(
            "SELECT level FROM members WHERE project_id = ? AND user_id = ?", project_id, user_id
        )
        return int(found[0]) if found else 0

    def user_named(self, name: str) -> UserRow | None:
        found = self._one("SELECT * FROM users WHERE username = ? COLLATE NOCASE", name)
        return UserRow._make(found) if found else None

    def commit_of(self, project_id: int, sha: str) -> CommitRow | None:
        found = self._one("SELECT * FROM commits WHERE project_id = ? AND sha = ?", project_id, sha)
        return CommitRow._make(found) if found else None

    def commit_like(self, project_id: int, prefix: str) -> CommitRow | None:
        """The commit a shortened sha names."""
        found = self._one(
            "SELECT * FROM commits WHERE project_id = ? AND sha >= ? AND sha < ?",
            project_id,
            prefix,
            f"{prefix}g",
        )
        return CommitRow._make(found) if found else None

    # Pipelines

    def next_iid(self, project_id: int) -> int:
        found = self._one("SELECT max(iid) FROM pipelines WHERE project_id = ?", project_id)
        return int((found and found[0]) or 0) + 1

    def mean_coverage(self, pipeline_id: int) -> float | None:
        """Of the jobs that have one and were not retried."""
        found = self._one(
            "SELECT avg(coverage) FROM jobs WHERE pipeline_id = ? AND retried = 0", pipeline_id
        )
        return None if found is None else found[0]

    def pipelines(
        self, where: str, values: Sequence[Any], order: str, *, limit: int, offset: int = 0
    ) -> list[PipelineRow]:
        found = self._db.execute(
            f"SELECT * FROM pipelines WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )
        return [PipelineRow._make(row) for row in found]

    def count(self, table: str, where: str, values: Sequence[Any], *, limit: int) -> int:
        """How many rows match, counting no further than `limit`."""
        found = self._one(
            f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {where} LIMIT ?)", *values, limit
        )
        return int(found[0]) if found else 0

    # Jobs

    def jobs(self, kept: JobFilter, *, limit: int, offset: int = 0) -> list[JobRow]:
        """A page of jobs, id descending.

        Several statuses are read one by one, each from the index, and merged: the cost follows the
        page, not the table.
        """
        page = f"SELECT * FROM jobs WHERE {kept.where}"
        if not kept.statuses:
            found = self._db.execute(
                f"{page} ORDER BY id DESC LIMIT ? OFFSET ?", [*kept.values, limit, offset]
            )
            return [JobRow._make(row) for row in found]
        depth = limit + offset
        each = (
            f"SELECT id FROM jobs WHERE {kept.where} AND status = ? ORDER BY id DESC LIMIT {depth}"
        )
        merged = " UNION ALL ".join(f"SELECT id FROM ({each})" for _ in kept.statuses)
        values = [value for status in kept.statuses for value in (*kept.values, status)]
        found = self._db.execute(
            f"SELECT * FROM jobs WHERE id IN ({merged}) ORDER BY id DESC LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )
        return [JobRow._make(row) for row in found]

    def jobs_upwards(self, kept: JobFilter, *, limit: int) -> list[JobRow]:
        """The jobs with the lowest ids, still id descending (pages read backward)."""
        where, values = self._with_statuses(kept)
        found = self._db.execute(
            f"SELECT * FROM jobs WHERE {where} ORDER BY id LIMIT ?", [*values, limit]
        )
        return [JobRow._make(row) for row in found][::-1]

    def count_jobs(self, kept: JobFilter, *, limit: int) -> int:
        where, values = self._with_statuses(kept)
        return self.count("jobs", where, values, limit=limit)

    def latest_jobs(self, pipeline_id: int) -> list[JobRow]:
        """Builds and bridges of a pipeline that were not retried, id ascending."""
        found = self._db.execute(
            "SELECT * FROM jobs WHERE pipeline_id = ? AND retried = 0 ORDER BY id", (pipeline_id,)
        )
        return [JobRow._make(row) for row in found]

    def find_jobs(self, wanted: Mapping[str, Any], *, limit: int = -1) -> list[JobRow]:
        """Builds and bridges whose columns have these values, id descending; -1 is no limit."""
        where = " AND ".join(f"{name} IS ?" for name in wanted) or "1"
        found = self._db.execute(
            f"SELECT * FROM jobs WHERE {where} ORDER BY id DESC LIMIT ?", [*wanted.values(), limit]
        )
        return [JobRow._make(row) for row in found]

    def due_job(self, until: float) -> JobRow | None:
        """The job whose next step comes first, if it comes by then."""
        found = self._one(
            "SELECT * FROM jobs WHERE next_at <= ? ORDER BY next_at, id LIMIT 1",
            until,
        )
        return JobRow._make(found) if found else None

    def example_job(self, *, is_running: bool) -> JobRow | None:
        """The build of lowest id that runs (or that is over), started by somebody."""
        word = "running" if is_running else "success"
        found = self._one(
            "SELECT * FROM jobs WHERE status = ? AND bridge = 0 AND user_id IS NOT NULL"
            " AND id >= ? ORDER BY id LIMIT 1",
            word,
            (self.meta("landmark running_job") or 0) if is_running else 0,
        )
        return JobRow._make(found) if found else None

    def bridge_to(self, pipeline_id: int) -> JobRow | None:
        """The bridge that waits for this downstream pipeline."""
        found = self._one(
            "SELECT * FROM jobs WHERE downstream_id = ? AND status = 'running' AND retried = 0",
            pipeline_id,
        )
        return JobRow._make(found) if found else None

    def delete_job(self, job_id: int) -> None:
        self._db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
        self._db.execute("DELETE FROM logs WHERE job_id = ?", (job_id,))

    def replace_status(self, old: str, new: str) -> None:
        """Rename a status everywhere."""
        for table in ("jobs", "pipelines"):
            self._db.execute(f"UPDATE {table} SET status = ? WHERE status = ?", (new, old))

    @staticmethod
    def _with_statuses(kept: JobFilter) -> tuple[str, list[Any]]:
        if not kept.statuses:
            return kept.where, kept.values
        marks = ", ".join("?" * len(kept.statuses))
        return f"{kept.where} AND status IN ({marks})", [*kept.values, *kept.statuses]
