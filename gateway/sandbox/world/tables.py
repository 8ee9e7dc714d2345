"""The SQLite tables that keep a world: one for each class of row, made from its fields.

Rows go in and come out by their class and id. `store` has the questions that the API asks of them.
"""

from __future__ import annotations

import sqlite3
from functools import cache
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
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Tables"]

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


@cache
def _ddl(kind: type) -> str:
    table, key = _KEYS[kind]
    columns = []
    for name, hint in get_type_hints(kind).items():
        plain, *none = get_args(hint) or (hint,)
        columns.append(f"{name} {_AFFINITY[plain]}{'' if none else ' NOT NULL'}")
    # A single integer key becomes SQLite's own row id.
    return f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)}, PRIMARY KEY ({key}))"


class Tables:
    """Rows of one world. Safe to use from several threads while `lock` is held."""

    def __init__(self, path: Path | None = None) -> None:
        self.lock = RLock()
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False)
        self._changed: set[int] = set()
        try:
            self._make_tables()
        except sqlite3.Error:
            # The file is no database.
            self._db.close()
            raise

    def _make_tables(self) -> None:
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("PRAGMA journal_mode = WAL")
        for kind in _KEYS:
            self._db.execute(_ddl(kind))
        self._db.execute("CREATE TABLE IF NOT EXISTS logs (job_id INTEGER PRIMARY KEY, body BLOB)")
        self._db.execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value)")

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

    def image(self) -> bytes:
        """All of it, for `restore`."""
        with self.lock:
            self._db.commit()
            return self._db.serialize()

    def restore(self, image: bytes) -> None:
        """Hold what an image holds, in memory."""
        with self.lock:
            self._db.commit()
            self._db.deserialize(image)

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

    # Logs, and values by name

    def log(self, job_id: int) -> bytes | None:
        found = self._one("SELECT body FROM logs WHERE job_id = ?", job_id)
        return None if found is None else bytes(found[0])

    def set_log(self, job_id: int, body: bytes | None) -> None:
        if body is None:
            self._db.execute("DELETE FROM logs WHERE job_id = ?", (job_id,))
        else:
            self._db.execute("INSERT OR REPLACE INTO logs VALUES (?, ?)", (job_id, body))

    def meta(self, key: str) -> Any:
        found = self._one("SELECT value FROM meta WHERE key = ?", key)
        return found and found[0]

    def set_meta(self, key: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def landmarks(self) -> dict[str, int]:
        """Ids that were noted as `landmark <name>`."""
        found = self._db.execute("SELECT key, value FROM meta WHERE key LIKE 'landmark %'")
        return {key.removeprefix("landmark "): value for key, value in found}

    def _one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
        return row
