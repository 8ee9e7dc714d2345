"""The sandbox's state in SQLite: rows in, rows out, and the few queries the API needs.

Lists are read newest id first straight from an index, so a page costs the same in a small and in a
large world. Nothing here knows HTTP.
"""

from __future__ import annotations

import sqlite3
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from gateway.sandbox.world.rows import (
    CommitRow,
    JobRow,
    ManagerRow,
    MemberRow,
    MovedRow,
    PipelineRow,
    ProjectRow,
    RunnerRow,
    TokenRow,
    UserRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["JobFilter", "Store"]

Row = TypeVar(
    "Row",
    ProjectRow,
    UserRow,
    TokenRow,
    MemberRow,
    MovedRow,
    CommitRow,
    PipelineRow,
    RunnerRow,
    ManagerRow,
    JobRow,
)
Entity = TypeVar("Entity", ProjectRow, UserRow, PipelineRow, RunnerRow, ManagerRow, JobRow)

_KEYS: dict[type, tuple[str, str]] = {
    ProjectRow: ("projects", "id"),
    UserRow: ("users", "id"),
    TokenRow: ("tokens", "text"),
    MemberRow: ("members", "project_id, user_id"),
    MovedRow: ("moved", "path"),
    CommitRow: ("commits", "project_id, sha"),
    PipelineRow: ("pipelines", "id"),
    RunnerRow: ("runners", "id"),
    ManagerRow: ("managers", "id"),
    JobRow: ("jobs", "id"),
}
_AFFINITY = {int: "INTEGER", float: "REAL", str: "TEXT"}
_INDEXES = """
CREATE UNIQUE INDEX IF NOT EXISTS project_path ON projects (path COLLATE NOCASE);
CREATE INDEX IF NOT EXISTS job_project ON jobs (project_id, bridge, id);
CREATE INDEX IF NOT EXISTS job_status ON jobs (project_id, bridge, status, id);
CREATE INDEX IF NOT EXISTS job_pipeline ON jobs (pipeline_id, bridge, id);
CREATE INDEX IF NOT EXISTS job_next ON jobs (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_downstream ON jobs (downstream_id) WHERE downstream_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS pipeline_project ON pipelines (project_id, id);
"""


def _ddl(kind: type) -> str:
    table, key = _KEYS[kind]
    columns = []
    for name, hint in get_type_hints(kind).items():
        plain, *none = get_args(hint) or (hint,)
        columns.append(f"{name} {_AFFINITY[plain]}{'' if none else ' NOT NULL'}")
    # A single integer key becomes SQLite's own row id.
    return f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)}, PRIMARY KEY ({key}))"


class JobFilter:
    """A WHERE clause over jobs: of a project or of a pipeline, by the columns the lists filter
    on.
    """

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


class Store:
    """Rows of one world. Safe to use from several threads while `lock` is held."""

    def __init__(self, path: Path | None = None) -> None:
        self.lock = RLock()
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False)
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("PRAGMA journal_mode = WAL")
        for kind in _KEYS:
            self._db.execute(_ddl(kind))
        self._db.execute("CREATE TABLE IF NOT EXISTS logs (job_id INTEGER PRIMARY KEY, body BLOB)")
        self._db.execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value)")
        self._changed: set[int] = set()

    def close(self) -> None:
        with self.lock:
            self._db.commit()
            self._db.close()

    def commit(self) -> None:
        self._db.commit()

    def rollback(self) -> None:
        with self.lock:
            self._db.rollback()

    def index(self) -> None:
        """Make the indexes; worth doing after a large insert."""
        self._db.executescript(_INDEXES)

    def clear(self) -> None:
        for table in [*(table for table, _ in _KEYS.values()), "logs", "meta"]:
            self._db.execute(f"DELETE FROM {table}")

    # Any row

    def insert(self, kind: type[Row], rows: Iterable[Row]) -> None:
        marks = ", ".join("?" * len(kind._fields))
        self._db.executemany(f"INSERT OR REPLACE INTO {_KEYS[kind][0]} VALUES ({marks})", rows)

    def get(self, kind: type[Entity], key: int | None) -> Entity | None:
        """The row with this id. Ids beyond 64 bits are nobody's."""
        if key is None or abs(key) >= 1 << 63:
            return None
        found = self._one(f"SELECT * FROM {_KEYS[kind][0]} WHERE id = ?", key)
        return kind._make(found) if found else None

    def require(self, kind: type[Entity], key: int) -> Entity:
        """The row with this id, which the caller knows to exist; LookupError if they are wrong."""
        if (row := self.get(kind, key)) is None:
            raise LookupError(f"no such row in {_KEYS[kind][0]}: {key}")
        return row

    def all(self, kind: type[Row]) -> list[Row]:
        table, key = _KEYS[kind]
        return [
            kind._make(row) for row in self._db.execute(f"SELECT * FROM {table} ORDER BY {key}")
        ]

    def update(self, kind: type[Entity], key: int, changes: Mapping[str, Any]) -> None:
        columns = ", ".join(f"{name} = ?" for name in changes)
        self._db.execute(
            f"UPDATE {_KEYS[kind][0]} SET {columns} WHERE id = ?", [*changes.values(), key]
        )
        if kind is PipelineRow:
            self._changed.add(key)

    def take_changed(self) -> Iterable[int]:
        """Ids of the pipelines updated since this was last asked."""
        if not self._changed:
            return ()
        changed, self._changed = self._changed, set()
        return changed

    def next_id(self, kind: type[Entity]) -> int:
        highest = self._one(f"SELECT max(id) FROM {_KEYS[kind][0]}")
        return int((highest and highest[0]) or 0) + 1

    def meta(self, key: str) -> Any:
        found = self._one("SELECT value FROM meta WHERE key = ?", key)
        return found and found[0]

    def set_meta(self, key: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def landmarks(self) -> dict[str, int]:
        """Ids that were noted as `landmark <name>`."""
        found = self._db.execute("SELECT key, value FROM meta WHERE key LIKE 'landmark %'")
        return {key.removeprefix("landmark "): value for key, value in found}

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

    def find_jobs(self, wanted: Mapping[str, Any]) -> list[JobRow]:
        """Builds and bridges whose columns have these values, id descending."""
        where = " AND ".join(f"{name} IS ?" for name in wanted) or "1"
        found = self._db.execute(
            f"SELECT * FROM jobs WHERE {where} ORDER BY id DESC", list(wanted.values())
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

    def log(self, job_id: int) -> bytes | None:
        found = self._one("SELECT body FROM logs WHERE job_id = ?", job_id)
        return None if found is None else bytes(found[0])

    def set_log(self, job_id: int, body: bytes | None) -> None:
        if body is None:
            self._db.execute("DELETE FROM logs WHERE job_id = ?", (job_id,))
        else:
            self._db.execute("INSERT OR REPLACE INTO logs VALUES (?, ?)", (job_id, body))

    def _one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
        return row

    @staticmethod
    def _with_statuses(kept: JobFilter) -> tuple[str, list[Any]]:
        if not kept.statuses:
            return kept.where, kept.values
        marks = ", ".join("?" * len(kept.statuses))
        return f"{kept.where} AND status IN ({marks})", [*kept.values, *kept.statuses]
